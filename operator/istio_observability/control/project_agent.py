"""Projections of the agent's DaemonSet and ConfigMap, and of the Services that we create."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.control.project_fields import (
    Owners,
    count_marker,
    daemon_set_rollout,
    marker,
    metadata,
    strings,
    template,
)
from istio_observability.datakit.layout import AgentFile
from istio_observability.kube.managed_fields import (
    container_image,
    data_key,
    template_annotation,
    volume,
    volume_mount,
)
from istio_observability.model import names
from istio_observability.plan.agent_facts import (
    AgentFacts,
    ConfigMapFacts,
    ContainerFacts,
    MountFacts,
    ServiceFacts,
    VolumeFacts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.model.objects import Body

_KEYS: Final = tuple(file.key for file in AgentFile)


def project_agent(body: Body) -> AgentFacts:
    """Return the facts about the agent's DaemonSet."""
    meta = metadata(body)
    pod_meta, pod_spec = template(body)
    owners = Owners(body)
    spec = body.get("spec") or {}
    annotations: Mapping[str, str] = pod_meta.get("annotations") or {}
    key = names.CONFIG_HASH_ANNOTATION
    written_at, _ = owners.times()
    return AgentFacts(
        namespace=meta.get("namespace", ""),
        name=meta.get("name", ""),
        uid=meta.get("uid", ""),
        containers=tuple(_container(each, owners) for each in pod_spec.get("containers") or []),
        volumes=tuple(_volume(each, owners) for each in pod_spec.get("volumes") or []),
        selector=strings((spec.get("selector") or {}).get("matchLabels")),
        config_hash=owners.field(template_annotation(key), annotations.get(key)),
        on_delete=(spec.get("updateStrategy") or {}).get("type") == "OnDelete",
        deleting="deletionTimestamp" in meta,
        rollout=daemon_set_rollout(body),
        wired_by=marker(body, names.WIRED_BY_ANNOTATION),
        rollouts_caused=count_marker(body),
        written_at=written_at,
    )


def project_config_map(body: Body) -> ConfigMapFacts:
    """Return the facts about a ConfigMap of the agent; foreign values are measured, not kept."""
    meta = metadata(body)
    data: Mapping[str, str] = body.get("data") or {}
    binary: Mapping[str, str] = body.get("binaryData") or {}
    owners = Owners(body)
    labels = meta.get("labels") or {}
    others = {key: value for key, value in data.items() if key not in _KEYS} | dict(binary)
    return ConfigMapFacts(
        namespace=meta.get("namespace", ""),
        name=meta.get("name", ""),
        uid=meta.get("uid", ""),
        keys=MappingProxyType(
            {key: owners.field(data_key(key), data[key]) for key in _KEYS if key in data}
        ),
        other_bytes=sum(len(key.encode()) + len(value.encode()) for key, value in others.items()),
        immutable=bool(body.get("immutable")),
        owner_name=labels.get(names.OWNED_BY_LABEL, ""),
        owner_uid=labels.get(names.OWNER_UID_LABEL, ""),
        wired_by=marker(body, names.WIRED_BY_ANNOTATION),
        deleting="deletionTimestamp" in meta,
    )


def project_service(body: Body) -> ServiceFacts:
    """Return the facts about a Service."""
    meta = metadata(body)
    spec = body.get("spec") or {}
    labels = meta.get("labels") or {}
    return ServiceFacts(
        namespace=meta.get("namespace", ""),
        name=meta.get("name", ""),
        uid=meta.get("uid", ""),
        type=spec.get("type", "ClusterIP"),
        external_name=spec.get("externalName", ""),
        selector=strings(spec.get("selector")),
        ports=tuple(
            (
                int(port.get("port", 0)),
                str(port.get("targetPort", port.get("port", ""))),
                str(port.get("name", "")),
            )
            for port in spec.get("ports") or []
        ),
        owner_name=labels.get(names.OWNED_BY_LABEL, ""),
        owner_uid=labels.get(names.OWNER_UID_LABEL, ""),
        deleting="deletionTimestamp" in meta,
    )


def _container(container: Body, owners: Owners) -> ContainerFacts:
    name = container.get("name", "")
    return ContainerFacts(
        name=name,
        mounts=tuple(
            MountFacts(
                mount_path=mount.get("mountPath", ""),
                volume=mount.get("name", ""),
                sub_path=mount.get("subPath", ""),
                ours=owners.ours(volume_mount(name, mount.get("mountPath", ""))),
                others=owners.others(volume_mount(name, mount.get("mountPath", ""))),
            )
            for mount in container.get("volumeMounts") or []
        ),
        image=container.get("image", ""),
        image_foreign=not owners.known or bool(owners.others(container_image(name))),
        env=MappingProxyType(
            {
                each["name"]: None if "valueFrom" in each else str(each.get("value", ""))
                for each in container.get("env") or []
                # A token is none of our business and never enters memory.
                if "name" in each and each["name"] in _ENV
            }
        ),
    )


_ENV: Final = frozenset(
    {
        "ENV_GIT_URL",
        "ENV_ENABLE_ELECTION",
        "ENV_NAMESPACE",
        "ENV_DEFAULT_ENABLED_INPUTS",
        "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS",
    }
)


def _volume(found: Body, owners: Owners) -> VolumeFacts:
    name = found.get("name", "")
    return VolumeFacts(
        name=name,
        config_map=(found.get("configMap") or {}).get("name", ""),
        ours=owners.ours(volume(name)),
        others=owners.others(volume(name)),
    )
