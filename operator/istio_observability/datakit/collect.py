"""
One or more scrape rounds: from configuration and responses to the points that are handed on.

The two ways differ in what a failure means: an annotation's job stops at its first failing
address, an instance of a conf file goes on and says ``up = 0`` of the address. ``up`` is said per
batch that yields points, so a body that breaks in the middle gives 1 and then 0, and one of which
nothing is kept gives none.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/prom/input.go, metric_up_helpers.go and
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from istio_observability.datakit.annotation import PodFacts, Runner, read_annotation
from istio_observability.datakit.build_points import PointBuilder, add_tags
from istio_observability.datakit.conf_instance import PromInput, build_prom_input
from istio_observability.datakit.conf_load import decode_conf
from istio_observability.datakit.conf_text import substitute_environment
from istio_observability.datakit.exposition import ParseFailed, read_batches
from istio_observability.datakit.go_url import InvalidUrl, parse_url, split_host_port
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_keys import decode_keys
from istio_observability.datakit.responses import Network, RequestFailed
from istio_observability.datakit.scrape_options import ScrapeOptions, ScrapePanic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from istio_observability.datakit.points import Point
    from istio_observability.datakit.responses import Request, Response


@dataclass(frozen=True, slots=True)
class GlobalTags:
    """Tags of the agent itself; election tags replace host tags where an instance is elected."""

    host: Mapping[str, str] = field(default_factory=dict)
    election: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Feed:
    """A hand-over: category, name of the source, whether as an elected input."""

    category: str
    source: str
    election: bool


@dataclass(slots=True)
class Collected:
    """
    What came of it.

    Attributes:
        instances: Jobs or instances that the configuration gives.
        config_error: Why there are none; ``""`` otherwise.
        init_failed: Whether an instance never scrapes.
        panic: Why the agent's worker died; ``""`` otherwise.
        scrape_errors: Addresses that fail when tried by themselves, with the reason.
        families_kept: ``type name`` of each family that passes, as the agent believes it.
        up: Values of ``up`` by tags, in order, equal neighbours merged; conf files only.
        points: All others, of all rounds.
    """

    instances: int = 0
    config_error: str = ""
    init_failed: bool = False
    panic: str = ""
    scrape_errors: dict[str, str] = field(default_factory=dict)
    families_kept: set[str] = field(default_factory=set)
    feeds: set[Feed] = field(default_factory=set)
    up: dict[tuple[tuple[str, str], ...], list[int]] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    dialed: list[str] = field(default_factory=list)


class ReadFailed(Exception):  # noqa: N818  names the state
    """An address gives no data; the text says why."""


def collect_annotation(
    text: str,
    pod: PodFacts,
    responses: Mapping[str, Response],
    *,
    extract_label_keys: tuple[str, ...] = (),
    global_tags: GlobalTags | None = None,
    rounds: int = 1,
) -> Collected:
    """Scrape as the annotation of one pod says."""
    reading = read_annotation(text, pod, extract_label_keys=extract_label_keys)
    result = Collected(instances=len(reading.runners), config_error=reading.reason)
    for runner in reading.runners:
        for url in runner.urls:
            _try_alone(url, runner.options, responses, result, files_too=False)
    network = Network(responses)
    try:
        for _ in range(rounds):
            for runner in reading.runners:
                _run(runner, network, (global_tags or GlobalTags()).host, result)
    except ScrapePanic as error:
        result.panic = str(error)
    result.requests, result.dialed = network.requests, network.dialed
    return result


def collect_conf(
    text: str,
    responses: Mapping[str, Response],
    *,
    env: Mapping[str, str] | None = None,
    kv: Mapping[str, str] | None = None,
    global_tags: GlobalTags | None = None,
    rounds: int = 1,
) -> Collected:
    """Scrape as the ``prom`` instances of one conf file say."""
    env, tags = env or {}, global_tags or GlobalTags()
    try:
        found = decode_conf(substitute_environment(text, env), kv or {})
    except ValueError as error:
        return Collected(config_error=str(error))
    tables, problems = found.get("prom", ([], ["inputs.prom is missing"]))
    instances = []
    for raw in tables:
        keys = decode_keys(raw, ConfigPath.CONF)
        own = tags.election if keys.get("election", True) else tags.host
        protect = not env.get("ENV_DISABLE_PROTECT_MODE")
        instances.append(build_prom_input(keys, global_tags=own, protect=protect))
    result = Collected(instances=len(instances))
    result.config_error = "" if instances else "; ".join(problems)
    result.init_failed = any(instance.init_error for instance in instances)
    network = Network(responses)
    for instance in instances:
        if instance.init_error:
            continue
        for url in instance.urls:
            _try_alone(url, instance.options, responses, result, files_too=True)
        # Each instance has a worker of its own.
        try:
            for _ in range(rounds):
                _scrape_instance(instance, network, tags, result)
        except ScrapePanic as error:
            result.panic = str(error)
    result.requests, result.dialed = network.requests, network.dialed
    return result


def _run(runner: Runner, network: Network, host_tags: Mapping[str, str], to: Collected) -> None:
    for url in runner.urls:
        added = {"instance": runner.instance_by_url[url]}
        try:
            for batch in _scrape(url, runner.options, network, files_too=False):
                points = list(add_tags(add_tags(batch, added), host_tags))
                _hand_on(points, runner.options, runner.source, to, election=False)
        except ReadFailed:
            return


def _scrape_instance(
    instance: PromInput, network: Network, tags: GlobalTags, to: Collected
) -> None:
    global_tags = tags.election if instance.election else tags.host
    source = f"prom.{instance.source}"
    for url in instance.urls:
        up_tags = tuple(sorted(_up_tags(instance, url, tags).items()))
        try:
            for batch in _scrape(url, instance.options, network, files_too=True):
                finished = add_tags(batch, instance.tags_by_url[url])
                points = list(add_tags(finished, global_tags))
                _hand_on(points, instance.options, source, to, election=instance.election)
                if points:
                    _say_up(to, up_tags, 1)
        except ReadFailed:
            _say_up(to, up_tags, 0)


def _scrape(
    url: str, options: ScrapeOptions, network: Network, *, files_too: bool
) -> Iterator[list[Point]]:
    """Return the points batch by batch, before anything is added to them."""
    builder = PointBuilder(options)
    body = _read(url, options, network, files_too=files_too)
    try:
        for batch in read_batches(body, batch_size=options.batch_size, wants=options.wants):
            yield list(builder.build(batch))
    except ParseFailed as error:
        raise ReadFailed(str(error)) from error


def _read(url: str, options: ScrapeOptions, network: Network, *, files_too: bool) -> bytes:
    try:
        # What is no web address is the path of a file on the agent's disk; taken as not there.
        if files_too and parse_url(url).scheme not in {"http", "https"}:
            raise ReadFailed("there is no such file")
        return network.get(url, options)
    except RequestFailed as error:
        if options.ignore_request_errors:
            return b""
        raise ReadFailed(str(error)) from error
    except (InvalidUrl, ParseFailed) as error:
        raise ReadFailed(str(error)) from error


def _try_alone(
    url: str,
    options: ScrapeOptions,
    responses: Mapping[str, Response],
    to: Collected,
    *,
    files_too: bool,
) -> None:
    try:
        body = _read(url, options, Network(responses), files_too=files_too)
    except ReadFailed as error:
        to.scrape_errors[url] = str(error)
        return
    except ScrapePanic:
        # The scrape dies before it asks; what the response holds is worth knowing all the same.
        body = next((r.body for known, r in responses.items() if known == url), b"")
    try:
        for batch in read_batches(body, batch_size=options.batch_size, wants=options.wants):
            to.families_kept |= {
                f"{family.type} {family.name}"
                for family in batch.values()
                if options.wants(family.name, family.type)
            }
    except ParseFailed as error:
        to.scrape_errors[url] = str(error)


def _hand_on(
    points: list[Point], options: ScrapeOptions, source: str, to: Collected, *, election: bool
) -> None:
    to.points += points
    if options.as_logging:
        to.feeds |= {Feed("logging", point.measurement, election) for point in points}
    elif points:
        to.feeds.add(Feed("metric", source, election))


def _up_tags(instance: PromInput, url: str, tags: GlobalTags) -> dict[str, str]:
    host = parse_url(url).host
    parts = split_host_port(host)
    name, port = parts or (host, "")
    number = int(port) if port.isdecimal() and len(port) < 20 else 0
    up_tags = {"job": instance.source, "instance": f"{name}:{number}"}
    custom = instance.keys.get("tags", {})
    # Election tags are part of the point from the start, host tags come when it is handed on.
    first, last = (tags.election, {}) if instance.election else ({}, tags.host)
    for more in (first, custom, last):
        for key, value in more.items():
            if key != "up":
                up_tags.setdefault(key, value)
    return up_tags


def _say_up(to: Collected, tags: tuple[tuple[str, str], ...], value: int) -> None:
    values = to.up.setdefault(tags, [])
    if not values or values[-1] != value:
        values.append(value)
