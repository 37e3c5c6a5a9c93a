"""
What the mesh configuration says about tracing: whether spans are sent, by which way, and where.

A proxy learns the address in two ways. The *bootstrap* address is resolved by the proxy itself,
so any name works. A *provider* is looked up by istiod among the services; one that is an
ExternalName is found but has no cluster, proxies then reject their listeners and new pods never
become ready. That is why references to a service are looked for before it is created.

Sources: istio/istio 86c9f01f, pilot/pkg/networking/core/tracing.go, pkg/config/mesh/mesh.go and
releasenotes/notes/drop-default-tracing.yaml; istio/api, mesh/v1alpha1/config.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from istio_observability.istio.catalogue import parse_version

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARS: Final = 1024 * 1024
"""A ConfigMap holds no more; longer text is not parsed."""

LAST_WITH_DEFAULT_TRACER: Final = (1, 21)
"""The last release that sends spans to ``zipkin.<namespace>:9411`` without being told to."""

TRACING_KINDS: Final = (
    "zipkin",
    "opentelemetry",
    "skywalking",
    "datadog",
    "lightstep",
    "opencensus",
    "stackdriver",
)


TRACERS: Final = ("zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent")
"""The tracers that a bootstrap can name; a mesh has one of them at most."""

_PORT: Final = 9411


class MeshConfigUnreadable(ValueError):  # noqa: N818  names the state
    """
    Istio would not accept the text either, or it is too large; nothing can be said about tracing.

    Attributes:
        reason: What is wrong, without any configured value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TracingProvider:
    """
    One extension provider that receives spans.

    Attributes:
        kind: Its field in the configuration: ``zipkin``, ``opentelemetry``, …
        service: Host as it is written, ``""`` for kinds without one.
        port: Port of the service, 0 if absent.
    """

    name: str
    kind: str
    service: str
    port: int


@dataclass(frozen=True, slots=True)
class MeshTracing:
    """
    The part of the mesh configuration that decides about spans.

    Attributes:
        enabled: ``enableTracing``; true unless it is switched off.
        providers: Tracing providers in the order of the configuration.
        default_providers: Names in ``defaultProviders.tracing``; the first one counts.
        bootstrap_address: ``defaultConfig.tracing.zipkin.address``, ``""`` if absent.
        bootstrap_tracer: The tracer named in ``defaultConfig.tracing``, ``""`` if none is.
        trust_domain: As configured; ``cluster.local`` if absent.
        root_namespace: Where mesh-wide Telemetry resources stand, ``""`` if absent.
    """

    enabled: bool = True
    providers: tuple[TracingProvider, ...] = ()
    default_providers: tuple[str, ...] = ()
    bootstrap_address: str = ""
    bootstrap_tracer: str = ""
    trust_domain: str = "cluster.local"
    root_namespace: str = ""


def parse_mesh_config(text: str) -> MeshTracing:
    """
    Read the key ``mesh`` of the ConfigMap ``istio``.

    Args:
        text: YAML; empty text is a configuration of defaults.

    Raises:
        MeshConfigUnreadable: No YAML mapping, a field of the wrong type, or too large.
    """
    config = _load(text)
    default_config = _table(config, "defaultConfig")
    tracing = _table(default_config, "tracing")
    zipkin = _table(tracing, "zipkin")
    enabled = _field(config, "enableTracing")
    if enabled is not None and not isinstance(enabled, bool):
        raise MeshConfigUnreadable("enableTracing has the wrong type")
    return MeshTracing(
        enabled=enabled is not False,
        providers=_providers(_field(config, "extensionProviders")),
        default_providers=_names(_field(_table(config, "defaultProviders"), "tracing")),
        bootstrap_address=_text(zipkin, "address"),
        bootstrap_tracer=next((kind for kind in TRACERS if _field(tracing, kind) is not None), ""),
        trust_domain=_text(config, "trustDomain") or "cluster.local",
        root_namespace=_text(config, "rootNamespace"),
    )


def providers_referencing(mesh: MeshTracing, service_host: str) -> tuple[str, ...]:
    """
    Return the names of the tracing providers that point at a service.

    ``zipkin``, ``zipkin.istio-system``, ``zipkin.istio-system.svc`` and the same with any cluster
    domain, also behind ``namespace/``, count as the same service: a reference too many costs an
    explanation, one too few can cost the mesh.

    Args:
        mesh: The configuration.
        service_host: At least ``<name>.<namespace>``.
    """
    wanted = _service(service_host)
    return tuple(
        provider.name
        for provider in mesh.providers
        if provider.service and _same_service(_service(provider.service), wanted)
    )


def sends_to_zipkin(mesh: MeshTracing, istio_namespace: str, version_hint: str = "") -> bool:
    """
    Return whether spans go to ``zipkin.<istio namespace>:9411`` without further resources.

    Telemetry resources and annotations of pods can change that; they are not looked at.

    Args:
        mesh: The configuration.
        istio_namespace: Namespace of the control plane.
        version_hint: Istio version, ``""`` if unknown. Up to 1.21 the address is the default.
    """
    if not mesh.enabled:
        return False
    host = f"zipkin.{istio_namespace}"
    if mesh.default_providers:
        # A provider wins over the bootstrap, and only the first one is used.
        first = mesh.default_providers[0]
        return any(
            provider.name == first and provider.kind == "zipkin" and provider.port == _PORT
            for provider in mesh.providers
            if provider.name in providers_referencing(mesh, host)
        )
    if mesh.bootstrap_address:
        address, _, port = mesh.bootstrap_address.partition(":")
        return port in {"", str(_PORT)} and _same_service(_service(address), _service(host))
    if mesh.bootstrap_tracer or not version_hint:
        return False
    try:
        return parse_version(version_hint) <= LAST_WITH_DEFAULT_TRACER
    except ValueError:
        return False


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses merge keys: nested ones grow without bound."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise MeshConfigUnreadable("uses YAML merge keys")


def _load(text: str) -> Mapping[str, Any]:
    if len(text) > MAX_CHARS:
        raise MeshConfigUnreadable("is longer than a ConfigMap can be")
    try:
        config = yaml.load(text, Loader=_Loader)  # noqa: S506  derived from the safe loader
    except MeshConfigUnreadable:
        raise
    # The loader lets errors of Python through where a value does not fit its explicit tag.
    except (
        yaml.YAMLError,
        RecursionError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        TypeError,
    ) as error:
        raise MeshConfigUnreadable("is no valid YAML") from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise MeshConfigUnreadable("is no YAML mapping")
    return config


def _field(table: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  YAML values
    """Return a field by its JSON name or its name in the protocol; Istio accepts both."""
    if name in table:
        return table[name]
    return table.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = _field(table, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MeshConfigUnreadable(f"{name} has the wrong type")
    return value


def _text(table: Mapping[str, Any], name: str) -> str:
    value = _field(table, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MeshConfigUnreadable(f"{name} has the wrong type")
    return value


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MeshConfigUnreadable("defaultProviders.tracing has the wrong type")
    return tuple(value)


def _providers(value: object) -> tuple[TracingProvider, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MeshConfigUnreadable("extensionProviders has the wrong type")
    found = []
    for item in value:
        for kind in TRACING_KINDS:
            if _field(item, kind) is None:
                continue
            body = _table(item, kind)
            port = _field(body, "port")
            if port is not None and (not isinstance(port, int) or isinstance(port, bool)):
                raise MeshConfigUnreadable("the port of a provider has the wrong type")
            found.append(
                TracingProvider(_text(item, "name"), kind, _text(body, "service"), port or 0)
            )
    return tuple(found)


def _service(host: str) -> tuple[str, str]:
    """Return name and namespace of a host; the namespace is ``""`` where none is written."""
    prefix, slash, rest = host.strip().lower().rstrip(".").rpartition("/")
    name, _, tail = rest.partition(".")
    namespace, _, domain = tail.partition(".")
    if domain and domain != "svc" and not domain.startswith("svc."):
        # A host outside the cluster, however much its first words look like a service.
        return rest, "."
    return name, namespace or (prefix if slash else "")


def _same_service(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] == other[0] and (one[1] == other[1] or not one[1])
