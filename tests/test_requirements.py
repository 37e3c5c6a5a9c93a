"""The lock files pin everything that is asked for, by hash, and name no place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ("runtime", "build", "dev")


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Return version and number of hashes of each package that a lock file pins."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    return {
        canonicalize_name(name): (version, hashes.count("--hash="))
        for name, version, hashes in entries
    }


def asked_for(source: str) -> list[Requirement]:
    """Return what one ``.in`` file asks for, or ``pyproject.toml`` for ``runtime``."""
    if source == "runtime":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return [Requirement(each) for each in project["dependencies"]]
    lines = (ROOT / "requirements" / f"{source}.in").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("runtime", "runtime"),
        ("runtime", "dev"),
        ("build", "build"),
        ("build", "dev"),
        ("dev", "dev"),
    ],
)
def test_lock_answers_what_is_asked_for(source, lock):
    """A dependency that was added or raised without ``make lock`` is found here, offline."""
    locked = pins(lock)
    unanswered = [
        str(each)
        for each in asked_for(source)
        if (pin := locked.get(canonicalize_name(each.name))) is None or pin[0] not in each.specifier
    ]

    assert unanswered == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_of_a_lock_is_pinned_by_hash(lock):
    """No line asks for a package without version and hash."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and line[0] not in " #"]

    assert len(lines) == len(pins(lock))


def test_developers_and_image_run_the_same_versions():
    """What is tested is what is shipped."""
    shipped, tested = pins("runtime"), pins("dev")

    assert shipped == {name: tested.get(name) for name in shipped}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(lock):
    """Where packages come from is the reader's setting."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")

    assert re.findall(r"://|--index-url|--extra-index-url|--find-links|--trusted-host", text) == []


def test_compiled_packages_have_a_file_for_every_platform():
    """The one that is compiled per platform and interpreter is pinned with all of its files."""
    _, hashes = pins("runtime")["google-re2"]

    # Linux and macOS, two architectures, three interpreters: fewer means one platform's lock.
    assert hashes >= 12
