"""
Every reason code that the operator shows: conditions, skipped workloads, findings, events.

The values are public. Each has a heading in ``docs/reasons.md``; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    """Types of ``status.conditions``; the first three are those of kstatus."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    UP_TO_DATE = "UpToDate"
    AGENT_CONFIGURED = "AgentConfigured"
    WORKLOADS_WIRED = "WorkloadsWired"
    CONTROL_PLANE_WIRED = "ControlPlaneWired"
    GATEWAYS_WIRED = "GatewaysWired"
    TRACING_READY = "TracingReady"


class ConditionReason(StrEnum):
    """Reasons of conditions."""

    # Ready
    ALL_WIRED = "AllWired"
    PLAN_READY = "PlanReady"
    ROLLING_OUT = "RollingOut"
    WIRING_OVERDUE = "WiringOverdue"
    AWAITING_DATAKIT = "AwaitingDataKit"
    AWAITING_ISTIO = "AwaitingIstio"
    PERMISSION_DENIED = "PermissionDenied"
    INVALID_SPEC = "InvalidSpec"
    CONFLICT = "Conflict"
    RELEASING = "Releasing"
    HALTED = "Halted"
    AWAITING_APPROVAL = "AwaitingApproval"
    OUTSIDE_WINDOW = "OutsideWindow"
    PAUSED = "Paused"
    # parts
    CONFIGURED = "Configured"
    PENDING = "Pending"
    NOT_REQUESTED = "NotRequested"
    NOT_PRESENT = "NotPresent"
    SERVICE_CONFLICT = "ServiceConflict"
    WOULD_BREAK_LISTENERS = "WouldBreakListeners"
    MESH_CONFIG_UNREADABLE = "MeshConfigUnreadable"
    NO_TRACES_SENT = "NoTracesSent"
    CURRENT = "Current"
    DIFFERS = "Differs"


class SkipReason(StrEnum):
    """Why a workload is left alone: ``status.skippedByReason``."""

    OPTED_OUT = "OptedOut"
    BEING_DELETED = "BeingDeleted"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    MANAGED_BY_CONTROLLER = "ManagedByController"
    HELD_BY_ANOTHER = "HeldByAnother"
    NO_SIDECAR = "NoSidecar"
    WOULD_ENTER_MESH = "WouldEnterMesh"
    GATEWAY = "Gateway"
    CONTENDED = "Contended"
    PAUSED = "Paused"
    UNHEALTHY = "Unhealthy"
    ANNOTATIONS_TOO_LARGE = "AnnotationsTooLarge"


class FindingReason(StrEnum):
    """Reasons of findings: ``status.findings[].reason``."""

    FIELD_CONFLICT = "FieldConflict"
    FOREIGN_OBJECT = "ForeignObject"
    CONTAINER_MISSING = "ContainerMissing"
    CONTAINER_NOT_OWNED = "ContainerNotOwned"
    MOUNT_PATH_TAKEN = "MountPathTaken"
    CONFIG_MAP_TOO_LARGE = "ConfigMapTooLarge"
    CONFIG_MAP_IMMUTABLE = "ConfigMapImmutable"
    REPLICATED_TARGET = "ReplicatedTarget"
    SHARED_ELECTION = "SharedElection"
    ELECTION_DISABLED = "ElectionDisabled"
    GIT_MODE = "GitMode"
    INPUT_DISABLED = "InputDisabled"
    UPDATE_ON_DELETE = "UpdateOnDelete"
    UNSUPPORTED_AGENT_VERSION = "UnsupportedAgentVersion"
    OTHER_REVISION_LABEL = "OtherRevisionLabel"
    NAMESPACE_MISSING = "NamespaceMissing"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    PROVIDER_USES_ZIPKIN = "ProviderUsesZipkin"
    MESH_CONFIG_UNREADABLE = "MeshConfigUnreadable"
    TRACING_NOT_CONFIGURED = "TracingNotConfigured"
    DOUBLE_SCRAPING = "DoubleScraping"
    GATEWAY_SELECTOR_MISSING = "GatewaySelectorMissing"
    INVALID_SPEC = "InvalidSpec"
    PERMISSION_DENIED = "PermissionDenied"
    REQUEST_FAILED = "RequestFailed"
    ROLLOUT_FAILED = "RolloutFailed"
    ANNOTATIONS_TOO_LARGE = "AnnotationsTooLarge"
    DOCUMENT_MISTAKE = "DocumentMistake"


class EventReason(StrEnum):
    """Reasons of events, on our resource and on objects that we touched."""

    WIRED = "Wired"
    RELEASED = "Released"
    READY = "Ready"
    NOT_READY = "NotReady"
