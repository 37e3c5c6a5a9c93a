"""
The inputs of the agent that share ``conf.d`` with ours.

For each: what types its settings have, whether it is there once only, and what the agent writes
for it where it is enabled by name.

Only inputs that matter beside Istio are known here; any other name counts as unknown, which the
agent itself would skip with a warning.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/<name>/input.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_keys import KEYS
from istio_observability.datakit.toml_types import KeyType, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _TEXTS, _FLAG, _COUNT = KeyType.TEXT, KeyType.TEXTS, KeyType.FLAG, KeyType.COUNT
_DURATION, _TEXT_MAP, _TEXTS_MAP = KeyType.DURATION, KeyType.TEXT_MAP, KeyType.TEXTS_MAP


@dataclass(frozen=True, slots=True)
class KnownInput:
    """
    One input.

    Attributes:
        schema: Its settings.
        sample: The settings that its sample file sets; the agent adds remarks.
        singleton: Only the first file in load order counts.
    """

    schema: Schema
    sample: str
    singleton: bool = False


def _typed(kind: KeyType, names: str) -> dict[str, KeyType]:
    return dict.fromkeys(names.split(), kind)


_TRACING: Final[Schema] = {
    "keep_rare_resource": _FLAG,
    "del_message": _FLAG,
    "close_resource": _TEXTS_MAP,
    "sampler": {"priority": _COUNT, "sampling_rate": KeyType.NUMBER},
    "tags": _TEXT_MAP,
    "threads": {"buffer": _COUNT, "threads": _COUNT},
    "storage": {"path": _TEXT, "capacity": _COUNT},
    "pipelines": _TEXT_MAP,
    "customer_tags": _TEXTS,
}
ZIPKIN_SCHEMA: Final[Schema] = {
    **_TRACING,
    "pathV1": _TEXT,
    "pathV2": _TEXT,
    "ignore_tags": _TEXTS,
}
_OPENTELEMETRY: Final[Schema] = {
    **_TRACING,
    **_typed(_TEXTS, "ignore_attribute_keys omit_err_status tracing_metric_tag_blacklist"),
    **_typed(_FLAG, "customer_tags_all costomer_tags_all tracing_metric_enable clean_message"),
    **_typed(_FLAG, "compatible_ddtrace compatible_zhaoshang spilt_service_name"),
    "tracing_metric_tag_whitelist": _TEXTS,
    "log_max": _COUNT,
    "jmarshaler": _TEXT,
    "expected_headers": _TEXT_MAP,
    "http": {"http_status_ok": _COUNT, **_typed(_TEXT, "trace_api metric_api logs_api")},
    "grpc": {"addr": _TEXT, "max_payload": _COUNT},
}
_CLIENT_TLS: Final[Schema] = {
    **_typed(_TEXTS, "ca_certs ca_certs_base64"),
    **_typed(_TEXT, "cert cert_key cert_base64 cert_key_base64 server_name"),
    "insecure_skip_verify": _FLAG,
}
_INSTANCE: Final[Schema] = {
    **_typed(_TEXT, "role selector scrape scheme _ port path params"),
    "namespaces": _TEXTS,
    "http_headers": _TEXT_MAP,
    "custom": {"measurement": _TEXT, "job_as_measurement": _FLAG, "tags": _TEXT_MAP},
    "auth": {"bearer_token_file": _TEXT, "tls_config": _CLIENT_TLS},
}
_DISCOVERY: Final = " ".join(
    f"enable_discovery_of_prometheus_{kind}"
    for kind in ("pod_annotations", "service_annotations", "pod_monitors", "service_monitors")
)
_KUBERNETES: Final[Schema] = {
    **_typed(_FLAG, f"node_local keep_exist_metric_name honor_timestamps {_DISCOVERY}"),
    "scrape_interval": _DURATION,
    "global_tags": _TEXT_MAP,
    "instances": (_INSTANCE,),
}
_CONTAINER: Final[Schema] = {
    **_typed(_TEXTS, "endpoints extract_k8s_label_as_tags_v2 container_include_log"),
    **_typed(_TEXTS, "extract_k8s_label_as_tags_v2_for_metric container_exclude_log"),
    **_typed(_TEXTS, "pod_include_metric pod_exclude_metric logging_field_white_list"),
    **_typed(_TEXTS, "logging_auto_multiline_extra_patterns"),
    **_typed(_TEXT, "docker_endpoint containerd_address"),
    **_typed(_DURATION, "metric_collect_interval object_collect_interval"),
    **_typed(_DURATION, "logging_search_interval logging_min_flush_interval"),
    **_typed(_DURATION, "logging_max_multiline_life_duration"),
    **_typed(_FLAG, "enable_container_metric enable_k8s_metric enable_pod_metric"),
    **_typed(_FLAG, "enable_k8s_event enable_k8s_node_local enable_collect_k8s_job"),
    **_typed(_FLAG, "extract_k8s_label_as_tags logging_enable_multiline logging_blocking_mode"),
    **_typed(_FLAG, "logging_auto_multiline_detection logging_file_from_beginning"),
    **_typed(_FLAG, "logging_remove_ansi_escape_codes exclude_pause_container"),
    **_typed(_FLAG, "disable_k8s_events enable_k8s_self_metric_by_prom"),
    **_typed(_FLAG, "keep_exist_prometheus_metric_name"),
    **_typed(_FLAG, _DISCOVERY.replace("discovery", "auto_discovery")),
    **_typed(_COUNT, "container_max_concurrent logging_max_open_files"),
    **_typed(_COUNT, "logging_file_from_beginning_threshold_size logging_force_flush_limit"),
    **_typed(_TEXT_MAP, "logging_extra_source_map logging_source_multiline_map tags"),
}
_PROMV2: Final[Schema] = {
    **_typed(_TEXT, "source measurement_name url bearer_token_file"),
    **_typed(_FLAG, "election keep_exist_metric_name honor_timestamps disable_instance_tag"),
    **_CLIENT_TLS,
    "interval": _DURATION,
    "http_headers": _TEXT_MAP,
    "tags": _TEXT_MAP,
}
_CPU: Final[Schema] = {
    **_typed(_FLAG, "totalcpu collect_cpu_time report_active disable_temperature_collect"),
    **_typed(_FLAG, "percpu enable_temperature enable_load5s"),
    "interval": _DURATION,
    "tags": _TEXT_MAP,
}

_PROM_SAMPLE: Final = """\
[[inputs.prom]]
urls = ["http://127.0.0.1:9100/metrics", "http://127.0.0.1:9200/metrics"]
source = "prom"
honor_timestamps = true
election = true
[[inputs.prom.measurements]]
prefix = "etcd_network_"
name = "etcd_network"
[[inputs.prom.measurements]]
prefix = "etcd_server_"
name = "etcd_server"
[inputs.prom.tags_rename]
overwrite_exist_tags = false
[inputs.prom.as_logging]
enable = false
service = "service_name"
"""
_KUBERNETES_SAMPLE: Final = "\n".join(
    (
        "[inputs.kubernetesprometheus]",
        "node_local = true",
        'scrape_interval = "30s"',
        "keep_exist_metric_name = true",
        "honor_timestamps = true",
        *(f"{name} = false" for name in _DISCOVERY.split()),
        "[inputs.kubernetesprometheus.global_tags]",
        'instance = "__kubernetes_mate_instance"',
        'host = "__kubernetes_mate_host"',
        "",
    )
)
_OPENTELEMETRY_SAMPLE: Final = """\
[[inputs.opentelemetry]]
split_service_name = true
log_max = 500
jmarshaler = "protojson"
clean_message = true
[inputs.opentelemetry.http]
http_status_ok = 200
trace_api = "/otel/v1/traces"
metric_api = "/otel/v1/metrics"
logs_api = "/otel/v1/logs"
[inputs.opentelemetry.grpc]
addr = "127.0.0.1:4317"
max_payload = 16777216
"""
_CONTAINER_SAMPLE: Final = """\
[inputs.container]
endpoints = ["unix:///var/run/docker.sock", "unix:///var/run/containerd/containerd.sock", \
"unix:///var/run/crio/crio.sock"]
enable_container_metric = true
enable_k8s_metric = true
enable_pod_metric = false
enable_k8s_event = true
enable_k8s_node_local = true
enable_collect_k8s_job = true
container_include_log = []
container_exclude_log = ["image:*logfwd*", "image:*datakit*"]
pod_include_metric = []
pod_exclude_metric = []
logging_enable_multiline = true
logging_auto_multiline_detection = true
logging_auto_multiline_extra_patterns = []
logging_field_white_list = []
logging_remove_ansi_escape_codes = false
logging_file_from_beginning = false
[inputs.container.logging_extra_source_map]
[inputs.container.logging_source_multiline_map]
[inputs.container.tags]
"""
_PROMV2_SAMPLE: Final = """\
[[inputs.promv2]]
source = "prom"
url = "http://127.0.0.1:9100/metrics"
interval = "30s"
measurement_name = ""
keep_exist_metric_name = true
honor_timestamps = true
election = true
[inputs.promv2.tags]
"""
_CPU_SAMPLE: Final = """\
[[inputs.cpu]]
interval = '10s'
percpu = false
enable_temperature = true
enable_load5s = true
[inputs.cpu.tags]
"""
_ZIPKIN_SAMPLE: Final = """\
[[inputs.zipkin]]
pathV1 = "/api/v1/spans"
pathV2 = "/api/v2/spans"
"""

KNOWN_INPUTS: Final[Mapping[str, KnownInput]] = MappingProxyType(
    {
        "prom": KnownInput(KEYS[ConfigPath.CONF], _PROM_SAMPLE),
        "promv2": KnownInput(_PROMV2, _PROMV2_SAMPLE),
        "zipkin": KnownInput(ZIPKIN_SCHEMA, _ZIPKIN_SAMPLE),
        "kubernetesprometheus": KnownInput(_KUBERNETES, _KUBERNETES_SAMPLE, singleton=True),
        "opentelemetry": KnownInput(_OPENTELEMETRY, _OPENTELEMETRY_SAMPLE, singleton=True),
        "container": KnownInput(_CONTAINER, _CONTAINER_SAMPLE, singleton=True),
        "cpu": KnownInput(_CPU, _CPU_SAMPLE, singleton=True),
    }
)
