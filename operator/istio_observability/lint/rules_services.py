"""Rules about Services: who defines them, what stands behind them, which ports they translate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import PROM_ANNOTATION
from istio_observability.istio.mesh_config import (
    MeshConfigUnreadable,
    parse_mesh_config,
    providers_referencing,
)
from istio_observability.lint.collection import Collection, service_of
from istio_observability.lint.finding import Problem, Severity, names, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.manifests import Manifest

_ZIPKIN_PORT: Final = "9411"
_MAX_REPLICAS_SAFE: Final = 1


@rule("IOB401", Severity.WARNING)
def undefined_service(collection: Collection) -> Iterator[Problem]:
    """An address names a Service that nobody defines."""
    for prom in collection.conf_proms if collection.has_objects else ():
        for url in prom.urls:
            service = service_of(url)
            if service is None or service in collection.services:
                continue
            namespace, name = service
            if not collection.live and collection.is_shipped(name):
                continue
            where = "in the cluster" if collection.live else "in what was given"
            yield Problem(
                prom.item_at("urls" if prom.keys.get("urls") else "url", url),
                f"an address names Service {names([f'{namespace}/{name}'])}, which is not {where}",
                "every scrape fails until somebody creates it",
                "add the Service",
                subject=prom.subject,
            )


@rule("IOB402", Severity.WARNING)
def replicated_target(collection: Collection) -> Iterator[Problem]:
    """One address stands for several replicas."""
    for prom in collection.conf_proms:
        for url in prom.urls:
            service = collection.services.get(service_of(url) or ("", ""))
            replicas = _replicas_behind(collection, service) if service is not None else 0
            if replicas > _MAX_REPLICAS_SAFE:
                yield Problem(
                    prom.item_at("urls" if prom.keys.get("urls") else "url", url),
                    f"an address is a Service in front of {replicas} replicas",
                    "each scrape meets another one and counters jump between them",
                    "annotate the pods with http://$IP and the port instead",
                    subject=prom.subject,
                )


def _deployments_behind(collection: Collection, service: Manifest) -> Iterator[Manifest]:
    selector = service.node.texts("spec", "selector").items()
    for each in collection.of_kind("Deployment"):
        if each.namespace == service.namespace and selector and selector <= each.pod_labels.items():
            yield each


def _replicas_behind(collection: Collection, service: Manifest) -> int:
    count = 0
    for each in _deployments_behind(collection, service):
        written = each.node.text_of("spec", "replicas")
        replicas = int(written) if written.isdecimal() and len(written) < 6 else 1
        count += max(replicas, _scaled_to(collection, each))
    return count


def _scaled_to(collection: Collection, deployment: Manifest) -> int:
    for each in collection.of_kind("HorizontalPodAutoscaler"):
        aimed = each.node.text_of("spec", "scaleTargetRef", "name")
        if aimed == deployment.name and each.namespace == deployment.namespace:
            written = each.node.text_of("spec", "maxReplicas")
            return int(written) if written.isdecimal() and len(written) < 6 else 1
    return 0


def _ports(service: Manifest) -> list[tuple[str, str]]:
    found = []
    for port in service.node.entries("spec", "ports"):
        number = port.text_of("port")
        found.append((number, port.text_of("targetPort") or number))
    return found


@rule("IOB403", Severity.ERROR)
def external_name_port(collection: Collection) -> Iterator[Problem]:
    """An ExternalName is expected to translate a port."""
    for service in collection.of_kind("Service"):
        if service.node.text_of("spec", "type") != "ExternalName":
            continue
        ports = _ports(service)
        host = service.node.text_of("spec", "externalName").split(".")
        aim = collection.services.get((host[1], host[0])) if len(host) > 1 else None
        wanted = {port for port, _ in ports} or (
            {_ZIPKIN_PORT} if service.name == "zipkin" else set()
        )
        to_agent = aim is None and host[0] == "datakit-service"
        missing = to_agent and _ZIPKIN_PORT in wanted
        if aim is not None and aim.node.text_of("spec", "type") != "ExternalName":
            missing = not wanted <= {port for port, _ in _ports(aim)}
        if any(port != target for port, target in ports) or missing:
            yield Problem(
                service.place,
                "is an ExternalName with a port that the Service it names does not have",
                "it is only another name: callers keep their port and nothing answers there",
                "put a ClusterIP Service with port and targetPort in between",
                subject=service.subject,
            )


@rule("IOB404", Severity.WARNING)
def no_way_for_spans(collection: Collection) -> Iterator[Problem]:
    """Nothing leads spans to the agent."""
    zipkin = [each for each in collection.texts if "zipkin" in each.inputs]
    translated = any(
        number == _ZIPKIN_PORT and target not in {_ZIPKIN_PORT, ""}
        for service in collection.services.values()
        for number, target in _ports(service)
    )
    if zipkin and collection.has_objects and not translated:
        yield Problem(
            zipkin[0].start,
            "the zipkin input is there, but no Service leads port 9411 to the agent's 9529",
            "the input opens no port of its own, an ExternalName cannot translate one,"
            " and since Istio 1.22 no span is sent unless the mesh configuration says so",
            "add a ClusterIP Service 9411 to 9529, and a Service zipkin that names it",
            subject=zipkin[0].subject,
        )


@rule("IOB405", Severity.ERROR)
def provider_of_alias(collection: Collection) -> Iterator[Problem]:
    """A tracing provider refers to an ExternalName."""
    for service in collection.of_kind("Service"):
        if service.node.text_of("spec", "type") != "ExternalName":
            continue
        host = f"{service.name}.{service.namespace}.svc.cluster.local"
        for each in collection.of_kind("ConfigMap"):
            mesh = each.node.get("data", "mesh")
            if mesh is not None and _refers(mesh.text, host):
                yield Problem(
                    mesh.place,
                    f"a provider refers to an ExternalName ({names([host])})",
                    "proxies reject their listeners and new pods never become ready",
                    "refer to the Service behind it",
                    subject=each.subject,
                )


def _refers(mesh_config: str, host: str) -> bool:
    try:
        return bool(providers_referencing(parse_mesh_config(mesh_config), host))
    except MeshConfigUnreadable:
        return False


@rule("IOB407", Severity.ERROR)
def annotated_and_in_a_file(collection: Collection) -> Iterator[Problem]:
    """Pods are scraped by their annotation and through a Service."""
    for prom in collection.conf_proms:
        for url in prom.urls:
            service = collection.services.get(service_of(url) or ("", ""))
            behind = _deployments_behind(collection, service) if service is not None else ()
            if any(PROM_ANNOTATION in each.pod_annotations for each in behind):
                yield Problem(
                    prom.item_at("urls" if prom.keys.get("urls") else "url", url),
                    f"an address leads to pods that have the annotation {PROM_ANNOTATION}",
                    "every series arrives twice",
                    "keep the annotation or the file, not both",
                    subject=prom.subject,
                )


COLLECTION_RULES: Final = (
    undefined_service,
    replicated_target,
    external_name_port,
    no_way_for_spans,
    provider_of_alias,
    annotated_and_in_a_file,
)
