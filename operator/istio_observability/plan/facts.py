"""
Facts about a cluster, as far as decisions need them; a snapshot holds those of one moment.

Facts are what was observed, never what is wanted. They are small (a cluster has thousands of
Deployments), immutable, and equal when nothing that matters has changed, so that a change of
facts is the only reason to plan anew. ``control`` projects live objects into them, ``render``
manifests on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """
    One field that we may own: its live value and who claims it.

    Attributes:
        value: The live text, ``None`` if the field is absent.
        ours: Our field manager owns it. A value that somebody else changes stops being ours.
        others: The other managers that own it, by the name a user knows, sorted.
    """

    value: str | None = None
    ours: bool = False
    others: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Return who set it, for a sentence: the managers, or ``an unknown manager``."""
        return " and ".join(f'"{name}"' for name in self.others) or "an unknown manager"


ABSENT: Final = FieldFacts()


@dataclass(frozen=True, slots=True)
class NamespaceFacts:
    """One Namespace. ``injection`` is its label ``istio-injection``."""

    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    terminating: bool = False
    injection: FieldFacts = ABSENT
    wired_by: str = ""


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """
    How far a roll-out of a Deployment or DaemonSet is, from its status.

    For a DaemonSet ``wanted`` is the number of nodes that should run the agent; ``present`` is the
    same. ``completed``: the controller says that the newest template was rolled out.
    """

    generation: int = 1
    observed_generation: int = 1
    wanted: int = 1
    present: int = 1
    updated: int = 1
    available: int = 1
    deadline_exceeded: bool = False
    completed: bool = False

    @property
    def replaced(self) -> bool:
        """
        Return whether every pod is of the newest template and no older one is left.

        Right after a write ``observedGeneration`` lags, and later an old pod may still be present
        while the new one is available: both count as unfinished.
        """
        return (
            self.observed_generation >= self.generation
            and self.present == self.updated
            and (self.updated == self.wanted or self.completed)
        )

    @property
    def over(self) -> bool:
        """
        Return whether the newest template has been rolled out, whatever became of its pods since.

        A Deployment that is scaled, or whose pods crash a week later, is not rolling out.
        """
        return self.finished or (self.replaced and self.completed)

    @property
    def finished(self) -> bool:
        """Return whether every pod was replaced and is available."""
        return self.replaced and self.available >= self.updated


@dataclass(frozen=True, slots=True)
class PodCounts:
    """How many live pods a workload has, and how many of them carry an injected sidecar."""

    total: int = 0
    with_sidecar: int = 0

    @property
    def kind(self) -> tuple[bool, bool]:
        """Return whether there is any pod, and any with a sidecar: all that decisions ask."""
        return self.total > 0, self.with_sidecar > 0


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """
    One Deployment.

    Attributes:
        prom: Annotation ``datakit/prom.instances`` of the pod template.
        logs: Annotation ``datakit/logs`` of the pod template.
        template_annotations: Those of the pod template that decide about a sidecar.
        other_annotation_bytes: Size of all annotations of the template except ours; the API server
            refuses more than 256 KiB in all.
        controller: The controller that owns the object and would reset its template, as
            ``Kind name``, or ``""``.
        template_has_proxy: A hand-written or kube-injected ``istio-proxy`` container.
        wired_by: Our marker: the resource that holds it, ``""`` if none does.
        rollouts_caused: Our marker: template-changing writes of ours.
        written_at: When we last wrote, seconds since the epoch, 0 if never.
        last_write_ours: No other manager has changed the spec after us.
    """

    namespace: str
    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    template_labels: Labels = field(default_factory=dict)
    template_annotations: Labels = field(default_factory=dict)
    selector: Labels = field(default_factory=dict)
    prom: FieldFacts = ABSENT
    logs: FieldFacts = ABSENT
    other_annotation_bytes: int = 0
    host_network: bool = False
    template_has_proxy: bool = False
    controller: str = ""
    paused: bool = False
    deleting: bool = False
    replicas: int = 1
    rollout: RolloutFacts = field(default_factory=RolloutFacts)
    pods: PodCounts = field(default_factory=PodCounts)
    wired_by: str = ""
    revision: str = ""
    rollouts_caused: int = 0
    written_at: float = 0.0
    last_write_ours: bool = False
    image_version: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return namespace and name."""
        return self.namespace, self.name

    @property
    def held(self) -> bool:
        """Return whether anything of ours stands on the object."""
        return bool(self.wired_by) or self.prom.ours or self.logs.ours
