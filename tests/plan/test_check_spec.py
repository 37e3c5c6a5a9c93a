"""What a valid spec asks for and is refused aloud."""

from __future__ import annotations

import pytest

from istio_observability.model.reasons import FindingReason
from istio_observability.plan.check_spec import check_spec
from tests.plan.builders import resource

WINDOW = {"schedule": "0 22 * * 6", "duration": "6h"}

REFUSED = {
    "a newer renderer": ({"renderer": 2}, "spec.renderer"),
    "Override": ({"conflictPolicy": "Override"}, "spec.conflictPolicy"),
    "delivery to pods": ({"workloads": {"delivery": "Pod"}}, "spec.workloads.delivery"),
    "manual approval": ({"rollout": {"approval": "Manual"}}, "spec.rollout.approval"),
    "reverting": ({"rollout": {"onFailure": "Revert"}}, "spec.rollout.onFailure"),
    "a restart budget": ({"rollout": {"maxRestartedPods": 5}}, "spec.rollout.maxRestartedPods"),
    "windows": ({"rollout": {"windows": [WINDOW]}}, "spec.rollout.windows"),
    "another namespace of DataKit": (
        {"datakit": {"namespace": "kube-system"}},
        "spec.datakit.namespace",
    ),
    "another namespace of Istio": ({"istio": {"namespace": "kube-system"}}, "spec.istio.namespace"),
}


def fields(spec, **places):
    """Return the fields that are refused."""
    places = {"datakit_namespaces": {"datakit"}, "istio_namespaces": {"istio-system"}, **places}
    return [each.field for each in check_spec(resource(spec), **places)]


@pytest.mark.parametrize(("spec", "field"), REFUSED.values(), ids=REFUSED)
def test_unsupported_wish_is_refused(spec, field):
    """Ignoring one of these would restart what somebody wanted to keep."""
    assert [field] == fields(spec)


@pytest.mark.parametrize(
    "spec",
    [{}, {"renderer": 1}, {"rollout": {"approval": "Automatic", "onFailure": "Continue"}}],
    ids=["defaults", "the renderer there is", "what is supported"],
)
def test_supported_wish_is_not_refused(spec):
    """Nothing is found where everything can be done."""
    assert fields(spec) == []


def test_namespace_that_the_operator_was_started_for_is_allowed():
    """The flags of the operator decide, not the defaults."""
    spec = {"datakit": {"namespace": "observability"}}

    assert fields(spec, datakit_namespaces={"observability"}) == []


def test_everything_refused_is_told_at_once():
    """Nobody has to correct a spec field by field."""
    spec = {"renderer": 9, "istio": {"namespace": "a"}, "datakit": {"namespace": "b"}}

    assert fields(spec) == ["spec.datakit.namespace", "spec.istio.namespace", "spec.renderer"]


def test_reasons_tell_permission_from_ability():
    """A namespace is a matter of the operator's flags, the rest of its version."""
    spec = {"renderer": 9, "istio": {"namespace": "a"}}
    found = check_spec(resource(spec), datakit_namespaces={"datakit"}, istio_namespaces={"b"})

    assert [each.reason for each in found] == [
        FindingReason.NAMESPACE_NOT_ALLOWED,
        FindingReason.INVALID_SPEC,
    ]
