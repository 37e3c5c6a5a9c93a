"""`istio-observability cleanup`: everything goes back although the operator is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.lab import traces_of_operator
from dev.lab.dump import template_hashes
from istio_observability.cli.main import main
from istio_observability.model import names
from tests.control_plane.test_operator_undo import take_away_orphans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.control_plane.operator_support import Stage

pytestmark = [pytest.mark.control_plane, pytest.mark.istio]


@pytest.fixture
def deserted(stage: Stage) -> Iterator[Stage]:
    """Everything wired, and the operator killed."""
    stage.wire()
    stage.operator.kill()
    yield stage
    stage.operator.start()
    stage.operator.wait_ready()


def clean_up(stage: Stage, *options: str) -> int:
    """Run the command against the stage."""
    return main(["cleanup", "mesh", "--kubeconfig", str(stage.plane.kubeconfig), *options])


def test_dry_run_tells_the_price_and_changes_nothing(deserted, capsys):
    """Every object is named, and the resource still stands."""
    before = deserted.resource()

    code = clean_up(deserted, "--dry-run")

    said = capsys.readouterr().out
    assert code == 0
    assert deserted.resource() == before
    assert "13 objects go back; 9 pods are replaced once." in said
    assert "release Deployment prod/ratings-v1, restarts 1 pod" in said


def test_without_a_terminal_it_does_not_ask_but_refuses(deserted, capsys):
    """A pipeline must say --yes."""
    code = clean_up(deserted)

    assert code == 1
    assert "say --yes" in capsys.readouterr().err
    assert deserted.resource()["metadata"].get("deletionTimestamp") is None


def test_everything_goes_back_without_the_operator(deserted, capsys):
    """The dumps are equal, nothing of ours is left, and the resource is gone."""
    code = clean_up(deserted, "--yes")

    assert code == 0, capsys.readouterr().out
    assert deserted.plane.kubectl("get", "iobs", "-o", "name") == ""
    deserted.settle()
    assert deserted.changes() == []
    assert traces_of_operator(deserted.plane, manager=names.FIELD_MANAGER) == []


def test_orphan_leaves_the_values_and_restarts_nothing(deserted):
    """Only the ownership is given up; the pods stay what they were."""
    hashes = template_hashes(deserted.plane, "prod")

    code = clean_up(deserted, "--yes", "--orphan")

    assert code == 0
    assert template_hashes(deserted.plane, "prod") == hashes
    assert len(deserted.wired()) == 6
    take_away_orphans(deserted)
