"""
Facts for tests: every builder returns something ordinary, and a test names only what matters.

Ordinary is the stock installation: agent ``datakit/datakit`` with an empty ``datakit-conf``, Istio
with one istiod and two gateways in ``istio-system``, and an injected namespace ``prod``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from istio_observability.model import names
from istio_observability.model.custom_resource import Resource, parse_resource
from istio_observability.plan.agent_facts import (
    AgentFacts,
    ConfigMapFacts,
    ContainerFacts,
    ServiceFacts,
    VolumeFacts,
)
from istio_observability.plan.facts import (
    FieldFacts,
    NamespaceFacts,
    PodCounts,
    RolloutFacts,
    WorkloadFacts,
)
from istio_observability.plan.plan import Plan, plan
from istio_observability.plan.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping


NOW = 1_000_000.0
INJECTED = {"istio-injection": "enabled"}
PROD: dict[str, Any] = {"workloads": {"namespaces": ["prod"]}}
ZIPKIN_MESH = "defaultConfig: {tracing: {zipkin: {address: 'zipkin.istio-system:9411'}}}"
UNFINISHED = RolloutFacts(generation=2, observed_generation=1)
STUCK = RolloutFacts(generation=2, observed_generation=2, updated=0, deadline_exceeded=True)
AGENT_ENV = {
    "ENV_ENABLE_ELECTION": "enable",
    "ENV_NAMESPACE": "cluster-a",
    "ENV_DEFAULT_ENABLED_INPUTS": "cpu,disk,container",
}

Facts = WorkloadFacts | NamespaceFacts | AgentFacts | ConfigMapFacts | ServiceFacts


def resource(spec: Mapping[str, Any] | None = None, **envelope: Any) -> Resource:
    """
    Return a resource that wires ``prod``, or one with the spec given.

    Args:
        spec: In the API's spelling.
        envelope: ``name``, ``uid``, ``created_at``, ``deleting``, ``status``, ``generation``.
    """
    name = envelope.get("name", "mesh")
    metadata = {
        "name": name,
        "uid": envelope.get("uid", f"uid-of-{name}"),
        "generation": envelope.get("generation", 1),
        "creationTimestamp": envelope.get("created_at", "2024-01-01T00:00:00Z"),
        "finalizers": [names.FINALIZER],
    }
    if envelope.get("deleting"):
        metadata["deletionTimestamp"] = "2024-02-02T00:00:00Z"
    return parse_resource(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": metadata,
            "spec": PROD if spec is None else spec,
            "status": envelope.get("status", {}),
        }
    )


def deleted(wish: Resource) -> Resource:
    """Return a resource whose deletion has been asked for."""
    return replace(wish, deleting=True)


def ours(value: str) -> FieldFacts:
    """Return a field that only we own."""
    return FieldFacts(value, ours=True)


def theirs(value: str, *managers: str) -> FieldFacts:
    """Return a field that somebody else owns: Helm, unless named."""
    return FieldFacts(value, others=managers or ("Helm",))


def namespace(name: str = "prod", labels: Mapping[str, str] = INJECTED, **facts: Any) -> Any:
    """Return a Namespace, labelled for injection by its owner."""
    value = labels.get("istio-injection")
    if value is not None:
        facts.setdefault("injection", FieldFacts(value, others=("kubectl",)))
    return NamespaceFacts(name=name, uid=f"uid-of-{name}", labels=dict(labels), **facts)


def workload(name: str = "cart", home: str = "prod", **facts: Any) -> WorkloadFacts:
    """Return a healthy Deployment of one pod, which has a sidecar."""
    app = {"app": name}
    facts.setdefault("pods", PodCounts(1, 1))
    return replace(
        WorkloadFacts(
            namespace=home,
            name=name,
            uid=f"uid-of-{home}-{name}",
            template_labels=app,
            selector=app,
        ),
        **facts,
    )


def istiod(name: str = "istiod", **facts: Any) -> WorkloadFacts:
    """Return the control plane's Deployment, of the default revision."""
    labels = {"app": "istiod", "istio.io/rev": "default"}
    facts = {"labels": labels, "template_labels": {**labels, "istio": "pilot"}, **facts}
    facts.setdefault("pods", PodCounts(1, 0))
    return workload(name, "istio-system", **facts)


def gateway(role: str = "ingress", **facts: Any) -> WorkloadFacts:
    """Return a gateway's Deployment as istioctl lays it out."""
    name = f"istio-{role}gateway"
    labels = {"app": name, "istio": f"{role}gateway"}
    facts = {"labels": labels, "template_labels": labels, "selector": labels, **facts}
    return workload(name, "istio-system", **facts)


def container(name: str = "datakit", **facts: Any) -> ContainerFacts:
    """Return the agent's container, elections on and told apart from other clusters."""
    facts.setdefault("env", AGENT_ENV)
    facts.setdefault("image", "registry.example/datakit:1.84.1")
    return ContainerFacts(name=name, **facts)


def agent(*containers: ContainerFacts, **facts: Any) -> AgentFacts:
    """Return the agent on three nodes; the stock DaemonSet has a volume that nothing mounts."""
    ordinary = {
        "volumes": (VolumeFacts("datakit-conf", "datakit-conf", others=("kubectl apply",)),),
        "selector": {"app": "daemonset-datakit"},
        "rollout": RolloutFacts(wanted=3, present=3, updated=3, available=3),
    }
    return AgentFacts(
        namespace="datakit",
        name="datakit",
        uid="uid-of-datakit",
        containers=containers or (container(),),
        **{**ordinary, **facts},
    )


def config_map(name: str = "datakit-conf", **facts: Any) -> ConfigMapFacts:
    """Return an empty ConfigMap of the agent's owner."""
    return ConfigMapFacts(namespace="datakit", name=name, uid=f"uid-of-{name}", **facts)


def service(name: str, home: str = "istio-system", **facts: Any) -> ServiceFacts:
    """Return a Service that somebody else made."""
    return ServiceFacts(namespace=home, name=name, uid=f"uid-of-{name}", **facts)


def snapshot(*facts: Facts, mesh: str | None = ZIPKIN_MESH, **rest: Any) -> Snapshot:
    """
    Return a snapshot of exactly these objects, and of the namespaces they live in.

    Args:
        facts: Of any kind; of two with one name the later one counts.
        mesh: Mesh configuration, ``None`` if there is none.
        rest: ``taken_at`` and ``revisions``.
    """
    found: dict[type, dict[Any, Any]] = {
        kind: {}
        for kind in (NamespaceFacts, WorkloadFacts, AgentFacts, ConfigMapFacts, ServiceFacts)
    }
    for each in facts:
        key = each.name if isinstance(each, NamespaceFacts) else (each.namespace, each.name)
        found[type(each)][key] = each
    for home, _ in found[WorkloadFacts]:
        labels = INJECTED if home == "prod" else {}
        found[NamespaceFacts].setdefault(home, namespace(home, labels))
    return Snapshot(
        taken_at=rest.get("taken_at", NOW),
        namespaces=found[NamespaceFacts],
        workloads=found[WorkloadFacts],
        agents=found[AgentFacts],
        config_maps=found[ConfigMapFacts],
        services=found[ServiceFacts],
        mesh_configs={} if mesh is None else {("istio-system", "istio"): mesh},
        revisions=rest.get("revisions", frozenset({"default"})),
    )


def cluster(*facts: Facts, **rest: Any) -> Snapshot:
    """Return the stock installation with these objects added to it or in place of its own."""
    stock = (
        namespace("datakit", {}),
        namespace("istio-system", {}),
        namespace("prod"),
        istiod(),
        gateway("ingress"),
        gateway("egress"),
        agent(),
        config_map(),
    )
    return snapshot(*stock, *facts, **rest)


def without(found: Snapshot, *keys: tuple[str, str]) -> Snapshot:
    """Return a snapshot without the namespaced objects of these names."""
    kept: dict[str, Any] = {
        kind: {key: facts for key, facts in getattr(found, kind).items() if key not in keys}
        for kind in ("workloads", "agents", "config_maps", "services")
    }
    return replace(found, **kept)


def plan_of(found: WorkloadFacts, wish: Resource | None = None, **rest: Any) -> Any:
    """
    Return the ``WorkloadPlan`` of one workload of a stock cluster, ``None`` if it has none.

    Args:
        found: The workload.
        wish: The resource, by default one that wires ``prod``.
        rest: ``home``, its Namespace, and ``others``, further resources.
    """
    wish = wish or resource()
    home = rest.get("home") or namespace(found.namespace)
    others = rest.get("others", ())
    planned = plan(wish, cluster(found, home), [wish, *others])
    found_plans = [each for each in planned.workloads if each.ref.name == found.name]
    return found_plans[0] if found_plans else None


def planned(*facts: Facts, spec: Mapping[str, Any] | None = None, **rest: Any) -> Plan:
    """Return the plan of one resource for a stock cluster with these objects."""
    return plan(resource(spec), cluster(*facts, **rest))
