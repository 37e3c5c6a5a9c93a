"""
Names under which the operator is known to a cluster: API group, field manager, labels, annotations.

Every one of them is stored in clusters and outlives an upgrade, so none may be changed
without a migration.
"""

from typing import Final

GROUP: Final = "istio-observability.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "IstioObservability"
PLURAL: Final = "istioobservabilities"
SINGULAR: Final = "istioobservability"
SHORT_NAME: Final = "iobs"

# Never a name that starts with "kubectl": Flux takes such fields over.
FIELD_MANAGER: Final = "istio-observability-operator"
FINALIZER: Final = f"{GROUP}/finalizer"

# Set by a team on its own workload or namespace; the nearest one wins over the selectors.
WIRE_LABEL: Final = f"{GROUP}/wire"

# On objects that we created: without both, an object of the same name is somebody else's.
OWNED_BY_LABEL: Final = f"{GROUP}/owned-by"
OWNER_UID_LABEL: Final = f"{GROUP}/owner-uid"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"

# On the metadata of a workload, never on its pod template: what cannot be read from it otherwise.
WIRED_BY_ANNOTATION: Final = f"{GROUP}/wired-by"
REVISION_ANNOTATION: Final = f"{GROUP}/revision"
ROLLOUTS_ANNOTATION: Final = f"{GROUP}/rollouts"

# On the pod template of the agent: one changed value is one roll-out, whatever else changed.
CONFIG_HASH_ANNOTATION: Final = f"{GROUP}/config-hash"
