"""Values of the spec that code asks for: seconds, shares, selectors."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from istio_observability.model.durations import parse_duration_s
from istio_observability.model.label_selector import LabelSelector
from istio_observability.model.metrics_spec import MetricsSpec
from istio_observability.model.rollout_spec import RolloutSpec, RolloutWindow
from istio_observability.model.spec import IstioObservabilitySpec
from istio_observability.model.workloads_spec import WorkloadOverride

DURATIONS = {"1s": 1, "90s": 90, "5m": 300, "1m30s": 90, "1h": 3600, "2h3m4s": 7384, "0h5s": 5}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS.keys())
def test_duration_in_seconds(text, seconds):
    """Hours, minutes and seconds add up."""
    assert seconds == parse_duration_s(text)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1.5h", "5ms", "1m1h", " 5s", "5s\n", "\u0665s", "-5s"]
)
def test_other_forms_are_no_duration(text):
    """What Go, CEL and the agent would not read alike is refused."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration_s(text)


def test_seconds_of_the_spec():
    """Every duration of the spec can be had in seconds."""
    window = RolloutWindow(schedule="0 22 * * 6", duration="6h")

    assert MetricsSpec().interval_s == 60
    assert RolloutSpec(timeout="1h").timeout_s == 3600
    assert window.duration_s == 21_600
    assert WorkloadOverride(name="a").interval_s is None
    assert WorkloadOverride(name="a", interval="1m30s").interval_s == 90


SHARES = {
    "a number": (5, 100, 5),
    "a share": ("10%", 100, 10),
    "a share is rounded up": ("10%", 11, 2),
    "a small share is one": ("1%", 3, 1),
    "a share of nothing is one": ("50%", 0, 1),
    "everything": ("100%", 7, 7),
}


@pytest.mark.parametrize(("value", "total", "expected"), SHARES.values(), ids=SHARES.keys())
def test_workloads_at_once(value, total, expected):
    """A number counts workloads, a share is of all of them, and there is always one."""
    assert expected == RolloutSpec(max_concurrent=value).max_concurrent_of(total)


def expression(operator: str, *values: str) -> dict[str, object]:
    """Return a selector with one comparison of label ``a``."""
    return {"matchExpressions": [{"key": "a", "operator": operator, "values": list(values)}]}


SELECTORS = {
    "empty one selects all": ({}, {"x": "y"}, True),
    "equal label": ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
    "other value": ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
    "label missing": ({"matchLabels": {"a": "1"}}, {}, False),
    "empty value is not a missing label": ({"matchLabels": {"a": ""}}, {}, False),
    "one of two labels": ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
    "In": (expression("In", "1", "2"), {"a": "2"}, True),
    "In, other value": (expression("In", "1"), {"a": "2"}, False),
    "In, label missing": (expression("In", "1"), {}, False),
    "NotIn": (expression("NotIn", "1"), {"a": "2"}, True),
    "NotIn, listed": (expression("NotIn", "1"), {"a": "1"}, False),
    "NotIn, label missing": (expression("NotIn", "1"), {}, True),
    "Exists": (expression("Exists"), {"a": ""}, True),
    "Exists, label missing": (expression("Exists"), {"b": ""}, False),
    "DoesNotExist": (expression("DoesNotExist"), {"b": ""}, True),
    "DoesNotExist, label there": (expression("DoesNotExist"), {"a": ""}, False),
    "labels and expressions": (
        {"matchLabels": {"b": "1"}, **expression("Exists")},
        {"a": "", "b": "2"},
        False,
    ),
}


@pytest.mark.parametrize(
    ("selector", "labels", "expected"), SELECTORS.values(), ids=SELECTORS.keys()
)
def test_label_selector(selector, labels, expected):
    """Selectors mean what they mean in a Deployment."""
    assert expected is LabelSelector.model_validate(selector).matches(labels)


def test_spec_is_immutable():
    """Nobody changes what the user asked for."""
    with pytest.raises(ValidationError, match="frozen"):
        IstioObservabilitySpec().metrics.interval = "5s"  # type: ignore[misc]
