"""
The spec of ``IstioObservability``: everything a user can ask for.

The CRD in ``crds/`` is generated from these models, so the API server and the operator refuse
the same. A field added later must render the same bytes at its default: an upgrade of the CRD
alone restarts nothing.
"""

# ruff: noqa: TC001 - pydantic reads the annotations of a model at run time

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from istio_observability.model.field_types import DnsLabel, DnsSubdomain, Namespaces, Source
from istio_observability.model.metrics_spec import RENDERED, MetricsSpec
from istio_observability.model.rollout_spec import RolloutSpec
from istio_observability.model.schema_markers import Explain, ListMap, Restarts
from istio_observability.model.spec_base import SpecModel
from istio_observability.model.workloads_spec import WorkloadsSpec

MAX_GATEWAYS: Final = 2

_AGENT: Final = (Restarts.AGENT,)
_WORKLOADS: Final = (Restarts.WORKLOADS,)


class Mode(StrEnum):
    """Whether the operator writes."""

    PLAN = "Plan"
    ENFORCE = "Enforce"


class ConflictPolicy(StrEnum):
    """What happens to a value of ours that somebody else set differently."""

    RESPECT = "Respect"
    OVERRIDE = "Override"


class DeletionPolicy(StrEnum):
    """What deleting the resource does to the cluster."""

    RESTORE = "Restore"
    ORPHAN = "Orphan"


class CollectPolicy(StrEnum):
    """Whether an optional part of the mesh is scraped."""

    IF_PRESENT = "IfPresent"
    ALWAYS = "Always"
    NEVER = "Never"


class LogsPolicy(StrEnum):
    """Whether pods are marked for log collection."""

    NEVER = "Never"
    ALWAYS = "Always"


class ZipkinServicePolicy(StrEnum):
    """Whether the Service is made that sidecars send spans to by default."""

    ALWAYS = "Always"
    IF_USED = "IfUsed"
    NEVER = "Never"


class DatakitSpec(SpecModel):
    """Where the agent is."""

    namespace: Annotated[DnsLabel, Explain("Namespace of the DataKit agent.", restarts=_AGENT)] = (
        "datakit"
    )
    daemon_set_name: Annotated[
        DnsSubdomain, Explain("Name of the agent's DaemonSet.", restarts=_AGENT)
    ] = "datakit"
    container_name: Annotated[
        DnsLabel,
        Explain("Container of the DaemonSet that gets the mounts.", restarts=_AGENT),
    ] = "datakit"
    config_map_name: Annotated[
        DnsSubdomain,
        Explain(
            "ConfigMap that our keys are put into. If it does not exist, the operator uses one"
            " of its own.",
            restarts=_AGENT,
        ),
    ] = "datakit-conf"


class IstioSpec(SpecModel):
    """Where the mesh is."""

    namespace: Annotated[
        DnsLabel, Explain("Namespace of istiod and of the gateways.", restarts=_AGENT)
    ] = "istio-system"


class InjectionSpec(SpecModel):
    """Where sidecar injection is switched on."""

    namespaces: Annotated[
        Namespaces,
        Explain(
            "Namespaces that get the label istio-injection=enabled, unless another injection"
            " label stands there. The label restarts nothing; workloads that are wired there"
            " get their sidecar by the same roll-out.",
            restarts=_WORKLOADS,
        ),
    ] = ()


class ControlPlaneSpec(SpecModel):
    """Whether istiod is scraped."""

    collect: Annotated[
        CollectPolicy,
        Explain(
            "IfPresent scrapes istiod where it exists, Always also waits for it and says so,"
            " Never leaves it out.",
            restarts=_AGENT,
        ),
    ] = CollectPolicy.IF_PRESENT


class GatewayName(StrEnum):
    """The gateways that the documented configuration knows."""

    INGRESS = "ingress"
    EGRESS = "egress"


class GatewaySpec(SpecModel):
    """One gateway to scrape."""

    name: Annotated[
        GatewayName,
        Explain(
            "Which gateway: ingress or egress, found by the labels that Istio sets, scraped through"
            " the Service istio-<name>gateway-ext and the key prom-<name>gateway.conf.",
            restarts=_AGENT,
        ),
    ]
    collect: Annotated[
        CollectPolicy,
        Explain(
            "IfPresent scrapes the gateway where it exists, Always also waits for it and says"
            " so, Never leaves it out.",
            restarts=_AGENT,
        ),
    ] = CollectPolicy.IF_PRESENT


class TracingSpec(SpecModel):
    """How spans reach the agent."""

    zipkin_service: Annotated[
        ZipkinServicePolicy,
        Explain(
            "Whether the Service zipkin in Istio's namespace forwards spans to the agent: Always,"
            " IfUsed (the mesh configuration sends spans there) or Never. In no case is it made"
            " where it would break listeners or replace a Service of somebody else.",
            restarts=_AGENT,
        ),
    ] = ZipkinServicePolicy.ALWAYS


class LogsSpec(SpecModel):
    """Whether the annotation for logs is set beside the one for metrics."""

    collect: Annotated[
        LogsPolicy,
        Explain(
            "Always sets the annotation datakit/logs on the pod templates that are wired, in the"
            " same roll-out. Never leaves it out; DataKit collects standard output by default"
            " anyway.",
            restarts=_WORKLOADS,
        ),
    ] = LogsPolicy.NEVER
    source: Annotated[
        Source | None,
        Explain(
            "Source name of the logs in the agent.",
            unset="<namespace>-<workload>",
            restarts=_WORKLOADS,
        ),
    ] = None


class IstioObservabilitySpec(SpecModel):
    """What the user asks for. Everything has a default; the smallest spec names a namespace."""

    mode: Annotated[
        Mode,
        Explain(
            "Enforce makes the plan true and keeps it true. Plan fills status.plan and writes"
            " and repairs nothing; deletion still releases."
        ),
    ] = Mode.ENFORCE
    renderer: Annotated[
        int | None,
        Field(strict=True, ge=1, le=1000),
        Explain(
            "Version of the rendered text. Raise it to get the improvements of a newer one.",
            unset="the one in use",
            restarts=RENDERED,
        ),
    ] = None
    conflict_policy: Annotated[
        ConflictPolicy,
        Explain(
            "Respect leaves a value that another manager set differently, and reports it."
            " Override replaces it, keeps the original beside it and restores that on release;"
            " the other manager's next server-side apply will then fail.",
            restarts=RENDERED,
        ),
    ] = ConflictPolicy.RESPECT
    deletion_policy: Annotated[
        DeletionPolicy,
        Explain(
            "Restore takes everything back when the resource is deleted. Orphan leaves it as it"
            " stands. May be changed while deleting."
        ),
    ] = DeletionPolicy.RESTORE
    datakit: Annotated[DatakitSpec, Explain("Where the DataKit agent is.", restarts=_AGENT)] = (
        DatakitSpec()
    )
    istio: Annotated[IstioSpec, Explain("Where Istio is.", restarts=_AGENT)] = IstioSpec()
    injection: Annotated[
        InjectionSpec, Explain("Where sidecar injection is switched on.", restarts=_WORKLOADS)
    ] = InjectionSpec()
    metrics: Annotated[
        MetricsSpec, Explain("What is collected from the mesh.", restarts=RENDERED)
    ] = MetricsSpec()
    workloads: Annotated[
        WorkloadsSpec,
        Explain(
            "Which workloads are wired. Naming a namespace is the consent to touch its"
            " Deployments; without any only agent, control plane, gateways and tracing are"
            " wired.",
            restarts=_WORKLOADS,
        ),
    ] = WorkloadsSpec()
    control_plane: Annotated[
        ControlPlaneSpec, Explain("Whether istiod is scraped.", restarts=_AGENT)
    ] = ControlPlaneSpec()
    gateways: Annotated[
        tuple[GatewaySpec, ...],
        Field(max_length=MAX_GATEWAYS),
        ListMap("name"),
        Explain("Gateways that are scraped, told apart by name.", restarts=_AGENT),
    ] = (
        GatewaySpec(name=GatewayName.INGRESS),
        GatewaySpec(name=GatewayName.EGRESS),
    )
    tracing: Annotated[TracingSpec, Explain("How spans reach the agent.", restarts=_AGENT)] = (
        TracingSpec()
    )
    logs: Annotated[
        LogsSpec, Explain("Whether pods are marked for log collection.", restarts=_WORKLOADS)
    ] = LogsSpec()
    rollout: Annotated[RolloutSpec, Explain("Pace, limits and approval of restarts.")] = (
        RolloutSpec()
    )
