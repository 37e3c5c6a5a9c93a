"""
The demo on a real plane: its account is the golden one, and it ends as it began.

Times, counts of what moves, digests and the rows of the roll-out are masked in
``golden/demo.txt``; ``UPDATE_GOLDEN=1`` rewrites it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev.lab.stage import REPOSITORY

pytestmark = [pytest.mark.control_plane, pytest.mark.istio, pytest.mark.timeout(600)]

GOLDEN = Path(__file__).parent / "golden" / "demo.txt"
_MASKS = (
    (r"\.\.+ +\d+\.\d s", "... <time>"),
    (r"(?:^ +\d+\.\d  \S.*\n)+", "    <rows>\n"),
    (r"^(mesh .* )\d[\dms]*$", r"\1<age>"),
    (r"\b[0-9a-f]{16}\b", "<hash>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "<digest>"),
    (r"\b\d+ (more lines|lines|metric families|families|objects|annotations)", r"<n> \1"),
)


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as a log sees it."""
    return subprocess.run(
        [sys.executable, "-m", "dev.demo", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


def masked(text: str) -> str:
    """Return an account without what differs from run to run."""
    for pattern, replacement in _MASKS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


@pytest.fixture(scope="module")
def own_programs(istio_control_plane):
    """Every program is built before the demo runs, as in its second run."""
    if os.environ.get("TEST_KUBECONFIG"):
        pytest.skip("the demo starts a plane of its own; unset TEST_KUBECONFIG")
    return istio_control_plane.programs


def test_account_is_the_golden_one(own_programs):
    """Every check holds, and the account, made from what the API server holds, is as written."""
    done = run_demo()
    text = masked(done.stdout)
    if os.environ.get("UPDATE_GOLDEN") and done.returncode == 0:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_used_cluster_is_refused(istio_control_plane):
    """Where Istio stands already the demo installs nothing, and says what is in the way."""
    done = run_demo("--cluster", str(istio_control_plane.kubeconfig), "--yes")

    assert done.returncode == 1
    assert " istiod, " in (said := " ".join(done.stdout.split()))
    assert "so it does not start" in said


def test_nothing_is_installed_without_consent(control_plane):
    """Without a terminal and without --yes nobody has agreed, so the cluster stays as it is."""
    before = control_plane.kubectl("get", "crd,namespaces", "-o", "name")
    if "datakit" in before or "istio" in before:
        pytest.skip("another test uses the cluster")
    done = run_demo("--cluster", str(control_plane.kubeconfig))

    assert done.returncode == 1
    assert "not confirmed; nothing was installed" in done.stdout
    assert control_plane.kubectl("get", "crd,namespaces", "-o", "name") == before
