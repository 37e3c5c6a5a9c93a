"""
Every text that we render, by target, profile and views.

Run as a program it prints a digest of all of them, for a look from another process.
"""

from __future__ import annotations

import hashlib
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

from istio_observability.datakit.layout import AgentFile
from istio_observability.plan.build_agent_config import build_agent_config
from istio_observability.plan.build_pod_annotations import build_pod_annotations
from istio_observability.plan.mesh import read_mesh
from tests.plan.builders import cluster, namespace, resource, workload

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = ("Mesh", "Service", "Workload", "ControlPlane")
EXTRAS = {
    "interval": "30s",
    "measurement": "mesh",
    "extraFamilies": ["^jvm_", "it's"],
    "tags": {"team": "a b", "env": 'say "x"'},
}
METRICS: dict[str, dict[str, Any]] = {
    "document": {"profile": "Document"},
    "standard": {},
    "standard-with-extras": EXTRAS,
    **{f"standard-{view.lower()}": {"views": [view]} for view in VIEWS},
}
_FILES = {
    AgentFile.ISTIOD: "istiod",
    AgentFile.INGRESS_GATEWAY: "ingress-gateway",
    AgentFile.EGRESS_GATEWAY: "egress-gateway",
}


def render_all() -> dict[str, str]:
    """Return every text by the name of its golden file, rendered anew."""
    forget()
    texts = dict(chain.from_iterable(_of(name, metrics) for name, metrics in METRICS.items()))
    spec = resource({"logs": {"collect": "Always"}}).spec
    logs = build_pod_annotations(spec, workload(), namespace()).logs
    assert logs is not None
    return {**texts, "logs.json": logs, "zipkin.toml": _agent_texts({})[AgentFile.ZIPKIN]}


def forget() -> None:
    """Empty every cache of ours, so that the next text is made and not remembered."""
    for name, module in list(sys.modules.items()):
        if name.startswith("istio_observability."):
            for each in vars(module).values():
                if hasattr(each, "cache_clear"):
                    each.cache_clear()


def digest() -> str:
    """Return one digest of all texts."""
    return hashlib.sha256(repr(sorted(render_all().items())).encode()).hexdigest()


def _of(name: str, metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    spec = resource({"metrics": metrics}).spec
    found = build_pod_annotations(spec, workload(), namespace())
    yield f"sidecar-{name}.toml", found.prom
    for file, text in _agent_texts(metrics).items():
        if file in _FILES:
            yield f"{_FILES[file]}-{name}.toml", text


def _agent_texts(metrics: dict[str, Any]) -> dict[AgentFile, str]:
    wish = resource({"metrics": metrics})
    return dict(build_agent_config(wish, read_mesh(cluster(), "istio-system"), {}))


if __name__ == "__main__":
    print(digest())
