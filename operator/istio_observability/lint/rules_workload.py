"""Rules about workloads and namespaces: does the annotation reach pods that have a sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import PROM_ANNOTATION
from istio_observability.istio.injection import (
    DATAPLANE_MODE_LABEL,
    INJECT_LABEL,
    NAMESPACE_LABEL,
    REVISION_LABEL,
)
from istio_observability.lint.finding import Problem, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.manifests import Manifest


@rule("IOB408", Severity.ERROR)
def no_sidecar(manifest: Manifest) -> Iterator[Problem]:
    """Pods without a sidecar are told to be scraped at its port."""
    pod = manifest.pod
    annotation = pod.get("metadata", "annotations", PROM_ANNOTATION) if pod is not None else None
    if pod is None or annotation is None or ":15020" not in annotation.text:
        return
    labels, reason = manifest.pod_labels, ""
    has_proxy = any(each.text_of("name") == "istio-proxy" for each in manifest.containers)
    if has_proxy or "gateway" in manifest.pod_annotations.get("inject.istio.io/templates", ""):
        return
    if labels.get(INJECT_LABEL) == "false":
        reason = f"the pods have the label {INJECT_LABEL}=false"
    elif pod.text_of("spec", "hostNetwork") == "true":
        reason = "the pods use the network of the host"
    elif labels.get(DATAPLANE_MODE_LABEL) == "ambient":
        reason = "the pods are in the ambient mesh"
    if reason:
        yield Problem(
            annotation.place,
            reason,
            "they have no sidecar, so every scrape is refused",
            "remove the annotation",
        )


@rule("IOB409", Severity.ERROR)
def wrong_place(manifest: Manifest) -> Iterator[Problem]:
    """The annotation stands where the agent does not look."""
    annotation = manifest.node.get("metadata", "annotations", PROM_ANNOTATION)
    if annotation is not None and manifest.kind != "Pod":
        yield Problem(
            annotation.place,
            f"{PROM_ANNOTATION} stands on the {manifest.kind or 'object'}",
            "the agent reads it on pods only",
            "write it below spec.template.metadata.annotations",
        )


@rule("IOB411", Severity.WARNING)
def two_injection_labels(manifest: Manifest) -> Iterator[Problem]:
    """A namespace has two injection labels."""
    labels = manifest.node.texts("metadata", "labels") if manifest.kind == "Namespace" else {}
    if NAMESPACE_LABEL in labels and REVISION_LABEL in labels:
        yield Problem(
            manifest.place,
            f"it has {NAMESPACE_LABEL} and {REVISION_LABEL}",
            f"{NAMESPACE_LABEL} wins and the revision is ignored",
            f"keep {REVISION_LABEL} where the control plane has revisions",
        )


MANIFEST_RULES: Final = (
    no_sidecar,
    wrong_place,
    two_injection_labels,
)
