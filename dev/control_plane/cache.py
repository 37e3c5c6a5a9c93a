"""
One entry of the binary cache: a directory of files and a manifest that vouches for them.

A file counts only if the manifest names it and its size matches, so nothing half-written is ever
used. The manifest also keeps the modification time at which the SHA-256 was last checked: a file
with an unchanged time is not read again, a copied cache is read once.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.control_plane.progress import Progress

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest says about one file; ``checked_mtime_ns`` is when it last matched."""

    size: int
    sha256: str
    checked_mtime_ns: int
    executable: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """Files that can be used, and a sentence fragment for each one that cannot."""

    good: dict[str, Record]
    faults: dict[str, str]


def default_cache_root() -> Path:
    """Return the directory of all entries: outside every checkout, shared between them."""
    if chosen := os.environ.get("ISTIO_OBSERVABILITY_CACHE"):
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "istio-observability-operator"


def read_manifest(entry: Path) -> dict[str, Record] | None:
    """Return what the manifest lists, ``None`` if it is missing or unreadable."""
    try:
        files = json.loads((entry / MANIFEST).read_text())["files"]
        return {name: Record(**record) for name, record in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_manifest(entry: Path, records: dict[str, Record]) -> None:
    """Replace the manifest in one step, so that a reader sees the old or the new one."""
    partial = entry / f"{MANIFEST}.partial"
    files = {name: asdict(record) for name, record in sorted(records.items())}
    partial.write_text(json.dumps({"files": files}, indent=1))
    partial.replace(entry / MANIFEST)


def record_file(path: Path) -> Record:
    """Read a finished file and return its record."""
    status = path.stat()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Record(status.st_size, sha256, status.st_mtime_ns, os.access(path, os.X_OK))


def inspect_entry(entry: Path) -> Inspection:
    """Compare every file of an entry with the manifest; nothing is changed."""
    records = read_manifest(entry)
    if records is None:
        fault = {MANIFEST: "is missing or unreadable"} if entry.exists() else {}
        return Inspection({}, fault)
    good: dict[str, Record] = {}
    faults: dict[str, str] = {}
    for name, record in records.items():
        found = _inspect_file(entry / name, record)
        if isinstance(found, Record):
            good[name] = found
        else:
            faults[name] = found
    return Inspection(good, faults)


def _inspect_file(path: Path, record: Record) -> Record | str:
    try:
        status = path.stat()
    except OSError:
        return "is missing"
    if status.st_size != record.size:
        return f"has {status.st_size} bytes instead of {record.size}"
    if record.executable and not os.access(path, os.X_OK):
        return "is not executable"
    if status.st_mtime_ns == record.checked_mtime_ns:
        return record
    found = record_file(path)
    return found if found.sha256 == record.sha256 else "has other content than was built"


def adopt_files(source: Path, target: Path, names: dict[str, Record]) -> None:
    """Put files into another entry on the same disk without copying their content."""
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.link(source / name, path)


def swap_entry(finished: Path, entry: Path) -> None:
    """
    Put a finished directory in the place of an entry.

    A run that was started from the old directory keeps its open files. If the machine stops
    between the two renames the finished directory is still there, and the next build adopts it.
    """
    old = entry.with_name(f"{entry.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if entry.exists():
        entry.rename(old)
    finished.rename(entry)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def hold_lock(path: Path, progress: Progress) -> Iterator[None]:
    """Let one process at a time work on an entry; the kernel frees the lock if it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"another process builds {path.stem}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
