"""
``istio-observability lint``: what is wrong with configuration before anything is applied.

Exit codes: 0 nothing at or above ``--fail-on``, 2 something, 1 if anything could not be read, what
was read being reported all the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from istio_observability import __version__
from istio_observability.cli.lint_files import Reading
from istio_observability.cli.usage import UsageError
from istio_observability.lint.finding import Severity
from istio_observability.lint.fix import differences, fix
from istio_observability.lint.lint import Report, lint
from istio_observability.lint.report import as_data, as_github, as_sarif, as_text, summary

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from istio_observability.lint.places import SourceFile

_CLEAN: Final = 0
_UNANSWERED: Final = 1
_NOT_CLEAN: Final = 2
_FAIL_ON: Final = {
    "error": frozenset({Severity.ERROR}),
    "warning": frozenset({Severity.ERROR, Severity.WARNING}),
    "info": frozenset(Severity),
    "never": frozenset[Severity](),
}


def add_lint(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "lint",
        parents=[cluster],
        help="say what the agent will not collect, before anything is applied",
        description=(
            "Judge manifests, conf files, pages with fenced blocks, kustomizations or a live"
            " cluster by the agent's own rules. A comment `# istio-observability: ignore=IOB203`"
            " switches a rule off for its line and what is indented below it."
        ),
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="a file or directory, - for stdin"
    )
    parser.add_argument("--cluster", action="store_true", help="judge what is live")
    parser.add_argument("--datakit-namespace", default="datakit", metavar="NAME")
    parser.add_argument("--istio-namespace", default="istio-system", metavar="NAME")
    parser.add_argument("--fix", action="store_true", help="make the fixes that are certain")
    parser.add_argument("--diff", action="store_true", help="show these fixes, write nothing")
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "sarif", "github"), default="text"
    )
    parser.add_argument(
        "--fail-on",
        choices=tuple(_FAIL_ON),
        default="error",
        help="lowest severity that ends with exit code 2 (default: error)",
    )
    parser.set_defaults(command=run_lint)


def run_lint(options: argparse.Namespace) -> int:
    """Judge, and fix if asked to."""
    if bool(options.paths) == options.cluster:
        raise UsageError("name files or directories, or give --cluster, one of the two")
    if options.cluster and (options.fix or options.diff):
        raise UsageError("what is live cannot be fixed from here; fix the files it came from")
    reading = _read(options)
    for sentence in (*reading.remarks, *(f"error: {each}" for each in reading.problems)):
        print(sentence, file=sys.stderr)
    if not reading.files:
        return _UNANSWERED
    report = _fixed(reading.files, options) if options.fix or options.diff else lint(reading.files)
    if not options.diff:
        for line in _lines(report, options.output):
            print(line)
    if reading.problems:
        return _UNANSWERED
    worst = {each.rule.severity for each in report.findings}
    return _NOT_CLEAN if worst & _FAIL_ON[options.fail_on] else _CLEAN


def _read(options: argparse.Namespace) -> Reading:
    reading = Reading()
    if options.cluster:
        # Only here: the client takes longer to load than files take to judge.
        from istio_observability.cli.lint_cluster import read_cluster  # noqa: PLC0415

        reading.files = asyncio.run(
            read_cluster(
                options.kubeconfig,
                options.context,
                options.datakit_namespace,
                options.istio_namespace,
            )
        )
        return reading
    for path in options.paths:
        reading.add(path)
    return reading


def _fixed(files: Sequence[SourceFile], options: argparse.Namespace) -> Report:
    """Fix in memory; show the differences or write them. Returns what is left."""
    result = fix(files)
    changed = [
        (before, after)
        for before, after in zip(files, result.files, strict=True)
        if before.text != after.text
    ]
    if options.diff:
        for before, after in changed:
            for line in differences(before, after):
                print(line)
        print(f"{result.fixes} fixes in {len(changed)} files; nothing is written", file=sys.stderr)
        return lint(files)
    for _, after in changed:
        if after.name == "standard input":
            raise UsageError("standard input cannot be fixed; use --diff")
        _write(Path(after.name), after.text)
    print(f"{result.fixes} fixes in {len(changed)} files", file=sys.stderr)
    return result.report


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, so that a failure leaves the old one; links stay links."""
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode("utf-8"))
            temporary.chmod(target.stat().st_mode & 0o7777)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{path}: could not be written ({reason}); it is unchanged") from error


def _lines(report: Report, output: str) -> Iterator[str]:
    if output == "json":
        yield json.dumps(as_data(report), indent=2)
    elif output == "sarif":
        yield json.dumps(as_sarif(report, __version__), indent=2)
    elif output == "github":
        yield from as_github(report)
        yield summary(report)
    else:
        yield from as_text(report)
