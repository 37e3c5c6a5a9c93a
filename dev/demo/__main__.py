"""
Command line of ``make demo``: ``python -m dev.demo [--keep] [--cluster KUBECONFIG [--yes]]``.

Exit codes: 0 every check held, 1 something did not hold or could not be done, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dev.account import Account
from dev.control_plane import BinariesError, KubectlError, StartError
from dev.demo.existing import ask_on_terminal, existing_scene
from dev.demo.local import local_scene
from dev.demo.scene import DemoError
from dev.demo.story import play

if TYPE_CHECKING:
    from types import FrameType


def main(arguments: list[str] | None = None) -> int:
    """Play the demo and return its exit code."""
    options = _parse(arguments)
    if options.delivery != "PodTemplate":
        print(
            f"--delivery {options.delivery}: this version delivers by PodTemplate only; nothing "
            "was started; leave it out or give --delivery PodTemplate",
            file=sys.stderr,
        )
        return 1
    signal.signal(signal.SIGTERM, _leave)
    account = Account()
    try:
        _play(account, options)
    except (DemoError, BinariesError, StartError, KubectlError, TimeoutError) as error:
        account.blank()
        account.say(f"The demo ends here: {error}", "bold red")
        if isinstance(error, BinariesError):
            account.say("make try needs neither Go nor a cluster.")
        return 1
    except KeyboardInterrupt:
        account.blank()
        account.say("Interrupted; cleaned up.")
        return 130
    return _conclude(account)


def _play(account: Account, options: argparse.Namespace) -> None:
    if options.cluster is None:
        with local_scene(account, keep=options.keep) as scene:
            play(scene)
        return
    ask = (lambda _: True) if options.yes else ask_on_terminal
    with existing_scene(account, options.cluster, keep=options.keep, ask=ask) as scene:
        try:
            play(scene)
        finally:
            account.section("Cleaning up")


def _conclude(account: Account) -> int:
    account.blank()
    if not account.failures:
        account.say("Every check held.", "bold green")
        return 0
    account.say(f"{len(account.failures)} checks did not hold:", "bold red")
    for failure in account.failures:
        account.item(failure.splitlines()[0], "red")
    return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dev.demo",
        description="Wire Istio, DataKit and bookinfo by one resource, show it, and undo it.",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the wired cluster up until Ctrl-C"
    )
    parser.add_argument(
        "--cluster", type=Path, metavar="KUBECONFIG", help="use this cluster instead of a local one"
    )
    parser.add_argument("--yes", action="store_true", help="with --cluster: do not ask")
    parser.add_argument(
        "--delivery",
        choices=("PodTemplate", "Pod"),
        default="PodTemplate",
        help="how annotations reach the pods (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
