"""The Node objects of a plane; ``stages/node.yaml`` plays their kubelets."""

from __future__ import annotations

from typing import Any

from dev.control_plane.modules import KUBERNETES_VERSION


def build_node(name: str, number: int) -> dict[str, Any]:
    """
    Return a Node as its kubelet would register it.

    Args:
        name: Also the host name.
        number: From 1; distinguishes the addresses.
    """
    # Enough for a bench of some thousand pods, yet small enough that the scheduler spreads them.
    room = {"cpu": "256", "memory": "1Ti", "pods": "5000"}
    # A real version: istiod reads it to choose between classic and native sidecars.
    info = {"kubeletVersion": KUBERNETES_VERSION, "kubeProxyVersion": KUBERNETES_VERSION}
    empty = ("bootID", "machineID", "systemUUID", "kernelVersion")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [
                {"type": "InternalIP", "address": f"172.18.{number // 250}.{number % 250 + 1}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                **dict.fromkeys(empty, ""),
                **info,
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "simulated",
                "containerRuntimeVersion": "kwok://0.8.0",
            },
        },
    }
