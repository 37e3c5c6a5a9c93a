"""
Show what one resource would change on the recorded cluster.

The same path as ``istio-observability render``: manifests to facts, facts to plan. Nothing is
written anywhere and no cluster is needed.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.lab import REPOSITORY
from dev.show_objects import (
    WISH,
    show_config_map,
    show_daemon_set,
    show_deployment,
    show_namespace,
    show_services,
    show_sources,
)
from istio_observability.cli.manifests import read_directory
from istio_observability.cli.render import bodies_of
from istio_observability.cli.resource_file import resource_in
from istio_observability.cli.subject import Subject
from istio_observability.plan.intent import Wave
from istio_observability.plan.summary import summarise_plan

if TYPE_CHECKING:
    from dev.account import Account
    from dev.describe import Body
    from istio_observability.plan.plan import Plan

RECORDED: Final = Path("dev", "recorded")
RESOURCE: Final = Path("dev", "manifests", "mesh.yaml")


def show_wish(account: Account, resource: Path = RESOURCE, recorded: Path = RECORDED) -> None:
    """
    Write what a resource would change.

    Args:
        account: Where to.
        resource: A file with one ``IstioObservability``, relative to the repository or absolute.
        recorded: A directory of manifests, likewise.

    Raises:
        UsageError: A file cannot be read, or the resource does not say what it may.
    """
    path = REPOSITORY / resource
    wish = resource_in(path)
    bodies = tuple(read_directory(REPOSITORY / recorded))
    planned = Subject(wish, (wish,), bodies, is_cluster=False).plan()
    account.section(f"One resource ({resource})")
    account.block(_without_comment(path.read_text(encoding="utf-8")), "")
    account.section("What it would change")
    account.say(
        "The cluster is a recording: Istio's demo profile, DataKit on three nodes, bookinfo in "
        "namespace prod. Every line with a + would be added, with marks in the metadata of each "
        "object (istio-observability.dev/wired-by and others). Nothing else is touched, and "
        "deleting the resource takes exactly that away again."
    )
    _show_bodies(account, planned, wish.spec.datakit.container_name)
    account.section("What it would cost")
    _show_cost(account, planned)
    _show_findings(account, planned)
    account.section("Next")
    account.say("Everything in full, as it would be sent to the API server:")
    account.command(f".venv/bin/istio-observability render -f {resource} --from {recorded}")
    account.say("The same question to your own cluster; it is read, and nothing is written:")
    account.command(f".venv/bin/istio-observability plan -f {resource} --kubeconfig FILE")
    account.say("See it happen and be undone, on a real control plane and a real istiod:")
    account.command("make demo")


def _show_bodies(account: Account, planned: Plan, container: str) -> None:
    by_kind: dict[str, list[Body]] = defaultdict(list)
    for body, _ in bodies_of(planned):
        by_kind[body["kind"]].append(body)
    for namespace in by_kind["Namespace"]:
        account.blank()
        show_namespace(account, namespace, WISH)
    deployments = by_kind["Deployment"]
    if deployments:
        account.blank()
        show_deployment(account, deployments[0], WISH)
    if len(deployments) > 1:
        account.item(f"and the same for {len(deployments) - 1} more, each with its own source", "")
        show_sources(account, deployments[1:])
    for config_map in by_kind["ConfigMap"]:
        account.blank()
        show_config_map(account, config_map, WISH)
    for daemon_set in by_kind["DaemonSet"]:
        account.blank()
        show_daemon_set(account, daemon_set, container, WISH)
    if services := by_kind["Service"]:
        account.blank()
        show_services(account, services, WISH)


def _show_cost(account: Account, planned: Plan) -> None:
    summary = summarise_plan(planned.revision, planned.due)
    agents = sum(each.restarts_pods for each in planned.due if each.wave is Wave.AGENT)
    pods = summary.restarted_pods - agents
    limit = planned.resource.spec.rollout.max_concurrent
    account.rows(
        [
            ("objects", f"{summary.changes} changed, {summary.creates} created"),
            ("restarts", f"{pods} pods of {summary.restarted_workloads} Deployments, once"),
            ("", f"{agents} DataKit agents, once, one node after the other"),
            ("at a time", f"{limit} Deployments (spec.rollout.maxConcurrent)"),
            ("revision", f"{planned.revision}, equal in every cluster with this spec"),
        ]
    )


def _show_findings(account: Account, planned: Plan) -> None:
    if not planned.findings:
        return
    account.section("What you should know")
    for finding in planned.findings:
        account.say(f"{finding.severity.value}: {finding.sentence()}", "yellow")


def _without_comment(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
