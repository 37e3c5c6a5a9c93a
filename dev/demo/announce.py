"""Say, before anything is done, what the demo does, how long it takes and what disk it needs."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from dev.control_plane.binaries import existing_parent, list_missing
from dev.control_plane.cache import default_cache_root
from dev.control_plane.modules import ALL_MODULES, ISTIO
from dev.control_plane.toolchain import read_toolchain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dev.account import Account
    from dev.control_plane.modules import Module

_GIGABYTE: Final = 1_000_000_000
# Cores on which ``cold_build_s`` was measured.
_MEASURED_CORES: Final = 2
_STEPS: Final = (
    "start etcd, the API server, controllers, scheduler, and 3 simulated nodes",
    "install Istio's demo profile, with a real istiod that injects sidecars",
    "install DataKit as its stock manifest lays it out, and bookinfo in prod",
    "install our resource definition, permissions and operator",
    "apply one resource: first the plan, then for real, watching the roll-outs",
    "show every object it touched, and check each claim at the API server",
    "delete it and compare the whole cluster with what it was before",
)


def announce_local(account: Account, *, keep: bool) -> bool:
    """
    Write what a local demo will do.

    Returns:
        Whether programs must be built first, which takes minutes.

    Raises:
        BinariesError: There is no Go that could build them.
    """
    account.section("What will happen")
    steps = (*_STEPS[:-1], "leave everything running until Ctrl-C") if keep else _STEPS
    for number, step in enumerate(steps, 1):
        account.item(f"{number}. {step}")
    account.blank()
    return _say_cost(account, ALL_MODULES)


def announce_existing(account: Account, *, keep: bool, must_build: bool) -> None:
    """Write what a demo on the user's cluster will do."""
    account.section("What will happen")
    last = "wait for Ctrl-C, then remove everything" if keep else _STEPS[-1]
    first = "install Istio's demo profile by istioctl, and see that sidecars are injected"
    steps = (first, *_STEPS[2:-1], last, "" if keep else "remove everything that was installed")
    for number, step in enumerate(filter(None, steps), 1):
        account.item(f"{number}. {step}")
    account.blank()
    account.say(
        "It takes a few minutes, most of them for pulling images. The operator runs on this "
        "machine, with the rights of its ServiceAccount and no other."
    )
    if must_build and _say_cost(account, (ISTIO,), quiet=True):
        account.say("istioctl on PATH would make that unnecessary.")


def _say_cost(account: Account, modules: Sequence[Module], *, quiet: bool = False) -> bool:
    root = default_cache_root()
    toolchain = read_toolchain(modules[0].directory)
    missing = {module: list_missing(module, root, toolchain) for module in modules}
    programs = [program for lacking in missing.values() for program in lacking]
    if not programs and not quiet:
        account.say(
            "Everything is built already: this takes one to two minutes, and 0.2 GB of disk while "
            "it runs."
        )
    if programs:
        cold_s = sum(program.cold_build_s for program in programs)
        minutes = max(1, round(cold_s * _MEASURED_CORES / (os.cpu_count() or 1) / 60))
        needed = sum(module.disk_bytes for module, lacking in missing.items() if lacking)
        free = shutil.disk_usage(existing_parent(root)).free
        account.say(
            f"The first time, {len(programs)} programs are built from Go modules: about {minutes} "
            f"minutes and {needed / _GIGABYTE:.1f} GB of disk ({free / _GIGABYTE:.0f} GB are "
            "free). They are kept, so the next run takes one to two."
        )
    return bool(programs)
