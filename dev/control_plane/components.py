"""
Command lines of the programs of a plane.

Everything listens on the loopback address only. The settings differ from a production plane where
that makes tests quicker (no fsync, high client limits) or where there is no network to speak of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
AUDIT_POLICY: Final = _HERE / "audit-policy.yaml"
STAGES: Final = _HERE / "stages"
_HOST: Final = "127.0.0.1"
_QPS: Final = ("--kube-api-qps=500", "--kube-api-burst=1000")


@dataclass(frozen=True, slots=True)
class Layout:
    """Files and ports of one plane."""

    directory: Path
    etcd_port: int
    etcd_peer_port: int
    api_port: int

    @property
    def url(self) -> str:
        """URL of the API server."""
        return f"https://{_HOST}:{self.api_port}"

    @property
    def certificates(self) -> Path:
        """Directory in which the API server makes its own certificate."""
        return self.directory / "certificates"

    @property
    def ca_file(self) -> Path:
        """Serving certificate followed by the authority that signed it."""
        return self.certificates / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """Key of service account tokens."""
        return self.directory / "service-account.key"

    @property
    def tokens(self) -> Path:
        """Static tokens of the administrator and the components."""
        return self.directory / "tokens.csv"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request."""
        return self.directory / "audit.log"

    def kubeconfig(self, user: str) -> Path:
        """Kubeconfig of the administrator (``admin``) or of a component."""
        return self.directory / f"{user}.kubeconfig"


def build_etcd_arguments(layout: Layout) -> list[str]:
    """Return the arguments of etcd; it gives up durability, so a power cut would lose data."""
    client = f"http://{_HOST}:{layout.etcd_port}"
    peer = f"http://{_HOST}:{layout.etcd_peer_port}"
    return [
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def build_api_server_arguments(layout: Layout, *, audit: bool) -> list[str]:
    """Return the arguments of the API server; all admission plugins stay as they are by default."""
    arguments = [
        f"--etcd-servers=http://{_HOST}:{layout.etcd_port}",
        f"--bind-address={_HOST}",
        f"--secure-port={layout.api_port}",
        # Named, or a machine without a default route has no address to advertise; and then
        # nobody publishes it, because the Service `kubernetes` must not point to the loopback.
        f"--advertise-address={_HOST}",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={layout.certificates}",
        f"--service-account-key-file={layout.signing_key}",
        f"--service-account-signing-key-file={layout.signing_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={layout.tokens}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--max-requests-inflight=1000",
        "--max-mutating-requests-inflight=500",
        "--profiling=false",
    ]
    if audit:
        arguments += [
            f"--audit-policy-file={AUDIT_POLICY}",
            f"--audit-log-path={layout.audit_log}",
            "--audit-log-mode=blocking",
        ]
    return arguments


def build_controller_manager_arguments(layout: Layout) -> list[str]:
    """Return the arguments of the controllers."""
    return [
        f"--kubeconfig={layout.kubeconfig('kube-controller-manager')}",
        f"--service-account-private-key-file={layout.signing_key}",
        f"--root-ca-file={layout.ca_file}",
        "--leader-elect=false",
        "--secure-port=0",
        # All but one that publishes to an API that is off by default, and complains for ever.
        "--controllers=*,-kube-apiserver-serving-clustertrustbundle-publisher-controller",
        # A test may stop the API server for half a minute; no node may get lost over that.
        "--node-monitor-grace-period=120s",
        "--node-monitor-period=1s",
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
        "--concurrent-namespace-syncs=20",
        *_QPS,
    ]


def build_scheduler_arguments(layout: Layout) -> list[str]:
    """Return the arguments of the scheduler."""
    return [
        f"--kubeconfig={layout.kubeconfig('kube-scheduler')}",
        "--leader-elect=false",
        "--secure-port=0",
        *_QPS,
    ]


def build_kwok_arguments(layout: Layout) -> list[str]:
    """Return the arguments of the simulated kubelets, with every stage of ``stages/``."""
    return [
        f"--kubeconfig={layout.kubeconfig('kwok')}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        # Wide enough for some thousand pods per node.
        "--cidr=10.128.0.0/16",
        *(f"--config={path}" for path in sorted(STAGES.glob("*.yaml"))),
    ]
