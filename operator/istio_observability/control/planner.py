"""
Ask the pure plan about one resource, part by part and workload by workload, and keep the answers.

Between the inventory and the plan: it chooses which facts the plan sees and records what it says.
Nothing is written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.control.gather import named_objects
from istio_observability.datakit.prom import InvalidScrape
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import DEPLOYMENT, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.holdings import holdings
from istio_observability.plan.mesh import read_mesh
from istio_observability.plan.plan import context_of, holder_of_agent, holder_of_workload
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from istio_observability.plan.plan_parts import plan_parts
from istio_observability.plan.plan_services import service_names
from istio_observability.plan.plan_workload import WorkloadPlan, WorkloadState, plan_workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from istio_observability.control.inventory import Inventory
    from istio_observability.control.ledger import Ledger, WorkloadKey
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot


class Planner:
    """
    Plans into ledgers.

    Attributes:
        ledgers: By resource name; a resource without ledger is not known.
    """

    def __init__(self, inventory: Inventory, clock: Callable[[], float]) -> None:
        self.ledgers: dict[str, Ledger] = {}
        self._inventory = inventory
        self._clock = clock

    def follow(self, resource: Resource) -> None:
        """Have the objects followed that only this resource names."""
        spec = resource.spec
        self._inventory.follow_agent(spec.datakit.namespace, spec.datakit.daemon_set_name)
        for name in (spec.datakit.config_map_name, OWN_CONFIG_MAP):
            self._inventory.follow_config_map(spec.datakit.namespace, name)
        for namespace, name in service_names(resource):
            self._inventory.follow_service(namespace, name)
        self._inventory.follow_mesh_config(spec.istio.namespace)

    def is_informed(self, resource: Resource) -> bool:
        """Return whether everything that a resource is decided from has been listed."""
        return self._inventory.watches.synced(named_objects(resource))

    def denied(self, resource: Resource) -> tuple[ObjectRef, ...]:
        """Return what of it the API server refuses to show, sorted."""
        return self._inventory.watches.denied(named_objects(resource))

    def parts(self, ledger: Ledger) -> None:
        """Plan everything but workloads anew."""
        snapshot = self._inventory.snapshot()
        resource = ledger.resource
        mesh = read_mesh(snapshot, resource.spec.istio.namespace)
        ledger.context = context_of(resource, mesh)
        try:
            ledger.parts = plan_parts(
                resource,
                snapshot,
                mesh,
                agent_holder=self._holder_of_agent(resource, snapshot),
                impatient=ledger.release_overdue(self._clock()),
            )
        except InvalidScrape as error:
            ledger.parts = None
            ledger.problems[resource.ref] = _unsayable(resource, error)
            return
        # What is not due any more cannot fail any more; workloads have plans of their own.
        kept = {resource.ref, *(each.ref for each in ledger.parts.all.due)}
        for ref in {*ledger.problems, *ledger.not_before} - kept:
            if ref.kind != DEPLOYMENT:
                ledger.settle(ref)

    def workload(self, ledger: Ledger, key: WorkloadKey) -> WorkloadPlan | None:
        """Plan one workload anew and count the answer."""
        plan = self._plan(ledger, key)
        ledger.record(key, plan, self._clock())
        if plan is None or plan.state is not WorkloadState.WAITING:
            ledger.starting.discard(key)
        if plan is None or plan.intent is None:
            ledger.settle(ObjectRef(DEPLOYMENT, *key))
        return plan

    def to_release(self, ledger: Ledger) -> int:
        """Return how many objects a resource that is being deleted still holds."""
        held = holdings(ledger.resource, self._inventory.snapshot())
        return len(held) + ledger.tally.leaving

    def is_released(self, ledger: Ledger) -> bool:
        """Return whether nothing of a resource that is being deleted is left in the cluster."""
        if not ledger.complete or ledger.parts is None or ledger.starting or ledger.writing:
            return False
        return self.to_release(ledger) == 0 and not ledger.parts.all.due

    def _plan(self, ledger: Ledger, key: WorkloadKey) -> WorkloadPlan | None:
        facts = self._inventory.workload(key)
        namespace = self._inventory.namespace(key[0])
        if facts is None or namespace is None or ledger.context is None:
            return None
        try:
            return plan_workload(
                ledger.context,
                facts,
                namespace,
                taken_at=self._inventory.snapshot().taken_at,
                holder=self._keeper(facts.wired_by)
                or holder_of_workload(facts, namespace, self._valid()),
            )
        except InvalidScrape as error:
            ledger.problems[ledger.resource.ref] = _unsayable(ledger.resource, error)
            return None

    def _holder_of_agent(self, resource: Resource, snapshot: Snapshot) -> str:
        datakit = resource.spec.datakit
        agent = snapshot.agents.get((datakit.namespace, datakit.daemon_set_name))
        keeper = self._keeper(agent.wired_by) if agent is not None else ""
        return keeper or holder_of_agent(resource, snapshot, self._valid())

    def _keeper(self, wired_by: str) -> str:
        """Return who keeps what it holds because its spec is refused: it lets nothing go either."""
        ledger = self.ledgers.get(wired_by)
        return wired_by if ledger is not None and ledger.invalid else ""

    def _valid(self) -> Sequence[Resource]:
        return [each.resource for each in self.ledgers.values() if not each.invalid]


def _unsayable(resource: Resource, error: InvalidScrape) -> Finding:
    return Finding(
        Severity.ERROR,
        FindingReason.INVALID_SPEC,
        str(resource.ref),
        "spec.metrics",
        f"cannot be said in the agent's language ({error})",
        "nothing is changed for this resource",
        "change that value",
    )
