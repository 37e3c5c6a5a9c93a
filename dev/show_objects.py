"""Write down the objects that the wiring consists of: what of ours is on each, and nothing else."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dev.describe import (
    annotation_of,
    config_hash_of,
    keys_of,
    marks_of,
    mounts_of,
    read_scrape,
    service_row,
    shorten,
)
from istio_observability.datakit.layout import PROM_ANNOTATION
from istio_observability.model.names import CONFIG_HASH_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dev.account import Account
    from dev.describe import Body

WISH: Final = "+ "
"""Before every line that is only wanted; a live object has none."""
_INJECTION: Final = "istio-injection"
_HEAD: Final = "bold"


def show_namespace(account: Account, namespace: Body, sign: str = "") -> None:
    """Write the label that switches sidecar injection on."""
    meta = namespace["metadata"]
    account.item(f"Namespace {meta['name']}", _HEAD)
    value = (meta.get("labels") or {}).get(_INJECTION, "is absent")
    account.item(f"{sign}label {_INJECTION}: {value}", "green", depth=2)


def show_deployment(account: Account, deployment: Body, sign: str = "") -> None:
    """Write the annotation of one pod template, shortened."""
    meta = deployment["metadata"]
    account.item(f"Deployment {meta['namespace']}/{meta['name']}", _HEAD)
    text = annotation_of(deployment)
    account.item(f"{sign}template annotation {PROM_ANNOTATION}: |", "green", depth=2)
    for line in shorten(text):
        account.item(line, "dim" if line.startswith("...") else "green", depth=4)
    marks = ", ".join(f"{key}: {value}" for key, value in marks_of(deployment))
    account.item(f"{sign}marks in its own metadata: {marks or 'none'}", "green", depth=2)


def show_sources(
    account: Account,
    deployments: Sequence[Body],
    columns: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Write a row per Deployment: name, source, and a cell of each further column."""
    rows = [["DEPLOYMENT", "SOURCE", *columns]]
    for index, body in enumerate(deployments):
        text = annotation_of(body)
        source = read_scrape(text).source if text else "-"
        rows.append(
            [body["metadata"]["name"], source, *(cells[index] for cells in columns.values())]
        )
    account.rows(rows, depth=2)


def show_config_map(account: Account, config_map: Body, sign: str = "") -> None:
    """Write our keys and what each is for."""
    meta = config_map["metadata"]
    account.item(f"ConfigMap {meta['namespace']}/{meta['name']}", _HEAD)
    rows = [(f"{sign}{key}", purpose) for key, purpose in keys_of(config_map)]
    if account.fits(rows, depth=2):
        account.rows(rows, "green", depth=2)
        return
    for key, purpose in rows:
        account.item(key, "green", depth=2)
        account.item(purpose, "green", depth=4)


def show_daemon_set(account: Account, daemon_set: Body, container: str, sign: str = "") -> None:
    """Write our mounts, and the hash whose change rolls the agents."""
    meta = daemon_set["metadata"]
    account.item(f"DaemonSet {meta['namespace']}/{meta['name']}", _HEAD)
    for path, _ in mounts_of(daemon_set, container):
        account.item(f"{sign}mount {path}", "green", depth=2)
    digest = config_hash_of(daemon_set) or "is absent"
    account.item(f"{sign}template annotation {CONFIG_HASH_ANNOTATION}: {digest}", "green", depth=2)


def show_services(account: Account, services: Sequence[Body], sign: str = "") -> None:
    """Write the Services that we create: port and destination."""
    account.item(f"{len(services)} Services", _HEAD)
    rows = [service_row(service) for service in services]
    wide = [(f"{sign}{name}", f"port {ports}", target) for name, ports, target in rows]
    if account.fits(wide, depth=2):
        account.rows(wide, "green", depth=2)
        return
    for name, ports, target in wide:
        account.item(f"{name}  {ports}", "green", depth=2)
        account.item(target, "green", depth=4)
