"""Runs the input of one vector and puts the result into the shape that the vectors use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from istio_observability.datakit.annotation import PodFacts, Runner, read_annotation
from istio_observability.datakit.collect import (
    Collected,
    GlobalTags,
    collect_annotation,
    collect_conf,
)
from istio_observability.datakit.conf_instance import PromInput
from istio_observability.datakit.conf_load import ConfReading, OtherInput, load_conf
from istio_observability.datakit.conf_tree import ConfTree
from istio_observability.datakit.durations import SECOND_NS
from istio_observability.datakit.go_text import format_duration
from istio_observability.datakit.patterns import compiles
from istio_observability.datakit.points import digest_points, find_collisions
from istio_observability.datakit.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from istio_observability.datakit.points import Point, Value

Shape = dict[str, Any]


def annotation_shape(given: Shape) -> Shape:
    """Run a case of ``annotation-parse``."""
    keys = given.get("extract_label_keys", ())
    reading = read_annotation(given["annotation"], _pod(given), extract_label_keys=keys)
    return {
        "accepted": reading.accepted,
        "error": reading.reason,
        "text_after_placeholders": reading.text,
        "runners": [_runner(runner) for runner in reading.runners],
    }


def conf_shape(given: Shape) -> Shape:
    """Run a case of ``conf-load``."""
    tree = ConfTree(
        given.get("files", {}), given.get("symlinks", {}), tuple(given.get("directories", ()))
    )
    reading = load_conf(tree, env=given.get("env", {}), kv=given.get("kv", {}))
    return {
        "inputs": _inputs(reading),
        "files": reading.files,
        "text_after_env": reading.text_after_env,
        "default_enabled_inputs": list(reading.default_enabled),
        "zipkin_routes": [f"POST {route}" for route in reading.zipkin_routes],
    }


def collect_shape(given: Shape, root: Path) -> Shape:
    """Run a case of ``collect``; ``root`` holds the files that responses name."""
    return _collected(_collect(given, root, None), given["path"])


def captures_shape(given: Shape, root: Path, captures: Path | None) -> Shape:
    """
    Run a case of ``collect-captures``: counts beside the values of ``collect``.

    A count is named after what it counts: ``collision_count`` counts ``collisions``.

    Raises:
        FileNotFoundError: A capture is named, and no directory of captures is given.
    """
    result = _collect(given, root, captures)
    shape = _collected(result, given["path"])
    shape["fields"] = sorted({field for point in result.points for field in point.fields})
    shape["measurements"] = sorted({point.measurement for point in result.points})
    shape["families"] = shape["families_kept"]
    for key, value in list(shape.items()):
        if isinstance(value, list):
            for name in (key, key.removesuffix("s"), key.replace("families", "family")):
                shape.setdefault(f"{name}_count", len(value))
    return shape


def _collect(given: Shape, root: Path, captures: Path | None) -> Collected:
    responses = {
        url: _response(response, root, captures) for url, response in given["responses"].items()
    }
    tags = GlobalTags(given.get("global_host_tags", {}), given.get("global_election_tags", {}))
    rounds = given.get("scrapes", 1)
    if given["path"] == "annotation":
        return collect_annotation(
            given["config"],
            _pod(given),
            responses,
            extract_label_keys=tuple(given.get("extract_label_keys", ())),
            global_tags=tags,
            rounds=rounds,
        )
    return collect_conf(
        given["config"],
        responses,
        env=given.get("env", {}),
        kv=given.get("kv", {}),
        global_tags=tags,
        rounds=rounds,
    )


def _pod(given: Shape) -> PodFacts:
    pod = given.get("pod", {})
    return PodFacts(
        pod.get("ip", ""),
        pod.get("namespace", ""),
        pod.get("name", ""),
        pod.get("node", ""),
        pod.get("phase", "Running"),
        pod.get("labels", {}),
    )


def _response(given: Shape, root: Path, captures: Path | None) -> Response:
    if "capture" in given:
        if captures is None:
            raise FileNotFoundError(f"capture {given['capture']}: say where the captures are")
        body = (captures / given["capture"]).read_bytes()
    elif "body_file" in given:
        body = (root / given["body_file"]).read_bytes()
    else:
        body = given.get("body", "").encode()
    return Response(
        body, given.get("status", 200), given.get("headers", {}), given.get("gzip", False)
    )


def _runner(runner: Runner) -> Shape:
    keys = runner.keys
    effective: Shape = {"dial_timeout_ns": runner.dial_timeout_ns, **_effective_filters(keys)}
    if runner.options.tags != runner.tags:
        effective["tags"] = dict(runner.options.tags)
    return {
        **_configured(keys),
        "source": runner.source,
        "identifier": runner.identifier,
        "urls": list(runner.urls),
        "url": "",
        "instance_by_url": dict(runner.instance_by_url),
        "interval_ns": runner.interval_ns,
        "interval": format_duration(runner.interval_ns),
        "tags": dict(runner.tags),
        "effective": effective,
    }


def _inputs(reading: ConfReading) -> Shape:
    shapes: Shape = {}
    for name, entries in reading.inputs.items():
        shapes[name] = [
            _prom(entry)
            if isinstance(entry, PromInput)
            else {"parsed_config": entry.parsed_config}
            if isinstance(entry, OtherInput)
            else _zipkin(entry.keys)
            for entry in entries
        ]
    return shapes


def _prom(entry: PromInput) -> Shape:
    effective: Shape = {
        "initialized": not entry.init_error,
        "interval_ns": entry.interval_ns,
        "urls": list(entry.urls),
        "tags_by_url": {url: dict(tags) for url, tags in entry.tags_by_url.items()},
        **_effective_filters(entry.keys),
    }
    if entry.init_error:
        effective["init_error"] = entry.init_error
    else:
        effective["dial_timeout_ns"] = entry.dial_timeout_ns
    return {**_configured(entry.keys), "effective": effective}


def _configured(keys: Mapping[str, Any]) -> Shape:
    shape = dict(keys)
    shape["interval_ns"] = shape.pop("interval", 30 * SECOND_NS)
    shape["interval"] = format_duration(shape["interval_ns"])
    shape["timeout_ns"] = shape.pop("timeout", 0)
    rules = shape.get("measurements", ())
    shape["measurements"] = [{"name": "", "pattern": "", "prefix": "", **rule} for rule in rules]
    return shape


def _effective_filters(keys: Mapping[str, Any]) -> Shape:
    shape: Shape = {}
    for name in ("metric_name_filter", "metric_name_filter_ignore"):
        kept = [pattern for pattern in keys.get(name, ()) if compiles(pattern)]
        if kept != list(keys.get(name, ())):
            shape[name] = kept
    matches = keys.get("ignore_tag_kv_match", {})
    kept_matches = {key: [p for p in patterns if compiles(p)] for key, patterns in matches.items()}
    if kept_matches != matches:
        shape["ignore_tag_kv_match"] = {key: kept for key, kept in kept_matches.items() if kept}
    return shape


def _zipkin(keys: Mapping[str, Any]) -> Shape:
    shape = dict(keys)
    if "storage" in shape:
        # The agent prints this part with another name for its path.
        storage = shape["storage"]
        shape["storage"] = {"storage": storage.get("path"), "capacity": storage.get("capacity")}
    return shape


def _collected(result: Collected, path: str) -> Shape:
    shape: Shape = {
        "instances": result.instances,
        "config_error": result.config_error,
        "init_failed": result.init_failed,
        "panic": result.panic,
        "scrape_errors": [{"url": u, "error": e} for u, e in result.scrape_errors.items()],
        "families_kept": sorted(result.families_kept),
        "feeds": [
            {"category": feed.category, "source": feed.source, "election": feed.election}
            for feed in sorted(result.feeds)
        ],
        "requests": [{"url": one.url, "headers": dict(one.headers)} for one in result.requests],
        "dialed": result.dialed,
        "point_count": len(result.points),
        "sha256": digest_points(result.points),
        "points": [_point(point) for point in result.points],
        "collisions": [_collision(hit) for hit in find_collisions(result.points)],
    }
    if path == "conf":
        shape["up"] = [{"tags": dict(tags), "values": v} for tags, v in result.up.items()]
    return shape


def _point(point: Point) -> Shape:
    fields = {key: _value(value) for key, value in point.fields.items()}
    shape: Shape = {"measurement": point.measurement, "tags": point.tags, "fields": fields}
    return shape if point.time_ms is None else {**shape, "time_ms": point.time_ms}


def _collision(hit: Any) -> Shape:  # noqa: ANN401  a named tuple
    values = [_value(value) for value in hit.values]
    shape: Shape = {
        "measurement": hit.measurement,
        "tags": dict(hit.tags),
        "field": hit.field,
        "values": values,
    }
    return shape if hit.time_ms is None else {**shape, "time_ms": hit.time_ms}


def _value(value: Value) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, str):
        return {"string": value}
    return "NaN" if math.isnan(value) else value
