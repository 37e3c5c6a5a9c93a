"""
The Services that the document uses and never defines, and the two that lead spans to the agent.

They are ours as a whole: created with our labels, brought back when somebody changes them, deleted
with the resource. A Service of the same name without our labels is somebody else's, whatever
server-side apply would accept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import HTTP_PORT
from istio_observability.model import names
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import CONFIG_MAP, DEPLOYMENT, SERVICE, Body, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import CollectPolicy
from istio_observability.plan.build_agent_config import GATEWAY_FILES, gateway_service_name
from istio_observability.plan.decide_tracing import (
    ZIPKIN_SERVICE,
    leaves_tracing_alone,
    providers_that_would_break,
    wants_zipkin_input,
)
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.mesh import CLUSTER_DOMAIN, PROXY_METRICS_PORT, Mesh
from istio_observability.plan.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from istio_observability.istio.components import Role
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.agent_facts import AgentFacts, ConfigMapFacts, ServiceFacts
    from istio_observability.plan.snapshot import Snapshot

DATAKIT_SERVICE: Final = "datakit-service-ext"
ZIPKIN_PORT: Final = 9411


def service_names(resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return namespace and name of every Service that a resource may create, sorted."""
    istio, datakit = resource.spec.istio.namespace, resource.spec.datakit.namespace
    return tuple(
        sorted(
            [
                *((istio, gateway_service_name(role)) for role in GATEWAY_FILES),
                (istio, ZIPKIN_SERVICE),
                (datakit, DATAKIT_SERVICE),
            ]
        )
    )


def build_gateway_service(resource: Resource, role: Role, selector: Mapping[str, str]) -> Body:
    """Return the Service by which the agent scrapes a gateway, whose own has no port 15020."""
    port = {"name": "http-monitoring", "port": PROXY_METRICS_PORT, "targetPort": PROXY_METRICS_PORT}
    return _service(
        resource,
        resource.spec.istio.namespace,
        gateway_service_name(role),
        {"type": "ClusterIP", "selector": dict(selector), "ports": [{**port, "protocol": "TCP"}]},
    )


def build_datakit_service(resource: Resource, agent: AgentFacts) -> Body:
    """Return the Service that translates Zipkin's port to the agent's: a CNAME cannot do that."""
    port = {"name": "http-zipkin", "port": ZIPKIN_PORT, "targetPort": HTTP_PORT}
    return _service(
        resource,
        agent.namespace,
        DATAKIT_SERVICE,
        {
            "type": "ClusterIP",
            "selector": dict(agent.selector),
            "ports": [{**port, "protocol": "TCP"}],
        },
    )


def build_zipkin_service(resource: Resource) -> Body:
    """Return the alias under which proxies send spans, port named so that it is known as HTTP."""
    target = f"{DATAKIT_SERVICE}.{resource.spec.datakit.namespace}.{CLUSTER_DOMAIN}"
    port = {"name": "http-zipkin", "port": ZIPKIN_PORT, "targetPort": ZIPKIN_PORT}
    return _service(
        resource,
        resource.spec.istio.namespace,
        ZIPKIN_SERVICE,
        {"type": "ExternalName", "externalName": target, "ports": [{**port, "protocol": "TCP"}]},
    )


def plan_gateway_services(resource: Resource, mesh: Mesh, snapshot: Snapshot) -> Part:
    """Return the part of the gateways' Services, with a finding where one hides several pods."""
    part = Part()
    wishes = {gateway.name.value: gateway.collect for gateway in resource.spec.gateways}
    for role in GATEWAY_FILES:
        gateways = mesh.gateways.get(role, ())
        wish = wishes.get(role.value, CollectPolicy.NEVER)
        wanted = not resource.deleting and bool(gateways) and wish is not CollectPolicy.NEVER
        namespace, name = resource.spec.istio.namespace, gateway_service_name(role)
        if not wanted:
            part += _remove(resource, snapshot, namespace, name)
            if not resource.deleting and wish is CollectPolicy.ALWAYS:
                part += Part(awaiting=f"the {role.value} gateway")
            continue
        gateway = gateways[0]
        if not gateway.selector:
            # Without a selector the Service would have no endpoint, and nobody would say so.
            part += Part(findings=(_no_selector(gateway.namespace, gateway.name),), blocked=True)
            part += _remove(resource, snapshot, namespace, name)
            continue
        part += _ensure(resource, snapshot, build_gateway_service(resource, role, gateway.selector))
        pods = sum(each.replicas for each in gateways)
        if pods > 1:
            part += Part(findings=(replicated(f"Service {namespace}/{name}", pods),))
    return part


def plan_tracing_services(
    resource: Resource, mesh: Mesh, agent: AgentFacts | None, snapshot: Snapshot
) -> Part:
    """Return the part of the two Services that lead spans from port 9411 to the agent."""
    spec = resource.spec
    wanted = not resource.deleting and wants_zipkin_input(spec, mesh) and agent is not None
    part = Part()
    if not resource.deleting and leaves_tracing_alone(spec, mesh):
        return Part(findings=(_unreadable(resource, mesh),), blocked=True)
    if wanted and agent is not None:
        part += _ensure(resource, snapshot, build_datakit_service(resource, agent))
    elif agent is not None or resource.deleting or not wants_zipkin_input(spec, mesh):
        part += _remove(resource, snapshot, spec.datakit.namespace, DATAKIT_SERVICE)
    if wanted and mesh.unreadable:
        # A provider may reference it. What stands is left too: Istio goes on as it was.
        return part + Part(findings=(_unreadable(resource, mesh),), blocked=True)
    breaking = providers_that_would_break(spec, mesh)
    if wanted and not breaking:
        return part + _ensure(resource, snapshot, build_zipkin_service(resource))
    if wanted and breaking:
        part += Part(findings=(_would_break(resource, breaking),), blocked=True)
    if breaking or resource.deleting or not wants_zipkin_input(spec, mesh):
        part += _remove(resource, snapshot, spec.istio.namespace, ZIPKIN_SERVICE)
    return part


def _no_selector(namespace: str, name: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.GATEWAY_SELECTOR_MISSING,
        subject=str(ObjectRef(DEPLOYMENT, namespace, name)),
        field="spec.selector.matchLabels",
        found="is empty",
        consequence="no Service can select its pods, so they are not scraped",
        remedy="give the gateway a selector of labels or set its collect to Never",
    )


def replicated(subject: str, pods: int) -> Finding:
    """Return the finding about one scrape address with several pods behind it."""
    return Finding(
        severity=Severity.WARNING,
        reason=FindingReason.REPLICATED_TARGET,
        subject=subject,
        field="",
        found=f"has {pods} pods behind one scrape address",
        consequence="each scrape reads one of them, so counters jump between pods",
        remedy="run one replica or read these series as one pod's, until each pod is scraped",
    )


def _service(resource: Resource, namespace: str, name: str, spec: Body) -> Body:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": ownership_labels(resource)},
        "spec": spec,
    }


def ownership_labels(resource: Resource) -> dict[str, str]:
    """Return the labels by which an object is recognised as created for this resource."""
    return {
        names.MANAGED_BY_LABEL: names.FIELD_MANAGER,
        names.OWNED_BY_LABEL: resource.name,
        names.OWNER_UID_LABEL: resource.uid,
    }


def is_created_for(resource: Resource, live: ServiceFacts | ConfigMapFacts) -> bool:
    """
    Return whether we created an object for this resource.

    A resource that comes from a file has no uid; then the name decides. An object without our
    labels is nobody's of ours in either case.
    """
    if resource.uid:
        return live.owner_uid == resource.uid
    return live.owner_name == resource.name


def _ensure(resource: Resource, snapshot: Snapshot, body: Body) -> Part:
    meta = body["metadata"]
    ref = ObjectRef(SERVICE, meta["namespace"], meta["name"])
    live = snapshot.services.get((ref.namespace, ref.name))
    namespace = snapshot.namespaces.get(ref.namespace)
    if namespace is not None and namespace.terminating:
        return Part()
    uid = live.uid if live is not None else ""
    intent = Intent(Action.ENSURE, Wave.CONFIG, ref, uid, body, "the documented wiring needs it")
    if live is None:
        # Without its namespace it cannot be created; with it, what it belongs to appears.
        return Part(wanted=(intent,), due=() if namespace is None else (intent,))
    if live.deleting:
        return Part(wanted=(intent,))
    if not is_created_for(resource, live):
        if _is_right(live, body):
            return Part()
        return Part(findings=(_foreign(ref, live),), blocked=True)
    current = _is_right(live, body) and live.owner_name == resource.name
    return Part(wanted=(intent,), due=() if current else (intent,))


def _remove(resource: Resource, snapshot: Snapshot, namespace: str, name: str) -> Part:
    live = snapshot.services.get((namespace, name))
    if live is None or not is_created_for(resource, live) or live.deleting:
        return Part()
    ref = ObjectRef(SERVICE, namespace, name)
    intent = Intent(Action.DELETE, Wave.CONFIG, ref, live.uid, None, "not wanted any more")
    return Part(due=(intent,))


def _is_right(live: ServiceFacts, body: Body) -> bool:
    spec = body["spec"]
    if live.type != spec["type"]:
        return False
    if live.type == "ExternalName":
        # A CNAME has no ports; what stands there only names the protocol.
        return bool(live.external_name == spec["externalName"])
    standing = {(number, target) for number, target, _ in live.ports}
    # A further port is somebody else's field: an apply, forced or not, would leave it there.
    ports = {(port["port"], str(port["targetPort"])) for port in spec["ports"]}
    return dict(live.selector) == spec["selector"] and ports <= standing


def _foreign(ref: ObjectRef, live: ServiceFacts) -> Finding:
    what = f"exists as {live.type} and is not ours"
    if live.owner_name:
        what = f"was created for the resource {live.owner_name}"
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.FOREIGN_OBJECT,
        subject=str(ref),
        field="",
        found=what,
        consequence="left as it is, and what it should lead to the agent does not arrive",
        remedy="remove it, or switch that part off in the resource",
    )


def _unreadable(resource: Resource, mesh: Mesh) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.MESH_CONFIG_UNREADABLE,
        subject=str(ObjectRef(CONFIG_MAP, resource.spec.istio.namespace, "istio")),
        field="key mesh",
        found=mesh.unreadable,
        consequence=f"Service {ZIPKIN_SERVICE} is neither created nor removed",
        remedy="correct it",
    )


def _would_break(resource: Resource, providers: tuple[str, ...]) -> Finding:
    ref = ObjectRef(SERVICE, resource.spec.istio.namespace, ZIPKIN_SERVICE)
    return Finding(
        severity=Severity.ERROR,
        reason=FindingReason.PROVIDER_USES_ZIPKIN,
        subject=str(ref),
        field="",
        found="is referenced by the tracing provider " + ", ".join(sorted(providers)),
        consequence="it is not created, because proxies would reject their listeners",
        remedy=(
            f"point the provider at {DATAKIT_SERVICE}.{resource.spec.datakit.namespace}"
            f".{CLUSTER_DOMAIN}, port {ZIPKIN_PORT}"
        ),
    )
