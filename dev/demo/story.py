"""
The demo itself, act by act: stage, plan, wiring, what stands where, undo.

Every act reads what it tells from the API server. A claim that does not hold is told and
remembered; only what makes the next act impossible ends the story.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from dev.demo.exhibits import show_wired
from dev.demo.keep import keep_until_interrupted
from dev.demo.proofs import (
    Counters,
    read_counters,
    read_mesh_pods,
    read_pods,
    read_still_dump,
    tell_differences,
)
from dev.demo.roll_out import RESOURCE, wait_gone, wait_reason
from dev.demo.scene import DemoError
from dev.demo.stage import set_stage, show_log
from dev.lab import traces_of_operator, wait_workloads_ready
from dev.lab.audit import audit_mark, writes_since
from dev.lab.dump import template_hashes
from dev.lab.stage import MANIFESTS
from istio_observability.model.names import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dev.demo.scene import Scene
    from dev.lab import OperatorProcess
    from dev.lab.dump import Dump

MESH: Final = MANIFESTS / "mesh.yaml"
_QUIET_S: Final = 5
_SHOWN_DIFFERENCES: Final = 10


@dataclass(frozen=True, slots=True)
class Before:
    """The cluster before the resource, in everything that must come back."""

    dump: Dump
    counters: Counters
    hashes: Mapping[str, str]
    mesh_pods: Mapping[str, Mapping[str, str]]


def play(scene: Scene) -> None:
    """
    Play all acts.

    Raises:
        DemoError: An act cannot be played; the sentence says why.
        KubectlError: The cluster refused something that the demo needs.
    """
    operator = set_stage(scene)
    try:
        _play_acts(scene, operator)
    except DemoError:
        show_log(scene, operator)
        raise


def _play_acts(scene: Scene, operator: OperatorProcess) -> None:
    before = _look(scene)
    _plan(scene, before)
    _wire(scene)
    show_wired(scene, before.counters)
    if scene.plane is not None:
        _check_silence(scene)
    if scene.keep:
        keep_until_interrupted(scene, operator)
    else:
        _undo(scene, before)


def _look(scene: Scene) -> Before:
    return Before(
        dump=read_still_dump(scene.cluster, everything=scene.plane is not None),
        counters=read_counters(scene.cluster),
        hashes=template_hashes(scene.cluster, "prod"),
        mesh_pods=read_mesh_pods(scene.cluster),
    )


def _plan(scene: Scene, before: Before) -> None:
    account = scene.account
    account.section("The resource, first with mode: Plan")
    text = MESH.read_text(encoding="utf-8")
    account.block("\n".join(line for line in text.splitlines() if line[:1] != "#"), "")
    account.blank()
    account.say("With mode: Plan the operator writes down what it would do, and does nothing:")
    _apply(scene, mode="Plan")
    status = wait_reason(scene, "PlanReady", quiet=True)
    account.blank()
    account.command(f"kubectl get iobs {RESOURCE} -o jsonpath={{.status.plan}}")
    _show_plan(scene, status["plan"])
    now = read_still_dump(scene.cluster, everything=scene.plane is not None)
    changed = tell_differences(before.dump, now)
    account.blank()
    account.check("nothing in the cluster has changed yet", not changed, _first(changed))


def _show_plan(scene: Scene, plan: Mapping[str, Any]) -> None:
    account = scene.account
    account.rows(
        [
            ("plan", f"{plan['id']}, delivers revision {plan['revision']}"),
            ("objects", f"{plan['changes']} to change, {plan['creates']} to create"),
            ("restarts", f"{plan['restartedPods']} pods, those of the agent among them"),
            ("", f"{plan['restartedWorkloads']} Deployments"),
        ],
        depth=2,
    )
    for each in plan["objects"]:
        account.item(f"{each['action']:<10} {each['object']}", depth=2)
    total = plan["changes"] + plan["creates"] + plan["deletes"]
    if total > len(plan["objects"]):
        account.item(f"and {total - len(plan['objects'])} more", "dim", depth=2)


def _wire(scene: Scene) -> None:
    account = scene.account
    account.section("The same resource, now for real")
    account.command(f"kubectl apply -f {MESH.relative_to(MANIFESTS.parents[1])}")
    _apply(scene)
    wait_reason(scene, "AllWired")
    wait_workloads_ready(scene.cluster, "deployments", "prod", timeout_s=scene.timeout_s)
    wait_workloads_ready(scene.cluster, "daemonsets", "datakit", timeout_s=scene.timeout_s)
    account.blank()
    account.command("kubectl get istioobservability")
    account.block(scene.cluster.kubectl("get", "istioobservability"), "", depth=0)
    account.blank()
    for condition in scene.cluster.read("iobs", RESOURCE)["status"]["conditions"]:
        account.item(f"{condition['type']:<18} {condition['status']:<6} {condition['reason']}")
    for finding in scene.cluster.read("iobs", RESOURCE)["status"].get("findings") or []:
        account.blank()
        account.say(f"{finding['severity']}: {finding['message']}", "yellow")


def _check_silence(scene: Scene) -> None:
    if scene.plane is None:
        return
    mark = audit_mark(scene.plane)
    time.sleep(_QUIET_S)
    wrote = [f"{each.verb} {each.resource} {each.name}" for each in writes_since(scene.plane, mark)]
    claim = f"nothing to do, so nothing written: 0 requests of the operator in {_QUIET_S} s"
    scene.account.check(claim, not wrote, _first(wrote))


def _undo(scene: Scene, before: Before) -> None:
    account, cluster = scene.account, scene.cluster
    account.section("Delete it: everything goes back")
    account.command(f"kubectl delete iobs {RESOURCE}")
    cluster.kubectl("delete", "iobs", RESOURCE, "--wait=false")
    wait_gone(scene)
    after = _look(scene)
    account.blank()
    changed = tell_differences(before.dump, after.dump)
    where = "of the whole cluster" if scene.plane is not None else "of the demo's namespaces"
    account.check(
        f"{len(after.dump)} objects {where}, dumped before and after: equal",
        not changed,
        _first(changed),
    )
    same = sum(after.hashes.get(name) == digest for name, digest in before.hashes.items())
    account.check(
        f"pod-template-hash of {same}/{len(before.hashes)} Deployments is the original one",
        after.hashes == before.hashes,
    )
    pods = read_pods(cluster)
    bare = sum(each.wired == 0 < each.total for each in pods.values())
    account.check(f"{bare}/{len(pods)} run without sidecar again, as before", bare == len(pods))
    traces = traces_of_operator(cluster, manager=FIELD_MANAGER)
    account.check(
        f"no managedFields names {FIELD_MANAGER}, no label or annotation of ours is left",
        not traces,
        _first(traces),
    )
    annotations = sum(map(len, after.mesh_pods.values()))
    account.check(
        f"Istio's {len(after.mesh_pods)} pods were never restarted, and the {annotations} "
        "annotations that admission and charts set on them are there",
        after.mesh_pods == before.mesh_pods,
    )
    rolled = after.counters.agent - before.counters.agent
    account.check(
        f"template of the agents: changed {rolled} times in all, once each way", rolled == 2
    )


def _apply(scene: Scene, mode: str = "") -> None:
    body = yaml.safe_load(MESH.read_text(encoding="utf-8"))
    if mode:
        body["spec"]["mode"] = mode
    scene.cluster.kubectl("apply", "-f", "-", input=json.dumps(body))


def _first(lines: list[str]) -> str:
    rest = len(lines) - _SHOWN_DIFFERENCES
    more = [f"and {rest} more"] if rest > 0 else []
    return "\n".join([*lines[:_SHOWN_DIFFERENCES], *more])
