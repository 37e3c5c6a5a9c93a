"""What is to be done with one Deployment: every state, and what each write contains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.reading import read_prom_annotation, same_meaning
from istio_observability.model import names
from istio_observability.model.reasons import FindingReason, SkipReason
from istio_observability.plan.facts import ABSENT, FieldFacts, PodCounts, RolloutFacts
from istio_observability.plan.intent import Action, Wave
from istio_observability.plan.plan_workload import OWN_ROLLOUT_UNFINISHED, WorkloadState
from tests.datakit import source_document as document
from tests.plan.builders import (
    NOW,
    PROD,
    STUCK,
    UNFINISHED,
    deleted,
    namespace,
    ours,
    plan_of,
    resource,
    theirs,
    workload,
)

PROM, LOGS = "datakit/prom.instances", "datakit/logs"
OUT = {names.WIRE_LABEL: "false"}
WITH_LOGS = {**PROD, "logs": {"collect": "Always"}}
DOCUMENT = {**PROD, "metrics": {"profile": "Document"}}


def template_of(plan):
    """Return the annotations of the pod template in the apply body."""
    return plan.wanted["spec"]["template"]["metadata"]["annotations"]


def text_of(spec=None, **facts):
    """Return the annotation that a resource wants on the workload."""
    return template_of(plan_of(workload(**facts), resource(spec)))[PROM]


def wired(spec=None, **facts):
    """Return a workload as it stands after our write, its roll-out finished."""
    wish = resource(spec)
    plan = plan_of(workload(), wish)
    template = template_of(plan)
    ordinary = {
        "prom": ours(template[PROM]),
        "logs": ours(template[LOGS]) if LOGS in template else ABSENT,
        "wired_by": wish.name,
        "revision": plan.wanted["metadata"]["annotations"][names.REVISION_ANNOTATION],
        "rollouts_caused": 1,
        "written_at": NOW - 60,
        "last_write_ours": True,
    }
    return workload(**{**ordinary, **facts})


def told(plan):
    """Return state, action that is due, and pods that it restarts."""
    if plan is None:
        return None
    intent = plan.intent
    return (plan.state, *((intent.action, intent.restarts_pods) if intent else (None, 0)))


WAITING = (WorkloadState.WAITING, Action.APPLY, 1)
WIRED = (WorkloadState.WIRED, None, 0)
LEAVING = (WorkloadState.LEAVING, Action.RELEASE, 1)
SKIPPED = (WorkloadState.SKIPPED, None, 0)
TAKEN_OVER = (WorkloadState.TAKEN_OVER, None, 0)

# A case: the workload, the spec, and what is said of it.
STATES: dict[str, Any] = {
    "a new one waits for its write": (workload(), None, WAITING),
    "all pods of it restart": (
        workload(replicas=3),
        None,
        (WorkloadState.WAITING, Action.APPLY, 3),
    ),
    "one scaled to nothing restarts nobody": (
        workload(replicas=0, pods=PodCounts(), rollout=RolloutFacts(1, 1, 0, 0, 0, 0)),
        None,
        (WorkloadState.WAITING, Action.APPLY, 0),
    ),
    "one as wanted is wired": (wired(), None, WIRED),
    "one whose pods are being replaced is rolling": (
        wired(rollout=UNFINISHED),
        None,
        (WorkloadState.ROLLING, None, 0),
    ),
    "one that takes longer than the timeout has failed": (
        wired(rollout=UNFINISHED, written_at=NOW - 601),
        None,
        (WorkloadState.FAILED, None, 0),
    ),
    "one that takes exactly the timeout has not": (
        wired(rollout=UNFINISHED, written_at=NOW - 600),
        None,
        (WorkloadState.ROLLING, None, 0),
    ),
    "the timeout is the resource's": (
        wired({**PROD, "rollout": {"timeout": "30s"}}, rollout=UNFINISHED),
        {**PROD, "rollout": {"timeout": "30s"}},
        (WorkloadState.FAILED, None, 0),
    ),
    "one that exceeds its progress deadline has failed": (
        wired(rollout=STUCK),
        None,
        (WorkloadState.FAILED, None, 0),
    ),
    "a roll-out of the owner with our text is none of ours": (
        wired(rollout=STUCK, last_write_ours=False),
        None,
        WIRED,
    ),
    "one with an older text of ours waits": (wired(prom=ours("older")), None, WAITING),
    "one whose text was removed waits": (wired(prom=ABSENT), None, WAITING),
    "one without markers gets them, and no restart": (
        wired(wired_by="", revision=""),
        None,
        (WorkloadState.WIRED, Action.APPLY, 0),
    ),
    "one of another revision with the same text gets the marker alone": (
        wired(revision="00000000"),
        None,
        (WorkloadState.WIRED, Action.APPLY, 0),
    ),
    "a text that means the same by somebody else's hand is taken over": (
        workload(prom=theirs(text_of() + "# by hand\n")),
        None,
        TAKEN_OVER,
    ),
    "another text by somebody else's hand is left": (
        workload(prom=theirs("something else")),
        None,
        SKIPPED,
    ),
    "a text of ours that the owner took over needs no marker any more": (
        wired(prom=theirs(text_of())),
        None,
        TAKEN_OVER,
    ),
    "logs are added in one roll-out": (wired(), WITH_LOGS, WAITING),
    "logs that are not wanted any more are taken away": (wired(WITH_LOGS), None, WAITING),
    "logs that somebody else wants too stay, and nobody restarts": (
        wired(WITH_LOGS, logs=FieldFacts("text", ours=True, others=("Helm",))),
        None,
        (WorkloadState.WIRED, Action.APPLY, 0),
    ),
    "logs beside a text that was taken over are let go": (
        wired(WITH_LOGS, prom=theirs(text_of())),
        None,
        LEAVING,
    ),
    "logs of somebody else do not keep metrics from being wired": (
        workload(logs=theirs("[]")),
        WITH_LOGS,
        WAITING,
    ),
    "one that was opted out is let go": (wired(labels=OUT), None, LEAVING),
    "one that was opted out before is left": (workload(labels=OUT), None, SKIPPED),
    "one that is no longer chosen is let go": (wired(), {}, LEAVING),
    "a text that a co-owner keeps goes without restart": (
        wired(prom=FieldFacts(text_of(), ours=True, others=("Helm",)), labels=OUT),
        None,
        (WorkloadState.LEAVING, Action.RELEASE, 0),
    ),
    "markers alone are let go without restart": (
        workload(wired_by="mesh", labels=OUT),
        None,
        (WorkloadState.LEAVING, Action.RELEASE, 0),
    ),
    "one that nobody asked for is no business of ours": (workload(), {}, None),
    "a gateway in a namespace that is named is told": (
        workload(template_labels={"istio": "ingressgateway"}),
        None,
        SKIPPED,
    ),
    "one outside the mesh that only a selector matched was never meant": (
        workload(template_labels={"sidecar.istio.io/inject": "false"}),
        {"workloads": {"namespaceSelector": {}}},
        None,
    ),
    "one outside the mesh in a namespace that is named is told": (
        workload(template_labels={"sidecar.istio.io/inject": "false"}),
        None,
        SKIPPED,
    ),
    "one of ours that left the mesh is told even by a selector": (
        wired(template_labels={"sidecar.istio.io/inject": "false"}),
        {"workloads": {"namespaceSelector": {}}},
        SKIPPED,
    ),
    "a paused one is left until it is resumed": (workload(paused=True), None, SKIPPED),
    "a paused one as wanted is wired": (wired(paused=True), None, WIRED),
    "one that is unhealthy before us is left": (workload(rollout=STUCK), None, SKIPPED),
    "one without room below 256 KiB is left": (
        workload(other_annotation_bytes=262_000),
        None,
        SKIPPED,
    ),
    "one that goes away with its owner is not released": (wired(deleting=True), {}, None),
}


@pytest.mark.parametrize(("found", "spec", "expected"), STATES.values(), ids=STATES)
def test_workload_is_in_one_state(found, spec, expected):
    """State, action and pods that restart follow from facts and spec alone."""
    assert expected == told(plan_of(found, resource(spec)))


def test_every_state_is_in_the_table():
    """No state is untested."""
    assert set(WorkloadState) == {expected[0] for *_, expected in STATES.values() if expected}


SKIPS = {
    "opted out": (workload(labels=OUT), None, SkipReason.OPTED_OUT),
    "paused": (workload(paused=True), None, SkipReason.PAUSED),
    "unhealthy": (workload(rollout=STUCK), None, SkipReason.UNHEALTHY),
    "contended": (workload(prom=theirs("else")), None, SkipReason.CONTENDED),
    "too large": (
        workload(other_annotation_bytes=262_000),
        None,
        SkipReason.ANNOTATIONS_TOO_LARGE,
    ),
    "an objection": (workload(deleting=True), None, SkipReason.BEING_DELETED),
    "contended is said before paused": (
        workload(prom=theirs("else"), paused=True),
        None,
        SkipReason.CONTENDED,
    ),
    "too large is said before paused": (
        workload(other_annotation_bytes=262_000, paused=True),
        None,
        SkipReason.ANNOTATIONS_TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("found", "spec", "expected"), SKIPS.values(), ids=SKIPS)
def test_workload_that_is_left_alone_has_a_reason(found, spec, expected):
    """The reason is what status counts."""
    assert expected is plan_of(found, resource(spec)).skip.reason


def test_room_for_annotations_is_exact():
    """The last byte that the API server accepts is used, the next one refused."""
    size = len(PROM) + len(text_of())
    fits = workload(other_annotation_bytes=256 * 1024 - size)

    assert told(plan_of(fits)) == WAITING
    assert told(plan_of(replace(fits, other_annotation_bytes=256 * 1024 - size + 1))) == SKIPPED


def test_contended_annotation_is_told_with_its_owner():
    """The finding names who has to move, and never the value."""
    (finding,) = plan_of(workload(prom=theirs("secret", "Helm"))).findings

    assert (finding.reason, finding.found) == (FindingReason.FIELD_CONFLICT, 'is set by "Helm"')
    assert "secret" not in finding.sentence()


def test_contended_logs_are_told_and_metrics_written():
    """One contended annotation does not take the other with it."""
    plan = plan_of(workload(logs=theirs("[]")), resource(WITH_LOGS))

    assert [each.reason for each in plan.findings] == [FindingReason.FIELD_CONFLICT]
    assert list(template_of(plan)) == [PROM]


def test_body_has_markers_on_the_object_and_texts_on_the_template():
    """What restarts pods is the text alone; memory stands on the Deployment's own metadata."""
    plan = plan_of(workload(rollouts_caused=4), resource(WITH_LOGS))
    metadata = plan.intent.body["metadata"]

    assert sorted(template_of(plan), reverse=True) == [PROM, LOGS]
    assert metadata == {
        "name": "cart",
        "namespace": "prod",
        "uid": "uid-of-prod-cart",
        "annotations": {
            names.WIRED_BY_ANNOTATION: "mesh",
            names.REVISION_ANNOTATION: metadata["annotations"][names.REVISION_ANNOTATION],
            names.ROLLOUTS_ANNOTATION: "5",
        },
    }


def test_markers_alone_count_no_roll_out():
    """``rollouts`` equals the template changes we caused."""
    plan = plan_of(wired(revision="00000000", rollouts_caused=4))

    assert plan.intent.body["metadata"]["annotations"][names.ROLLOUTS_ANNOTATION] == "4"
    assert (plan.intent.wave, plan.intent.reason) == (Wave.WORKLOADS, "markers")


HOLDS = {
    "while the owner's roll-out is under way": (
        workload(rollout=UNFINISHED),
        namespace(),
        None,
        OWN_ROLLOUT_UNFINISHED,
    ),
    "not while our own is": (
        wired(rollout=UNFINISHED, prom=ours("older")),
        namespace(),
        None,
        "",
    ),
    "until the namespace is labelled, so that one roll-out takes both": (
        workload(),
        namespace(labels={}),
        {**PROD, "injection": {"namespaces": ["prod"]}},
        "its namespace is not labelled for injection yet",
    ),
    "not where the label stands": (
        workload(),
        namespace(),
        {**PROD, "injection": {"namespaces": ["prod"]}},
        "",
    ),
    "not where the label is refused and sidecars come from another revision": (
        workload(),
        namespace(labels={"istio.io/rev": "default"}),
        {**PROD, "injection": {"namespaces": ["prod"]}},
        "",
    ),
}


@pytest.mark.parametrize(("found", "home", "spec", "expected"), HOLDS.values(), ids=HOLDS)
def test_write_is_held(found, home, spec, expected):
    """A waiting workload is written only when its roll-out would be ours alone."""
    plan = plan_of(found, resource(spec), home=home)

    assert (WorkloadState.WAITING, expected) == (plan.state, plan.hold)


FIRST = {"name": "first", "selector": {"matchLabels": {"app": "cart"}}, "interval": "30s"}
SECOND = {
    "name": "second",
    "source": "shop",
    "tags": {"team": "b", "env": "x"},
    "extraFamilies": ["^jvm_"],
}


def scrape_with(*overrides, **metrics):
    """Return what the annotation says under overrides."""
    spec = {"workloads": {"namespaces": ["prod"], "overrides": list(overrides)}, "metrics": metrics}
    (scrape,) = read_prom_annotation(text_of(spec))
    return scrape


def test_first_override_that_matches_wins():
    """A later one is not even added to it."""
    scrape = scrape_with(FIRST, SECOND)

    assert (scrape.interval_s, scrape.source) == (30, "prod-cart")


def test_override_that_does_not_match_is_passed_over():
    """The next one has its turn."""
    other = {**FIRST, "selector": {"matchLabels": {"app": "shop"}}}
    elsewhere = {**FIRST, "namespaceSelector": {"matchLabels": {"tier": "gold"}}}
    scrape = scrape_with(other, {**elsewhere, "name": "third"}, SECOND)

    assert (scrape.interval_s, scrape.source) == (60, "shop")


def test_override_adds_to_what_holds_for_all():
    """Families and tags add up; on an equal key the override's value wins."""
    scrape = scrape_with(SECOND, tags={"team": "a", "region": "r"}, extraFamilies=["^my_"])

    expected = {"namespace": "$NAMESPACE", "team": "b", "env": "x", "region": "r"}
    assert expected == dict(scrape.tags)
    assert {"^jvm_", "^my_"} <= set(scrape.name_filter)


def test_document_profile_keeps_what_was_pasted_by_hand():
    """The document's own annotation is taken over: nobody restarts."""
    plan = plan_of(workload(prom=theirs(document.PRODUCTPAGE)), resource(DOCUMENT))

    assert told(plan) == TAKEN_OVER


def test_document_profile_writes_the_live_source_url_and_tags():
    """Once the text is ours it still says what the hand-made one said."""
    live = document.PRODUCTPAGE.replace("15020", "15090").replace('"60s"', '"30s"')
    plan = plan_of(wired(DOCUMENT, prom=ours(live)), resource(DOCUMENT))
    (scrape,) = read_prom_annotation(template_of(plan)[PROM])

    assert (scrape.source, scrape.urls, scrape.interval_s) == (
        "bookinfo-istio-product",
        ("http://$IP:15090/stats/prometheus",),
        60,
    )


@pytest.mark.parametrize(
    "live",
    [
        "no toml [",
        document.PRODUCTPAGE + document.PRODUCTPAGE,
        '[[inputs.prom]]\nurl = "ftp://a"\nsource = "a"\n',
        '[[inputs.prom]]\nurl = "http://$IP:15020/x"\nsource = "a"\n[inputs.prom.tags]\nle = "1"\n',
    ],
    ids=["unreadable", "two instances", "an address nobody scrapes", "a reserved tag"],
)
def test_document_profile_keeps_nothing_that_the_agent_could_not_use(live):
    """A broken text of a tenant neither stops the plan nor is carried on."""
    assert text_of(DOCUMENT) == text_of(DOCUMENT, prom=ours(live))


def test_removed_text_of_the_document_profile_returns_with_a_name_of_ours():
    """Without a live text the source is made of namespace and name."""
    (scrape,) = read_prom_annotation(text_of(DOCUMENT))

    assert scrape.source == "prod-cart"


def test_deletion_lets_go_of_what_is_ours():
    """Texts and markers go in one release."""
    plan = plan_of(wired(), deleted(resource()))

    assert told(plan) == LEAVING
    assert (plan.intent.body, plan.intent.reason) == (None, "the resource is deleted")


def test_deletion_leaves_what_is_not_ours():
    """A hand-made text and a text of another resource stay."""
    gone = deleted(resource())

    assert plan_of(workload(prom=theirs(text_of())), gone) is None
    assert plan_of(wired(wired_by="other"), gone) is None


def test_workload_of_another_resource_is_left_to_it():
    """The current holder stays, though ours is older."""
    other = resource(name="other", created_at="2025-01-01T00:00:00Z")
    plan = plan_of(wired(wired_by="other"), others=[other])

    assert (plan.skip.reason, plan.skip.found) == (SkipReason.HELD_BY_ANOTHER, "is held by other")


def test_older_resource_gets_a_new_workload():
    """The younger one sees who holds it."""
    older = resource(name="zz", created_at="2023-01-01T00:00:00Z")

    assert SkipReason.HELD_BY_ANOTHER is plan_of(workload(), others=[older]).skip.reason
    assert told(plan_of(workload(), older, others=[resource()])) == WAITING


PLANNING = {**PROD, "mode": "Plan"}


def test_resource_that_only_plans_keeps_nobody_from_wiring():
    """It would not write either; the other one, older or not, goes on."""
    older = resource(PLANNING, name="zz", created_at="2023-01-01T00:00:00Z")

    assert told(plan_of(workload(), others=[older])) == WAITING
    assert told(plan_of(workload(), older)) == WAITING


def test_resource_that_only_plans_keeps_what_it_holds():
    """A look at the plan does not hand its workloads to somebody else, who would restart them."""
    found = wired(wired_by="other")

    assert (
        plan_of(found, others=[resource(PLANNING, name="other")]).skip.reason
        is SkipReason.HELD_BY_ANOTHER
    )


def test_resource_that_only_plans_inherits_nothing_from_a_deleted_one():
    """Otherwise nobody would take our text off."""
    gone = deleted(resource(name="first"))
    plan = plan_of(wired(wired_by="first"), gone, others=[resource(PLANNING, name="second")])

    assert told(plan) == (WorkloadState.LEAVING, Action.RELEASE, 1)


def test_heir_takes_over_in_one_write_that_restarts_nobody():
    """A deleted resource leaves the workload to the next one that chooses it."""
    gone, heir = deleted(resource(name="first")), resource(name="second")
    found = wired(wired_by="first")

    assert plan_of(found, gone, others=[heir]) is None
    plan = plan_of(found, heir, others=[gone])
    assert told(plan) == (WorkloadState.WIRED, Action.APPLY, 0)
    assert plan.intent.body["metadata"]["annotations"][names.WIRED_BY_ANNOTATION] == "second"


def test_holder_without_resource_does_not_keep_a_workload():
    """A marker of a resource that is gone is overwritten."""
    assert told(plan_of(wired(wired_by="gone"))) == (WorkloadState.WIRED, Action.APPLY, 0)


def test_equal_texts_are_equal_in_meaning():
    """The text that we write is one that we would take over."""
    assert same_meaning(text_of(), text_of() + "\n# a comment\n", ConfigPath.ANNOTATION)
