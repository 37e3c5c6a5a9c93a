"""What the agent's own settings do to what we configure."""

from __future__ import annotations

import pytest

from istio_observability.istio.document import MISTAKES
from istio_observability.model.finding import Severity
from istio_observability.model.reasons import FindingReason
from istio_observability.plan.agent_findings import agent_findings, document_findings
from tests.plan.builders import AGENT_ENV, agent, container, resource

DISCOVERY = "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS"
INPUTS = "ENV_DEFAULT_ENABLED_INPUTS"


def with_env(**changes):
    """Return an agent with other settings; ``None`` takes one away."""
    env = {key: value for key, value in {**AGENT_ENV, **changes}.items() if value is not None}
    return agent(container(env=env))


def of_version(tag):
    """Return an agent of a version."""
    return agent(container(image=f"registry.example/datakit:{tag}"))


FROM_ELSEWHERE = dict.fromkeys((*AGENT_ENV, DISCOVERY))
CASES = {
    "an ordinary agent": (agent(), []),
    "settings by reference are set, and not known": (agent(container(env=FROM_ELSEWHERE)), []),
    "configuration from Git by reference": (
        agent(container(env={**AGENT_ENV, "ENV_GIT_URL": None})),
        [FindingReason.GIT_MODE],
    ),
    "OnDelete": (agent(on_delete=True), [FindingReason.UPDATE_ON_DELETE]),
    "configuration from Git": (with_env(ENV_GIT_URL="https://x"), [FindingReason.GIT_MODE]),
    "an empty Git address is none": (with_env(ENV_GIT_URL=""), []),
    "no elections": (with_env(ENV_ENABLE_ELECTION=None), [FindingReason.ELECTION_DISABLED]),
    "an empty switch is no election": (
        with_env(ENV_ENABLE_ELECTION=""),
        [FindingReason.ELECTION_DISABLED],
    ),
    "elections shared with other clusters": (
        with_env(ENV_NAMESPACE=None),
        [FindingReason.SHARED_ELECTION],
    ),
    "elections shared by the default's name": (
        with_env(ENV_NAMESPACE="default"),
        [FindingReason.SHARED_ELECTION],
    ),
    "without elections nothing is said about sharing them": (
        with_env(ENV_ENABLE_ELECTION=None, ENV_NAMESPACE=None),
        [FindingReason.ELECTION_DISABLED],
    ),
    "prom switched off": (
        with_env(**{INPUTS: "container,-prom"}),
        [FindingReason.INPUT_DISABLED],
    ),
    "zipkin switched off": (
        with_env(**{INPUTS: "container, -zipkin"}),
        [FindingReason.INPUT_DISABLED],
    ),
    "both switched off": (
        with_env(**{INPUTS: "container,-prom,-zipkin"}),
        [FindingReason.INPUT_DISABLED] * 2,
    ),
    "containers not listed": (with_env(**{INPUTS: "cpu"}), [FindingReason.INPUT_DISABLED]),
    "no list at all means the defaults": (with_env(**{INPUTS: None}), []),
    "the one version that ignores the annotation": (
        of_version("1.63.0"),
        [FindingReason.UNSUPPORTED_AGENT_VERSION],
    ),
    "the version after it": (of_version("1.63.1"), []),
    "an image without tag": (agent(container(image="datakit")), []),
    "discovery by annotation": (with_env(**{DISCOVERY: "true"}), [FindingReason.DOUBLE_SCRAPING]),
    "discovery switched off": (with_env(**{DISCOVERY: "false"}), []),
    "settings of another container": (
        agent(container("other", env={"ENV_GIT_URL": "https://x"})),
        [],
    ),
    "several at once, in a fixed order": (
        with_env(ENV_GIT_URL="x", ENV_NAMESPACE=None, **{INPUTS: "cpu", DISCOVERY: "true"}),
        [
            FindingReason.GIT_MODE,
            FindingReason.INPUT_DISABLED,
            FindingReason.SHARED_ELECTION,
            FindingReason.DOUBLE_SCRAPING,
        ],
    ),
}


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES)
def test_setting_is_told(found, expected):
    """The agent itself says nothing about any of these."""
    assert expected == [each.reason for each in agent_findings(found, "datakit")]


def test_values_of_settings_are_not_told():
    """A Git address may hold a token."""
    (finding,) = agent_findings(with_env(ENV_GIT_URL="https://user:token@git"), "datakit")

    assert "token" not in finding.sentence()
    assert finding.severity is Severity.ERROR


def test_mistakes_of_the_document_are_told_where_they_are_kept():
    """Profile ``Document`` reproduces them; ``Standard`` does not."""
    document = resource({"metrics": {"profile": "Document"}})

    assert len(MISTAKES) == len(document_findings(document)) > 0
    assert document_findings(resource()) == ()
