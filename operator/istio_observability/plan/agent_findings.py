"""
What the agent's own settings do to what we configure: nothing of it is an error to the agent.

The agent starts with any configuration and drops what it does not like with a line in its log, so
these are the only warnings a user gets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.istio.document import MISTAKES
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.metrics_spec import MetricsProfile
from istio_observability.model.objects import DAEMON_SET, ObjectRef
from istio_observability.model.reasons import FindingReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.agent_facts import AgentFacts, ContainerFacts

# Removed in 1.63.0 and restored in 1.63.1: the pod annotation does nothing in between.
_WITHOUT_ANNOTATION: Final = "1.63.0"
_DISCOVERY: Final = "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS"

_Text = tuple[Severity, FindingReason, str, str, str, str]
"""Everything of a finding but its subject."""


def agent_findings(agent: AgentFacts, container_name: str) -> tuple[Finding, ...]:
    """Return what a user should know about the agent, in a fixed order."""
    subject = str(ObjectRef(DAEMON_SET, agent.namespace, agent.name))
    container = agent.container(container_name)
    texts = list(_of_update_strategy(agent))
    if container is not None:
        texts += [text for check in _CHECKS for text in check(container)]
    return tuple(
        Finding(severity, reason, subject, field, found, consequence, remedy)
        for severity, reason, field, found, consequence, remedy in texts
    )


def document_findings(resource: Resource) -> tuple[Finding, ...]:
    """Return what is wrong with the document's own lists, where a resource uses them."""
    if resource.spec.metrics.profile is not MetricsProfile.DOCUMENT:
        return ()
    return tuple(
        Finding(
            Severity.INFO,
            FindingReason.DOCUMENT_MISTAKE,
            str(resource.ref),
            mistake.field,
            mistake.found,
            mistake.consequence,
            mistake.remedy,
        )
        for mistake in MISTAKES
    )


def _of_update_strategy(agent: AgentFacts) -> Iterator[_Text]:
    if agent.on_delete:
        yield (
            Severity.WARNING,
            FindingReason.UPDATE_ON_DELETE,
            "updateStrategy",
            "is OnDelete",
            "agents keep their old configuration until their pods are deleted",
            "delete the agent's pods when it suits you",
        )


def _git_mode(container: ContainerFacts) -> Iterator[_Text]:
    if container.env.get("ENV_GIT_URL", "") != "":
        yield (
            Severity.ERROR,
            FindingReason.GIT_MODE,
            "ENV_GIT_URL",
            "is set",
            "the agent reads its configuration from Git and ignores every mounted file",
            "unset it or put the rendered files into that repository",
        )


def _election(container: ContainerFacts) -> Iterator[_Text]:
    if container.env.get("ENV_ENABLE_ELECTION", "") == "":
        yield (
            Severity.WARNING,
            FindingReason.ELECTION_DISABLED,
            "ENV_ENABLE_ELECTION",
            "is not set",
            (
                "the agent of every node scrapes istiod and the gateways, so each series arrives"
                " once per node"
            ),
            "set it on the DaemonSet",
        )
        return
    if container.env.get("ENV_NAMESPACE", "default") == "default":
        yield (
            Severity.INFO,
            FindingReason.SHARED_ELECTION,
            "ENV_NAMESPACE",
            "is not set",
            (
                "clusters that share the workspace elect one leader together, and only its"
                " cluster is scraped"
            ),
            "give each cluster its own value, if more than one reports to this workspace",
        )


def _disabled_inputs(container: ContainerFacts) -> Iterator[_Text]:
    value = container.env.get("ENV_DEFAULT_ENABLED_INPUTS") or ""
    listed = {each.strip() for each in re.split(r"[,\s]", value)}
    for name in ("prom", "zipkin"):
        if f"-{name}" in listed:
            yield (
                Severity.ERROR,
                FindingReason.INPUT_DISABLED,
                "ENV_DEFAULT_ENABLED_INPUTS",
                f"switches {name} off",
                f"the agent ignores every {name} configuration",
                f"remove -{name} from it",
            )
    if "container" not in listed and value:
        yield (
            Severity.ERROR,
            FindingReason.INPUT_DISABLED,
            "ENV_DEFAULT_ENABLED_INPUTS",
            "lacks container",
            "the agent reads no pod annotation",
            "add container to it",
        )


def _image(container: ContainerFacts) -> Iterator[_Text]:
    tag = container.image.rpartition(":")[2]
    if tag == _WITHOUT_ANNOTATION:
        yield (
            Severity.ERROR,
            FindingReason.UNSUPPORTED_AGENT_VERSION,
            "image",
            f"is version {_WITHOUT_ANNOTATION}",
            "this version alone ignores the annotation datakit/prom.instances",
            "use 1.63.1 or newer",
        )


def _double_scraping(container: ContainerFacts) -> Iterator[_Text]:
    if container.env.get(_DISCOVERY) == "true":
        yield (
            Severity.WARNING,
            FindingReason.DOUBLE_SCRAPING,
            _DISCOVERY,
            "is true",
            "every sidecar is scraped twice, because Istio annotates its pods with prometheus.io",
            "unset it or do not wire workloads",
        )


_CHECKS: Final[tuple[Callable[[ContainerFacts], Iterator[_Text]], ...]] = (
    _git_mode,
    _disabled_inputs,
    _election,
    _image,
    _double_scraping,
)
