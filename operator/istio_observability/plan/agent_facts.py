"""Facts about the agent (its DaemonSet and ConfigMaps) and about the Services that we create."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from istio_observability.plan.facts import ABSENT, FieldFacts, RolloutFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.plan.facts import Labels


@dataclass(frozen=True, slots=True)
class MountFacts:
    """One entry of ``volumeMounts``: key is ``mountPath``, as in server-side apply."""

    mount_path: str
    volume: str
    sub_path: str
    ours: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """One volume of a pod template; ``config_map`` is ``""`` where it is of another type."""

    name: str
    config_map: str = ""
    ours: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """
    One container of the agent.

    ``image_foreign``: another manager owns the image. Where only we are left, our mount alone would
    keep half a container alive after its owner removed it. ``env``: ``None`` is a value that a
    reference gives (``valueFrom``), which is set and not known.
    """

    name: str
    mounts: tuple[MountFacts, ...] = ()
    image: str = ""
    image_foreign: bool = True
    env: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """The DaemonSet of the agent. ``config_hash`` is our annotation of its pod template."""

    namespace: str
    name: str
    uid: str
    containers: tuple[ContainerFacts, ...] = ()
    volumes: tuple[VolumeFacts, ...] = ()
    selector: Labels = field(default_factory=dict)
    config_hash: FieldFacts = ABSENT
    on_delete: bool = False
    deleting: bool = False
    rollout: RolloutFacts = field(default_factory=RolloutFacts)
    wired_by: str = ""
    rollouts_caused: int = 0
    written_at: float = 0.0

    def container(self, name: str) -> ContainerFacts | None:
        """Return the container of that name."""
        return next((each for each in self.containers if each.name == name), None)

    @property
    def held(self) -> bool:
        """Return whether anything of ours stands on the object."""
        return (
            bool(self.wired_by)
            or self.config_hash.ours
            or any(volume.ours for volume in self.volumes)
            or any(mount.ours for each in self.containers for mount in each.mounts)
        )


@dataclass(frozen=True, slots=True)
class ConfigMapFacts:
    """
    A ConfigMap for the agent.

    ``keys`` has only the keys that we may write; ``other_bytes`` is the size of all the others.
    """

    namespace: str
    name: str
    uid: str
    keys: Mapping[str, FieldFacts] = field(default_factory=lambda: MappingProxyType({}))
    other_bytes: int = 0
    immutable: bool = False
    owner_name: str = ""
    owner_uid: str = ""
    wired_by: str = ""
    deleting: bool = False

    @property
    def held(self) -> bool:
        """Return whether anything of ours stands in it."""
        return bool(self.wired_by) or any(facts.ours for facts in self.keys.values())


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """
    One Service of a name that we create, whoever made it.

    ``ports`` are (port, targetPort as text, name). ``owner_name`` and ``owner_uid`` are our labels.
    """

    namespace: str
    name: str
    uid: str
    type: str = "ClusterIP"
    external_name: str = ""
    selector: Labels = field(default_factory=dict)
    ports: tuple[tuple[int, str, str], ...] = ()
    owner_name: str = ""
    owner_uid: str = ""
    deleting: bool = False
