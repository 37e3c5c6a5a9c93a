"""What Argo CD and kstatus make of the resource, for every row of the table of Ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from istio_observability.model.reasons import ConditionReason, ConditionType

ARGOCD = Path(__file__).parents[2] / "manifests" / "argocd"
TESTS = yaml.safe_load((ARGOCD / "health_test.yaml").read_text())["tests"]
EXPECTED = {test["inputPath"]: test["healthStatus"] for test in TESTS}
SAMPLES = {path: yaml.safe_load((ARGOCD / path).read_text()) for path in EXPECTED}

ARGO_OF_KSTATUS = {
    "Current": "Healthy",
    "InProgress": "Progressing",
    "Terminating": "Progressing",
    "Failed": "Degraded",
}


def argo_health(body: dict[str, Any]) -> dict[str, str]:
    """Run the script as Argo CD does: Lua 5.1, the object in the global ``obj``."""
    lua = lua51.LuaRuntime()
    lua.globals().obj = lua.table_from(body, recursive=True)
    return dict(lua.execute((ARGOCD / "health.lua").read_text()))


def kstatus(body: dict[str, Any]) -> str:
    """
    Return the status by the generic rule, for kinds that kstatus has no special rule for.

    Source: kubernetes-sigs/cli-utils, pkg/kstatus/status: ``checkGenericProperties`` in
    generic.go, then ``checkReadyCondition`` in status.go.
    """
    if body["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = body.get("status", {})
    observed = status.get("observedGeneration")
    if observed is not None and observed != body["metadata"]["generation"]:
        return "InProgress"
    for condition in status.get("conditions", []):
        if condition["status"] == "True" and condition["type"] == "Reconciling":
            return "InProgress"
        if condition["status"] == "True" and condition["type"] == "Stalled":
            return "Failed"
    for condition in status.get("conditions", []):
        if condition["type"] == "Ready":
            return "Current" if condition["status"] == "True" else "InProgress"
    return "Current"


@pytest.mark.parametrize("path", EXPECTED)
def test_argo_cd_shows_the_expected_health(path):
    """The script gives status and message as the table of its test data says."""
    assert EXPECTED[path] == argo_health(SAMPLES[path])


@pytest.mark.parametrize("path", EXPECTED)
def test_argo_cd_and_kstatus_agree(path):
    """Whoever reads the resource by kstatus sees the same as whoever looks at Argo CD."""
    assert EXPECTED[path]["status"] == ARGO_OF_KSTATUS[kstatus(SAMPLES[path])]


def test_every_file_is_tested():
    """No test data lies unused."""
    assert set(EXPECTED) == {f"testdata/{path.name}" for path in ARGOCD.glob("testdata/*")}


def test_every_reason_of_ready_has_a_sample():
    """The samples cover every reason that Ready can have, and use no other."""
    reasons = {
        condition["reason"]
        for sample in SAMPLES.values()
        for condition in sample["status"].get("conditions", [])
        if condition["type"] == ConditionType.READY
    }
    ends = list(ConditionReason).index(ConditionReason.PAUSED) + 1

    assert {reason.value for reason in list(ConditionReason)[:ends]} == reasons


BARE = {
    "no status": {},
    "empty status": {"status": {}},
    "conditions without Ready": {
        "status": {"observedGeneration": 1, "conditions": [{"type": "X", "status": "True"}]}
    },
    "Ready without a message": {
        "status": {
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending"}],
        }
    },
}


@pytest.mark.parametrize("change", BARE.values(), ids=BARE.keys())
def test_unfinished_status_is_in_progress(change):
    """A status that says nothing yet is never healthy, and the script does not fail on it."""
    health = argo_health({"metadata": {"generation": 1}, **change})

    assert health["status"] == "Progressing"
    assert health["message"]
