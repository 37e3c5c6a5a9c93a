"""Failed writes and refused watches as a user reads them, one golden line per case."""

from __future__ import annotations

import pytest

from istio_observability.control.writer import problem_of, watch_problem
from istio_observability.kube.errors import (
    ConflictCause,
    FieldConflict,
    Forbidden,
    Invalid,
    InvalidCause,
    NotOurs,
)
from istio_observability.model.finding import Severity
from istio_observability.model.objects import CONFIG_MAP, DAEMON_SET, DEPLOYMENT, SERVICE, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.intent import Action, Intent, Wave
from tests.plan.golden_files import golden

NO = Forbidden("forbidden", status=403)
CONFLICT = FieldConflict(
    (
        ConflictCause(".data.zipkin.conf", "helm"),
        ConflictCause(".data.prom_istiod.conf", "argocd-controller"),
    )
)
REFUSED = Invalid("invalid", causes=(InvalidCause(".spec.paused", "must be a boolean"),))


def intent(action, kind, name="cart"):
    """Return one write."""
    return Intent(action, Wave.CONFIG, ObjectRef(kind, "prod", name), "u", {}, "why")


PROBLEMS = {
    "apply forbidden": problem_of(intent(Action.APPLY, DEPLOYMENT), NO),
    "release forbidden": problem_of(intent(Action.RELEASE, DAEMON_SET), NO),
    "create forbidden": problem_of(intent(Action.ENSURE, SERVICE), NO),
    "delete forbidden": problem_of(intent(Action.DELETE, SERVICE), NO),
    "conflict": problem_of(intent(Action.APPLY, CONFIG_MAP), CONFLICT),
    "invalid": problem_of(intent(Action.APPLY, DEPLOYMENT), REFUSED),
    "not ours": problem_of(intent(Action.ENSURE, SERVICE), NotOurs("is not ours")),
    "watch of a kind forbidden": watch_problem(ObjectRef(DEPLOYMENT, "", "")),
    "watch of one object forbidden": watch_problem(ObjectRef(DAEMON_SET, "datakit", "agent")),
}


def test_problems_read_as_recorded():
    """Each says which object, what was found, what happens and what to do."""
    text = "".join(f"# {case}\n{each.sentence()}\n" for case, each in PROBLEMS.items())

    assert golden("problems.txt", text) == text


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("apply forbidden", FindingReason.PERMISSION_DENIED),
        ("watch of a kind forbidden", FindingReason.PERMISSION_DENIED),
        ("conflict", FindingReason.FIELD_CONFLICT),
        ("invalid", FindingReason.REQUEST_FAILED),
        ("not ours", FindingReason.REQUEST_FAILED),
    ],
)
def test_reason_says_who_must_act(case, reason):
    """An owner, an administrator, or nobody yet."""
    assert reason is PROBLEMS[case].reason


def test_conflict_is_no_error_of_ours():
    """The owner decided otherwise, and is left alone."""
    assert PROBLEMS["conflict"].severity is Severity.WARNING


def test_first_conflict_is_told_in_a_fixed_order():
    """The same conflict in another order of causes is the same sentence."""
    turned = FieldConflict(tuple(reversed(CONFLICT.causes)))

    assert problem_of(intent(Action.APPLY, CONFIG_MAP), turned) == PROBLEMS["conflict"]
