"""
Reads the expositions of some sidecars of the cluster through port-forwards.

Different workloads first, for two replicas expose much the same. Nothing is written.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from istio_observability.cli.preview_answer import read_answer
from istio_observability.cli.usage import UsageError
from istio_observability.control.project_cluster import project_pod
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import ApiError
from istio_observability.kube.wire import Selection
from istio_observability.model.objects import POD, ObjectRef
from istio_observability.preview.body import MAX_BYTES, NoExposition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from istio_observability.kube.api import ClusterApi

PORT: Final = 15020
_REQUEST: Final = (
    # The old version, for then the answer ends with the connection.
    b"GET /stats/prometheus HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class PodBodies:
    """
    What was read.

    Attributes:
        bodies: Name of the pod and its exposition.
        running: All running pods with a sidecar, looked at or not.
    """

    bodies: tuple[tuple[str, bytes], ...]
    running: int


def read_pods(
    kubeconfig: Path | None,
    context: str | None,
    namespaces: Sequence[str],
    count: int,
    timeout_s: float,
) -> PodBodies:
    """
    Read some sidecars of the cluster.

    Args:
        kubeconfig: As for every command.
        context: As for every command.
        namespaces: Where to look; none means everywhere.
        count: How many at most.
        timeout_s: For each pod.

    Raises:
        UsageError: The cluster or a pod cannot be read, or there is no such pod.
    """
    return asyncio.run(_read(kubeconfig, context, namespaces, count, timeout_s))


async def _read(
    kubeconfig: Path | None,
    context: str | None,
    namespaces: Sequence[str],
    count: int,
    timeout_s: float,
) -> PodBodies:
    try:
        async with await connect(kubeconfig, context) as api:
            by_owner = await _sidecars(api, namespaces)
            pods = choose_pods(by_owner, count)
            bodies = [await _read_pod(api, pod, timeout_s) for pod in pods]
    except ApiError as error:
        raise UsageError(f"the cluster could not be read: {error}") from error
    if not bodies:
        place = f"in {', '.join(namespaces)}" if namespaces else "in the cluster"
        raise UsageError(
            f"no running pod of a Deployment {place} has a sidecar; name other namespaces with -n"
        )
    return PodBodies(tuple(bodies), sum(map(len, by_owner)))


def choose_pods(by_owner: Sequence[Sequence[ObjectRef]], count: int) -> list[ObjectRef]:
    """Return pods of as many owners as there are, then second pods of each, and so on."""
    rounds = chain.from_iterable(zip_longest(*by_owner))
    return [pod for pod in rounds if pod is not None][:count]


async def _sidecars(api: ClusterApi, namespaces: Sequence[str]) -> list[list[ObjectRef]]:
    found: dict[tuple[str, str], list[ObjectRef]] = defaultdict(list)
    for namespace in namespaces or ("",):
        selection = Selection(
            POD, namespace, field_selector="status.phase=Running", metadata_only=True
        )
        async for page, _ in api.list_pages(selection):
            for body in page:
                facts = project_pod(body)
                if facts is not None and facts.has_sidecar:
                    meta = body["metadata"]
                    found[facts.owner].append(ObjectRef(POD, meta["namespace"], meta["name"]))
    return [sorted(found[owner], key=str) for owner in sorted(found)]


async def _read_pod(api: ClusterApi, pod: ObjectRef, timeout_s: float) -> tuple[str, bytes]:
    raw = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for piece in api.exchange_with_pod(pod, PORT, _REQUEST):
                raw += piece
                if len(raw) > MAX_BYTES:
                    raise UsageError(f"{pod} answers more than {MAX_BYTES >> 20} MiB; ask another")
        return str(pod), read_answer(bytes(raw))
    except TimeoutError as error:
        raise UsageError(
            f"{pod} has not answered within {timeout_s:g} s; give --timeout more, or -n for others"
        ) from error
    except NoExposition as error:
        raise UsageError(f"{pod} {error}") from error
