"""Durations, expressions, zipkin.conf, datakit/logs and the names of the layout."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.datakit.durations import parse_duration_ns, render_seconds
from istio_observability.datakit.layout import AgentFile
from istio_observability.datakit.logs import InvalidLogs, LogsInput, render_logs
from istio_observability.datakit.patterns import InvalidPattern, compile_pattern, compiles
from istio_observability.datakit.zipkin import InvalidZipkin, ZipkinInput, render_zipkin

DURATIONS = {
    "60s": 60_000_000_000,
    "1m30s": 90_000_000_000,
    "1.5h": 5_400_000_000_000,
    "250ms": 250_000_000,
    ".5s": 500_000_000,
    "1.s": 1_000_000_000,
    "0": 0,
    "-10s": -10_000_000_000,
    "+1us": 1_000,
    "1\u00b5s": 1_000,
    "1\u03bcs": 1_000,
}


@pytest.mark.parametrize(("text", "expected"), DURATIONS.items())
def test_durations_are_read_as_go_does(text: str, expected: int):
    """Every form that Go accepts is read."""
    assert parse_duration_ns(text) == expected


@pytest.mark.parametrize(
    "text", ["", "60", "s", "1x", "1 s", "1s ", "--1s", ".s", "9999999999h", "1" * 99 + "s"]
)
def test_other_texts_are_no_durations(text: str):
    """What Go refuses is refused."""
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration_ns(text)


@given(st.integers(1, 300))
def test_rendered_seconds_are_read_back(seconds: int):
    """An interval survives the way there and back."""
    assert parse_duration_ns(render_seconds(seconds)) == seconds * 1_000_000_000


@pytest.mark.parametrize("text", [r"^a$", r"\\C", "a{1000}", r"\pL", "(?P<x>a)", "[(?:<]"])
def test_expressions_that_the_agent_accepts(text: str):
    """RE2 as Go knows it compiles."""
    assert compiles(text)


@pytest.mark.parametrize(
    "text", ["(", "a(?!b)", "(?=a)", r"\1", "*a", "a{1001}", r"\C", "(?<x>a)", "a\ud800"]
)
def test_expressions_that_the_agent_drops(text: str):
    """Everything else is refused with a reason that does not repeat the expression."""
    with pytest.raises(InvalidPattern) as error:
        compile_pattern(text)

    assert len(str(error.value)) < 80


def test_an_expression_is_searched_not_matched():
    """A bare name also finds every longer one."""
    assert compile_pattern("go_goroutines").search("istio_agent_go_goroutines")
    assert not compile_pattern("^go_goroutines$").search("istio_agent_go_goroutines")


def test_zipkin_conf_text():
    """The file is pinned byte by byte."""
    assert (
        render_zipkin(ZipkinInput())
        == '[[inputs.zipkin]]\npathV1 = "/api/v1/spans"\npathV2 = "/api/v2/spans"\n'
    )


@pytest.mark.parametrize(
    "zipkin",
    [
        ZipkinInput(path_v1=""),
        ZipkinInput(path_v1="api"),
        ZipkinInput(path_v2="/api/:id"),
        ZipkinInput(path_v2="/$HOME"),
        ZipkinInput("/a", "/a"),
    ],
)
def test_routes_that_are_no_plain_paths_are_refused(zipkin: ZipkinInput):
    """The agent's router would read them as something else."""
    with pytest.raises(InvalidZipkin):
        render_zipkin(zipkin)


LOGS = {
    "nothing said": (LogsInput(), '[{"disable":false}]'),
    "labelled": (
        LogsInput("prod-cart", "cart", (("b", "2"), ("a", "1"))),
        '[{"disable":false,"source":"prod-cart","service":"cart","tags":{"a":"1","b":"2"}}]',
    ),
    "multi-line": (
        LogsInput(multiline_match=r"^\d{4}", pipeline="x.p"),
        '[{"disable":false,"pipeline":"x.p","multiline_match":"^\\\\d{4}"}]',
    ),
    "off": (LogsInput(disable=True), '[{"disable":true}]'),
}


@pytest.mark.parametrize(("logs", "expected"), LOGS.values(), ids=LOGS.keys())
def test_logs_text(logs: LogsInput, expected: str):
    """The annotation is pinned byte by byte."""
    assert render_logs(logs) == expected


@pytest.mark.parametrize(
    "logs",
    [
        LogsInput(source="a\nb"),
        LogsInput(service="a\ud800"),
        LogsInput(multiline_match="("),
        LogsInput(tags=(("", "a"),)),
        LogsInput(tags=(("a", "1"), ("a", "2"))),
    ],
)
def test_logs_that_the_agent_would_misread_are_refused(logs: LogsInput):
    """Nothing is written that would be dropped."""
    with pytest.raises(InvalidLogs):
        render_logs(logs)


@given(st.dictionaries(st.text(st.characters(categories=["L"]), min_size=1), st.just("v")))
def test_logs_are_json_and_lose_nothing(tags: dict[str, str]):
    """The tags come back from the JSON."""
    (entry,) = json.loads(render_logs(LogsInput("a", tags=tuple(tags.items()))))

    assert entry.get("tags", {}) == tags


def test_files_stand_where_the_document_puts_them():
    """Keys and paths are those of the source document; another name would load a target twice."""
    assert {file.key: file.mount_path for file in AgentFile} == {
        "prom_istiod.conf": "/usr/local/datakit/conf.d/prom/prom_istiod.conf",
        "prom-ingressgateway.conf": "/usr/local/datakit/conf.d/prom/prom-ingressgateway.conf",
        "prom-egressgateway.conf": "/usr/local/datakit/conf.d/prom/prom-egressgateway.conf",
        "zipkin.conf": "/usr/local/datakit/conf.d/zipkin/zipkin.conf",
    }
