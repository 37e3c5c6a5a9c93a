"""``lint --cluster`` on a real API server: what is live is judged, by object and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from istio_observability.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dev.control_plane import ClusterAccess

pytestmark = pytest.mark.control_plane

CONF = """\
[[inputs.prom]]
  url = "http://istio-ingressgateway-ext.lint-istio.svc.cluster.local:15020/stats/prometheus"
  source = "gateway"
  interval = 60
"""


@pytest.fixture
def agent(control_plane: ClusterAccess) -> Iterator[ClusterAccess]:
    """A namespace of its own with a ConfigMap of the agent."""
    control_plane.kubectl("create", "namespace", "lint-datakit")
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "datakit-conf", "namespace": "lint-datakit"},
        "data": {"gateway.conf": CONF},
    }
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(config_map))
    yield control_plane
    control_plane.kubectl("delete", "namespace", "lint-datakit", "--wait=false")


def test_what_is_live_is_judged(agent: ClusterAccess, capsys: pytest.CaptureFixture[str]) -> None:
    """The interval, the Service that is really missing, and no promise of a fix."""
    arguments = ["--cluster", "--kubeconfig", str(agent.kubeconfig), "-o", "json"]
    code = main(["lint", *arguments, "--datakit-namespace", "lint-datakit"])
    report = json.loads(capsys.readouterr().out)

    place = "cluster/ConfigMap/lint-datakit/datakit-conf.yaml"
    found = {each["rule"]: each for each in report["findings"] if each["file"] == place}
    assert code == 2
    assert {"IOB221", "IOB229", "IOB234", "IOB401"} <= set(found)
    assert "is not in the cluster" in found["IOB401"]["message"]
    assert not any(each["fixable"] for each in report["findings"])


def test_unreachable_cluster_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer is no clean answer."""
    code = main(["lint", "--cluster", "--kubeconfig", f"{tmp_path}/none"])
    said = capsys.readouterr()

    assert (code, said.out) == (1, "")
    assert said.err.count("\n") == 1
