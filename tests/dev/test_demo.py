"""The demo tells what it cannot do, and its account fits where it is read."""

from __future__ import annotations

import io

import pytest

from dev.account import Account
from dev.demo.__main__ import main
from dev.demo.roll_out import Progress

ROLLING = tuple(f"workload-{number}" for number in range(9))


@pytest.fixture
def stream():
    """A log."""
    return io.StringIO()


def test_other_delivery_is_refused(capsys):
    """A way to deliver that this version lacks ends the demo before anything is started."""
    code = main(["--delivery", "Pod"])
    said = capsys.readouterr()

    assert code == 1
    assert said.out == ""
    assert "--delivery Pod: this version delivers by PodTemplate only" in said.err


def test_missing_kubeconfig_is_one_sentence(capsys, tmp_path):
    """A cluster that cannot be named ends the demo before anything is installed."""
    code = main(["--cluster", str(tmp_path / "none"), "--yes"])

    assert code == 1
    assert "is not a file; give a kubeconfig" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("width", "end"),
    {
        "some names fit": (80, "workload-0 workload-1 and 7 more"),
        "more names fit": (110, "workload-0 workload-1 workload-2 workload-3 and 5 more"),
    }.values(),
    ids=["some names fit", "more names fit"],
)
def test_progress_fits_the_width(width, end):
    """A row names as many workloads as there is room for, and counts the others."""
    row = Progress("RollingOut", "0/9    9        1/3     ", ROLLING).line(3.14, width)

    assert row.endswith(f"1/3     {end}")
    assert len(f"    {row}") <= width


def test_failed_check_is_remembered(stream):
    """A claim that does not hold is told with what was found, and decides the exit code."""
    account = Account(stream)
    account.check("6/6 wired", True)
    account.check("3/3 agents", False, "2/3")

    assert account.failures == ["3/3 agents: 2/3"]
    assert stream.getvalue() == "  ok      6/6 wired\n  FAILED  3/3 agents\n          2/3\n"


def test_log_shows_a_step_at_once(stream):
    """The name stands in the log before the step is done, the time behind it."""
    account = Account(stream)
    with account.step("building"):
        during = stream.getvalue()

    assert during == "  building "
    assert stream.getvalue().startswith("  building ..")
    assert stream.getvalue().endswith(" s\n")


def test_failed_step_says_so(stream):
    """A step that ends with an error is finished on its own line."""
    account = Account(stream)
    with pytest.raises(ValueError, match="broken"), account.step("building"):
        raise ValueError("broken")

    assert "failed after" in stream.getvalue()


def test_names_are_not_broken(stream):
    """Paragraphs are wrapped between words only, so that names can be copied."""
    account = Account(stream, width=20)
    account.say("look at istio-observability-system now")

    assert stream.getvalue() == "look at\nistio-observability-system\nnow\n"
