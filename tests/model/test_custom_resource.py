"""Reading resources: what is accepted, what is refused, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istio_observability.model.custom_resource import InvalidResource, Resource, parse_resource
from istio_observability.model.field_errors import MAX_ERRORS, PATTERN_WORDS
from istio_observability.model.finding import Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import IstioObservabilitySpec, Mode
from istio_observability.model.structural_schema import structural_schema
from tests.model.cases import ACCEPTED, MODEL_ONLY, REFUSED, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_REFUSED = REFUSED | MODEL_ONLY


def refuse(body: object) -> InvalidResource:
    """Return the refusal of ``body``."""
    with pytest.raises(InvalidResource) as caught:
        parse_resource(body)
    return caught.value


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_valid_resource_is_accepted(spec):
    """Every valid case gives a resource of its name."""
    assert parse_resource(resource(spec)).name == "mesh"


@pytest.mark.parametrize("case", EVERY_REFUSED.values(), ids=EVERY_REFUSED.keys())
def test_invalid_resource_names_the_field(case):
    """Every invalid case blames its field and only that one."""
    fields = [error.field_path for error in refuse(resource(case.spec)).errors]

    assert [case.field] == fields


def test_missing_spec_equals_the_defaults():
    """A resource without spec means the same as one whose spec is empty."""
    assert parse_resource(resource()).spec == IstioObservabilitySpec()


def test_metadata_is_read():
    """Everything that the rest of the program asks for comes out of the metadata."""
    body = resource({"mode": "Plan"})
    body["metadata"] |= {
        "uid": "u-1",
        "generation": 3,
        "creationTimestamp": "2024-01-02T03:04:05Z",
        "deletionTimestamp": "2024-01-02T03:05:05Z",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "finalizers": ["x"],
    }
    body["status"] = {"observedGeneration": 2}

    expected = Resource(
        name="mesh",
        uid="u-1",
        generation=3,
        created_at="2024-01-02T03:04:05Z",
        spec=IstioObservabilitySpec(mode=Mode.PLAN),
        labels={"a": "b"},
        annotations={"c": "d"},
        finalizers=("x",),
        deleting=True,
        status={"observedGeneration": 2},
    )
    assert expected == parse_resource(body)


def test_invalid_resource_still_tells_that_it_is_being_deleted():
    """An invalid resource must be released all the same, so identity and deletion are kept."""
    body = resource({"mode": "?"})
    body["metadata"] |= {"uid": "u", "generation": 2, "deletionTimestamp": "2024-01-02T03:04:05Z"}
    invalid = refuse(body)

    assert (
        invalid.name,
        invalid.uid,
        invalid.generation,
        invalid.deleting,
    ) == ("mesh", "u", 2, True)


SENTENCES = {
    "unknown value": (
        {"mode": "enforce"},
        (
            "spec.mode has an unknown value; nothing is changed until the resource is valid;"
            " use 'Plan' or 'Enforce'."
        ),
    ),
    "unknown field": (
        {"metrcs": {}},
        (
            "spec.metrcs is not a field of this resource; nothing is changed until the resource is"
            " valid; remove it or correct its spelling."
        ),
    ),
    "range": (
        {"metrics": {"interval": "0s"}},
        (
            "spec.metrics.interval is not between 1s and 5m; nothing is changed until the resource"
            " is valid; use a duration such as 60s."
        ),
    ),
    "expression": (
        {"metrics": {"extraFamilies": ["("]}},
        (
            "spec.metrics.extraFamilies[0] is not a valid RE2 expression; nothing is changed until"
            " the resource is valid; correct it, or quote special characters with a backslash."
        ),
    ),
    "across fields": (
        {"rollout": {"approvedRevision": "5d41f0c2"}},
        (
            "spec.rollout.approvedRevision is set although approval is not Manual; nothing is"
            " changed until the resource is valid; remove it or set approval: Manual."
        ),
    ),
    "too many": (
        {"metrics": {"tags": {f"k{i}": "v" for i in range(33)}}},
        (
            "spec.metrics.tags has more than 32 entries; nothing is changed until the resource is"
            " valid; remove some."
        ),
    ),
    "pattern": (
        {"istio": {"namespace": "Istio"}},
        (
            "spec.istio.namespace is not a DNS label; nothing is changed until the resource is"
            " valid; use lower-case letters, digits and '-' between them."
        ),
    ),
}


@pytest.mark.parametrize(("spec", "sentence"), SENTENCES.values(), ids=SENTENCES.keys())
def test_finding_sentence(spec, sentence):
    """A refusal reads as object, field, what was found, what happens, what to do."""
    (finding,) = refuse(resource(spec)).findings()

    assert (finding.severity, finding.reason) == (Severity.ERROR, FindingReason.INVALID_SPEC)
    assert f"IstioObservability mesh: {sentence}" == finding.sentence()


ENVELOPES = {
    "other version": ({"apiVersion": "istio-observability.dev/v9"}, "apiVersion"),
    "other kind": ({"kind": "Deployment"}, "kind"),
    "unknown field beside spec": ({"sepc": {}}, "sepc"),
    "no name": ({"metadata": {}}, "metadata.name"),
    "metadata is a list": ({"metadata": ["a"]}, "metadata"),
    "name is a number": ({"metadata": {"name": 5}}, "metadata.name"),
    "name with a capital": ({"metadata": {"name": "Mesh"}}, "metadata.name"),
    "name too long for a label": ({"metadata": {"name": "a" * 64}}, "metadata.name"),
    "labels are a list": ({"metadata": {"name": "a", "labels": ["x"]}}, "metadata.labels"),
    "label is a number": ({"metadata": {"name": "a", "labels": {"x": 1}}}, "metadata.labels"),
    "generation is true": ({"metadata": {"name": "a", "generation": True}}, "metadata.generation"),
    "finalizer is a map": ({"metadata": {"name": "a", "finalizers": [{}]}}, "metadata.finalizers"),
    "status is a string": ({"status": "ok"}, "status"),
}


@pytest.mark.parametrize(("change", "field"), ENVELOPES.values(), ids=ENVELOPES.keys())
def test_envelope_is_checked(change, field):
    """What stands around the spec is checked like the spec."""
    fields = {error.field_path for error in refuse({**resource({}), **change}).errors}

    assert field in fields


def test_refused_values_are_not_repeated():
    """A value may be a secret, so neither the errors nor the exception contain it."""
    secret = "s3cr3t-T0ken"
    spec = {
        "mode": secret,
        "renderer": secret,
        "datakit": {"namespace": secret},
        "metrics": {
            "interval": secret,
            "tags": {"a": secret + "\n"},
            "extraFamilies": [secret + "("],
        },
        "rollout": {"maxConcurrent": secret, "windows": [{"schedule": secret, "duration": secret}]},
    }
    invalid = refuse(resource(spec))

    assert len(invalid.errors) == 9
    assert secret not in str(invalid)
    assert secret not in repr(invalid.errors)


def test_errors_are_bounded():
    """Ten thousand mistakes and a huge field name give a short report."""
    spec = {f"x{i}" * 5000: i for i in range(100)}
    invalid = refuse(resource(spec))

    assert len(invalid.errors) == MAX_ERRORS
    assert len(str(invalid)) < 10_000


def test_every_pattern_of_the_spec_has_words():
    """No user is shown a bare regular expression."""

    def patterns(schema: dict[str, Any]) -> Iterator[str]:
        for key, value in schema.items():
            if key == "pattern":
                yield value
            elif isinstance(value, dict):
                yield from patterns(value)

    spec = structural_schema(IstioObservabilitySpec, written=False)
    # The share of workloads is a number or a percentage; its error says so by itself.
    assert {*patterns(spec)} - {"^([1-9][0-9]?|100)%$"} == set(PATTERN_WORDS)


def verdict(body: Any) -> tuple[Resource | None, InvalidResource | None]:
    """Return the resource or the refusal; any other exception fails the test."""
    try:
        return parse_resource(body), None
    except InvalidResource as invalid:
        return None, invalid


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
FIELDS = st.sampled_from(
    [
        "mode",
        "renderer",
        "metrics",
        "workloads",
        "gateways",
        "rollout",
        "tags",
        "interval",
        "name",
        "windows",
        "overrides",
        "namespaces",
        "selector",
        "matchLabels",
        "maxConcurrent",
        "schedule",
    ]
)
SPEC_LIKE = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=20,
)
METADATA_LIKE = st.dictionaries(
    st.sampled_from(["name", "uid", "generation", "labels", "finalizers", "creationTimestamp"]),
    JSON,
)


@settings(max_examples=300, deadline=None)
@given(
    JSON
    | st.builds(
        lambda m, s, t: {**resource(s), "metadata": m, "status": t}, METADATA_LIKE, SPEC_LIKE, JSON
    )
)
def test_any_json_gives_a_verdict(body):
    """Whatever the object is, it is a resource or a refusal with at least one error."""
    parsed, invalid = verdict(body)

    if invalid is None:
        assert parsed is not None
        assert parsed.name == body["metadata"]["name"]
    else:
        assert 1 <= len(invalid.errors) <= MAX_ERRORS
        assert str(invalid).isprintable()


@settings(max_examples=300, deadline=None)
@given(SPEC_LIKE)
def test_any_spec_gives_a_verdict(spec):
    """Whatever stands in the spec of a well-formed resource, no other exception comes out."""
    parsed, invalid = verdict(resource(spec))

    if parsed is not None:
        dumped = parsed.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert parse_resource(resource(dumped)).spec == parsed.spec
    else:
        assert invalid is not None
        assert all(error.field_path.startswith("spec") for error in invalid.errors)


def test_deeply_nested_input_is_refused():
    """Nesting beyond any valid spec is refused, not walked to the end of the stack."""
    deep: object = 1
    for _ in range(900):
        deep = {"metrics": deep}

    assert refuse(resource({"metrics": deep})).errors[0].field_path == "spec.metrics.metrics"
