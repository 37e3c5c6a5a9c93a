"""Show every object of the wiring as it now stands, and check what is claimed about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dev.control_plane import KubectlError
from dev.demo.proofs import count_current_agents, read_counters, read_pods
from dev.demo.scene import DemoError
from dev.describe import annotation_of, config_hash_of, keys_of, mounts_of
from dev.show_objects import (
    show_config_map,
    show_daemon_set,
    show_deployment,
    show_namespace,
    show_services,
    show_sources,
)
from istio_observability.datakit.layout import AgentFile

if TYPE_CHECKING:
    from dev.demo.proofs import Counters
    from dev.demo.scene import Scene
    from dev.describe import Body

_SERVICES = (
    ("datakit", "datakit-service-ext"),
    ("istio-system", "istio-egressgateway-ext"),
    ("istio-system", "istio-ingressgateway-ext"),
    ("istio-system", "zipkin"),
)
_CONTAINER = "datakit"


def show_wired(scene: Scene, before: Counters) -> None:
    """
    Show what of ours stands on each object, then check it.

    Args:
        scene: The cluster after the wiring.
        before: How often templates had changed before it.

    Raises:
        DemoError: An object is not there at all.
    """
    account = scene.account
    account.section("What stands where now")
    namespace = _read(scene, "namespace", "prod")
    show_namespace(account, namespace)
    account.blank()
    deployments = _read(scene, "deployments", "-n", "prod")["items"]
    show_deployment(account, deployments[0])
    pods, counters = read_pods(scene.cluster), read_counters(scene.cluster)
    rises = {name: count - before.workloads[name] for name, count in counters.workloads.items()}
    names = [item["metadata"]["name"] for item in deployments]
    account.item("and the same on the others, each with its own source")
    sidecars = [f"{pods[name].wired}/{pods[name].total}" for name in names]
    show_sources(
        account,
        deployments,
        {"SIDECARS": sidecars, "ROLL-OUTS": [str(rises[name]) for name in names]},
    )
    account.blank()
    config_map = _read(scene, "configmap", "datakit-conf", "-n", "datakit")
    show_config_map(account, config_map)
    account.blank()
    daemon_set = _read(scene, "daemonset", "datakit", "-n", "datakit")
    show_daemon_set(account, daemon_set, _CONTAINER)
    account.blank()
    services = [_read(scene, "service", name, "-n", place) for place, name in _SERVICES]
    show_services(account, services)
    account.section("Is it true?")
    _check_workloads(scene, namespace, deployments, rises)
    _check_agents(scene, config_map, daemon_set, before, counters)


def _check_workloads(
    scene: Scene, namespace: Body, deployments: list[Body], rises: dict[str, int]
) -> None:
    account, total = scene.account, len(deployments)
    label = (namespace["metadata"].get("labels") or {}).get("istio-injection")
    account.check("namespace prod is labelled for injection", label == "enabled", str(label))
    wired = sum(bool(annotation_of(item)) for item in deployments)
    account.check(f"{wired}/{total} Deployments carry the annotation", wired == total > 0)
    pods = read_pods(scene.cluster)
    good = sum(each.wired == each.total > 0 for each in pods.values())
    account.check(
        f"{good}/{total} have a real sidecar and the annotation in every pod", good == total
    )
    once = sum(count == 1 for count in rises.values())
    account.check(f"{once}/{total} were rolled out exactly once", once == total)


def _check_agents(
    scene: Scene, config_map: Body, daemon_set: Body, before: Counters, now: Counters
) -> None:
    account, files = scene.account, len(AgentFile)
    keys = {key for key, _ in keys_of(config_map)}
    mounted = {key for _, key in mounts_of(daemon_set, _CONTAINER)}
    account.check(
        f"{len(keys)}/{files} keys are in the ConfigMap and {len(mounted)}/{files} are mounted",
        keys == mounted and len(keys) == files and bool(config_hash_of(daemon_set)),
    )
    current, wanted = count_current_agents(scene.cluster)
    account.check(f"{current}/{wanted} agents run with that configuration", current == wanted > 0)
    rolled = now.agent - before.agent
    revisions = now.agent_revisions - before.agent_revisions
    account.check(
        f"the agents were rolled once: {rolled} change of the template, {revisions} new "
        "ControllerRevision",
        rolled == revisions == 1,
    )


def _read(scene: Scene, *arguments: str) -> Body:
    try:
        return scene.cluster.read(*arguments)
    except KubectlError as error:
        raise DemoError(
            f"{' '.join(arguments)}: cannot be read ({error.stderr.strip()})"
        ) from error
