"""
The kinds of Kubernetes objects the operator reads or writes, and references to single objects.

Shared by ``plan`` and ``kube``, which do not know each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from istio_observability.model import names

Body = dict[str, Any]
"""One Kubernetes object as decoded JSON, keys in the spelling of the API."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """
    One resource type of the API.

    ``api_version`` is ``v1`` for the core group, ``group/version`` otherwise; ``plural`` is the
    name in URLs.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Return the API group, ``""`` for the core group."""
        group, _, version = self.api_version.rpartition("/")
        return group if version else ""


NAMESPACE: Final = Kind("v1", "Namespace", "namespaces", namespaced=False)
POD: Final = Kind("v1", "Pod", "pods")
SERVICE: Final = Kind("v1", "Service", "services")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
DAEMON_SET: Final = Kind("apps/v1", "DaemonSet", "daemonsets")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
MUTATING_WEBHOOKS: Final = Kind(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    namespaced=False,
)
ISTIO_OBSERVABILITY: Final = Kind(names.API_VERSION, names.KIND, names.PLURAL, namespaced=False)


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Kind, namespace and name of one object; ``namespace`` is ``""`` for cluster-scoped kinds."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return ``Deployment prod/cart`` or ``Namespace prod``."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.kind} {place}{self.name}"
