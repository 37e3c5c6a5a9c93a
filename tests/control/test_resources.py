"""Our resource as it arrives: accepted, or refused with its identity kept."""

from __future__ import annotations

import pytest

from istio_observability.control.resources import accept_body, finalizer_patch
from istio_observability.model.names import FINALIZER
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import DeletionPolicy
from tests.model.cases import resource as body_of
from tests.plan.builders import resource

META = {
    "uid": "u",
    "generation": 7,
    "creationTimestamp": "2024-01-01T00:00:00Z",
    "finalizers": [FINALIZER],
    "labels": {"a": "b"},
}


def body(spec, **meta):
    """Return a body as the API server delivers it."""
    found = body_of(spec)
    return {**found, "metadata": {**found["metadata"], **META, **meta}, "status": {"renderer": 1}}


def test_valid_body_is_accepted():
    """Nothing is found, and every default is filled in."""
    wish, findings = accept_body(body({"workloads": {"namespaces": ["prod"]}}))

    assert findings == ()
    assert (wish.uid, wish.generation, wish.spec.workloads.namespaces) == ("u", 7, ("prod",))


@pytest.mark.parametrize("deletion", [{}, {"deletionTimestamp": "2024-01-01T00:00:00Z"}])
def test_invalid_body_keeps_its_identity(deletion):
    """Its status can say what is wrong, and its deletion release what an earlier spec wrote."""
    wish, findings = accept_body(body({"metrics": {"interval": "0s"}}, **deletion))

    assert [each.reason for each in findings] == [FindingReason.INVALID_SPEC]
    assert (wish.name, wish.uid, wish.generation) == ("mesh", "u", 7)
    assert (wish.finalizers, wish.deleting, wish.status) == (
        (FINALIZER,),
        bool(deletion),
        {"renderer": 1},
    )


@pytest.mark.parametrize(
    "spec",
    [{"metrics": {"interval": "0s"}}, {"unknown": 1}, [], "text", {"rollout": {"timeout": "x"}}],
    ids=["a value", "a field", "a list", "a text", "a duration"],
)
def test_invalid_spec_chooses_nothing(spec):
    """The spec that stands in for it is the default one."""
    wish, findings = accept_body(body(spec))

    assert findings
    assert wish.spec == resource({}).spec


def test_invalid_resource_is_released_where_and_how_it_says():
    """What is wrong elsewhere does not make a deletion look in other places, or restart pods."""
    spec = {
        "datakit": {"namespace": "monitoring"},
        "deletionPolicy": "Orphan",
        "istio": {"namespace": 7},
        "workloads": {"namespaces": ["prod"]},
    }
    kept = accept_body(body(spec))[0].spec

    assert (kept.datakit.namespace, kept.deletion_policy) == ("monitoring", DeletionPolicy.ORPHAN)
    assert (kept.istio.namespace, kept.workloads.namespaces) == ("istio-system", ())


def test_finalizer_patch_is_about_this_very_object():
    """A re-created resource of the name, or another finalizer meanwhile, makes it fail."""
    wish, _ = accept_body(body({}, finalizers=["other", FINALIZER]))

    assert finalizer_patch(wish, ["other"]) == [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "test", "path": "/metadata/finalizers", "value": ["other", FINALIZER]},
        {"op": "add", "path": "/metadata/finalizers", "value": ["other"]},
    ]


def test_first_finalizer_has_nothing_to_test():
    """An absent list cannot be compared."""
    wish, _ = accept_body(body({}, finalizers=[]))

    assert finalizer_patch(wish, [FINALIZER]) == [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
    ]
