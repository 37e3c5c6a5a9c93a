"""
What the source document tells people to paste: its lists, mistakes included, and what is wrong.

The profile ``Document`` reproduces these lists so that a hand-made installation can be taken over
without changing a byte. ``MISTAKES`` says what each mistake costs and what to write instead.

Source: GuanceCloud/datakit, man/manuals/istio.md at the parent of commit 53fb0337e8 (2022),
written for Istio 1.11.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from istio_observability.istio.catalogue import Target

INTERVAL_S: Final = 60
MEASUREMENT: Final = "istio_prom"
METRIC_TYPES: Final = ("counter", "gauge")

NAME_FILTER: Final = (
    "istio_requests_total",
    "pilot_k8s_cfg_events",
    "istio_build",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "envoy_cluster_assignment_stale",
    "go_goroutines",
    "pilot_xds_pushes",
    "pilot_proxy_convergence_time_bucket",
    "citadel_server_root_cert_expiry_timestamp",
    "pilot_conflict_inbound_listener",
    "pilot_conflict_outbound_listener_http_over_current_tcp",
    "pilot_conflict_outbound_listener_tcp_over_current_tcp",
    "pilot_conflict_outbound_listener_tcp_over_current_http",
    "pilot_virt_services",
    "galley_validation_failed",
    "pilot_services",
    "envoy_cluster_upstream_cx_total",
    "envoy_cluster_upstream_cx_connect_fail",
    "envoy_cluster_upstream_cx_active",
    "envoy_cluster_upstream_cx_rx_bytes_total",
    "envoy_cluster_upstream_cx_tx_bytes_total",
    "istio_request_duration_milliseconds_bucket",
    "istio_request_duration_seconds_bucket",
    "istio_request_bytes_bucket",
    "istio_response_bytes_bucket",
)
"""Expressions in the order of the document; not anchored, and five of them name samples."""

TAGS_IGNORE: Final = (
    "cache",
    "cluster_type",
    "component",
    "destination_app",
    "destination_canonical_revision",
    "destination_canonical_service",
    "destination_cluster",
    "destination_principal",
    "group",
    "grpc_code",
    "grpc_method",
    "grpc_service",
    "grpc_type",
    "reason",
    "request_protocol",
    "request_type",
    "resource",
    "responce_code_class",
    "response_flags",
    "source_app",
    "source_canonical_revision",
    "source_canonical-service",
    "source_cluster",
    "source_principal",
    "source_version",
    "wasm_filter",
)
"""Labels in the order of the document; two of them exist in no metric."""

WORKLOAD_TAGS: Final = (("namespace", "$NAMESPACE"),)
ISTIOD_TAGS: Final = (("app_id", "istiod"),)
ISTIOD_SOURCE: Final = "prom-istiod"
INGRESS_GATEWAY_SOURCE: Final = "prom-ingressgateway"
EGRESS_GATEWAY_SOURCE: Final = "prom-egressgateway"


@dataclass(frozen=True, slots=True)
class DocumentMistake:
    """
    One mistake of the document.

    Attributes:
        field: Key of the agent's configuration.
        found: What stands there, a clause that completes ``field``.
        consequence: What happens because of it.
        remedy: What to write instead, an imperative clause.
        targets: Whose configuration has it.
        entries: The items of the list that are meant, empty for the list as a whole.
    """

    field: str
    found: str
    consequence: str
    remedy: str
    targets: frozenset[Target]
    entries: tuple[str, ...] = ()


_ALL: Final = frozenset(Target)
_PROXIES: Final = frozenset({Target.SIDECAR, Target.GATEWAY})
_ISTIOD: Final = frozenset({Target.ISTIOD})

MISTAKES: Final = (
    DocumentMistake(
        field="metric_name_filter",
        found="names samples of histograms, and metric_types leaves histograms out",
        consequence="no latency and no size is ever collected",
        remedy="write the family without _bucket and add histogram to metric_types",
        targets=_ALL,
        entries=tuple(name for name in NAME_FILTER if name.endswith("_bucket")),
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="names a family that no Istio since 1.5 exposes",
        consequence="it matches nothing",
        remedy="write istio_request_duration_milliseconds",
        targets=_ALL,
        entries=("istio_request_duration_seconds_bucket",),
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="names families that Istio 1.19 removed",
        consequence="they match nothing there",
        remedy="leave them out, or keep them for older releases",
        targets=_ALL,
        entries=(
            "pilot_conflict_outbound_listener_http_over_current_tcp",
            "pilot_conflict_outbound_listener_tcp_over_current_http",
        ),
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="is not anchored",
        consequence="longer names match too: metrics of the agent and of the application itself",
        remedy="write ^name$",
        targets=_ALL,
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="names families of istiod on proxies, or families of proxies on istiod",
        consequence="they match nothing there",
        remedy="use one list for each kind of target",
        targets=_ALL,
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="leaves out TCP traffic",
        consequence="the TCP panels of Mesh, Service and Workload stay empty",
        remedy="add istio_tcp_sent_bytes_total and istio_tcp_received_bytes_total",
        targets=_PROXIES,
    ),
    DocumentMistake(
        field="metric_name_filter",
        found="leaves out connected proxies, push times and sizes, rejections and injection",
        consequence="half of the panels of ControlPlane stay empty",
        remedy="use profile Standard with view ControlPlane",
        targets=_ISTIOD,
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names a label that is misspelt",
        consequence="response_code_class stays",
        remedy="write response_code_class, or leave it out",
        targets=_ALL,
        entries=("responce_code_class",),
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names a label that no metric can have",
        consequence="source_canonical_service stays",
        remedy="write source_canonical_service, or leave it out",
        targets=_ALL,
        entries=("source_canonical-service",),
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names labels in which alone series differ",
        consequence="several values are sent for one series, one wins and counters go wrong",
        remedy="keep these labels",
        targets=_PROXIES,
        entries=(
            "destination_canonical_revision",
            "destination_cluster",
            "request_protocol",
            "response_flags",
            "source_canonical_revision",
            "source_cluster",
            "source_principal",
            "source_version",
        ),
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names labels in which alone refused resources differ",
        consequence="galley_validation_failed becomes one series with one of many values",
        remedy="keep these labels",
        targets=_ISTIOD,
        entries=("group", "reason", "resource"),
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names the label that tells proxies from the control plane",
        consequence="the versions in Mesh and ControlPlane cannot be told apart",
        remedy="keep this label",
        targets=_ALL,
        entries=("component",),
    ),
    DocumentMistake(
        field="tags_ignore",
        found="names the label that shows mutual TLS on the client's side",
        consequence="Outgoing Requests in Workload cannot show it",
        remedy="keep this label",
        targets=_PROXIES,
        entries=("destination_principal",),
    ),
    DocumentMistake(
        field="url",
        found="is used, which is deprecated",
        consequence="in a conf file it is ignored once urls is set",
        remedy="write urls",
        targets=_ALL,
    ),
    DocumentMistake(
        field="election",
        found="is not set",
        consequence="it depends on defaults whether each agent scrapes the same target",
        remedy="write election = true",
        targets=frozenset({Target.GATEWAY, Target.ISTIOD}),
    ),
    DocumentMistake(
        field="tags",
        found="is missing",
        consequence="series of the ingress and the egress gateway differ only in their address",
        remedy="add a tag that names the gateway",
        targets=frozenset({Target.GATEWAY}),
    ),
)
"""In the order of the configuration's keys as the document prints them."""


def mistakes_of(target: Target) -> tuple[DocumentMistake, ...]:
    """Return the mistakes in the configuration of one kind of target, in the order of the table."""
    return tuple(mistake for mistake in MISTAKES if target in mistake.targets)
