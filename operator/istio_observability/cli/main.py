"""
The command line: parses words, runs one command, turns every known failure into one sentence.

Exit codes: 0 answered and clean, 1 could not answer (usage, connection, missing permission), 2
answered and not clean (`plan` only with ``--detailed-exitcode``).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from istio_observability import __version__
from istio_observability.cli.catalog import add_catalog
from istio_observability.cli.lint import add_lint
from istio_observability.cli.plan import add_plan
from istio_observability.cli.render import add_render
from istio_observability.cli.run import add_run
from istio_observability.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
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


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="istio-observability",
        description="Wires an Istio mesh into the DataKit agent from one custom resource.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    cluster = argparse.ArgumentParser(add_help=False)
    group = cluster.add_argument_group("cluster")
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="kubeconfig to use")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    add_run(commands, cluster)
    add_plan(commands, cluster)
    add_render(commands, cluster)
    add_lint(commands, cluster)
    add_catalog(commands)
    version = commands.add_parser("version", help="print the version of this program")
    version.set_defaults(command=_print_version)
    return parser


class _Parser(argparse.ArgumentParser):
    """Usage errors end with 1, like every other "could not answer"."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(1, f"error: {message}\n")


def _print_version(_options: argparse.Namespace) -> int:
    print(f"istio-observability {__version__}")
    return 0
