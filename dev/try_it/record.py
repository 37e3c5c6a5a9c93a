"""
Record a small cluster for people who have none: ``python -m dev.try_it.record``.

Starts a plane, installs Istio's demo profile, the agent and bookinfo, and writes to
``dev/recorded/`` what the API server holds, trimmed to what a reader of manifests wants to see:
no identity, no time, no field manager, no default that nobody chose.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from dev.control_plane import ControlPlane, install_istio
from dev.lab import REPOSITORY, install_bookinfo, install_datakit

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from dev.control_plane import ClusterAccess

Body = dict[str, Any]

RECORDED: Final = REPOSITORY / "dev" / "recorded"
_NODES: Final = 3
# Labels by which Helm and istioctl find their objects again; they decide nothing about a mesh.
_INSTALLER: Final = (
    "app.kubernetes.io/",
    "helm.sh/",
    "install.operator.istio.io/",
    "operator.istio.io/",
)
_AGENT_CONTAINER: Final = frozenset({"name", "image", "ports", "env", "volumeMounts"})
_CONTAINER: Final = frozenset({"name", "image", "ports"})


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: what it is about, and the objects in it as arguments of ``kubectl get``."""

    name: str
    about: str
    objects: tuple[tuple[str, ...], ...]


RECORDINGS: Final = (
    Recording(
        "bookinfo.yaml",
        "Istio's bookinfo sample in namespace prod: six Deployments, not yet in the mesh.",
        (("namespace", "prod"), ("deployments", "-n", "prod")),
    ),
    Recording(
        "datakit.yaml",
        "DataKit as its stock manifest lays it out, on three nodes, with an empty ConfigMap.",
        (
            ("namespace", "datakit"),
            ("configmap", "datakit-conf", "-n", "datakit"),
            ("daemonset", "datakit", "-n", "datakit"),
        ),
    ),
    Recording(
        "istio.yaml",
        "Istio as `istioctl install --set profile=demo` lays it out: istiod and both gateways.",
        (
            ("namespace", "istio-system"),
            ("configmap", "istio", "-n", "istio-system"),
            ("deployments", "-n", "istio-system"),
            ("mutatingwebhookconfigurations",),
        ),
    ),
)


def record(cluster: ClusterAccess, directory: Path) -> None:
    """Write every recording of a cluster that has Istio, DataKit and bookinfo."""
    for recording in RECORDINGS:
        bodies: list[Body] = []
        for arguments in recording.objects:
            answer = cluster.read(*arguments)
            bodies += answer.get("items", [answer])
        path = directory / recording.name
        path.write_text(_text(recording.about, [trim(body) for body in bodies]), encoding="utf-8")
        print(path.relative_to(REPOSITORY))


def trim(body: Body) -> Body:
    """Return an object without what the API server and installers add."""
    trimmed: Body = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": _metadata(body["metadata"]),
    }
    match body["kind"]:
        case "Deployment" | "DaemonSet":
            trimmed["metadata"]["generation"] = body["metadata"]["generation"]
            trimmed["spec"] = _workload_spec(body)
            # How many pods there are: without it nobody could say how many restart.
            counts = {key: n for key, n in body["status"].items() if isinstance(n, int) and n}
            trimmed["status"] = dict(sorted(counts.items()))
        case "ConfigMap":
            trimmed["data"] = dict(body.get("data") or {})
        case "MutatingWebhookConfiguration":
            wanted = ("name", "namespaceSelector", "objectSelector")
            trimmed["webhooks"] = [
                {key: webhook[key] for key in wanted} for webhook in body["webhooks"]
            ]
    return trimmed


def _metadata(found: Body) -> Body:
    kept: Body = {key: found[key] for key in ("name", "namespace") if key in found}
    labels = _chosen(found.get("labels"))
    return {**kept, "labels": labels} if labels else kept


def _chosen(labels: Body | None) -> Body:
    dropped = (*_INSTALLER, "kubernetes.io/metadata.name")
    return {key: text for key, text in (labels or {}).items() if not key.startswith(dropped)}


def _workload_spec(body: Body) -> Body:
    spec = body["spec"]
    is_agent = body["kind"] == "DaemonSet"
    kept = _AGENT_CONTAINER if is_agent else _CONTAINER
    found = spec["template"]["metadata"]
    metadata: Body = {"labels": _chosen(found.get("labels"))}
    if found.get("annotations"):
        metadata["annotations"] = found["annotations"]
    pod: Body = {
        "containers": [_container(each, kept) for each in spec["template"]["spec"]["containers"]]
    }
    if is_agent:
        pod["volumes"] = [_volume(each) for each in spec["template"]["spec"]["volumes"]]
    size = {"replicas": spec["replicas"]} if "replicas" in spec else {}
    template = {"metadata": metadata, "spec": pod}
    return {**size, "selector": spec["selector"], "template": template}


def _container(found: Body, kept: Collection[str]) -> Body:
    container = {key: value for key, value in found.items() if key in kept}
    if "env" in container:
        # An address with a token is nobody's business, not even an invented one.
        container["env"] = [
            each for each in container["env"] if "value" in each and "token=" not in each["value"]
        ]
    return dict(sorted(container.items(), key=lambda item: item[0] != "name"))


def _volume(found: Body) -> Body:
    source = {kind: dict(value) for kind, value in found.items() if kind != "name"}
    for value in source.values():
        value.pop("defaultMode", None)
        if not value.get("type", True):
            del value["type"]
    return {"name": found["name"], **source}


def _text(about: str, bodies: list[Body]) -> str:
    documents = "---\n".join(
        yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=100) for body in bodies
    )
    return f"# {about}\n# Recorded from an API server by dev/try_it/record.py.\n{documents}"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def main() -> int:
    """Record everything and return 0."""
    with ControlPlane.start(nodes=_NODES) as plane:
        install_istio(plane)
        install_datakit(plane)
        install_bookinfo(plane)
        record(plane, RECORDED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
