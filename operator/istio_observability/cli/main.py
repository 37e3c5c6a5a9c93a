"""
The command line: parses words, runs one command, turns every known failure into one sentence.

Exit codes: 0 answered and clean, 1 could not answer (usage, connection, missing permission), 2
answered and not clean (`plan` only with ``--detailed-exitcode``).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from istio_observability.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


COMMANDS: Final = ("run", "plan", "render", "lint", "preview", "catalog", "cleanup", "version")
"""Each has a module of its name with a function ``add_<name>``, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = build_parser(next(iter(given), "")).parse_args(given)
    try:
        return int(options.command(options))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has enough; say nothing, and let nothing be said at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """
    Return the parser.

    Args:
        command: The only command that is asked for, so that the libraries of the others are not
            loaded, which takes longer than most answers; anything else means all of them.
    """
    parser = _Parser(
        prog="istio-observability",
        description="Wires an Istio mesh into the DataKit agent from one custom resource.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    cluster = argparse.ArgumentParser(add_help=False)
    group = cluster.add_argument_group("cluster")
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="kubeconfig to use")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    for name in (command,) if command in COMMANDS else COMMANDS:
        module = importlib.import_module(f"istio_observability.cli.{name}")
        getattr(module, f"add_{name}")(commands, cluster)
    return parser


class _Parser(argparse.ArgumentParser):
    """Usage errors end with 1, like every other "could not answer"."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(1, f"error: {message}\n")
