"""
Reads what ``lint`` is pointed at: files, directories, kustomizations, standard input.

Every read is bounded, so that neither a device nor a stream without end can hold the command up
or fill memory; what cannot be read is one sentence, and the other files are judged all the same.
"""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

import yaml

from istio_observability.lint.material import SUFFIXES
from istio_observability.lint.places import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_FILES: Final = 100_000
_SNIFFED: Final = 8192
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FILE_LISTS: Final = ("resources", "bases", "components", "patchesStrategicMerge")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Reading:
    """
    What could be read.

    Attributes:
        files: Each once, in the order they were named and then by name.
        problems: One sentence for each thing that could not be read.
        remarks: What was left out on purpose.
    """

    files: list[SourceFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)

    def add(self, path: Path) -> None:
        """Read a file, or all that belongs to a directory; ``-`` is standard input."""
        if str(path) == "-":
            self._take("standard input", sys.stdin.buffer)
            return
        try:
            if path.is_dir():
                self._add_directory(path)
            else:
                self._add_file(path)
        except OSError as error:
            self.problems.append(_sentence(path, error))

    def _add_directory(self, directory: Path) -> None:
        kustomization = next(
            (directory / name for name in _KUSTOMIZATIONS if (directory / name).is_file()), None
        )
        if kustomization is not None:
            self._add_kustomization(kustomization)
            return
        found = sorted(
            path
            for path in directory.rglob("*")
            if path.suffix.lower() in SUFFIXES and path.is_file() and not _hidden(path, directory)
        )
        charts = {path.parent for path in found if path.name == "Chart.yaml"}
        for chart in sorted(charts):
            self.remarks.append(f"{chart}: is a chart; render it and give the result")
        found = [path for path in found if charts.isdisjoint(path.parents)]
        if not found:
            suffixes = " ".join(SUFFIXES)
            self.problems.append(f"{directory}: holds no manifests; name files ({suffixes})")
        if len(found) > _MAX_FILES:
            self.problems.append(f"{directory}: holds more than {_MAX_FILES} files; name some")
            return
        for path in found:
            self._add_file(path)

    def _add_kustomization(self, path: Path) -> None:
        if not self._add_file(path):
            return
        try:
            body = yaml.load(self.files[-1].text, Loader=_LOADER)  # noqa: S506  a safe loader
        except (yaml.YAMLError, ValueError, RecursionError):
            self.problems.append(f"{path}: is no YAML; its resources are not known")
            return
        for entry in _entries(body):
            if "://" in entry or entry.startswith("git@") or "github.com/" in entry:
                self.remarks.append(f"{path}: {entry} is remote and is not looked at")
                continue
            self.add(path.parent / entry)

    def _add_file(self, path: Path) -> bool:
        """Read one file and return whether it is a new one that could be read."""
        real = path.resolve()
        if real in self._seen:
            return False
        self._seen.add(real)
        try:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_BYTES:
                self.problems.append(_too_large(str(path)))
                return False
            with path.open("rb") as stream:
                return self._take(str(path), stream)
        except OSError as error:
            self.problems.append(_sentence(path, error))
            return False

    def _take(self, name: str, stream: BinaryIO) -> bool:
        data = _bounded(stream)
        if len(data) > MAX_BYTES:
            self.problems.append(_too_large(name))
            return False
        if b"\0" in data[:_SNIFFED]:
            self.problems.append(f"{name}: is binary; give text in UTF-8")
            return False
        try:
            # Line ends stay as they are: a fix must change nothing else.
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            self.problems.append(f"{name}: is no text in UTF-8; convert it")
            return False
        self.files.append(SourceFile(name, text))
        return True


def _bounded(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        part = stream.read(min(1024 * 1024, MAX_BYTES + 1 - size))
        if not part:
            break
        # Nothing more is needed of something that is no text.
        if not parts and b"\0" in part[:_SNIFFED]:
            return part[:_SNIFFED]
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _entries(body: object) -> list[str]:
    if not isinstance(body, dict):
        return []
    listed: list[object] = [
        each for key in _FILE_LISTS for each in (body.get(key) or []) if isinstance(body[key], list)
    ]
    patches = body.get("patches")
    entries = patches if isinstance(patches, list) else []
    listed += [patch.get("path") for patch in entries if isinstance(patch, dict)]
    return [each for each in listed if isinstance(each, str) and each and "\n" not in each]


def _hidden(path: Path, directory: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(directory).parts)


def _too_large(name: str) -> str:
    return f"{name}: is larger than {MAX_BYTES // 1024 // 1024} MiB; give smaller files"


def _sentence(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: does not exist"
    if isinstance(error, PermissionError):
        return f"{path}: may not be read; ask for permission or leave it out"
    reason = error.strerror or type(error).__name__
    return f"{path}: cannot be read ({reason})"
