"""What holds for every plan, whatever the spec and the cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from istio_observability.kube.allow_list import check_allowed
from istio_observability.model.finding import Finding
from istio_observability.model.spec import Mode
from istio_observability.plan.holdings import holdings
from istio_observability.plan.intent import Action
from istio_observability.plan.plan import plan
from istio_observability.plan.plan_workload import WorkloadState
from tests.plan.builders import deleted
from tests.plan.simulator import settle
from tests.plan.strategies import everything_of, resources, snapshots, untouched_snapshots

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot


@given(resources(), snapshots())
def test_plan_answers_for_every_spec_and_cluster(wish, found):
    """No valid spec and no cluster makes the plan raise, and every finding is a full sentence."""
    made = plan(wish, found)

    incomplete = [
        each.sentence()
        for each in made.findings
        if not (each.subject and each.found and each.consequence and each.remedy)
    ]
    assert incomplete == []


@given(resources(), snapshots())
def test_equal_inputs_give_equal_plans(wish, found):
    """The plan is a function: asked twice, it says the same."""
    assert everything_of(wish, found) == everything_of(wish, found)


@given(resources(), snapshots(), st.randoms(use_true_random=False))
def test_order_of_objects_does_not_matter(wish, found, random):
    """A list in another order, as any re-list may give it, is the same cluster."""
    shuffled = {}
    for kind in ("namespaces", "workloads", "agents", "config_maps", "services"):
        items = list(getattr(found, kind).items())
        random.shuffle(items)
        shuffled[kind] = dict(items)
    changes: dict[str, Any] = shuffled

    assert everything_of(wish, found) == everything_of(wish, replace(found, **changes))


@given(resources(), snapshots())
def test_bodies_for_foreign_objects_name_only_what_we_may_write(wish, found):
    """Every apply body, due or not, passes the last filter before the wire."""
    made = plan(wish, found)

    for intent in (*made.due, *made.wanted):
        if intent.action is Action.APPLY:
            assert intent.body is not None
            assert intent.body["metadata"]["uid"] == intent.uid
            check_allowed(intent.body)
    for each in made.workloads:
        if each.wanted is not None:
            check_allowed(each.wanted)


@given(resources(), snapshots())
def test_deletion_only_takes_back(wish, found):
    """
    A resource that is being deleted writes nothing new.

    The one apply is a ConfigMap that loses keys while others are still mounted.
    """
    made = plan(deleted(wish), found)

    for each in (*made.due, *made.wanted):
        if each.body is None:
            assert each.action in (Action.RELEASE, Action.DELETE)
            continue
        live = found.config_maps[each.ref.namespace, each.ref.name]
        kept = {key: facts.value for key, facts in live.keys.items() if facts.ours}
        assert each.ref.kind.kind == "ConfigMap"
        assert each.body["data"].items() <= kept.items()
        # Without our marker a deletion would end before the last key is let go.
        marked = live.wired_by == wish.name or bool(live.owner_uid)
        assert each not in made.due or each.body["data"] != kept or not marked


@given(resources(), snapshots())
def test_applied_plan_leaves_nothing_due(wish, found):
    """After its own writes the plan is at rest: no write repeats, none would conflict."""
    settled = settle(found, wish)

    assert plan(wish, settled).due == ()


@given(resources(), snapshots())
def test_release_leaves_nothing_held(wish, found):
    """A deletion ends: nothing is left in the cluster that carries something of the resource."""
    gone = deleted(wish)
    settled = settle(settle(found, wish), gone)

    assert holdings(gone, _present(settled)) == ()
    assert [
        str(each.ref)
        for each in plan(gone, settled).workloads
        if each.state is WorkloadState.LEAVING
    ] == []


@given(resources(), untouched_snapshots())
def test_deletion_brings_back_what_was_there(wish, found):
    """Wiring and then deleting the resource is no change, whatever stood there before."""
    assert _described(found) == _described(settle(settle(found, wish), deleted(wish)))


@given(resources(), snapshots())
def test_workloads_that_wait_are_told_why_or_may_start(wish, found):
    """A workload without a write due is at rest, held with a reason, or skipped with a reason."""
    for each in plan(wish, found).workloads:
        if each.state in (WorkloadState.WAITING, WorkloadState.LEAVING):
            assert each.intent is not None
        if each.state is WorkloadState.SKIPPED:
            assert each.skip is not None
            assert each.intent is None


@given(resources(), snapshots())
def test_findings_are_sorted_and_told_once(wish, found):
    """Two looks at one cluster show the same list, without doubles."""
    sentences = [each.sentence() for each in plan(wish, found).findings]

    assert len(sentences) == len(set(sentences))
    assert list(plan(wish, found).findings) == sorted(
        plan(wish, found).findings, key=Finding.sort_key
    )


@given(resources("mesh"), resources("other"), snapshots())
def test_two_resources_come_to_rest(one, other, found):
    """Two resources that want the same objects do not take turns in writing them."""
    one, other = _enforced(one), _enforced(other)
    settled = settle(found, one, other)

    assert plan(one, settled, [one, other]).due == ()
    assert plan(other, settled, [one, other]).due == ()


def _enforced(wish: Resource) -> Resource:
    """Return a resource that writes; one that only plans never comes to rest."""
    return replace(wish, spec=wish.spec.model_copy(update={"mode": Mode.ENFORCE}))


def _present(found: Snapshot) -> Snapshot:
    """Return what stays: an object that is being deleted goes without us."""
    changes: dict[str, Any] = {
        kind: {k: v for k, v in getattr(found, kind).items() if not v.deleting}
        for kind in ("agents", "config_maps", "services")
    }
    homes = {k: v for k, v in found.namespaces.items() if not v.terminating}
    return replace(found, **changes, namespaces=homes)


def _described(found: Snapshot) -> object:
    """Return a cluster as its owner would describe it: no roll-out, no time, no pod."""
    return (
        [(k, each.labels, each.injection, each.wired_by) for k, each in found.namespaces.items()],
        [
            (k, each.prom, each.logs, each.wired_by, each.revision and each.wired_by)
            for k, each in found.workloads.items()
        ],
        [
            (k, each.containers, each.volumes, each.config_hash, each.wired_by)
            for k, each in found.agents.items()
        ],
        sorted((k, sorted(each.keys.items())) for k, each in found.config_maps.items()),
        sorted((k, each.owner_uid) for k, each in found.services.items()),
    )


def test_properties_are_about_clusters_that_need_writes():
    """The generator is worth something: it draws clusters in which every action is due."""
    seen: set[Action] = set()

    @given(resources(), snapshots())
    def look(wish: Resource, found: Snapshot) -> None:
        for each in (wish, deleted(wish)):
            seen.update(intent.action for intent in plan(each, found).due)

    look()

    assert set(Action) == seen
