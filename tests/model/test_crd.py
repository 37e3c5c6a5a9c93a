"""The generated CRD: current, structural, bounded, described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import yaml
from pydantic import BaseModel

from istio_observability.model.crd import CRD_FILE, build_crd, render_crd
from istio_observability.model.schema_markers import EXPLAIN_KEY, Restarts
from istio_observability.model.spec import IstioObservabilitySpec
from istio_observability.model.structural_schema import UnsupportedSchemaError, structural_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[2] / CRD_FILE
CRD = build_crd()
(VERSION,) = CRD["spec"]["versions"]
ROOT = VERSION["schema"]["openAPIV3Schema"]
# What the API server says in its own "Forbidden" list, and what pydantic likes to emit.
FORBIDDEN = {
    "$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "const", "title", "uniqueItems",
    "patternProperties", "prefixItems", "exclusiveMinimum", "exclusiveMaximum", EXPLAIN_KEY,
}  # fmt: skip

Node = tuple[str, dict[str, Any]]


def walk(schema: dict[str, Any], path: str) -> Iterator[Node]:
    """Return every schema below ``schema``, itself included, with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from walk(field, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from walk(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], f"{path}.*")


def fields(schema: dict[str, Any], path: str) -> Iterator[Node]:
    """Return every named field below ``schema``."""
    for name, node in walk(schema, path):
        if name != path and not name.endswith(("[]", ".*")):
            yield name, node


SCHEMAS = dict(walk(ROOT, ""))
SPEC_FIELDS = dict(fields(ROOT["properties"]["spec"], "spec"))
STATUS_FIELDS = dict(fields(ROOT["properties"]["status"], "status"))


def test_file_is_current():
    """The committed file is what the models give; otherwise run `make generate`."""
    assert render_crd() == FILE.read_text(encoding="utf-8")


def test_file_says_the_same_as_the_models():
    """Nothing is lost or folded wrongly on the way to YAML."""
    assert yaml.safe_load(render_crd()) == CRD


def test_file_fits_client_side_apply():
    """`kubectl apply` stores the whole file in an annotation, at most 256 KiB in total."""
    assert FILE.stat().st_size < 200_000


@pytest.mark.parametrize("path", SCHEMAS)
def test_schema_is_structural(path):
    """Every node has a type and no keyword that a structural schema must not have."""
    schema = SCHEMAS[path]

    assert "type" in schema or schema.get("x-kubernetes-int-or-string") is True
    assert not FORBIDDEN & set(schema)
    assert not {"properties", "additionalProperties"} <= set(schema)
    assert schema.get("default", "set") is not None


def test_everything_is_bounded():
    """Lists, maps and strings have a limit, or the cost of a rule cannot be estimated."""
    unbounded = {
        path
        for path, schema in SCHEMAS.items()
        if path.startswith((".spec", ".status"))
        and (
            (schema.get("type") == "array" and "maxItems" not in schema)
            or ("additionalProperties" in schema and "maxProperties" not in schema)
            or (
                schema.get("type") == "string"
                and "maxLength" not in schema
                and "enum" not in schema
            )
        )
    }
    assert unbounded == set()


def test_every_list_says_how_it_merges():
    """Without a list type the last applier takes the whole list, silently."""
    lists = {path: s for path, s in SCHEMAS.items() if s.get("type") == "array"}

    assert {"set", "map", "atomic"} == {s["x-kubernetes-list-type"] for s in lists.values()}
    for path, schema in lists.items():
        for key in schema.get("x-kubernetes-list-map-keys", ()):
            assert key in schema["items"]["required"], path


@pytest.mark.parametrize("path", SPEC_FIELDS)
def test_spec_field_is_explained(path):
    """Every field says what it means, its default, and what a change restarts."""
    text = SPEC_FIELDS[path].get("description", "")

    assert len(text) > 20
    if path == "spec.workloads.overrides[].name":
        return  # a name, not a setting
    assert "Default: " in text
    assert any(f"Changing it restarts: {one}" in text for one in Restarts), text


@pytest.mark.parametrize("path", STATUS_FIELDS)
def test_status_field_is_explained(path):
    """Every field of the status says what it means."""
    assert len(STATUS_FIELDS[path].get("description", "")) > 10


def test_restart_notes_of_the_design():
    """What is rendered into templates restarts workloads, what the agent reads restarts it."""

    def restarted(path: str) -> tuple[bool, bool]:
        note = SPEC_FIELDS[path]["description"].rpartition("Changing it restarts:")[2]
        return Restarts.WORKLOADS in note, Restarts.AGENT in note

    rendered = ("profile", "views", "interval", "measurement", "extraFamilies", "tags")
    assert {restarted(f"spec.metrics.{name}") for name in rendered} == {(True, True)}
    assert restarted("spec.renderer") == (True, True)
    assert {restarted(path) for path in SPEC_FIELDS if path.startswith("spec.rollout")} == {
        (False, False)
    }
    assert restarted("spec.mode") == (False, False)


def test_every_default_of_the_models_is_in_the_schema():
    """A field with a default has it in the schema; renderer has none on purpose."""
    without = {
        path
        for path, schema in SPEC_FIELDS.items()
        if "default" not in schema and path.rpartition(".")[2] not in _required_beside(path)
    }
    assert without == {
        "spec.renderer",
        "spec.workloads.namespaceSelector",
        "spec.workloads.selector",
        "spec.workloads.overrides[].namespaceSelector",
        "spec.workloads.overrides[].selector",
        "spec.workloads.overrides[].source",
        "spec.workloads.overrides[].interval",
        "spec.logs.source",
        "spec.rollout.maxRestartedPods",
        "spec.rollout.approvedRevision",
    }


def _required_beside(path: str) -> list[str]:
    required: list[str] = SCHEMAS["." + path.rpartition(".")[0]].get("required", [])
    return required


def test_filling_in_the_defaults_gives_the_models_defaults():
    """What the server makes of an empty spec is what the models make of it."""

    def fill(schema: dict[str, Any], value: Any) -> Any:
        if isinstance(value, list):
            return [fill(schema["items"], entry) for entry in value]
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        for name, field in schema.get("properties", {}).items():
            if name not in filled and "default" in field:
                filled[name] = field["default"]
            if name in filled:
                filled[name] = fill(field, filled[name])
        return filled

    expected = IstioObservabilitySpec().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert expected == fill(ROOT["properties"]["spec"], {})


def test_resource_is_born_unobserved():
    """Without it kstatus, and so Flux and `kubectl wait` tools, call a new resource finished."""
    assert ROOT["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_status_has_no_other_default():
    """A default in the status would be something that nobody observed."""
    assert not [path for path, schema in STATUS_FIELDS.items() if "default" in schema]


def test_columns():
    """What `kubectl get` shows, and what only `-o wide` adds, in this order."""
    shown: dict[int, list[str]] = {0: [], 1: []}
    for column in VERSION["additionalPrinterColumns"]:
        shown[column.get("priority", 0)].append(column["name"].upper())

    assert " ".join(shown[0]) == "MODE READY REASON WIRED PENDING SKIPPED FAILED AGENTS AGE"
    assert " ".join(shown[1]) == "CONTENDED RESTARTS REVISION RENDERER UPTODATE MESSAGE"


def test_columns_point_at_fields():
    """No column reads a path that the schema does not have."""
    for column in VERSION["additionalPrinterColumns"]:
        path = column["jsonPath"].partition("[?")[0]
        assert path in SCHEMAS or path == ".metadata.creationTimestamp", column


class Union(BaseModel):
    """Has a field that a CRD cannot express."""

    value: int | str


class Pair(BaseModel):
    """Has a field that a CRD cannot express."""

    value: tuple[int, str]


class Open(BaseModel):
    """Has a limit that a CRD spells differently."""

    value: Annotated[int, "no marker"] = 0
    other: set[str] = set()


@pytest.mark.parametrize("model", [Union, Pair, Open])
def test_what_a_crd_cannot_say_is_an_error(model):
    """A limit is never dropped in silence."""
    with pytest.raises(UnsupportedSchemaError):
        structural_schema(model, written=False)
