"""Istio on the local control plane injects for real and serves real metrics."""

from __future__ import annotations

import json
import urllib.request

import pytest

from dev.control_plane import ControlPlane

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

DEMO_DEPLOYMENTS = {"istiod", "istio-ingressgateway", "istio-egressgateway"}


@pytest.fixture
def labelled_namespace(istio_control_plane):
    """A namespace whose pods belong into the mesh."""
    name = "mesh-test"
    istio_control_plane.kubectl("create", "namespace", name)
    istio_control_plane.kubectl("label", "namespace", name, "istio-injection=enabled")
    yield name
    istio_control_plane.kubectl("delete", "namespace", name)


def test_demo_profile_is_available(istio_control_plane):
    """The control plane and both gateways are there and Available."""
    wait = ("wait", "--for=condition=Available", "deployment", "--all", "-n=istio-system")
    istio_control_plane.kubectl(*wait, "--timeout=30s")
    items = istio_control_plane.read("deployments", "-n=istio-system")["items"]

    assert {item["metadata"]["name"] for item in items} >= DEMO_DEPLOYMENTS


def test_pod_of_a_labelled_namespace_gets_a_sidecar(istio_control_plane, labelled_namespace):
    """The Deployment rolls out with a real istio-proxy and Istio's own annotations."""
    cluster = istio_control_plane
    create = ("create", "deployment", "web", "--image=example.com/app:1")
    cluster.kubectl(*create, f"-n={labelled_namespace}")
    cluster.kubectl("rollout", "status", "deployment/web", f"-n={labelled_namespace}")
    (pod,) = cluster.read("pods", f"-n={labelled_namespace}")["items"]

    spec = pod["spec"]
    names = {item["name"] for item in [*spec["containers"], *spec.get("initContainers", [])]}
    assert {"app", "istio-proxy"} <= names
    assert "sidecar.istio.io/status" in pod["metadata"]["annotations"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == "15020"


def test_istio_resources_are_validated(istio_control_plane, labelled_namespace):
    """Istio's own objects pass through its validating webhook, wrong ones do not."""
    telemetry = {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "spans", "namespace": labelled_namespace},
        "spec": {"tracing": [{"randomSamplingPercentage": 10.0}]},
    }
    istio_control_plane.kubectl("apply", "-f", "-", input=json.dumps(telemetry))

    found = istio_control_plane.read("telemetry/spans", f"-n={labelled_namespace}")
    assert found["spec"] == telemetry["spec"]


def test_istiod_serves_real_metrics(istio_control_plane):
    """The exposition that the agent would scrape comes from the istiod of this plane."""
    if not isinstance(istio_control_plane, ControlPlane):
        pytest.skip("the istiod of TEST_KUBECONFIG cannot be reached from here")
    assert istio_control_plane.istiod_metrics_url
    with urllib.request.urlopen(istio_control_plane.istiod_metrics_url, timeout=5) as answer:
        text = answer.read().decode()

    assert 'istio_build{component="pilot"' in text
