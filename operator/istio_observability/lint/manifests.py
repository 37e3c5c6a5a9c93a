"""
Kubernetes objects as rules look at them, and the texts of the agent in them.

Snippets of a page count as objects too: what they leave out is not missing, so rules about
absence look at objects that say enough to be whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import CONF_DIR, PROM_ANNOTATION, ConfigPath
from istio_observability.lint.agent_text import AgentText, is_agent_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istio_observability.lint.places import Place
    from istio_observability.lint.yaml_nodes import Node

TEMPLATED: Final = frozenset(
    {"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob"}
)
_AGENT_NAMES: Final = ("datakit",)
_CONFIG_MAPS: Final = frozenset({"datakit-conf", "istio-observability-conf"})


@dataclass(frozen=True)
class Manifest:
    """One object. ``node`` is its mapping."""

    node: Node

    @cached_property
    def kind(self) -> str:
        """Return its kind."""
        return self.node.text_of("kind")

    @cached_property
    def name(self) -> str:
        """Return its name, ``""`` in a snippet without one."""
        return self.node.text_of("metadata", "name")

    @cached_property
    def namespace(self) -> str:
        """Return its namespace as written."""
        return self.node.text_of("metadata", "namespace")

    @property
    def subject(self) -> str:
        """Return ``Deployment prod/cart`` as far as it is written."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}".strip()

    @property
    def place(self) -> Place:
        """Return where it begins."""
        return self.node.place

    @property
    def live(self) -> bool:
        """Return whether it was read from a cluster."""
        return self.node.passage.file.live

    @cached_property
    def pod(self) -> Node | None:
        """Return the mapping that holds ``metadata`` and ``spec`` of its pods."""
        if self.kind == "Pod":
            return self.node
        if self.kind == "CronJob":
            return self.node.get("spec", "jobTemplate", "spec", "template")
        return self.node.get("spec", "template") if self.kind in TEMPLATED else None

    @property
    def pod_labels(self) -> Mapping[str, str]:
        """Return the labels of its pods."""
        return self.pod.texts("metadata", "labels") if self.pod is not None else {}

    @property
    def pod_annotations(self) -> Mapping[str, str]:
        """Return the annotations of its pods."""
        return self.pod.texts("metadata", "annotations") if self.pod is not None else {}

    @property
    def containers(self) -> list[Node]:
        """Return the containers of its pods."""
        return self.pod.entries("spec", "containers") if self.pod is not None else []

    @cached_property
    def is_agent(self) -> bool:
        """Return whether it is DataKit's DaemonSet."""
        if self.kind != "DaemonSet":
            return False
        if self.name in _AGENT_NAMES:
            return True
        return any(
            "/datakit:" in each.text_of("image")
            or each.text_of("name") == "datakit"
            or any(
                mount.text_of("mountPath").startswith(CONF_DIR)
                for mount in each.entries("volumeMounts")
            )
            for each in self.containers
        )

    @property
    def agent_containers(self) -> list[Node]:
        """Return the containers that are the agent."""
        if not self.is_agent:
            return []
        named = [each for each in self.containers if each.text_of("name") == "datakit"]
        return named or self.containers[:1]

    def environment(self) -> dict[str, Node]:
        """Return the entries of ``env`` of the agent's containers by name."""
        return {
            entry.text_of("name"): entry
            for container in self.agent_containers
            for entry in container.entries("env")
        }

    def agent_texts(self) -> Iterator[AgentText]:
        """Yield the texts that the agent would read, in the order of the object."""
        if self.kind == "ConfigMap":
            yield from self._conf_files()
        elif self.pod is not None:
            for key, value in self.pod.keys("metadata", "annotations"):
                if key.text == PROM_ANNOTATION and value.pairs is None and value.items is None:
                    yield AgentText(
                        value.inner(),
                        ConfigPath.ANNOTATION,
                        f"{self.subject}: {PROM_ANNOTATION}",
                        self.subject,
                        self.pod_labels,
                        self.pod_annotations,
                    )

    def _conf_files(self) -> Iterator[AgentText]:
        for key, value in self.node.keys("data"):
            name = key.text
            ours = self.name in _CONFIG_MAPS and name.endswith(".conf")
            if ours or is_agent_text(value.text):
                yield AgentText(
                    value.inner(),
                    ConfigPath.CONF,
                    f"{self.subject}: {name}",
                    f"{self.subject} {name}",
                )


def manifests_in(root: Node) -> Iterator[Manifest]:
    """Yield the objects of a document; a list of objects one by one."""
    pending = [root]
    while pending:
        node = pending.pop(0)
        kind = node.text_of("kind")
        if kind.endswith("List") and node.get("items") is not None:
            pending[:0] = [each for each in node.entries("items") if each.pairs is not None]
        elif node.pairs is not None and (kind or node.get("spec") is not None):
            yield Manifest(node)
