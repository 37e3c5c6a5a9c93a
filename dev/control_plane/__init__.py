"""
A real Kubernetes control plane on one machine, for tests and the demo.

etcd, the API server, the controllers and the scheduler are the real ones, built from Go modules;
only the kubelets are simulated (KWOK), so Deployments and DaemonSets roll out without containers.
On top of it ``install_istio`` puts a real istiod with its injection webhook.

The package needs Python, PyYAML and, for a build, Go. It is not part of the wheel. The binaries
live in a cache outside the checkout (``binaries``); a running plane lives in one directory and
takes every process with it when it stops or when its parent dies (``processes``).
"""

from __future__ import annotations

from dev.control_plane.access import ClusterAccess, ExistingCluster, KubectlError
from dev.control_plane.binaries import Programs, ensure_binaries, find_kubebuilder_assets
from dev.control_plane.cluster import ControlPlane
from dev.control_plane.istio import Istio, install_istio
from dev.control_plane.processes import StartError
from dev.control_plane.toolchain import BinariesError

__all__ = [
    "BinariesError",
    "ClusterAccess",
    "ControlPlane",
    "ExistingCluster",
    "Istio",
    "KubectlError",
    "Programs",
    "StartError",
    "ensure_binaries",
    "find_kubebuilder_assets",
    "install_istio",
]
