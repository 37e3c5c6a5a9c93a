"""
Planes for the tests in this directory, one per session and kind.

``TEST_KUBECONFIG`` names a cluster to use instead of starting one, ``KUBEBUILDER_ASSETS`` a
directory of prebuilt programs. Otherwise everything is built from Go modules, which may take a
quarter of an hour the first time: that happens before the first test, not inside its time limit.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.control_plane import (
    BinariesError,
    ClusterAccess,
    ControlPlane,
    ExistingCluster,
    ensure_binaries,
    find_kubebuilder_assets,
    install_istio,
)
from dev.control_plane.modules import ALL_MODULES, PLANE_MODULES
from dev.lab import (
    OperatorProcess,
    dump_cluster,
    install_bookinfo,
    install_datakit,
    install_operator,
)
from tests.control_plane.operator_support import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN_ISTIO = {"istio_control_plane", "own_plane"}
_PLANE_FIXTURES = {"control_plane", "programs", *_OWN_ISTIO}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the selected tests need, visibly and without the time limit of a test."""
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    prebuilt = os.environ.get("TEST_KUBECONFIG") or os.environ.get("KUBEBUILDER_ASSETS")
    if session.config.option.collectonly or prebuilt or not wanted & _PLANE_FIXTURES:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            ensure_binaries(ALL_MODULES if wanted & _OWN_ISTIO else PLANE_MODULES)
    except BinariesError:
        # Told again, as the reason of the skip, by the fixtures.
        return


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ClusterAccess]:
    """A cluster without Istio, shared by the session: make names unique, undo what is global."""
    if chosen := os.environ.get("TEST_KUBECONFIG"):
        existing = ExistingCluster(Path(chosen))
        yield existing
        existing.stop()
        return
    try:
        programs = find_kubebuilder_assets() or ensure_binaries()
    except BinariesError as error:
        pytest.skip(str(error))
    with ControlPlane.start(programs=programs) as plane:
        yield plane


@pytest.fixture(scope="session")
def istio_control_plane() -> Iterator[ClusterAccess]:
    """A cluster of its own with Istio's demo profile, its real istiod and injection."""
    if chosen := os.environ.get("TEST_KUBECONFIG"):
        existing = ExistingCluster(Path(chosen))
        istiod = ("get", "deployments", "-A", "-l", "app=istiod", "-o", "name")
        if not existing.kubectl(*istiod):
            pytest.skip("the cluster of TEST_KUBECONFIG has no istiod")
        yield existing
        existing.stop()
        return
    if find_kubebuilder_assets():
        pytest.skip("KUBEBUILDER_ASSETS has no istiod; unset it to build one")
    try:
        programs = ensure_binaries(ALL_MODULES)
    except BinariesError as error:
        pytest.skip(str(error))
    with ControlPlane.start(programs=programs) as plane:
        install_istio(plane, programs=programs)
        yield plane


@pytest.fixture
def rollout_control_plane(control_plane: ClusterAccess) -> ClusterAccess:
    """The shared cluster, where Deployments and DaemonSets really roll out."""
    if not control_plane.can_roll_out:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager, kube-scheduler or kwok")
    return control_plane


@pytest.fixture
def local_control_plane(control_plane: ClusterAccess) -> ControlPlane:
    """The shared cluster, where the API server may be stopped and the audit log read."""
    if not isinstance(control_plane, ControlPlane):
        pytest.skip("the API server of TEST_KUBECONFIG cannot be stopped from here")
    return control_plane


@pytest.fixture
def namespace(control_plane: ClusterAccess) -> Iterator[str]:
    """A fresh namespace of the shared cluster; deleted in the end, without waiting."""
    name = f"test-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", name)
    if control_plane.can_roll_out:
        control_plane.kubectl(
            "wait", "--for=create", "serviceaccount/default", f"-n={name}", "--timeout=30s"
        )
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def operator_stage(istio_control_plane: ClusterAccess) -> Iterator[Stage]:
    """Istio, DataKit, bookinfo and the running operator; no resource yet."""
    plane = istio_control_plane
    if not isinstance(plane, ControlPlane):
        pytest.skip("TEST_KUBECONFIG has no audit log and no simulated pods")
    install_datakit(plane)
    install_bookinfo(plane)
    kubeconfig = install_operator(plane)
    for leftover in ("injection-probe", "mesh-test"):
        plane.kubectl("wait", "--for=delete", f"namespace/{leftover}", "--timeout=60s")
    with OperatorProcess(kubeconfig, plane.directory) as operator:
        operator.wait_ready()
        yield Stage(plane, operator, untouched=dump_cluster(plane))


@pytest.fixture
def stage(operator_stage: Stage) -> Iterator[Stage]:
    """The stage without a resource, left as it was found."""
    yield operator_stage
    operator_stage.reset()


@pytest.fixture(scope="module")
def wired(operator_stage: Stage) -> Iterator[Stage]:
    """The stage with the smallest resource, converged; tests leave it converged."""
    operator_stage.wire()
    operator_stage.settle()
    yield operator_stage
    operator_stage.reset()
