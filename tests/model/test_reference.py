"""The reference page of the resource."""

from __future__ import annotations

from pathlib import Path

from istio_observability.model.crd import build_crd
from istio_observability.model.reference import render_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_page_is_what_the_models_say():
    """The committed page is the generated one."""
    assert render_reference() == PAGE.read_text()


def test_every_field_of_the_spec_says_what_it_restarts():
    """No row of the spec leaves the columns default and restarts empty."""
    spec_table = render_reference().partition("## spec")[2].partition("## status")[0]
    rows = [line.split(" | ") for line in spec_table.splitlines() if line.startswith("| `")]
    silent = [row[0] for row in rows if not row[2].strip() or not row[3].strip()]

    required = ("[].name", "[].key", "[].operator", "[].schedule", "[].duration")
    assert [name for name in silent if not name.rstrip("`").endswith(required)] == []


def test_every_top_level_field_has_a_row():
    """Nothing of the schema is missing on the page."""
    (version,) = build_crd()["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]

    page = render_reference()
    assert [name for name in fields if f"| `{name}` |" not in page] == []
