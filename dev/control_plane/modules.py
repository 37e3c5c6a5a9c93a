"""
Which programs a control plane consists of and the Go modules they are built from.

Each module directory under ``dev/modules`` pins one dependency graph (``go.mod`` and ``go.sum``);
they are separate because KWOK and Istio need other Kubernetes libraries than Kubernetes itself.
A build never changes those two files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dev.control_plane.toolchain import Toolchain

MODULES_DIRECTORY: Final = Path(__file__).resolve().parents[1] / "modules"
KUBERNETES_VERSION: Final = "v1.37.2"
_STRIP: Final = "-s -w"


@dataclass(frozen=True, slots=True)
class Program:
    """
    One executable of a module.

    ``cold_build_s`` is the build time in seconds on two cores without any Go cache, in the order
    in which the module lists its programs; it is only used to tell people what to expect.
    """

    name: str
    package: str
    cold_build_s: int = 0


@dataclass(frozen=True, slots=True)
class Module:
    """
    One Go module of ours and what is taken from it.

    ``assets`` maps the name of a cached directory to a module path and a directory in that
    module; it is copied beside the programs. ``disk_bytes`` is what a cold build writes:
    module sources, Go's build cache and the programs.
    """

    name: str
    directory: Path
    programs: tuple[Program, ...]
    ldflags: str = _STRIP
    assets: tuple[tuple[str, str, str], ...] = ()
    disk_bytes: int = 0

    def read_cache_key(self, toolchain: Toolchain) -> str:
        """
        Return the name of the cache entry: equal inputs of the build give an equal name.

        Raises:
            FileNotFoundError: ``go.mod`` or ``go.sum`` is missing.
        """
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((self.directory / name).read_bytes())
        packages = [f"{program.name}={program.package}" for program in self.programs]
        recipe = [toolchain.goos, toolchain.goarch, toolchain.version, self.ldflags, *packages]
        digest.update("\0".join(recipe).encode())
        return f"{self.name}-{digest.hexdigest()[:16]}"


def _kubernetes_ldflags() -> str:
    # Without them the server calls itself v0.0.0-master, and clients that compare versions refuse.
    version = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {
        "gitVersion": KUBERNETES_VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return " ".join([_STRIP, *(f"-X {version}.{key}={value}" for key, value in values.items())])


KUBERNETES: Final = Module(
    name="kubernetes",
    directory=MODULES_DIRECTORY / "kubernetes",
    programs=(
        Program("etcd", "go.etcd.io/etcd/server/v3", 40),
        Program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 260),
        Program("kubectl", "k8s.io/kubernetes/cmd/kubectl", 40),
        Program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 50),
        Program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", 80),
    ),
    ldflags=_kubernetes_ldflags(),
    disk_bytes=4_500_000_000,
)
KWOK: Final = Module(
    name="kwok",
    directory=MODULES_DIRECTORY / "kwok",
    programs=(Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", 180),),
    disk_bytes=2_000_000_000,
)
ISTIO: Final = Module(
    name="istio",
    directory=MODULES_DIRECTORY / "istio",
    programs=(
        Program("istioctl", "istio.io/istio/istioctl/cmd/istioctl", 230),
        Program("pilot-discovery", "istio.io/istio/pilot/cmd/pilot-discovery", 50),
    ),
    # istioctl reads the charts from a directory; copied, so that they survive `go clean -modcache`.
    assets=(("istio-manifests", "istio.io/istio", "manifests"),),
    disk_bytes=3_000_000_000,
)
PLANE_MODULES: Final = (KUBERNETES, KWOK)
ALL_MODULES: Final = (KUBERNETES, KWOK, ISTIO)
