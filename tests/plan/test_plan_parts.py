"""The parts together: who waits for whom, and what is let go when the wish moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from istio_observability.datakit.layout import AgentFile
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.holdings import holdings
from istio_observability.plan.intent import Action
from istio_observability.plan.plan import plan
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from tests.plan.builders import (
    agent,
    cluster,
    config_map,
    deleted,
    istiod,
    ours,
    resource,
    without,
    workload,
)
from tests.plan.simulator import settle

AGENT, CONF = ("datakit", "datakit"), ("datakit", "datakit-conf")
OWN = ("datakit", OWN_CONFIG_MAP)
PROMISED_BY_NOBODY = without(cluster(agent(volumes=())), CONF)


def due(wish, found, others=()):
    """Return what is due as (action, object)."""
    return [(each.action, str(each.ref)) for each in plan(wish, found, [wish, *others]).due]


def test_waves_are_in_order():
    """Label, configuration, agent, workloads; objects by name within a wave."""
    made = plan(resource(), cluster(workload("b"), workload("a")))
    waves = [each.wave for each in made.due]

    assert waves == sorted(waves)
    assert [each.ref.name for each in made.due][-2:] == ["a", "b"]


def test_agent_of_another_resource_is_left_to_it():
    """One agent has one configuration."""
    mine, other = resource(), resource(name="other")
    found = settle(cluster(), other)
    part = plan(mine, found, [mine, other]).parts.agent

    assert (part.due, part.blocked) == ((), True)
    assert [each.reason for each in part.findings] == [FindingReason.FOREIGN_OBJECT]


def test_config_map_that_is_promised_is_awaited():
    """The agent's volume names it, so its owner will bring it."""
    part = plan(resource(), without(cluster(), CONF)).parts.agent

    assert (part.awaiting, part.due) == ("ConfigMap datakit/datakit-conf", ())


def test_own_config_map_goes_when_the_named_one_appears():
    """Keys and mounts move, and what we created is deleted."""
    wired = settle(PROMISED_BY_NOBODY, resource())
    moved = settle(
        replace(wired, config_maps={**wired.config_maps, CONF: config_map()}), resource()
    )

    assert OWN in wired.config_maps
    assert OWN not in moved.config_maps
    assert moved.config_maps[CONF].held
    assert {each.config_map for each in moved.agents[AGENT].volumes} == {"datakit-conf"}


def test_both_config_maps_are_let_go_without_an_agent():
    """What we hold may outlive the DaemonSet."""
    held = config_map(keys={"zipkin.conf": ours("x")}, wired_by="mesh")
    own = config_map(OWN_CONFIG_MAP, owner_name="mesh", owner_uid="uid-of-mesh")
    found = without(cluster(held, own), AGENT)

    assert due(deleted(resource()), found) == [
        (Action.RELEASE, "ConfigMap datakit/datakit-conf"),
        (Action.DELETE, f"ConfigMap datakit/{OWN_CONFIG_MAP}"),
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"datakit": {"daemonSetName": "other"}},
        {"datakit": {"configMapName": "other"}},
        {"datakit": {"namespace": "elsewhere"}},
        {"istio": {"namespace": "elsewhere"}},
    ],
    ids=["another DaemonSet", "another ConfigMap", "another namespace", "another Istio"],
)
def test_what_the_spec_no_longer_names_is_let_go(spec):
    """A wish that moves leaves nothing behind."""
    wish = resource(spec)
    moved = settle(settle(cluster(), resource({})), wish)
    gone = settle(moved, deleted(wish))

    assert holdings(deleted(wish), gone) == ()
    assert all(not each.held for each in gone.config_maps.values())


TRACING = {
    "told by the mesh config": (cluster(), []),
    "the default of old releases": (cluster(istiod(image_version="1.20.3"), mesh=""), []),
    "no default any more": (
        cluster(istiod(image_version="1.22.0"), mesh=""),
        [FindingReason.TRACING_NOT_CONFIGURED],
    ),
    "an unknown release": (cluster(mesh=""), [FindingReason.TRACING_NOT_CONFIGURED]),
    "no mesh config": (cluster(mesh=None), []),
}


@pytest.mark.parametrize(("found", "expected"), TRACING.values(), ids=TRACING)
def test_mesh_that_sends_no_spans_is_told(found, expected):
    """Only where it is known."""
    assert expected == [each.reason for each in plan(resource(), found).parts.tracing.findings]


def test_files_are_those_that_the_mesh_has_targets_for():
    """A file for a gateway that is not there would be an error in the agent's log."""
    found = without(cluster(), ("istio-system", "istio-egressgateway"))

    assert plan(resource(), found).parts.files == set(AgentFile) - {AgentFile.EGRESS_GATEWAY}


def test_deleted_resource_finds_nothing():
    """Who lets go has nothing to complain about."""
    found = cluster(istiod(replicas=3), agent(on_delete=True), mesh="")

    assert plan(deleted(resource()), found).findings == ()


IF_USED = {"tracing": {"zipkinService": "IfUsed"}}


def test_mistyped_mesh_config_changes_nothing_that_depends_on_it():
    """The agent is not rolled, and no Service goes, until somebody corrects a typing mistake."""
    wish = resource(IF_USED)
    settled = settle(cluster(), wish)
    mistyped = replace(settled, mesh_configs={("istio-system", "istio"): "no: [mesh"})
    parts = plan(wish, mistyped).parts

    assert AgentFile.ZIPKIN in parts.files
    assert parts.all.due == ()
    assert [each.reason for each in parts.tracing.findings] == [
        FindingReason.MESH_CONFIG_UNREADABLE
    ]


def test_immutable_config_map_holds_up_no_release():
    """The mounts go, and then the ownership of keys that nobody can remove any more."""
    wish = resource()
    settled = settle(cluster(), wish)
    home = ("datakit", "datakit-conf")
    frozen = replace(settled.config_maps[home], immutable=True)
    found = replace(settled, config_maps={**settled.config_maps, home: frozen})

    assert holdings(deleted(wish), settle(found, deleted(wish))) == ()
