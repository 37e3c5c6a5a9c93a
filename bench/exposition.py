"""Writes the exposition of a sidecar in a large mesh, the same bytes for the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTES: Final = 50
_CLUSTERS_PER_PEER: Final = 22
_ENVOY: Final = (
    *(
        (f"envoy_cluster_upstream_{name}", "counter")
        for name in (
            "cx_total",
            "cx_connect_fail",
            "cx_rx_bytes_total",
            "cx_tx_bytes_total",
            "cx_destroy",
            "rq_total",
            "rq_timeout",
            "rq_retry",
            "rq_pending_total",
            "rq_cancelled",
        )
    ),
    *(
        (f"envoy_cluster_{name}", "gauge")
        for name in (
            "upstream_cx_active",
            "upstream_rq_active",
            "membership_healthy",
            "membership_total",
        )
    ),
)
_HISTOGRAMS: Final = (
    "istio_request_duration_milliseconds",
    "istio_request_bytes",
    "istio_response_bytes",
)
_BOUNDS: Final = (
    *("0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000"),
    *("30000", "60000", "300000", "600000", "1800000", "3600000", "+Inf"),
)


def write_exposition(path: Path, megabytes: int = MEGABYTES) -> int:
    """Write some 6,000 series per megabyte; return how many it are."""
    # One peer is what one other workload adds: 3 histograms, 2 counters, its clusters.
    peers = megabytes * 1_000_000 // _bytes_of_a_peer()
    series = 0
    with path.open("w", encoding="utf-8") as stream:
        for lines in _families(peers):
            stream.write("\n".join(lines) + "\n")
            series += sum(not line.startswith("#") for line in lines)
    return series


def _bytes_of_a_peer() -> int:
    return sum(len(line) + 1 for lines in _families(1) for line in lines)


def _families(peers: int) -> Iterator[list[str]]:
    for name, kind in _ENVOY:
        lines = [f"# TYPE {name} {kind}"]
        lines += [
            f'{name}{{cluster_name="outbound|{8000 + port}||app-{peer:04}.prod.svc.cluster.local"}}'
            f" {peer * 7 + port}"
            for peer in range(peers)
            for port in range(_CLUSTERS_PER_PEER)
        ]
        yield lines
    lines = ["# TYPE istio_requests_total counter"]
    for peer in range(peers):
        lines += [
            f"istio_requests_total{{{_labels(peer, code)}}} {peer}" for code in ("200", "503")
        ]
    yield lines
    for name in _HISTOGRAMS:
        lines = [f"# TYPE {name} histogram"]
        for peer in range(peers):
            labels = _labels(peer, "200")
            lines += [
                f'{name}_bucket{{{labels},le="{bound}"}} {number * peer}'
                for number, bound in enumerate(_BOUNDS)
            ]
            lines.append(f"{name}_sum{{{labels}}} {peer}.25")
            lines.append(f"{name}_count{{{labels}}} {peer}")
        yield lines


def _labels(peer: int, code: str) -> str:
    app = f"app-{peer:04}"
    return (
        f'reporter="source",source_workload="cart",source_workload_namespace="prod",'
        f'source_app="cart",source_version="v1",destination_workload="{app}",'
        f'destination_workload_namespace="prod",destination_app="{app}",destination_version="v1",'
        f'destination_service="{app}.prod.svc.cluster.local",destination_service_name="{app}",'
        f'request_protocol="http",response_code="{code}",response_flags="-",'
        f'connection_security_policy="mutual_tls"'
    )
