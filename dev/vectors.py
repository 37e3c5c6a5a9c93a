"""
Runs recorded vectors of the real agent against the rules in ``istio_observability.datakit``.

``python -m dev.vectors DIR [--captures DIR]`` prints, per kind, how many cases passed, and for each
that did not what differs. Exit code 1 if any failed, 2 if the directory has no vectors.

What is compared, and what is only a remark in the files, stands in the README of the vectors: of
error texts only whether there is one; ``description`` never.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dev.vector_shapes import annotation_shape, captures_shape, collect_shape, conf_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Case = dict[str, Any]
_MOST_DIFFERENCES: Final = 12
_MOST_CHARS: Final = 300
# Only whether there is one counts.
_REMARKS: Final = frozenset({"error", "init_error", "config_error", "init_failed", "panic"})
# Given in some cases only, and then compared.
_OPTIONAL: Final = frozenset({"text_after_placeholders", "requests", "dialed"})


class NoVectors(Exception):  # noqa: N818  names the state
    """A directory or file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One file of vectors, how a case of it is run, and whether absent keys are left out."""

    file: str
    run: Callable[[Case, Path, Path | None], dict[str, Any]]
    only_given: bool = False


KINDS: Final = {
    "annotation-parse": Kind("annotation-parse.json", lambda case, _, __: annotation_shape(case)),
    "conf-load": Kind("conf-load.json", lambda case, _, __: conf_shape(case)),
    "collect": Kind("collect.json", lambda case, root, _: collect_shape(case, root)),
    "collect-captures": Kind("collect-captures.json", captures_shape, only_given=True),
}


@dataclass(slots=True)
class Outcome:
    """The cases of one kind."""

    passed: int = 0
    failed: dict[str, list[str]] = field(default_factory=dict)


def load_cases(path: Path) -> list[Case]:
    """
    Read one file.

    Raises:
        NoVectors: It is no list of cases.
    """
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoVectors(f"{path}: cannot be read ({error})") from error
    wanted = {"id", "input", "expected"}
    if not isinstance(cases, list) or not all(
        isinstance(case, dict) and wanted <= case.keys() for case in cases
    ):
        raise NoVectors(f"{path}: no list of cases with id, input and expected")
    return cases


def run_case(kind: str, case: Case, root: Path, captures: Path | None = None) -> list[str]:
    """Run one case; return what differs, nothing if it passed."""
    try:
        actual = KINDS[kind].run(case["input"], root, captures)
    except Exception as error:  # noqa: BLE001  one broken case must not hide the others
        return [f"could not be run: {type(error).__name__}: {error}"]
    expected = case["expected"]
    if KINDS[kind].only_given:
        actual = {key: _counted(expected[key], actual.get(key)) for key in expected}
    return list(differences(expected, actual))


def _counted(expected: object, actual: object) -> object:
    """Return the number of entries where only their number is expected."""
    whole = isinstance(expected, int) and not isinstance(expected, bool)
    return len(actual) if whole and isinstance(actual, list) else actual


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> Iterator[str]:
    """Compare one case; a key that is absent has the empty value of its type."""
    for key in sorted(expected.keys() | actual.keys()):
        if key in _OPTIONAL and key not in expected:
            continue
        if key in _REMARKS:
            yield from _compare_remark(key, expected.get(key), actual.get(key))
            continue
        yield from _compare(key, _normal(key, expected.get(key)), _normal(key, actual.get(key)))


def _normal(key: str, value: Any) -> Any:  # noqa: ANN401  JSON
    if key == "scrape_errors" and isinstance(value, list):
        return sorted(entry["url"] for entry in value)
    if key in {"points", "collisions", "feeds", "up", "families_kept"} and isinstance(value, list):
        return sorted((_sorted(entry) for entry in value), key=_text)
    return value


def _sorted(entry: Any) -> Any:  # noqa: ANN401  JSON
    # The values of a collision are a set of rivals, those of up a sequence.
    if isinstance(entry, dict) and "field" in entry:
        return {**entry, "values": sorted(entry["values"], key=_text)}
    return entry


def _compare(path: str, expected: Any, actual: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            here = f"{path}.{key}"
            if key in _REMARKS:
                yield from _compare_remark(here, expected.get(key), actual.get(key))
            # Of what differs from the key beside it, even an empty list says something.
            elif path.endswith("effective") and (key in expected) != (key in actual):
                yield f"{here}: expected {_given(expected, key)}, got {_given(actual, key)}"
            else:
                yield from _compare(here, expected.get(key), actual.get(key))
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path}: expected {len(expected)} entries, got {len(actual)}"
        for at, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from _compare(f"{path}[{at}]", one, other)
    elif _empty(expected) and _empty(actual):
        return
    elif isinstance(expected, bool) != isinstance(actual, bool) or expected != actual:
        yield f"{path}: expected {_short(expected)}, got {_short(actual)}"


def _compare_remark(path: str, expected: object, actual: object) -> Iterator[str]:
    if bool(expected) != bool(actual):
        yield f"{path}: expected {_short(expected)}, got {_short(actual)}"


def _empty(value: object) -> bool:
    return value is None or value in ("", [], {}, 0)


def _given(values: dict[str, Any], key: str) -> str:
    return _short(values[key]) if key in values else "nothing"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _short(value: object) -> str:
    text = _text(value)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}… ({len(text)} characters)"


def run_directory(root: Path, captures: Path | None) -> dict[str, Outcome]:
    """
    Run all vectors of a directory.

    Raises:
        NoVectors: There are none, or they cannot be read.
    """
    outcomes = {}
    for name, kind in KINDS.items():
        if not (root / kind.file).is_file():
            continue
        outcome = outcomes[name] = Outcome()
        for case in load_cases(root / kind.file):
            different = run_case(name, case, root, captures)
            if different:
                outcome.failed[case["id"]] = different
            else:
                outcome.passed += 1
    if not outcomes:
        files = ", ".join(kind.file for kind in KINDS.values())
        raise NoVectors(f"{root}: has none of {files}; give the directory that holds them")
    return outcomes


def report(outcomes: dict[str, Outcome]) -> Iterator[str]:
    """Return the lines to print."""
    for name, outcome in outcomes.items():
        for case_id, different in outcome.failed.items():
            yield f"{name} {case_id}:"
            yield from (f"    {line}" for line in different[:_MOST_DIFFERENCES])
            if len(different) > _MOST_DIFFERENCES:
                yield f"    … and {len(different) - _MOST_DIFFERENCES} more"
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        yield f"{name:{width}}  {outcome.passed} passed, {len(outcome.failed)} failed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.vectors", description=__doc__)
    parser.add_argument("directory", type=Path, help="directory with the JSON files")
    parser.add_argument("--captures", type=Path, help="directory of the files that cases name")
    options = parser.parse_args(arguments)
    try:
        outcomes = run_directory(options.directory, options.captures)
    except NoVectors as error:
        print(error, file=sys.stderr)
        return 2
    print(*report(outcomes), sep="\n")
    return 1 if any(outcome.failed for outcome in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
