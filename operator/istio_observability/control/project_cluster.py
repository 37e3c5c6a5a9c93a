"""Projections of what surrounds workloads: namespaces, pods, injection webhooks, mesh config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from istio_observability.control.project_fields import Owners, marker, metadata, strings
from istio_observability.kube.managed_fields import label
from istio_observability.model import names
from istio_observability.plan.decide_candidate import INJECTION_LABEL
from istio_observability.plan.facts import NamespaceFacts

if TYPE_CHECKING:
    from istio_observability.model.objects import Body

_STATUS_ANNOTATION: Final = "sidecar.istio.io/status"
_HASH_LABEL: Final = "pod-template-hash"
_REVISION_LABEL: Final = "istio.io/rev"
_TAG_LABEL: Final = "istio.io/tag"


@dataclass(frozen=True, slots=True)
class PodFacts:
    """One live pod of a Deployment: whose it is, and whether a sidecar was injected into it."""

    owner: tuple[str, str]
    has_sidecar: bool


def project_namespace(body: Body) -> NamespaceFacts:
    """Return the facts about a Namespace; its metadata is enough."""
    meta = metadata(body)
    labels = strings(meta.get("labels"))
    return NamespaceFacts(
        name=meta.get("name", ""),
        uid=meta.get("uid", ""),
        labels=labels,
        terminating="deletionTimestamp" in meta,
        injection=Owners(body).field(label(INJECTION_LABEL), labels.get(INJECTION_LABEL)),
        wired_by=marker(body, names.WIRED_BY_ANNOTATION),
    )


def project_pod(body: Body) -> PodFacts | None:
    """
    Return the facts about a pod of a Deployment, ``None`` for any other pod and one that is going.

    A ReplicaSet is called after its Deployment and the hash of the template, which the pod carries
    as a label, so metadata alone leads to the Deployment.
    """
    meta = metadata(body)
    if "deletionTimestamp" in meta:
        return None
    suffix = f"-{(meta.get('labels') or {}).get(_HASH_LABEL, '')}"
    for owner in meta.get("ownerReferences") or []:
        name = str(owner.get("name", ""))
        if owner.get("kind") == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
            injected = _STATUS_ANNOTATION in (meta.get("annotations") or {})
            return PodFacts((meta.get("namespace", ""), name.removesuffix(suffix)), injected)
    return None


def project_revisions(body: Body) -> frozenset[str] | None:
    """Return the revision and the tag that an injection webhook serves, ``None`` if it is none."""
    labels = metadata(body).get("labels") or {}
    found = {labels[key] for key in (_REVISION_LABEL, _TAG_LABEL) if labels.get(key)}
    return frozenset(found) or None


def project_mesh_config(body: Body) -> str | None:
    """Return the text of key ``mesh`` of Istio's ConfigMap, ``None`` where it has none."""
    text = (body.get("data") or {}).get("mesh")
    return text if isinstance(text, str) else None
