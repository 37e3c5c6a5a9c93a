"""Who is wired follows labels, selectors and rank between resources, also after the fact."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from dev.lab import wait_until
from istio_observability.model import names
from tests.control_plane.operator_support import (
    BOOKINFO,
    LOGS,
    MINIMAL,
    PROM,
    TEMPLATES,
    Counters,
    Stage,
    app,
    extra_namespace,
    markers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]

WIRE = names.WIRE_LABEL
REVIEWS = {"reviews-v1", "reviews-v2", "reviews-v3"}


@pytest.fixture
def mesh(wired: Stage) -> Iterator[Stage]:
    """The wired stage; the smallest resource holds again afterwards."""
    yield wired
    wired.wire(MINIMAL)
    wired.counters()
    wired.settle()


def label(stage: Stage, what: str, value: str | None, *place: str) -> None:
    """Set or remove the label by which a team decides for itself."""
    stage.plane.kubectl("label", what, *place, f"{WIRE}={value}" if value else f"{WIRE}-")


def test_workload_opts_out_and_in_again(mesh):
    """The label un-wires one workload at once and nothing else; without it, it is wired again."""
    before = mesh.counters()
    label(mesh, "deployment/reviews-v2", "false", "-n=prod")
    wait_until("it is un-wired", lambda: mesh.count("optedOut") == 1)

    rolled = mesh.counters().since(before)
    live = mesh.deployment("reviews-v2")
    assert mesh.wired() == set(BOOKINFO) - {"reviews-v2"}
    assert markers(live) == {}
    assert rolled == Counters({"reviews-v2": 1}, 0)
    assert mesh.ready() == ("True", "AllWired")
    assert mesh.status()["skippedByReason"] == {"OptedOut": 1}

    label(mesh, "deployment/reviews-v2", None, "-n=prod")
    wait_until("it is wired", lambda: mesh.wired() == set(BOOKINFO))
    assert mesh.counters().since(before) == Counters({"reviews-v2": 2}, 0)


def test_namespace_opts_out_and_one_workload_stays(mesh):
    """The label nearest to a workload wins over the one of its namespace."""
    label(mesh, "deployment/details-v1", "true", "-n=prod")
    label(mesh, "namespace/prod", "false")
    wait_until("only one is left", lambda: mesh.wired() == {"details-v1"})
    wait_until("the others are counted", lambda: mesh.count("optedOut") == 5)
    assert mesh.status()["workloads"]["summary"] == "1/1"

    label(mesh, "namespace/prod", None)
    label(mesh, "deployment/details-v1", None, "-n=prod")
    wait_until("all are wired", lambda: mesh.count("wired") == len(BOOKINFO))


def test_team_opts_in_without_being_selected(mesh):
    """A workload in the mesh that no selector names is wired by its own label, and let go again."""
    mesh.create(extra_namespace("team", **{"istio-injection": "enabled"}))
    mesh.create(app("cart", "team"))
    mesh.create(app("other", "team"))
    label(mesh, "deployment/cart", "true", "-n=team")
    wait_until("it is wired", lambda: mesh.wired("team") == {"cart"})
    wait_until("it is counted", lambda: mesh.count("wired") == len(BOOKINFO) + 1)

    label(mesh, "deployment/cart", None, "-n=team")
    wait_until("it is let go", lambda: mesh.wired("team") == set())
    assert markers(mesh.deployment("cart", "team")) == {}


def test_narrower_selector_lets_go(mesh):
    """Workloads that are chosen no longer are un-wired, once each, and not counted any more."""
    before = mesh.counters()
    selector = {"matchLabels": {"app": "reviews"}}
    mesh.wire({**MINIMAL, "workloads": {"namespaces": ["prod"], "selector": selector}})

    wait_until("the others are let go", lambda: mesh.wired() == REVIEWS)
    mesh.settle()
    rolled = mesh.counters().since(before)
    assert rolled == Counters(dict.fromkeys(set(BOOKINFO) - REVIEWS, 1), 0)
    assert mesh.status()["workloads"]["summary"] == "3/3"


def test_logs_come_with_the_metrics_in_one_roll_out(stage_of_logs):
    """Both annotations land in the same write, so asking for logs costs no second restart."""
    stage, before = stage_of_logs
    stage.wire({**MINIMAL, "logs": {"collect": "Always"}})
    stage.settle()

    rolled = stage.counters().since(before)
    texts = {name: stage.annotations(name) for name in BOOKINFO}
    logs = {name: json.loads(found[LOGS]) for name, found in texts.items()}
    assert rolled.workloads == dict.fromkeys(BOOKINFO, 1)
    assert all(PROM in found for found in texts.values())
    assert {name: each[0]["source"] for name, each in logs.items()} == {
        name: f"prod-{name}" for name in BOOKINFO
    }


@pytest.fixture
def stage_of_logs(wired: Stage) -> Iterator[tuple[Stage, Counters]]:
    """The stage without a resource, and its counters; the smallest resource holds afterwards."""
    wired.delete()
    yield wired, wired.counters()
    wired.wire(MINIMAL)
    wired.counters()
    wired.settle()


def test_logs_switched_off_again_leave_the_metrics(mesh):
    """Taking one annotation away keeps the other, in one roll-out per workload."""
    mesh.wire({**MINIMAL, "logs": {"collect": "Always"}})
    before = mesh.counters()

    mesh.wire(MINIMAL)
    mesh.settle()
    assert mesh.counters().since(before) == Counters(dict.fromkeys(BOOKINFO, 1), 0)
    assert {tuple(mesh.annotations(name)) for name in BOOKINFO} == {(PROM,)}


def test_another_interval_rolls_everything_exactly_once(mesh):
    """A change of what is delivered restarts each workload and the agent once."""
    before, mark = mesh.counters(), mesh.mark()
    mesh.wire({**MINIMAL, "metrics": {"interval": "30s"}})
    mesh.settle()

    assert mesh.counters().since(before) == Counters(dict.fromkeys(BOOKINFO, 1), 1)
    assert len(mesh.writes(mark, *TEMPLATES)) == len(BOOKINFO) + 1
    (found,) = tomllib.loads(mesh.annotations("details-v1")[PROM])["inputs"]["prom"]
    assert found["interval"] == "30s"


def test_pace_alone_restarts_nothing(mesh):
    """Fields that are not delivered change neither revision nor pods."""
    before, revision = mesh.counters(), mesh.status()["revision"]
    mesh.wire({**MINIMAL, "rollout": {"maxConcurrent": 1, "timeout": "5m"}})
    mesh.settle()

    assert mesh.counters().since(before) == Counters({}, 0)
    assert mesh.status()["revision"] == revision


def test_older_resource_keeps_a_workload_and_hands_it_over(mesh):
    """The second resource says who holds what; when the first is deleted it takes over at once."""
    second = {"workloads": {"namespaces": ["prod"]}, "injection": {"namespaces": ["prod"]}}
    mark = mesh.mark()
    mesh.apply(second, "second")
    wait_until(
        "the second stands back",
        lambda: mesh.status("second").get("skippedByReason") == {"HeldByAnother": 6},
    )
    mesh.settle()
    assert mesh.ready("second")[0] == "False"
    assert mesh.writes(mark, *TEMPLATES) == []
    assert mesh.ready() == ("True", "AllWired")

    before, mark = mesh.counters(), mesh.mark()
    mesh.delete()
    mesh.wait_ready("second")
    mesh.settle()
    assert mesh.counters().since(before) == Counters({}, 0)
    assert {markers(mesh.deployment(name))["wired-by"] for name in BOOKINFO} == {"second"}
    assert markers(mesh.agent())["wired-by"] == "second"
    assert len(mesh.writes(mark, *TEMPLATES)) == len(BOOKINFO) + 1
    assert mesh.status("second")["workloads"]["summary"] == "6/6"

    mesh.delete("second")
