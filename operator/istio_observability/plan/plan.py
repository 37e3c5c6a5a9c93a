"""
The plan: one pure function from a resource and a snapshot of the cluster.

The operator, ``render`` and the tests all call it, or the functions it is made of. Equal input
gives an equal plan, in an equal order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from istio_observability.model.finding import Finding
from istio_observability.plan.decide_holder import decide_holder
from istio_observability.plan.decide_selection import decide_selection
from istio_observability.plan.mesh import Mesh, read_mesh
from istio_observability.plan.plan_parts import Parts, plan_parts
from istio_observability.plan.plan_workload import WorkloadContext, WorkloadPlan, plan_workload
from istio_observability.plan.revision import decide_renderer, revision_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.facts import NamespaceFacts, WorkloadFacts
    from istio_observability.plan.intent import Intent
    from istio_observability.plan.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one resource. Workloads are sorted by namespace and name."""

    resource: Resource
    revision: str
    renderer: int
    parts: Parts
    workloads: tuple[WorkloadPlan, ...]

    @property
    def due(self) -> tuple[Intent, ...]:
        """Return every write that would change something, in the order of waves."""
        due = [*self.parts.all.due, *(each.intent for each in self.workloads if each.intent)]
        return tuple(sorted(due, key=lambda intent: (intent.wave, intent.ref)))

    @property
    def wanted(self) -> tuple[Intent, ...]:
        """Return every write that states our opinion about parts, due or not."""
        wanted = self.parts.all.wanted
        return tuple(sorted(wanted, key=lambda intent: (intent.wave, intent.ref)))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return everything a user should know, most severe first."""
        found = [*self.parts.all.findings]
        found += [finding for each in self.workloads for finding in each.findings]
        return tuple(sorted(found, key=Finding.sort_key))


def plan(
    resource: Resource,
    snapshot: Snapshot,
    resources: Sequence[Resource] | None = None,
    *,
    impatient: bool = False,
) -> Plan:
    """
    Return the whole plan of one resource.

    Args:
        resource: The wish.
        snapshot: The cluster as observed.
        resources: All resources of the cluster, this one included; without them it is the only one.
        impatient: The agent's pods have been waited for long enough, see ``plan_parts``.

    Raises:
        InvalidScrape: The spec cannot be said in the agent's language.
    """
    everyone = resources if resources is not None else (resource,)
    mesh = read_mesh(snapshot, resource.spec.istio.namespace)
    context = context_of(resource, mesh)
    agent_holder = holder_of_agent(resource, snapshot, everyone)
    workloads = tuple(_plan_workloads(context, snapshot, everyone))
    return Plan(
        resource=resource,
        revision=context.revision,
        renderer=renderer_of(resource),
        parts=plan_parts(resource, snapshot, mesh, agent_holder=agent_holder, impatient=impatient),
        workloads=workloads,
    )


def renderer_of(resource: Resource) -> int:
    """Return the renderer version of a resource: asked for, in use, or the latest."""
    in_use = resource.status.get("renderer")
    return decide_renderer(resource.spec, in_use if isinstance(in_use, int) else None)


def context_of(resource: Resource, mesh: Mesh) -> WorkloadContext:
    """Return what the plans of all workloads of a resource share."""
    return WorkloadContext(resource, mesh, revision_of(resource.spec, renderer_of(resource)))


def holder_of_workload(
    workload: WorkloadFacts, namespace: NamespaceFacts, resources: Sequence[Resource]
) -> str:
    """Return the resource that may write to a workload."""
    claimants = (
        each
        for each in resources
        if decide_selection(each.spec.workloads, workload, namespace).chosen
    )
    return decide_holder(workload.wired_by, claimants)


def holder_of_agent(resource: Resource, snapshot: Snapshot, resources: Sequence[Resource]) -> str:
    """Return the resource that may write to the agent which this resource names."""
    key = (resource.spec.datakit.namespace, resource.spec.datakit.daemon_set_name)
    agent = snapshot.agents.get(key)
    rivals = (
        each
        for each in resources
        if (each.spec.datakit.namespace, each.spec.datakit.daemon_set_name) == key
    )
    return decide_holder(agent.wired_by if agent is not None else "", rivals)


def _plan_workloads(
    context: WorkloadContext, snapshot: Snapshot, resources: Sequence[Resource]
) -> Iterator[WorkloadPlan]:
    for key in sorted(snapshot.workloads):
        workload = snapshot.workloads[key]
        namespace = snapshot.namespaces.get(workload.namespace)
        if namespace is None:
            continue
        planned = plan_workload(
            context,
            workload,
            namespace,
            taken_at=snapshot.taken_at,
            holder=holder_of_workload(workload, namespace, resources),
        )
        if planned is not None:
            yield planned
