"""
Decides whether a new pod would get a sidecar, and whether a pod has one.

*Intent* is what Istio would do with a pod created now; *fact* is what stands in a pod. Both gates
of the intent are reproduced: the selectors of the injection webhooks, which the API server
evaluates, and the checks of istiod, which runs only if a webhook was called. So an annotation
``sidecar.istio.io/inject: "true"`` alone does nothing, while ``"false"`` does prevent injection.

Left out are selectors that an administrator added to the webhooks or to the ConfigMap
``istio-sidecar-injector``.

Sources: istio/istio 86c9f01f, manifests/charts/istio-control/istio-discovery/templates/
mutatingwebhook.yaml and revision-tags-mwc.yaml (equal since 1.11.2); pkg/kube/inject/inject.go
(``injectRequired``); cni/pkg/util/enablement_selector.go (ambient).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACE_LABEL: Final = "istio-injection"
REVISION_LABEL: Final = "istio.io/rev"
INJECT_LABEL: Final = "sidecar.istio.io/inject"
"""Label of a pod; as an annotation it is deprecated but still read."""

DATAPLANE_MODE_LABEL: Final = "istio.io/dataplane-mode"
STATUS_ANNOTATION: Final = "sidecar.istio.io/status"
PROXY_CONTAINER: Final = "istio-proxy"
DEFAULT_REVISION: Final = "default"

IGNORED_NAMESPACES: Final = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)


class InjectionWhy(StrEnum):
    """Which rule decided. The first group injects, the second does not."""

    NAMESPACE_ENABLED = "NamespaceEnabled"
    NAMESPACE_REVISION = "NamespaceRevision"
    POD_REVISION = "PodRevision"
    POD_ENABLED = "PodEnabled"
    ENABLED_BY_DEFAULT = "EnabledByDefault"

    NOT_ENABLED = "NotEnabled"
    NAMESPACE_DISABLED = "NamespaceDisabled"
    REVISION_NOT_INSTALLED = "RevisionNotInstalled"
    POD_DISABLED = "PodDisabled"
    HOST_NETWORK = "HostNetwork"
    IGNORED_NAMESPACE = "IgnoredNamespace"
    AMBIENT = "Ambient"


@dataclass(frozen=True, slots=True)
class Injection:
    """
    What Istio would do with a pod created now.

    Attributes:
        revision: The revision or tag whose webhook is called, ``""`` if none is.
        why: The rule that decided; ``Ambient`` if the pod is in the mesh without a sidecar.
    """

    injected: bool
    revision: str
    why: InjectionWhy

    def __bool__(self) -> bool:
        """Refuse: the verdict is ``injected``."""
        raise TypeError("an Injection is no truth value; use its attribute injected")


def decide_injection(
    namespace: str,
    namespace_labels: Mapping[str, str],
    pod_labels: Mapping[str, str],
    pod_annotations: Mapping[str, str],
    *,
    host_network: bool,
    revisions: frozenset[str],
    enabled_by_default: bool = False,
) -> Injection:
    """
    Evaluate both gates for a pod.

    Args:
        namespace: Name of the namespace.
        namespace_labels: Its labels.
        pod_labels: Labels of the pod (template).
        pod_annotations: Annotations of the pod (template).
        host_network: ``spec.hostNetwork`` of the pod.
        revisions: Installed revisions and tags; the unnamed revision is ``default``.
        enabled_by_default: ``enableNamespacesByDefault`` of the default revision.
    """
    called = _webhook(namespace, namespace_labels, pod_labels, revisions, enabled_by_default)
    verdict = called
    if called.injected:
        refusal = _istiod_refuses(namespace, pod_labels, pod_annotations, host_network)
        if refusal is not None:
            verdict = Injection(injected=False, revision=called.revision, why=refusal)
    if not verdict.injected and is_ambient(
        namespace_labels, pod_labels, pod_annotations, host_network=host_network
    ):
        return Injection(injected=False, revision="", why=InjectionWhy.AMBIENT)
    return verdict


def is_ambient(
    namespace_labels: Mapping[str, str],
    pod_labels: Mapping[str, str],
    pod_annotations: Mapping[str, str],
    *,
    host_network: bool,
) -> bool:
    """Return whether the node agent takes the pod into the mesh without a sidecar."""
    if host_network or STATUS_ANNOTATION in pod_annotations:
        return False
    pod_mode = pod_labels.get(DATAPLANE_MODE_LABEL)
    # Any other word on the pod is neither opt-in nor opt-out.
    if pod_mode in {"ambient", "none"}:
        return pod_mode == "ambient"
    return namespace_labels.get(DATAPLANE_MODE_LABEL) == "ambient"


def has_sidecar(
    pod_annotations: Mapping[str, str],
    containers: Iterable[Mapping[str, Any]],
    init_containers: Iterable[Mapping[str, Any]],
) -> bool:
    """
    Return whether a pod runs the proxy, as a container or as a native sidecar.

    Args:
        pod_annotations: Annotations of the pod. They decide only if no container is given, as
            when a pod is known by its metadata: a status annotation can be copied by hand.
        containers: ``spec.containers``.
        init_containers: ``spec.initContainers``; the proxy counts there if it keeps running.
    """
    main, init = list(containers), list(init_containers)
    if not main and not init:
        return _status_names_proxy(pod_annotations.get(STATUS_ANNOTATION, ""))
    return any(container.get("name") == PROXY_CONTAINER for container in main) or any(
        container.get("name") == PROXY_CONTAINER and container.get("restartPolicy") == "Always"
        for container in init
    )


def _webhook(
    namespace: str,
    namespace_labels: Mapping[str, str],
    pod_labels: Mapping[str, str],
    revisions: frozenset[str],
    enabled_by_default: bool,
) -> Injection:
    """Return which webhook the API server calls; the order is that of precedence in effect."""
    injection = namespace_labels.get(NAMESPACE_LABEL)
    namespace_revision = namespace_labels.get(REVISION_LABEL)
    inject, pod_revision = pod_labels.get(INJECT_LABEL), pod_labels.get(REVISION_LABEL)
    if inject == "false":
        return _no(InjectionWhy.POD_DISABLED)
    if injection is not None:
        # Any value but "enabled" shuts out every webhook: they all ask that the label is absent.
        if injection != "enabled":
            return _no(InjectionWhy.NAMESPACE_DISABLED)
        return _by(DEFAULT_REVISION, InjectionWhy.NAMESPACE_ENABLED, revisions)
    if namespace_revision is not None:
        return _by(namespace_revision, InjectionWhy.NAMESPACE_REVISION, revisions)
    if pod_revision is not None:
        return _by(pod_revision, InjectionWhy.POD_REVISION, revisions)
    if inject == "true":
        return _by(DEFAULT_REVISION, InjectionWhy.POD_ENABLED, revisions)
    if enabled_by_default and inject is None and namespace not in IGNORED_NAMESPACES:
        return _by(DEFAULT_REVISION, InjectionWhy.ENABLED_BY_DEFAULT, revisions)
    return _no(InjectionWhy.NOT_ENABLED)


def _istiod_refuses(
    namespace: str,
    pod_labels: Mapping[str, str],
    pod_annotations: Mapping[str, str],
    host_network: bool,
) -> InjectionWhy | None:
    if host_network:
        return InjectionWhy.HOST_NETWORK
    if namespace in IGNORED_NAMESPACES:
        return InjectionWhy.IGNORED_NAMESPACE
    # The label wins even if it is empty or invalid; then the policy decides, which is "enabled".
    if INJECT_LABEL not in pod_labels and pod_annotations.get(INJECT_LABEL) == "false":
        return InjectionWhy.POD_DISABLED
    return None


def _by(revision: str, why: InjectionWhy, revisions: frozenset[str]) -> Injection:
    if revision in revisions:
        return Injection(injected=True, revision=revision, why=why)
    return _no(InjectionWhy.REVISION_NOT_INSTALLED)


def _no(why: InjectionWhy) -> Injection:
    return Injection(injected=False, revision="", why=why)


def _status_names_proxy(status: str) -> bool:
    try:
        content = json.loads(status) if status else {}
    except ValueError:
        return False
    if not isinstance(content, dict):
        return False
    names = [content.get("containers"), content.get("initContainers")]
    # Empty lists stand where a template only changed the pod; then there is no proxy.
    return any(isinstance(part, list) and PROXY_CONTAINER in part for part in names)
