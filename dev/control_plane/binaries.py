"""
Builds the programs of a control plane once and keeps them in a cache that heals itself.

The cache is outside the checkout, one entry per module and build input (``Module``), guarded by
a lock, so two runs side by side build once. A file that is missing, truncated, altered or not
executable is rebuilt, and only that file; an interrupted build goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.control_plane import cache
from dev.control_plane.gobuild import build_program, copy_asset
from dev.control_plane.modules import PLANE_MODULES, Module, Program
from dev.control_plane.progress import Progress
from dev.control_plane.toolchain import (
    BinariesError,
    Toolchain,
    read_toolchain,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_GIGABYTE: Final = 1_000_000_000
# Less than this cannot even hold the programs and the linker's temporary files.
_MINIMUM_FREE_BYTES: Final = 2 * _GIGABYTE


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the executables are, by name; ``assets`` are directories, by name."""

    paths: Mapping[str, Path]
    assets: Mapping[str, Path]

    def __getitem__(self, name: str) -> Path:
        """
        Return the path of a program.

        Raises:
            BinariesError: It is not among them.
        """
        try:
            return self.paths[name]
        except KeyError:
            raise BinariesError(f"{name} is not among the programs of this plane.") from None

    def __contains__(self, name: str) -> bool:
        """Tell whether a program of this name is there."""
        return name in self.paths


def find_kubebuilder_assets() -> Programs | None:
    """Return the programs in ``KUBEBUILDER_ASSETS``, ``None`` if the variable is not set."""
    chosen = os.environ.get("KUBEBUILDER_ASSETS")
    if not chosen:
        return None
    files = [path for path in Path(chosen).iterdir() if os.access(path, os.X_OK)]
    return Programs({path.name: path for path in files if path.is_file()}, {})


def ensure_binaries(
    modules: Sequence[Module] = PLANE_MODULES,
    *,
    root: Path | None = None,
    progress: Progress | None = None,
) -> Programs:
    """
    Return the programs of the modules, building what the cache lacks.

    A few milliseconds when everything is there; a quarter of an hour when nothing is.

    Args:
        modules: Built one after the other: the memory need of two links at once is 4 GB.
        root: Directory of the cache; ``cache.default_cache_root()`` by default.
        progress: Where to tell how long it takes; standard error by default.

    Raises:
        BinariesError: Go is missing or too old, the disk is full, or a build failed.
    """
    progress = progress or Progress()
    root = root or cache.default_cache_root()
    # Once, before any build: the numbers in the progress lines count over all modules.
    toolchain = read_toolchain(modules[0].directory)
    missing = sum(len(list_missing(module, root, toolchain)) for module in modules)
    counter = _Counter(missing)
    if missing:
        _announce(modules, root, toolchain, missing, progress)
    paths: dict[str, Path] = {}
    assets: dict[str, Path] = {}
    for module in modules:
        entry = _ensure_module(module, root, toolchain, progress, counter)
        paths |= {program.name: entry / program.name for program in module.programs}
        assets |= {name: entry / name for name, _, _ in module.assets}
    return Programs(paths, assets)


def list_missing(module: Module, root: Path, toolchain: Toolchain) -> list[Program]:
    """Return the programs of a module that the cache does not hold in good order."""
    good = cache.inspect_entry(root / module.read_cache_key(toolchain)).good
    return [program for program in module.programs if program.name not in good]


@dataclass(slots=True)
class _Counter:
    total: int
    current: int = 0


def _announce(
    modules: Sequence[Module], root: Path, toolchain: Toolchain, missing: int, progress: Progress
) -> None:
    lacking = {module.name: list_missing(module, root, toolchain) for module in modules}
    cold_s = sum(program.cold_build_s for programs in lacking.values() for program in programs)
    cores = os.cpu_count() or 1
    minutes = max(1, round(cold_s * 2 / cores / 60))
    needed = sum(module.disk_bytes for module in modules if lacking[module.name])
    places = {existing_parent(Path(place)) for place in (toolchain.build_cache, str(root))}
    free = min(shutil.disk_usage(place).free for place in places)
    progress.say(
        f"building {missing} programs with {toolchain.version}: about {minutes} min on {cores} "
        f"cores and {needed / _GIGABYTE:.1f} GB of disk ({free / _GIGABYTE:.0f} GB free) when "
        f"nothing is cached by Go, seconds to a few minutes otherwise; kept in {root}"
    )
    if needed and free < _MINIMUM_FREE_BYTES:
        raise BinariesError(
            f"{root}: only {free / _GIGABYTE:.1f} GB of disk are free; the build would fail; free "
            f"{needed / _GIGABYTE:.1f} GB or point ISTIO_OBSERVABILITY_CACHE, GOCACHE and "
            "GOMODCACHE to another disk."
        )
    if free < needed:
        progress.say("that may be more than the disk has left, unless Go's own cache is warm")


def existing_parent(path: Path) -> Path:
    """Return the path itself or its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def _ensure_module(
    module: Module, root: Path, toolchain: Toolchain, progress: Progress, counter: _Counter
) -> Path:
    key = module.read_cache_key(toolchain)
    entry, work = root / key, root / f"{key}.building"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with cache.hold_lock(root / f"{key}.lock", progress):
            found = cache.inspect_entry(entry)
            for name, fault in found.faults.items():
                progress.say(f"cache {key}: {name} {fault}; rebuilding what is missing")
            good = _drop_broken_assets(module, found)
            if _is_complete(module, good):
                if good != cache.read_manifest(entry):
                    cache.write_manifest(entry, good)
                shutil.rmtree(work, ignore_errors=True)
                return entry
            records = _prepare_work(entry, work, good, progress)
            _build_missing(module, work, records, progress, counter)
            cache.swap_entry(work, entry)
    except PermissionError as error:
        raise BinariesError(
            f"{error.filename}: not writable; the programs cannot be kept; "
            "point ISTIO_OBSERVABILITY_CACHE to a directory of yours."
        ) from error
    return entry


def _drop_broken_assets(module: Module, found: cache.Inspection) -> dict[str, cache.Record]:
    """Return the good files without those of an asset that lacks one: it is copied as a whole."""
    broken = [name for name, _, _ in module.assets if _has_asset(name, found.faults)]
    return {
        file: record
        for file, record in found.good.items()
        if not any(file.startswith(f"{name}/") for name in broken)
    }


def _is_complete(module: Module, good: Mapping[str, cache.Record]) -> bool:
    programs = all(program.name in good for program in module.programs)
    return programs and all(_has_asset(name, good) for name, _, _ in module.assets)


def _has_asset(name: str, files: Iterable[str]) -> bool:
    return any(file.startswith(f"{name}/") for file in files)


def _prepare_work(
    entry: Path, work: Path, good: dict[str, cache.Record], progress: Progress
) -> dict[str, cache.Record]:
    """Start from what an interrupted build finished and from what is still good."""
    left = cache.inspect_entry(work)
    if left.good:
        progress.say(f"going on with an interrupted build: {len(left.good)} files are finished")
    for path in sorted(work.rglob("*"), reverse=True) if work.exists() else []:
        if path.is_file() and str(path.relative_to(work)) not in left.good:
            path.unlink()
    work.mkdir(exist_ok=True)
    fresh = {name: record for name, record in good.items() if name not in left.good}
    cache.adopt_files(entry, work, fresh)
    records = {**left.good, **fresh}
    cache.write_manifest(work, records)
    return records


def _build_missing(
    module: Module,
    work: Path,
    records: dict[str, cache.Record],
    progress: Progress,
    counter: _Counter,
) -> None:
    for program in module.programs:
        if program.name in records:
            continue
        counter.current += 1
        position = f"({counter.current}/{max(counter.total, counter.current)})"
        progress.start(f"building {program.name} {position}")
        build_program(module, program, work, progress)
        records[program.name] = cache.record_file(work / program.name)
        # After each program, so that an interrupted build loses one program at most.
        cache.write_manifest(work, records)
        progress.finish()
    for name, module_path, directory in module.assets:
        if _has_asset(name, records):
            continue
        copy_asset(module, module_path, directory, work / name)
        for path in sorted((work / name).rglob("*")):
            if path.is_file():
                records[str(path.relative_to(work))] = cache.record_file(path)
        cache.write_manifest(work, records)
