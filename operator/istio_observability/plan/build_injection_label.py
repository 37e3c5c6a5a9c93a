"""
The label ``istio-injection=enabled`` on the namespaces that a resource names for it.

Added only where no other label speaks: it beats every revision label, so adding it would move the
pods of a namespace to another control plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.model import names
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import NAMESPACE, Body, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.decide_candidate import INJECTION_LABEL
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.part import Part

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.facts import NamespaceFacts
    from istio_observability.plan.snapshot import Snapshot

REVISION_LABEL: Final = "istio.io/rev"
AMBIENT_LABEL: Final = "istio.io/dataplane-mode"
ENABLED: Final = "enabled"


def plan_injection(resource: Resource, snapshot: Snapshot) -> Part:
    """Return the part ``injection``: labels to set, and labels of ours to take off."""
    part = Part()
    requested = set() if resource.deleting else set(resource.spec.injection.namespaces)
    for name in sorted(requested):
        namespace = snapshot.namespaces.get(name)
        part += _missing(name) if namespace is None else _label(resource, namespace)
    for namespace in sorted(snapshot.namespaces.values(), key=lambda each: each.name):
        if is_labelled_by(resource, namespace) and namespace.name not in requested:
            ref = ObjectRef(NAMESPACE, "", namespace.name)
            release = Intent(
                Action.RELEASE, Wave.LABEL, ref, namespace.uid, None, "injection not requested"
            )
            part += Part(due=(release,))
    return part


def build_injection_label(resource: Resource, namespace: NamespaceFacts) -> Body:
    """Return the apply body for one Namespace."""
    return {
        "apiVersion": NAMESPACE.api_version,
        "kind": NAMESPACE.kind,
        "metadata": {
            "name": namespace.name,
            "uid": namespace.uid,
            "annotations": {names.WIRED_BY_ANNOTATION: resource.name},
            "labels": {INJECTION_LABEL: ENABLED},
        },
    }


def is_labelled(resource: Resource, namespace: NamespaceFacts) -> bool:
    """Return whether the namespace gets, or has, the label because the resource asks for it."""
    return (
        namespace.name in resource.spec.injection.namespaces
        and not namespace.terminating
        and not _obstacle(namespace)
    )


def is_labelled_by(resource: Resource, namespace: NamespaceFacts) -> bool:
    """Return whether the namespace carries something of the resource; our marker may be lost."""
    unmarked = namespace.injection.ours and not namespace.wired_by
    return namespace.wired_by == resource.name or unmarked


def _label(resource: Resource, namespace: NamespaceFacts) -> Part:
    if namespace.terminating:
        return Part()
    if namespace.wired_by not in ("", resource.name):
        return Part()
    live = namespace.injection
    if live.value == ENABLED and not live.ours:
        return Part()
    obstacle = _obstacle(namespace)
    if obstacle:
        return Part(findings=(_refused(namespace, obstacle),))
    ref = ObjectRef(NAMESPACE, "", namespace.name)
    intent = Intent(
        Action.APPLY,
        Wave.LABEL,
        ref,
        namespace.uid,
        build_injection_label(resource, namespace),
        "sidecar injection requested",
    )
    current = live.value == ENABLED and namespace.wired_by == resource.name
    return Part(wanted=(intent,), due=() if current else (intent,))


def _obstacle(namespace: NamespaceFacts) -> str:
    revision = namespace.labels.get(REVISION_LABEL)
    if revision is not None:
        return f'{REVISION_LABEL} is "{revision}"'
    if namespace.labels.get(AMBIENT_LABEL) == "ambient":
        return f"{AMBIENT_LABEL} is ambient"
    if namespace.injection.value not in (None, ENABLED) and not namespace.injection.ours:
        return f'{INJECTION_LABEL} is "{namespace.injection.value}"'
    return ""


def _refused(namespace: NamespaceFacts, obstacle: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        reason=FindingReason.OTHER_REVISION_LABEL,
        subject=str(ObjectRef(NAMESPACE, "", namespace.name)),
        field=f"label {obstacle}",
        found="already",
        consequence=f"label {INJECTION_LABEL} is not added",
        remedy="take the namespace out of spec.injection.namespaces or remove that label",
    )


def _missing(name: str) -> Part:
    finding = Finding(
        severity=Severity.WARNING,
        reason=FindingReason.NAMESPACE_MISSING,
        subject=f"Namespace {name}",
        field="",
        found="does not exist",
        consequence="it is labelled for injection as soon as it appears",
        remedy="create it or take it out of spec.injection.namespaces",
    )
    return Part(findings=(finding,))
