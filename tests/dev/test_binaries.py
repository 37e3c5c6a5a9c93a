"""The cache of binaries builds once, heals what is broken, and says why it cannot."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.control_plane import BinariesError, ensure_binaries
from dev.control_plane.cache import MANIFEST
from dev.control_plane.modules import ALL_MODULES, Module, Program
from dev.control_plane.progress import Progress
from dev.control_plane.toolchain import read_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on PATH")


def write_module(directory: Path) -> Module:
    """Write a Go module with two tiny programs that print their names."""
    directory.mkdir()
    (directory / "go.mod").write_text("module example.com/fake\n\ngo 1.26.0\n")
    (directory / "go.sum").write_text("")
    for name in ("first", "second"):
        source = f'package main\n\nfunc main() {{ println("{name}") }}\n'
        (directory / name).mkdir()
        (directory / name / "main.go").write_text(source)
    programs = tuple(Program(name, f"example.com/fake/{name}") for name in ("first", "second"))
    return Module(name="fake", directory=directory, programs=programs)


def build(module: Module, root: Path) -> tuple[Path, str]:
    """Ensure the programs; return the directory of the entry and what was said meanwhile."""
    said = io.StringIO()
    programs = ensure_binaries([module], root=root, progress=Progress(said))
    return programs["first"].parent, said.getvalue()


def run(path: Path) -> str:
    """Run a program and return what it printed."""
    done = subprocess.run([path], capture_output=True, text=True, check=True)
    return done.stderr.strip()


@pytest.fixture
def module(tmp_path):
    """A module of two programs."""
    return write_module(tmp_path / "module")


@pytest.fixture
def root(tmp_path):
    """An empty cache."""
    return tmp_path / "cache"


def truncate(path: Path) -> None:
    """Cut a file as a full disk does."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def alter(path: Path) -> None:
    """Change one byte and keep the size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "half of it is gone": (truncate, "bytes instead of"),
    "it was deleted": (Path.unlink, "is missing"),
    "it lost its mode": (lambda path: path.chmod(0o644), "is not executable"),
    "one byte differs": (alter, "has other content"),
}


@needs_go
def test_second_call_builds_nothing(module, root):
    """The first call builds both programs, the second is silent and finds the same."""
    entry, said = build(module, root)
    assert "building second (2/2)" in said
    assert (run(entry / "first"), run(entry / "second")) == ("first", "second")

    assert (entry, "") == build(module, root)


@needs_go
@pytest.mark.parametrize(("damage", "fault"), DAMAGES.values(), ids=DAMAGES.keys())
def test_broken_program_alone_is_rebuilt(module, root, damage, fault):
    """One line says what is wrong, and the other program is not touched."""
    entry, _ = build(module, root)
    untouched = (entry / "first").stat()
    damage(entry / "second")

    healed, said = build(module, root)

    assert ": second " in said
    assert fault in said
    assert "building first" not in said
    assert run(healed / "second") == "second"
    assert (untouched.st_ino, untouched.st_mtime_ns) == (
        (healed / "first").stat().st_ino,
        (healed / "first").stat().st_mtime_ns,
    )
    assert (entry, "") == build(module, root)


@needs_go
@pytest.mark.parametrize("manifest", [None, "", "{", '{"files": {"first": {"size": 1}}}', "[]"])
def test_entry_without_readable_manifest_is_rebuilt(module, root, manifest):
    """Nothing vouches for the files, so none of them is trusted."""
    entry, _ = build(module, root)
    if manifest is None:
        (entry / MANIFEST).unlink()
    else:
        (entry / MANIFEST).write_text(manifest)

    healed, said = build(module, root)

    assert f"{MANIFEST} is missing or unreadable" in said
    assert (run(healed / "first"), run(healed / "second")) == ("first", "second")


@needs_go
def test_broken_copy_of_sources_is_copied_again(module, root):
    """Files that are used as they are heal like programs, and without building any."""
    (module.directory / "charts" / "deep").mkdir(parents=True)
    for name in ("one.yaml", "deep/two.yaml"):
        (module.directory / "charts" / name).write_text(name)
    module = replace(module, assets=(("manifests", "example.com/fake", "charts"),))
    entry, _ = build(module, root)
    truncate(entry / "manifests" / "deep" / "two.yaml")

    healed, said = build(module, root)

    assert "manifests/deep/two.yaml has" in said
    assert "building" not in said.replace("rebuilding", "")
    assert (healed / "manifests" / "deep" / "two.yaml").read_text() == "deep/two.yaml"


@needs_go
def test_interrupted_build_goes_on_where_it_stopped(module, root):
    """A finished program of a half-written directory is used, a half-written one is not."""
    entry, _ = build(module, root)
    work = entry.rename(entry.with_name(f"{entry.name}.building"))
    manifest = json.loads((work / MANIFEST).read_text())
    del manifest["files"]["second"]
    (work / MANIFEST).write_text(json.dumps(manifest))
    truncate(work / "second")
    (work / "build.log").write_text("unfinished")

    healed, said = build(module, root)

    assert "going on with an interrupted build" in said
    assert "building second" in said
    assert "building first" not in said
    assert run(healed / "second") == "second"
    assert {MANIFEST, "first", "second"} == {path.name for path in healed.iterdir()}
    assert not work.exists()


@needs_go
def test_half_written_directory_without_manifest_is_thrown_away(module, root):
    """What a build left that was killed at once does not harm."""
    key = module.read_cache_key(read_toolchain(module.directory))
    work = root / f"{key}.building"
    work.mkdir(parents=True)
    (work / "first").write_bytes(b"\x7fELF")

    entry, _ = build(module, root)

    assert run(entry / "first") == "first"


@needs_go
def test_copied_cache_is_read_once_and_not_rebuilt(module, root):
    """New modification times alone, as after a restore in CI, cost one checksum."""
    entry, _ = build(module, root)
    os.utime(entry / "first", ns=(1, 1))

    assert (entry, "") == build(module, root)
    record = json.loads((entry / MANIFEST).read_text())["files"]["first"]
    assert record["checked_mtime_ns"] == 1


@needs_go
def test_two_builders_at_once_build_once(module, root):
    """The second process waits for the first and uses its programs."""
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from dev.control_plane import ensure_binaries\n"
        "from dev.control_plane.modules import Module, Program\n"
        "names = ('first', 'second')\n"
        "programs = tuple(Program(name, f'example.com/fake/{name}') for name in names)\n"
        "module = Module(name='fake', directory=Path(sys.argv[1]), programs=programs)\n"
        "print(ensure_binaries([module], root=Path(sys.argv[2]))['second'])\n"
    )
    command = [sys.executable, "-c", script, str(module.directory), str(root)]
    builders = [
        subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    results = [builder.communicate(timeout=120) for builder in builders]

    assert [builder.returncode for builder in builders] == [0, 0]
    assert results[0][0] == results[1][0]
    said = "".join(errors for _, errors in results)
    assert said.count("building first (1/2) ...\n") == 1


@needs_go
def test_failed_build_shows_what_go_said(module, root):
    """The error ends with Go's own words, and no entry appears."""
    (module.directory / "second" / "main.go").write_text("package main\n\nfunc main() { oops }\n")

    with pytest.raises(BinariesError, match=r"(?s)building second failed.*undefined: oops"):
        build(module, root)
    key = module.read_cache_key(read_toolchain(module.directory))
    assert not (root / key).exists()


@needs_go
def test_changed_dependencies_are_another_entry(module, root):
    """A new go.sum never uses programs that were built with the old one."""
    entry, _ = build(module, root)
    (module.directory / "go.sum").write_text("\n")
    other, said = build(module, root)

    assert entry != other
    assert "building first (1/2)" in said


@needs_go
@pytest.mark.parametrize("pinned", ALL_MODULES, ids=lambda pinned: pinned.name)
def test_every_program_is_a_pinned_tool(pinned):
    """A program that the module does not name would lose its dependencies in a tidy-up."""
    command = ["go", "mod", "edit", "-json"]
    text = subprocess.check_output(command, cwd=pinned.directory, text=True)
    tools = {tool["Path"] for tool in json.loads(text)["Tool"]}

    assert tools == {program.package for program in pinned.programs}


def test_missing_go_is_one_clear_sentence(module, root, monkeypatch, tmp_path):
    """Without Go the error says what to install, or what to set instead."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BinariesError, match=r"Go is not on PATH; .*install Go 1\.26"):
        build(module, root)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "printf 'go1.21.5\\nlinux\\namd64\\n/a\\n/b\\n'",
            r"Go 1\.21 is too old; .*install Go 1\.26",
        ),
        (
            "echo 'go: go.mod requires go >= 1.26.0 (running go 1.22.1)' >&2; exit 1",
            r"requires go >= 1\.26\.0 .*install Go 1\.26",
        ),
    ],
    ids=["old Go that answers", "old Go that refuses the module"],
)
def test_old_go_is_one_clear_sentence(module, monkeypatch, tmp_path, script, expected):
    """A Go that cannot build the modules is named with its version."""
    (tmp_path / "go").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(BinariesError, match=expected):
        build(module, tmp_path / "cache")
