"""Rules of the agent beyond the recorded cases: numbers, addresses, templates, any text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.datakit.annotation import PodFacts, read_annotation
from istio_observability.datakit.check_point import check_point
from istio_observability.datakit.collect import collect_annotation, collect_conf
from istio_observability.datakit.conf_load import load_conf
from istio_observability.datakit.conf_text import substitute_environment
from istio_observability.datakit.conf_tree import ConfTree
from istio_observability.datakit.go_template import BrokenTemplate, run_template
from istio_observability.datakit.go_text import format_duration, format_float, parse_float
from istio_observability.datakit.go_url import InvalidUrl, parse_url, split_host_port
from istio_observability.datakit.points import Point, digest_points
from istio_observability.datakit.responses import Response

POD = PodFacts("10.0.0.1", "prod", "p", "n")
URL = "http://a:1/"
HEAD = f'[[inputs.prom]]\nurls = ["{URL}"]\nmeasurement_name = "m"\n'
BODY = Response(b'# TYPE g gauge\ng{x="1"} 1\n')


@given(st.text(max_size=200))
def test_any_annotation_is_read(text: str):
    """An annotation is taken or dropped with a reason, whatever it holds."""
    reading = read_annotation(text, POD)

    assert reading.accepted or not reading.runners


@given(
    st.dictionaries(st.sampled_from(["a.conf", "b/c.conf", "x"]), st.text(max_size=120)),
    st.dictionaries(st.sampled_from(["A", "ENV_DEFAULT_ENABLED_INPUTS"]), st.text(max_size=20)),
)
def test_any_tree_is_loaded(files: dict[str, str], env: dict[str, str]):
    """The agent always starts; so does the loader."""
    reading = load_conf(
        ConfTree(files, {"b/l.conf": "../a.conf", "loop.conf": "loop.conf"}), env=env
    )

    noted = {path for paths in reading.files.values() for path in paths}
    own = {"prom.conf", "zipkin.conf", "cpu.conf"} & {
        f"{name}.conf" for name in reading.default_enabled
    }
    assert noted <= {*files, "b/l.conf", *own}


@given(st.floats())
def test_numbers_are_written_so_that_they_can_be_read(value: float):
    """The text of a bound is the number again, except NaN."""
    written = format_float(value)

    assert math.isnan(value) or parse_float(written) == value


FLOATS = {
    1e6: "1e+06", 123456789.0: "1.23456789e+08", 300000.0: "300000", 1e-5: "1e-05",
    0.0001: "0.0001", 2097152.0: "2.097152e+06", -0.0: "-0", 5e-324: "5e-324", math.inf: "+Inf",
}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), FLOATS.items())
def test_bounds_are_written_as_go_does(value: float, text: str):
    """From a million on with an exponent."""
    assert format_float(value) == text


@pytest.mark.parametrize("text", ["", "1_0", "0x1p2", "+nan", "1e400", " 1", "1\r", "\u0661", "e5"])
def test_what_go_takes_for_no_number(text: str):
    """Python would take most of them."""
    assert parse_float(text) is None


DURATIONS = {
    0: "0s", 60: "60ns", 1500: "1.5µs", 250_000_000: "250ms", 90_000_000_000: "1m30s",
    43_200_000_000_000: "12h0m0s", 1_500_000_000: "1.5s", -5_000_000_000: "-5s",
}  # fmt: skip


@pytest.mark.parametrize(("nanoseconds", "text"), DURATIONS.items())
def test_durations_are_written_as_go_does(nanoseconds: int, text: str):
    """Zero parts behind the first are written."""
    assert format_duration(nanoseconds) == text


URLS = {
    "http://a:1/x?y#z": ("a:1", "a:1", "/x?y"),
    "http://a": ("a", "a:80", "/"),
    "https://[fd00::1]/": ("[fd00::1]", "[fd00::1]:443", "/"),
    "http://fd00::1:15020/": ("fd00::1:15020", "[fd00::1]:15020", "/"),
    "http://u:p@a:1/": ("a:1", "a:1", "/"),
}


@pytest.mark.parametrize(("text", "expected"), URLS.items())
def test_addresses_are_split_as_go_does(text: str, expected: tuple[str, str, str]):
    """Host, what is dialled, and what the server sees."""
    url = parse_url(text)

    assert (url.host, url.dial, url.target) == expected


@pytest.mark.parametrize(
    "text",
    ["http://[::1:2/", "http://${IP}:1/", "10.0.0.1:1/x", "http://a:b/", "http://a/%zz", ":a"],
)
def test_addresses_that_go_refuses(text: str):
    """They drop an annotation; an instance of a conf file never starts."""
    with pytest.raises(InvalidUrl):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a:1", ("a", "1")), ("[::1]:1", ("::1", "1")), ("::1:1", None), ("a", None), ("[::1]", None)],
)
def test_host_and_port(text: str, expected: tuple[str, str] | None):
    """An IPv6 address needs its brackets."""
    assert split_host_port(text) == expected


TEMPLATES = {
    "a{{.x}}b{{ .none }}": "a1b",
    '{{ default "d" .none }}{{ .none | default "e" }}': "de",
    "a {{- .x -}} b": "a1b",
    "{{/* said */}}a": "a",
    "{{ if .x }}y{{ else }}n{{ end }}{{ if .none }}y{{ else }}n{{ end }}": "yn",
    "{{ `raw` }}{{ 3 }}": "raw3",
}


@pytest.mark.parametrize(("text", "expected"), TEMPLATES.items())
def test_templates(text: str, expected: str):
    """A missing key is empty."""
    assert run_template(text, {"x": "1"}) == expected


@pytest.mark.parametrize("text", ['{{ include "x" . }}', "{{", "{{ }}", "{{ end }}", "{{ if .x }}"])
def test_broken_templates(text: str):
    """They drop the file."""
    with pytest.raises(BrokenTemplate):
        run_template(text, {})


def test_the_first_mention_is_replaced_even_inside_a_longer_name():
    """The environment is put in by text, not by place."""
    assert substitute_environment("$CLUSTER_NAME $CLUSTER", {"CLUSTER": "c"}) == "c_NAME $CLUSTER"


def test_panic_of_an_annotation_stops_the_jobs_behind_it():
    """Points of the job before it are handed on, the one behind it never runs."""
    auth = '[inputs.prom.auth]\ntoken = "x"\n'
    result = collect_annotation(HEAD + HEAD + auth + HEAD, POD, {URL: BODY})

    assert result.panic
    assert len(result.points) == 1


@pytest.mark.parametrize(
    ("headers", "panics"), [("", False), ('[inputs.prom.http_headers]\nA = "b"\n', True)]
)
def test_a_token_that_is_missing(headers: str, panics: bool):
    """It is an error, and with headers beside it a panic."""
    text = HEAD + '[inputs.prom.auth]\ntype = "bearer_token"\n' + headers
    result = collect_conf(text, {URL: BODY})

    assert bool(result.panic) == panics
    assert bool(result.scrape_errors) != panics


def test_redirects_are_followed():
    """The agent's client follows a redirect like a browser."""
    moved = Response(b"", status=302, headers={"location": "/new"})
    result = collect_conf(HEAD, {URL: moved, "http://a:1/new": BODY})

    assert len(result.points) == 1


def test_compressed_bodies_are_unpacked_only_if_nobody_asked_for_them():
    """A configured ``Accept-Encoding`` hands the compressed bytes to the parser."""
    packed = Response(BODY.body, gzip=True)
    asked = HEAD + '[inputs.prom.http_headers]\naccept-encoding = "gzip"\n'

    assert len(collect_conf(HEAD, {URL: packed}).points) == 1
    assert collect_conf(asked, {URL: packed}).scrape_errors


def test_certificates_that_cannot_be_read():
    """An annotation is dropped, an instance never starts; unless the file is there."""
    text = HEAD + 'tls_open = true\ntls_ca = "/ca.pem"\n'

    assert not read_annotation(text, POD).accepted
    assert read_annotation(text, POD, files={"/ca.pem"}).accepted
    assert collect_conf(text, {URL: BODY}).init_failed


CHANGED = {
    "long value": ({"a": "x" * 2000}, {"a": "x" * 1024}),
    "long key": ({"k" * 300: "v"}, {"k" * 256: "v"}),
    "end and line break": ({"a": "b\nc\\\\"}, {"a": "b c"}),
    "no key": ({"": "v"}, {}),
    "key that is taken once adjusted": ({"a\\": "1", "a": "2"}, {"a": "2"}),
}


@pytest.mark.parametrize(("tags", "expected"), CHANGED.values(), ids=CHANGED.keys())
def test_tags_that_a_point_cannot_hold(tags: dict[str, str], expected: dict[str, str]):
    """They are cut, adjusted or dropped."""
    assert check_point(Point("m", tags, {"f": 1.0}), log_line=False).tags == expected


def test_text_fields_are_for_log_lines():
    """A metric loses them; a log line always has a status and no dot in a key."""
    point = Point("m", {"a.b": "1", "source": "2"}, {"f": "text"})

    assert check_point(point, log_line=False).fields == {}
    assert check_point(point, log_line=True) == Point(
        "m", {"a_b": "1"}, {"f": "text", "status": "info"}
    )


def test_order_does_not_count_in_the_digest():
    """Tags and points in another order are the same list."""
    one, two = Point("m", {"a": "1", "b": "2"}, {"f": 1.0}), Point("m", {}, {"f": math.nan}, 5)
    turned = Point("m", {"b": "2", "a": "1"}, {"f": 1.0})

    assert digest_points([one, two]) == digest_points([two, turned])
    assert digest_points([one]) != digest_points([two])
