"""The views in the status: what is shown, and that it stands still."""

from __future__ import annotations

from typing import Any

from istio_observability.control.ledger import Ledger
from istio_observability.control.status import build_status, differs, observe
from istio_observability.plan.mesh import read_mesh
from istio_observability.plan.plan import context_of
from istio_observability.plan.plan_parts import plan_parts
from tests.plan.builders import NOW, PROD, cluster, resource


def _status(spec: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    wish = resource(spec, status=before or {})
    found = cluster()
    mesh = read_mesh(found, "istio-system")
    ledger = Ledger(
        wish,
        context=context_of(wish, mesh),
        parts=plan_parts(wish, found, mesh),
        complete=True,
    )
    seen = observe(ledger, taken_at=NOW, now=0.0, to_release=0)
    return build_status(ledger, seen, now="2024-01-01T00:00:00Z")


def test_views_are_shown():
    """Each view with its verdict, in the API's spelling."""
    views = {each["name"]: each for each in _status(PROD)["views"]}

    assert list(views) == ["Mesh", "Service", "Workload", "ControlPlane"]
    assert all(each["hasData"] for each in views.values())
    assert views["Service"]["lacks"] == []


def test_equal_facts_write_nothing():
    """The status that stands is the one that is wanted, so it is not written again."""
    first = _status(PROD)

    assert not differs(first, _status(PROD, first))


def test_another_profile_is_told():
    """A status that would show other views is written."""
    document = _status({**PROD, "metrics": {"profile": "Document"}})

    assert differs(_status(PROD), document)
    assert not any(each["hasData"] for each in document["views"])


def test_a_ledger_without_a_plan_shows_no_view():
    """Nothing is claimed before the mesh was looked at."""
    ledger = Ledger(resource(PROD))
    seen = observe(ledger, taken_at=NOW, now=0.0, to_release=0)

    assert build_status(ledger, seen, now="2024-01-01T00:00:00Z")["views"] == []
