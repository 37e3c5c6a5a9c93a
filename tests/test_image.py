"""
What the Dockerfile promises about the image, read from its text.

The image is built where a container engine is; these rules hold before that.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, continuation lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: list[list[tuple[str, str]]] = [[]]
    for line in filter(None, joined.splitlines()):
        match = INSTRUCTION.match(line)
        assert match, line
        if match[1] == "FROM":
            found.append([])
        found[-1].append((match[1], match[2]))
    return found


def arguments(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    """Return the arguments of every use of one instruction in a stage."""
    return [text for name, text in stage if name == instruction]


BEFORE, BUILD, FINAL = stages()


def test_base_image_is_named_once_and_can_be_pinned():
    """One build argument names the base of both stages, with a version and never ``latest``."""
    assert arguments(BEFORE, "ARG") == ["PYTHON_IMAGE=python:3.13-slim"]
    assert arguments(BUILD, "FROM") == ["${PYTHON_IMAGE} AS build"]
    assert arguments(FINAL, "FROM") == ["${PYTHON_IMAGE}"]


def test_everything_that_is_downloaded_is_checked_by_hash():
    """Every pip command checks hashes, or uses no index at all."""
    commands = [
        command
        for run in arguments(BUILD, "RUN")
        for command in run.split("&&")
        if re.search(r"\bpip\b.*\b(install|wheel|download)\b", command)
    ]

    assert len(commands) == 4
    assert [
        command
        for command in commands
        if "--require-hashes" not in command
        and not ("--no-deps" in command and re.search("--no-index|--no-build-isolation", command))
    ] == []


def test_result_is_compiled_and_has_neither_pip_nor_its_bootstrap():
    """The result comes from an environment without pip, and the base's own pip is removed."""
    assert any("venv --without-pip /opt/operator" in run for run in arguments(BUILD, "RUN"))
    assert any("compileall" in run and "/opt/operator" in run for run in arguments(BUILD, "RUN"))
    assert arguments(FINAL, "COPY") == ["--from=build /opt/operator /opt/operator"]
    (removal,) = arguments(FINAL, "RUN")
    for removed in ("site-packages/*", "ensurepip", "bin/pip*"):
        assert removed in removal


def test_process_is_the_operator_under_a_numeric_user():
    """The kubelet can see that the user is not root, and it is the one of the manifest."""
    (deployment,) = yaml.safe_load_all(
        (ROOT / "manifests/operator/deployment.yaml").read_text(encoding="utf-8")
    )
    context = deployment["spec"]["template"]["spec"]["securityContext"]

    assert arguments(FINAL, "USER") == [f"{context['runAsUser']}:{context['runAsGroup']}"]
    assert arguments(FINAL, "ENTRYPOINT") == ['["istio-observability"]']
    assert arguments(FINAL, "CMD") == ['["run"]']


@pytest.mark.parametrize("source", [*arguments(BUILD, "COPY")])
def test_what_is_copied_is_not_kept_out_of_the_build(source):
    """Each copied path exists and is let through by .dockerignore, which keeps out all else."""
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    paths = source.split()[:-1]

    assert "*" in allowed
    assert [path for path in paths if f"!{path}" not in allowed or not (ROOT / path).exists()] == []
