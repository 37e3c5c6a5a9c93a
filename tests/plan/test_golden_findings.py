"""
Every finding as a user reads it, one line per case, from real plans.

The form is ``<object>: <field> <found>; <what happens>; <what to do>.``
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from istio_observability.datakit.layout import AgentFile
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.agent_facts import MountFacts, VolumeFacts
from istio_observability.plan.check_spec import check_spec
from istio_observability.plan.plan import plan
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from tests.plan.builders import (
    AGENT_ENV,
    NOW,
    PROD,
    STUCK,
    UNFINISHED,
    agent,
    cluster,
    config_map,
    container,
    gateway,
    istiod,
    namespace,
    resource,
    service,
    theirs,
    workload,
)
from tests.plan.golden_files import golden
from tests.plan.simulator import settle

DISCOVERY = "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS"
INPUTS = "ENV_DEFAULT_ENABLED_INPUTS"
INJECTING = {**PROD, "injection": {"namespaces": ["prod"]}}
LOGS = {**PROD, "logs": {"collect": "Always"}}
PROVIDER = "extensionProviders: [{name: spans, zipkin: {service: zipkin.istio-system, port: 9411}}]"
ELSEWHERE = MountFacts(AgentFile.ZIPKIN.mount_path, "secrets", "x", others=("Helm",))


def with_env(**changes):
    """Return an agent with other settings; ``None`` takes one away."""
    env = {key: value for key, value in {**AGENT_ENV, **changes}.items() if value is not None}
    return agent(container(env=env))


def after_us(rollout, **facts):
    """Return a cluster whose one workload we wrote, and where its roll-out is."""
    settled = settle(cluster(workload()), resource())
    ((key, found),) = [each for each in settled.workloads.items() if each[0][0] == "prod"]
    rolling = replace(found, rollout=rollout, **facts)
    return replace(settled, workloads={**settled.workloads, key: rolling})


# Plans with something to tell: the cluster, and the spec.
PLANS = {
    "annotation set by somebody else": (cluster(workload(prom=theirs("x"))), PROD),
    "annotation that nobody claims": (
        cluster(workload(prom=replace(theirs("x"), others=()))),
        PROD,
    ),
    "annotation set by two": (cluster(workload(prom=theirs("x", "Argo CD", "Helm"))), PROD),
    "logs set by somebody else": (cluster(workload(logs=theirs("x"))), LOGS),
    "key set by somebody else": (
        cluster(config_map(keys={"zipkin.conf": theirs("x")})),
        PROD,
    ),
    "stuck after our change": (after_us(STUCK), PROD),
    "too slow after our change": (after_us(UNFINISHED, written_at=NOW - 601), PROD),
    "foreign Service": (cluster(service("zipkin")), PROD),
    "Service of another resource": (
        cluster(service("zipkin", owner_name="other", owner_uid="u")),
        PROD,
    ),
    "container missing": (cluster(agent(container("agent"))), PROD),
    "container not owned": (cluster(agent(container(image_foreign=False))), PROD),
    "path taken": (cluster(agent(container(mounts=(ELSEWHERE,)))), PROD),
    "volume name taken": (
        cluster(agent(volumes=(VolumeFacts(OWN_CONFIG_MAP, others=("Helm",)),))),
        PROD,
    ),
    "ConfigMap full": (cluster(config_map(other_bytes=1024 * 1024)), PROD),
    "ConfigMap immutable": (cluster(config_map(immutable=True)), PROD),
    "several istiods": (cluster(istiod(replicas=2)), PROD),
    "several gateway pods": (cluster(gateway("ingress", replicas=5)), PROD),
    "gateway without selector": (cluster(gateway("egress", selector={})), PROD),
    "shared elections": (cluster(with_env(ENV_NAMESPACE=None)), PROD),
    "no elections": (cluster(with_env(ENV_ENABLE_ELECTION=None)), PROD),
    "configuration from Git": (cluster(with_env(ENV_GIT_URL="https://x")), PROD),
    "prom switched off": (cluster(with_env(**{INPUTS: "container,-prom"})), PROD),
    "containers not listed": (cluster(with_env(**{INPUTS: "cpu"})), PROD),
    "OnDelete": (cluster(agent(on_delete=True)), PROD),
    "the one version": (cluster(agent(container(image="a/datakit:1.63.0"))), PROD),
    "scraped twice": (cluster(with_env(**{DISCOVERY: "true"})), PROD),
    "another revision": (cluster(namespace(labels={"istio.io/rev": "canary"})), INJECTING),
    "ambient": (cluster(namespace(labels={"istio.io/dataplane-mode": "ambient"})), INJECTING),
    "against injection": (cluster(namespace(labels={"istio-injection": "disabled"})), INJECTING),
    "namespace missing": (cluster(), {"injection": {"namespaces": ["gone"]}}),
    "provider uses zipkin": (cluster(mesh=PROVIDER), PROD),
    "spans go elsewhere": (cluster(mesh=""), PROD),
    "mesh config unreadable": (cluster(mesh="no: [mesh"), PROD),
    "mistakes of the document": (cluster(), {"metrics": {"profile": "Document"}}),
}

# What a plan cannot say, and who says it.
ELSEWHERE_SAID = {
    FindingReason.INVALID_SPEC: "models and check_spec, before there is a plan",
    FindingReason.NAMESPACE_NOT_ALLOWED: "check_spec: flags of the operator are not in a snapshot",
    FindingReason.PERMISSION_DENIED: "the writer and the watches, from a refused request",
    FindingReason.REQUEST_FAILED: "the writer, from a failed request",
    FindingReason.ANNOTATIONS_TOO_LARGE: "a reason of skipping, counted and not told one by one",
}


def found_by_plans():
    """Return the findings of every plan, and one of the agent held by another resource."""
    found = [each for wish, seen in _wishes() for each in plan(wish, seen).findings]
    held = cluster(agent(wired_by="other"))
    mine, other = resource(), resource(name="other")
    return [*found, *plan(mine, held, [mine, other]).findings]


def _wishes():
    return [(resource(spec), seen) for seen, spec in PLANS.values()]


def refused():
    """Return what is said about a spec that is valid and cannot be carried out."""
    spec = {
        "renderer": 9,
        "conflictPolicy": "Override",
        "datakit": {"namespace": "kube-system"},
        "istio": {"namespace": "kube-system"},
        "rollout": {"approval": "Manual", "onFailure": "Revert", "maxRestartedPods": 1},
    }
    return check_spec(
        resource(spec), datakit_namespaces={"datakit"}, istio_namespaces={"istio-system"}
    )


def account(findings):
    """Return the sentences below their reasons, sorted, each once."""
    lines = []
    for reason in sorted({each.reason for each in findings}):
        sentences = sorted({each.sentence() for each in findings if each.reason is reason})
        lines += [f"# {reason.value}", *sentences, ""]
    return "\n".join(lines)


def test_findings_read_as_recorded():
    """One line per case, as it stands in status and on the command line."""
    text = account([*found_by_plans(), *refused()])

    assert golden("findings.txt", text) == text


@pytest.mark.parametrize("case", PLANS)
def test_case_has_a_finding_of_its_own(case):
    """Every case tells something that an ordinary cluster does not."""
    seen, spec = PLANS[case]
    ordinary = {each.sentence() for each in plan(resource(spec), cluster()).findings}
    told = {each.sentence() for each in plan(resource(spec), seen).findings}

    assert told - ordinary or case in {"namespace missing", "mistakes of the document"}


def test_every_reason_is_told_by_a_plan_or_by_somebody_named():
    """A new reason needs a case here, or a word why it can have none."""
    told = {each.reason for each in found_by_plans()}

    assert told & set(ELSEWHERE_SAID) == set()
    assert told | set(ELSEWHERE_SAID) == set(FindingReason)


def test_every_line_has_the_form():
    """Object, what is found, what happens, what to do; an imperative without a capital."""
    form = re.compile(r"[A-Z]\w+( [^:;]+)?: [^;]+; [^;]+; [a-z][^;]+\.")
    wrong = [
        each.sentence()
        for each in [*found_by_plans(), *refused()]
        if not form.fullmatch(each.sentence())
    ]

    assert wrong == []


def test_ordinary_cluster_has_nothing_to_tell():
    """The stock builders are what a good installation looks like."""
    assert plan(resource(), cluster(workload())).findings == ()
