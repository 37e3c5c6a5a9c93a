"""``istio-observability version``: the first thing that is asked in a bug report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from istio_observability import __version__

if TYPE_CHECKING:
    import argparse


def add_version(commands: Any, _cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser("version", help="print the version of this program")
    parser.set_defaults(command=print_version)


def print_version(_options: argparse.Namespace) -> int:
    """Print name and version."""
    print(f"istio-observability {__version__}")
    return 0
