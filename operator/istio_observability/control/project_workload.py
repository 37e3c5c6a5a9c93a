"""Projection of a Deployment to the facts that decisions need; about 1 kB of what is often 10."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.control.project_fields import (
    Owners,
    count_marker,
    deployment_rollout,
    marker,
    metadata,
    strings,
    template,
)
from istio_observability.datakit.layout import LOGS_ANNOTATION, PROM_ANNOTATION
from istio_observability.kube.managed_fields import template_annotation
from istio_observability.model import names
from istio_observability.plan.facts import WorkloadFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istio_observability.model.objects import Body

PROXY_CONTAINER: Final = "istio-proxy"
_OURS: Final = frozenset({PROM_ANNOTATION, LOGS_ANNOTATION})
# What decides about a sidecar: injection, its templates, and what a gateway is recognised by.
_MESH_ANNOTATIONS: Final = ("sidecar.istio.io/", "inject.istio.io/", "istio.io/")


def project_workload(body: Body) -> WorkloadFacts:
    """Return the facts about one Deployment; its pods are counted elsewhere."""
    meta = metadata(body)
    pod_meta, pod_spec = template(body)
    annotations: Mapping[str, str] = pod_meta.get("annotations") or {}
    owners = Owners(body)
    spec = body.get("spec") or {}
    rollout = deployment_rollout(body)
    ours_at, theirs_at = owners.times()
    wired_by = marker(body, names.WIRED_BY_ANNOTATION)
    return WorkloadFacts(
        namespace=meta.get("namespace", ""),
        name=meta.get("name", ""),
        uid=meta.get("uid", ""),
        labels=strings(meta.get("labels")),
        template_labels=strings(pod_meta.get("labels")),
        template_annotations=MappingProxyType(
            {key: value for key, value in annotations.items() if key.startswith(_MESH_ANNOTATIONS)}
        ),
        selector=strings((spec.get("selector") or {}).get("matchLabels")),
        prom=owners.field(template_annotation(PROM_ANNOTATION), annotations.get(PROM_ANNOTATION)),
        logs=owners.field(template_annotation(LOGS_ANNOTATION), annotations.get(LOGS_ANNOTATION)),
        other_annotation_bytes=sum(
            len(key.encode()) + len(value.encode())
            for key, value in annotations.items()
            if key not in _OURS
        ),
        host_network=bool(pod_spec.get("hostNetwork")),
        template_has_proxy=any(name == PROXY_CONTAINER for name in _proxies(pod_spec)),
        controller=_controller(meta),
        paused=bool(spec.get("paused")),
        deleting="deletionTimestamp" in meta,
        replicas=rollout.wanted,
        rollout=rollout,
        wired_by=wired_by,
        revision=marker(body, names.REVISION_ANNOTATION),
        rollouts_caused=count_marker(body),
        written_at=ours_at,
        # Equal times count as ours: the server's clock here has full seconds.
        last_write_ours=bool(wired_by) and ours_at >= theirs_at,
        image_version=_version(pod_spec),
    )


def _proxies(pod_spec: Body) -> Iterator[str]:
    for container in pod_spec.get("containers") or []:
        # A gateway's template has the container too; its image is "auto" until injection.
        if container.get("image") != "auto":
            yield container.get("name", "")
    for container in pod_spec.get("initContainers") or []:
        if container.get("restartPolicy") == "Always":
            yield container.get("name", "")


def _controller(meta: Body) -> str:
    for owner in meta.get("ownerReferences") or []:
        if owner.get("controller"):
            return f"{owner.get('kind', '')} {owner.get('name', '')}"
    return ""


def _version(pod_spec: Body) -> str:
    containers = pod_spec.get("containers") or [{}]
    image = str(containers[0].get("image", ""))
    _, colon, tag = image.rpartition(":")
    return tag if colon and "/" not in tag else ""
