"""
``istio-observability preview``: what of an exposition a configuration would collect.

Nothing is written to any cluster. Exit codes: 0 answered, 1 could not answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from istio_observability.cli.preview_choices import read_question
from istio_observability.cli.preview_sources import read_exposition, recognised
from istio_observability.cli.preview_text import ASCII, EIGHTHS, Look, preview_as_text
from istio_observability.cli.usage import UsageError
from istio_observability.istio.catalogue import Target, parse_version
from istio_observability.preview.as_data import as_data
from istio_observability.preview.page import render_page
from istio_observability.preview.preview import preview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from istio_observability.istio.catalogue import Version
    from istio_observability.preview.result import Exposition, Preview

_ANSWERED: Final = 0
_TIMEOUT_S: Final = 30.0
_TOP: Final = 10


def add_preview(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "preview",
        parents=[cluster],
        help="show what would be collected of an exposition, and what it costs",
        description=(
            "Show what the agent would keep of one or more expositions: families, series, points,"
            " labels, collisions, panels that have data, and the same for other choices. Without"
            " -f, --annotation or --conf the smallest resource is judged: profile Standard."
        ),
    )
    parser.add_argument(
        "expositions",
        nargs="*",
        metavar="EXPOSITION",
        help="a file, - for stdin, or http(s)://host:port/path",
    )
    applied = parser.add_mutually_exclusive_group()
    applied.add_argument(
        "-f", "--filename", type=Path, metavar="FILE", help="a resource that would be applied"
    )
    applied.add_argument(
        "--annotation",
        type=Path,
        metavar="FILE",
        help="a value of datakit/prom.instances, or manifests with one",
    )
    applied.add_argument("--conf", type=Path, metavar="FILE", help="a conf file of the agent")
    parser.add_argument(
        "--target",
        choices=[each.value for each in Target],
        help="whose expositions (default: seen)",
    )
    parser.add_argument("--istio", metavar="VERSION", help="release of Istio (default: seen)")
    parser.add_argument(
        "--pods",
        type=_positive,
        metavar="N",
        help="also read N sidecars of the cluster, through port-forwards",
    )
    parser.add_argument(
        "-n",
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="where --pods looks (default: the namespaces of -f, or all); may be repeated",
    )
    parser.add_argument(
        "--pods-count",
        type=_positive,
        metavar="N",
        help="pods with a sidecar to reckon with (default: those given, or running)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=_TIMEOUT_S,
        metavar="SECONDS",
        help="for each address (default: %(default)g)",
    )
    parser.add_argument(
        "--top", type=_positive, default=_TOP, metavar="N", help="rows of a list (default: 10)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write a page with charts to pass around"
    )
    parser.set_defaults(command=show_preview)


def show_preview(options: argparse.Namespace) -> int:
    """Print the preview, and write the page if one is asked for."""
    question = read_question(options)
    expositions = _given(options)
    pods = options.pods_count
    if options.pods is not None:
        more, running = _of_cluster(options, options.namespace or question.namespaces)
        expositions += more
        pods = pods or running
    if not expositions:
        raise UsageError(
            "give an exposition: a file, - for standard input, an address, or --pods N"
        )
    found = preview(expositions, question.choices, question.views, pods, question.notes)
    # First, so that a reader who has seen enough of the text does not take the page away.
    if options.html is not None:
        _write_page(options.html, found)
    if options.output == "json":
        json.dump(as_data(found), sys.stdout, indent=2)
        print()
    else:
        console = Console(highlight=False)
        drawing = ASCII if console.options.ascii_only else EIGHTHS
        for block in preview_as_text(found, Look(options.top, console.width, drawing)):
            console.print(block)
    return _ANSWERED


def _given(options: argparse.Namespace) -> list[Exposition]:
    target = Target(options.target) if options.target else None
    version = _version(options.istio)
    return [
        read_exposition(source, options.timeout, target, version) for source in options.expositions
    ]


def _of_cluster(
    options: argparse.Namespace, namespaces: Sequence[str]
) -> tuple[list[Exposition], int]:
    # Here, for the client of a cluster takes longer to load than most answers.
    from istio_observability.cli.preview_pods import read_pods  # noqa: PLC0415

    read = read_pods(options.kubeconfig, options.context, namespaces, options.pods, options.timeout)
    version = _version(options.istio)
    found = [recognised(name, body, Target.SIDECAR, version) for name, body in read.bodies]
    return found, read.running


def _version(text: str | None) -> Version | None:
    try:
        return parse_version(text) if text else None
    except ValueError as error:
        raise UsageError(f"--istio {text} is no version; write one such as 1.22") from error


def _write_page(path: Path, found: Preview) -> None:
    try:
        path.write_text(render_page(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} could not be written ({error.strerror})") from error
    print(f"{path} written", file=sys.stderr)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number, 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("give seconds, more than 0 and at most 3600")
    return seconds
