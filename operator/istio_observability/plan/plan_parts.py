"""Everything but workloads, small and planned whole: injection, agent, mesh, tracing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import SERVICE, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import CollectPolicy, ZipkinServicePolicy
from istio_observability.plan.agent_facts import AgentFacts
from istio_observability.plan.agent_findings import agent_findings, document_findings
from istio_observability.plan.build_agent_config import build_agent_config
from istio_observability.plan.build_injection_label import plan_injection
from istio_observability.plan.decide_tracing import traces_arrive, wants_zipkin_input
from istio_observability.plan.left_behind import plan_left_behind
from istio_observability.plan.mesh import ISTIOD_METRICS_PORT, Mesh
from istio_observability.plan.part import Part
from istio_observability.plan.plan_config_map import (
    OWN_CONFIG_MAP,
    choose_config_map,
    plan_config_map,
)
from istio_observability.plan.plan_daemon_set import plan_daemon_set
from istio_observability.plan.plan_services import (
    plan_gateway_services,
    plan_tracing_services,
    replicated,
)

if TYPE_CHECKING:
    from istio_observability.datakit.layout import AgentFile
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot

AWAITING_DATAKIT = "DataKit"
AWAITING_ISTIO = "Istio"


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The plans of all parts of one resource.

    Attributes:
        files: The configuration files that the agent should have; what conditions speak of.
        refused: Those of them that it does not get: something of somebody else is in the way.
        agent_facts: The agent as observed, ``None`` if it is not there.
        mesh: The mesh as observed.
    """

    injection: Part
    agent: Part
    control_plane: Part
    gateways: Part
    tracing: Part
    files: frozenset[AgentFile]
    refused: frozenset[AgentFile]
    agent_facts: AgentFacts | None
    mesh: Mesh

    @property
    def all(self) -> Part:
        """Return the parts as one, in the order in which they are written."""
        return self.injection + self.agent + self.gateways + self.tracing + self.control_plane


def plan_parts(
    resource: Resource,
    snapshot: Snapshot,
    mesh: Mesh,
    *,
    agent_holder: str = "",
    impatient: bool = False,
) -> Parts:
    """
    Return the plan of every part.

    Args:
        resource: The wish.
        snapshot: The cluster as observed.
        mesh: The mesh in that snapshot.
        agent_holder: Another resource that holds the agent; ours then stands back from it.
        impatient: The agent's pods have been waited for long enough; take its keys away.

    Raises:
        InvalidScrape: The spec cannot be said in the agent's language.
    """
    spec = resource.spec
    key = (spec.datakit.namespace, spec.datakit.daemon_set_name)
    agent = snapshot.agents.get(key)
    injection = plan_injection(resource, snapshot)
    gateways = plan_gateway_services(resource, mesh, snapshot)
    files: frozenset[AgentFile] = frozenset()
    refused: frozenset[AgentFile] = frozenset()
    held = agent_holder not in ("", resource.name)
    if held:
        agent_part = _held_by(agent_holder, resource)
        files = refused = frozenset(build_agent_config(resource, mesh, {}))
    elif agent is None:
        agent_part = _absent(resource, snapshot)
        files = frozenset(build_agent_config(resource, mesh, {}))
    else:
        agent_part, files, refused = _plan_agent(
            resource, snapshot, mesh, agent, impatient=impatient
        )
    tracing = plan_tracing_services(resource, mesh, None if held else agent, snapshot)
    if not resource.deleting:
        tracing += _about_tracing(resource, mesh)
        agent_part += Part(findings=document_findings(resource))
    return Parts(
        injection=injection,
        agent=agent_part + plan_left_behind(resource, snapshot),
        control_plane=_about_control_plane(resource, mesh),
        gateways=gateways,
        tracing=tracing,
        files=files,
        refused=refused,
        agent_facts=agent,
        mesh=mesh,
    )


def _plan_agent(
    resource: Resource, snapshot: Snapshot, mesh: Mesh, agent: AgentFacts, *, impatient: bool
) -> tuple[Part, frozenset[AgentFile], frozenset[AgentFile]]:
    maps = {
        name: facts
        for (namespace, name), facts in snapshot.config_maps.items()
        if namespace == agent.namespace
    }
    name = choose_config_map(resource, agent, maps)
    if name is None and resource.deleting:
        name = resource.spec.datakit.config_map_name
    if name is None:
        missing = f"ConfigMap {agent.namespace}/{resource.spec.datakit.config_map_name}"
        files = frozenset(build_agent_config(resource, mesh, {}))
        return Part(awaiting=missing), files, frozenset()
    live = maps.get(name)
    texts = build_agent_config(resource, mesh, live.keys if live is not None else {})
    planned = plan_config_map(resource, agent, name, live, texts, impatient=impatient)
    part = planned.part
    refused = frozenset(texts) - planned.mounted
    # A ConfigMap that cannot be written any more must not keep the agent from being let go.
    if not planned.part.blocked or planned.mounted or resource.deleting:
        daemon_set = plan_daemon_set(resource, agent, planned)
        if daemon_set.blocked:
            refused = frozenset(texts)
            if not any(mount.ours for each in agent.containers for mount in each.mounts):
                # Keys that nobody mounts would be half of an installation.
                part = replace(part, due=())
        part += daemon_set
    if name != OWN_CONFIG_MAP and OWN_CONFIG_MAP in maps:
        # The agent's owner brought the named one after all: ours has done its work.
        part += plan_config_map(resource, agent, OWN_CONFIG_MAP, maps[OWN_CONFIG_MAP], {}).part
    if not resource.deleting:
        part += Part(findings=agent_findings(agent, resource.spec.datakit.container_name))
    return part, frozenset(texts), refused


def _absent(resource: Resource, snapshot: Snapshot) -> Part:
    if resource.deleting:
        # What we created may outlive the DaemonSet.
        spec = resource.spec.datakit
        gone = AgentFacts(spec.namespace, "", "", deleting=True)
        part = Part()
        for name in sorted({OWN_CONFIG_MAP, spec.config_map_name}):
            live = snapshot.config_maps.get((spec.namespace, name))
            part += plan_config_map(resource, gone, name, live, {}).part
        return part
    return Part(awaiting=AWAITING_DATAKIT)


def _held_by(holder: str, resource: Resource) -> Part:
    spec = resource.spec.datakit
    finding = Finding(
        severity=Severity.WARNING,
        reason=FindingReason.FOREIGN_OBJECT,
        subject=f"DaemonSet {spec.namespace}/{spec.daemon_set_name}",
        field="",
        found=f"is configured for the resource {holder}",
        consequence="its configuration is left to that resource",
        remedy="delete one of the two resources, or let spec.datakit name another agent",
    )
    return Part(findings=(finding,), blocked=True)


def _about_control_plane(resource: Resource, mesh: Mesh) -> Part:
    if resource.deleting or resource.spec.control_plane.collect is CollectPolicy.NEVER:
        return Part()
    findings = tuple(
        replicated(f"Service {each.namespace}/{each.name}", each.replicas)
        for each in mesh.istiods
        if each.replicas > 1
    )
    awaiting = ""
    if not mesh.istiods and resource.spec.control_plane.collect is CollectPolicy.ALWAYS:
        awaiting = f"istiod (port {ISTIOD_METRICS_PORT})"
    return Part(findings=findings, awaiting=awaiting)


def _about_tracing(resource: Resource, mesh: Mesh) -> Part:
    spec = resource.spec
    unknown = mesh.tracing is None
    if spec.tracing.zipkin_service is ZipkinServicePolicy.NEVER or unknown:
        return Part()
    if not wants_zipkin_input(spec, mesh) or traces_arrive(spec, mesh):
        return Part()
    host = f"zipkin.{spec.istio.namespace}:9411"
    finding = Finding(
        severity=Severity.INFO,
        reason=FindingReason.TRACING_NOT_CONFIGURED,
        subject=str(ObjectRef(SERVICE, spec.istio.namespace, "zipkin")),
        field="",
        found="is not where the mesh sends its spans",
        consequence="no trace arrives by it",
        remedy=f"set meshConfig.defaultConfig.tracing.zipkin.address to {host} and restart the "
        "workloads, or set spec.tracing.zipkinService: Never",
    )
    return Part(findings=(finding,))
