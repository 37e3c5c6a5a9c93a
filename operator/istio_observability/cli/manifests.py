"""
Objects from files: a directory of manifests, one file, or standard input.

Everything wrong with a file is one sentence that names it; a manifest is never half-read.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import yaml

from istio_observability.cli.usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Body = dict[str, Any]

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_MAX_BYTES: Final = 64 * 1024 * 1024
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_directory(directory: Path) -> list[Body]:
    """
    Return every object of every manifest below a directory, in the order of file names.

    Raises:
        UsageError: The directory or a file cannot be read.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory}: is no directory; give --from a directory of manifests")
    files = sorted(path for path in directory.rglob("*") if path.suffix in _SUFFIXES)
    return [body for path in files for body in read_objects(_text(path), str(path))]


def read_file(path: Path) -> list[Body]:
    """Return every object of one file, ``-`` for standard input."""
    if str(path) == "-":
        return list(read_objects(sys.stdin.read(_MAX_BYTES), "standard input"))
    return list(read_objects(_text(path), str(path)))


def read_objects(text: str, name: str) -> Iterator[Body]:
    """
    Yield the Kubernetes objects of a text, the items of lists one by one.

    Args:
        text: YAML or JSON, any number of documents.
        name: What messages call it.

    Raises:
        UsageError: It is no YAML.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise UsageError(f"{name}{place}: is no YAML ({problem}); nothing is read") from error
    for document in documents:
        if not isinstance(document, dict):
            continue
        if str(document.get("kind", "")).endswith("List") and isinstance(
            document.get("items"), list
        ):
            yield from (item for item in document["items"] if _is_object(item))
        elif _is_object(document):
            yield document


def _is_object(found: object) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("kind"), str)
        and isinstance(found.get("metadata"), dict)
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: is larger than 64 MiB; give a smaller file")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text ({type(error).__name__})") from error
