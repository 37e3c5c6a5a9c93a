"""What a mesh configuration says about spans."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.istio.mesh_config import (
    MeshConfigUnreadable,
    MeshTracing,
    TracingProvider,
    parse_mesh_config,
    providers_referencing,
    sends_to_zipkin,
)

HOST = "zipkin.istio-system"
FULL = """
accessLogFile: /dev/stdout
enableTracing: true
trustDomain: td.example
rootNamespace: istio-system
defaultConfig:
  discoveryAddress: istiod.istio-system.svc:15012
  tracing:
    sampling: 100
    zipkin:
      address: zipkin.istio-system:9411
defaultProviders:
  metrics: [prometheus]
  tracing: [zipkin]
extensionProviders:
- name: prometheus
  prometheus: {}
- name: zipkin
  zipkin:
    service: zipkin.istio-system.svc.cluster.local
    port: 9411
- name: otel
  opentelemetry: {service: otel.obs.svc.cluster.local, port: 4317}
- name: authz
  envoyExtAuthzGrpc: {service: zipkin.istio-system.svc.cluster.local, port: 9411}
"""


def test_all_fields_are_read():
    """Providers that receive no spans are left out."""
    assert parse_mesh_config(FULL) == MeshTracing(
        enabled=True,
        providers=(
            TracingProvider("zipkin", "zipkin", "zipkin.istio-system.svc.cluster.local", 9411),
            TracingProvider("otel", "opentelemetry", "otel.obs.svc.cluster.local", 4317),
        ),
        default_providers=("zipkin",),
        bootstrap_address="zipkin.istio-system:9411",
        bootstrap_tracer="zipkin",
        trust_domain="td.example",
        root_namespace="istio-system",
    )


@pytest.mark.parametrize("text", ["", "---\n", "{}", "# nothing\n"])
def test_an_empty_configuration_is_one_of_defaults(text: str):
    """Tracing is enabled, and nobody is told where to."""
    assert parse_mesh_config(text) == MeshTracing()


def test_names_of_the_protocol_are_read_too():
    """Istio accepts both spellings, so a provider cannot hide behind the other one."""
    text = "extension_providers:\n- {name: z, zipkin: {service: zipkin.istio-system, port: 9411}}\n"

    assert providers_referencing(parse_mesh_config(text), HOST) == ("z",)


UNREADABLE = {
    "broken": "a: [",
    "tab": "defaultConfig:\n\ttracing: {}\n",
    "list": "- a",
    "text": "just words",
    "flag as a text": "enableTracing: maybe",
    "section as a text": "defaultConfig: x",
    "address as a number": "defaultConfig: {tracing: {zipkin: {address: 9411}}}",
    "providers as a mapping": "extensionProviders: {a: b}",
    "provider as a text": "extensionProviders: [a]",
    "port as a text": "extensionProviders: [{name: a, zipkin: {service: x, port: y}}]",
    "default providers as a text": "defaultProviders: {tracing: zipkin}",
    "python object": "a: !!python/object/apply:os.getcwd []",
    "merge keys": "a: &a {b: c}\nd: {<<: *a}\n",
    "too deep": "a: " + "[" * 5_000,
    "too long": "#" * 2_000_000,
    "tagged empty number": "a: !!int ''",
    "tagged flag": "a: !!bool x",
    "tagged date": "a: !!timestamp x",
    "unhashable key": "? [a]\n: b\n? {c: d}\n: e",
    "impossible date": "a: 2024-99-99",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_configurations(text: str):
    """Nothing is guessed from a text that Istio would not accept."""
    with pytest.raises(MeshConfigUnreadable) as error:
        parse_mesh_config(text)

    assert 0 < len(error.value.reason) < 80


@given(st.text(max_size=100))
def test_any_text_is_read_or_unreadable(text: str):
    """No text makes the parser fail in another way."""
    with suppress(MeshConfigUnreadable):
        assert isinstance(parse_mesh_config(text), MeshTracing)


REFERENCES = {
    "zipkin.istio-system.svc.cluster.local": True,
    "zipkin.istio-system.svc.corp.example": True,
    "zipkin.istio-system.svc": True,
    "zipkin.istio-system": True,
    "zipkin.istio-system.svc.cluster.local.": True,
    "Zipkin.Istio-System.svc.cluster.local": True,
    "istio-system/zipkin.istio-system.svc.cluster.local": True,
    "other/zipkin.istio-system.svc.cluster.local": True,
    "istio-system/zipkin": True,
    "zipkin": True,
    "other/zipkin": False,
    "zipkin.obs.svc.cluster.local": False,
    "zipkin.obs": False,
    "zipkin2.istio-system.svc.cluster.local": False,
    "zipkin.istio-system.example.com": False,
    "datakit-service-ext.datakit.svc.cluster.local": False,
    "": False,
}


@pytest.mark.parametrize(("service", "expected"), REFERENCES.items())
def test_references_to_a_service(service: str, expected: bool):
    """All spellings of the one service are found, other services are not."""
    mesh = MeshTracing(providers=(TracingProvider("p", "opentelemetry", service, 4317),))

    assert providers_referencing(mesh, HOST) == (("p",) if expected else ())
    assert providers_referencing(mesh, f"{HOST}.svc.cluster.local") == (("p",) if expected else ())


ZIPKIN = (TracingProvider("z", "zipkin", "zipkin.istio-system.svc.cluster.local", 9411),)
OTHER = (TracingProvider("o", "opentelemetry", "otel.obs.svc.cluster.local", 4317),)
SENDS = {
    "nothing said, version unknown": (MeshTracing(), "", False),
    "nothing said, 1.11": (MeshTracing(), "1.11.2", True),
    "nothing said, 1.21": (MeshTracing(), "1.21.0", True),
    "nothing said, 1.22": (MeshTracing(), "1.22.0", False),
    "nothing said, odd version": (MeshTracing(), "latest", False),
    "short address": (MeshTracing(bootstrap_address="zipkin.istio-system:9411"), "1.30", True),
    "address without port": (MeshTracing(bootstrap_address="zipkin.istio-system"), "", True),
    "full address": (
        MeshTracing(bootstrap_address="zipkin.istio-system.svc.cluster.local:9411"),
        "",
        True,
    ),
    "another port": (MeshTracing(bootstrap_address="zipkin.istio-system:9412"), "", False),
    "another host": (MeshTracing(bootstrap_address="jaeger.obs:9411"), "1.11", False),
    "another tracer": (MeshTracing(bootstrap_tracer="datadog"), "1.11", False),
    "switched off": (
        MeshTracing(enabled=False, bootstrap_address="zipkin.istio-system:9411"),
        "1.11",
        False,
    ),
    "a provider wins over the address": (
        MeshTracing(
            providers=OTHER,
            default_providers=("o",),
            bootstrap_address="zipkin.istio-system:9411",
        ),
        "1.11",
        False,
    ),
    "the provider is the service": (
        MeshTracing(providers=ZIPKIN, default_providers=("z",)),
        "1.30",
        True,
    ),
    "only the first default provider counts": (
        MeshTracing(providers=ZIPKIN + OTHER, default_providers=("o", "z")),
        "1.30",
        False,
    ),
    "a provider that nobody uses": (MeshTracing(providers=ZIPKIN), "1.30", False),
}


@pytest.mark.parametrize(("mesh", "version", "expected"), SENDS.values(), ids=SENDS.keys())
def test_sends_to_zipkin(mesh: MeshTracing, version: str, expected: bool):
    """Provider, then address, then the default of old releases."""
    assert sends_to_zipkin(mesh, "istio-system", version) is expected


def test_the_namespace_counts():
    """The Service stands beside its own control plane."""
    mesh = MeshTracing(bootstrap_address="zipkin.istio-system:9411")

    assert not sends_to_zipkin(mesh, "istio-canary")
