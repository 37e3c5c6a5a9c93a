"""``make try`` shows a newcomer what one resource would change, without any cluster."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.account import Account
from dev.lab.stage import MANIFESTS
from dev.try_it.__main__ import main
from dev.try_it.record import RECORDED, trim
from dev.try_it.show import show_wish

GOLDEN = Path(__file__).parent / "golden" / "try_it.txt"

WRONG_INTERVAL = """
apiVersion: istio-observability.dev/v1alpha1
kind: IstioObservability
metadata: {name: mesh}
spec: {metrics: {interval: 0s}}
"""


def documents(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the objects of a file by kind and name."""
    bodies = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return {(body["kind"], body["metadata"]["name"]): body for body in bodies}


def test_account_is_the_golden_one():
    """A log of 80 columns reads as the golden file, digests masked."""
    stream = io.StringIO()
    show_wish(Account(stream))
    text = re.sub(r"\b[0-9a-f]{16}\b", "<hash>", stream.getvalue())
    text = re.sub(r"\b[0-9a-f]{8}\b", "<revision>", text)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")

    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 110])
def test_lines_fit_the_width(width):
    """Only commands to be copied may be longer than the line."""
    stream = io.StringIO()
    show_wish(Account(stream, width=width))
    long = [line for line in stream.getvalue().splitlines() if len(line) > width]

    assert [line for line in long if "$ " not in line] == []


def test_another_resource_is_read(tmp_path, capsys):
    """A reader's own resource is shown instead of ours."""
    path = tmp_path / "mine.yaml"
    body = yaml.safe_load((MANIFESTS / "mesh.yaml").read_text(encoding="utf-8"))
    del body["spec"]["workloads"]
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    code = main(["-f", str(path)])
    output = capsys.readouterr().out

    assert code == 0
    assert "ConfigMap datakit/datakit-conf" in output
    assert "Deployment prod" not in output


@pytest.mark.parametrize(
    ("text", "sentence"),
    {
        "not a resource": ("kind: ConfigMap\nmetadata: {name: x}\n", "has 0 objects of kind"),
        "a wrong field": (
            WRONG_INTERVAL,
            "spec.metrics.interval",
        ),
    }.values(),
    ids=["not a resource", "a wrong field"],
)
def test_bad_resource_is_one_sentence(tmp_path, capsys, text, sentence):
    """What cannot be shown ends with 1 and says why."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    code = main(["-f", str(path)])

    assert code == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bookinfo.yaml", "datakit.yaml"])
def test_recording_agrees_with_the_manifests(name):
    """Images, labels and mounts of the recording are those that the demo installs."""
    installed, recorded = documents(MANIFESTS / name), documents(RECORDED / name)
    workloads = {key for key in installed if key[0] in {"Deployment", "DaemonSet"}}

    assert workloads == {key for key in recorded if key[0] in {"Deployment", "DaemonSet"}}
    for key in workloads:
        before, after = installed[key]["spec"], recorded[key]["spec"]
        (wanted,) = before["template"]["spec"]["containers"]
        (found,) = after["template"]["spec"]["containers"]
        assert before["selector"] == after["selector"]
        assert before["template"]["metadata"] == after["template"]["metadata"]
        assert wanted["image"] == found["image"]
        assert wanted.get("volumeMounts", []) == found.get("volumeMounts", []) or key[0] == (
            "Deployment"
        )


def test_recordings_hold_no_noise():
    """Nothing that the API server adds is left, so that trimming again changes nothing."""
    bodies = [body for path in RECORDED.glob("*.yaml") for body in documents(path).values()]

    assert len(bodies) == 17
    assert [trim(body) for body in bodies] == bodies
