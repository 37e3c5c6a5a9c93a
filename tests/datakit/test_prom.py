"""What is written into pod templates and conf files, and what is refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom import InvalidScrape, PromScrape, anchor, render_prom
from tests.datakit.scrapes import PLAIN, scrapes

if TYPE_CHECKING:
    from random import Random

ANNOTATION, CONF = ConfigPath.ANNOTATION, ConfigPath.CONF
IN_CONF = replace(
    PLAIN,
    urls=("http://istiod.istio-system.svc.cluster.local:15014/metrics",),
    tags=(("app_id", "istiod"),),
    election=True,
)


def test_annotation_text():
    """The annotation is pinned byte by byte: another byte restarts every workload."""
    text = render_prom(PLAIN, ANNOTATION)

    assert (
        text
        == """[[inputs.prom]]
source = "prod-details-v1"
urls = ["http://$IP:15020/stats/prometheus"]
interval = "60s"
measurement_name = "istio_prom"
metric_types = ["counter", "histogram"]
metric_name_filter = [
  '^istio_request_bytes$',
  '^istio_requests_total$',
]
tags_ignore = ["source_app"]

[inputs.prom.tags]
namespace = "$NAMESPACE"
"""
    )


def test_conf_text():
    """The conf file is pinned byte by byte: another byte rolls every agent."""
    text = render_prom(replace(IN_CONF, name_filter=(), tags_ignore=(), tags=()), CONF)

    assert (
        text
        == """[[inputs.prom]]
source = "prod-details-v1"
urls = ["http://istiod.istio-system.svc.cluster.local:15014/metrics"]
interval = "60s"
measurement_name = "istio_prom"
election = true
metric_types = ["counter", "histogram"]
"""
    )


@given(scrapes(st.booleans()), st.randoms(use_true_random=False))
def test_equal_scrapes_give_equal_bytes(scrape: PromScrape, order: Random):
    """The order of lists and tags does not reach the text."""
    lists: dict[str, Any] = {
        field: tuple(order.sample(getattr(scrape, field), len(getattr(scrape, field))))
        for field in ("metric_types", "name_filter", "tags_ignore", "tags")
    }
    shuffled = replace(scrape, **lists)

    assert render_prom(shuffled, CONF) == render_prom(scrape, CONF)


@given(scrapes(st.booleans()))
def test_text_is_toml_whose_last_table_is_the_tags(scrape: PromScrape):
    """No key stands behind the tags, where it would become a tag."""
    instance = tomllib.loads(render_prom(scrape, CONF))["inputs"]["prom"][0]

    assert instance.get("tags", {}) == dict(scrape.tags)
    assert instance["interval"] == f"{scrape.interval_s}s"


def test_expressions_are_literal_strings():
    """A backslash stands as it is; an expression with a quote falls back to an escaped string."""
    text = render_prom(replace(PLAIN, name_filter=(r"^go_\w+$", r"it's\d")), ANNOTATION)

    assert r"'^go_\w+$'" in text
    assert r'"it' in text
    assert tomllib.loads(text)["inputs"]["prom"][0]["metric_name_filter"] == [
        r"^go_\w+$",
        r"it's\d",
    ]


def test_keys_with_dots_are_one_key():
    """A tag named like a label of Kubernetes is no nested table."""
    text = render_prom(replace(PLAIN, tags=(("app.kubernetes.io/name", "x"),)), ANNOTATION)

    assert tomllib.loads(text)["inputs"]["prom"][0]["tags"] == {"app.kubernetes.io/name": "x"}


@pytest.mark.parametrize("family", ["istio_requests_total", "citadel_server_csr_count", "a:b"])
def test_anchor_keeps_one_family(family: str):
    """An anchored name is the name between both ends."""
    assert anchor(family) == f"^{family}$"


@pytest.mark.parametrize("family", ["", "a b", "a-b", "1a", "istio_request_bytes_bucket", "a\n"])
def test_anchor_refuses_what_is_no_family(family: str):
    """Names that no family has are refused, buckets included."""
    with pytest.raises(InvalidScrape):
        anchor(family)


REFUSED = {
    "interval of zero": ({"interval_s": 0}, "interval_s"),
    "interval above five minutes": ({"interval_s": 301}, "interval_s"),
    "empty source": ({"source": " "}, "source"),
    "no address": ({"urls": ()}, "urls"),
    "address without scheme": ({"urls": ("localhost:15020/metrics",)}, "urls"),
    "address with a bad port": ({"urls": ("http://a:99999/",)}, "urls"),
    "address without host": ({"urls": ("http:///metrics",)}, "urls"),
    "file as address": ({"urls": ("file:///etc/passwd",)}, "urls"),
    "blank in an address": ({"urls": ("http://a b/",)}, "urls"),
    "unknown type": ({"metric_types": ("counters",)}, "metric_types"),
    "look-ahead": ({"name_filter": ("a(?!b)",)}, "name_filter"),
    "unclosed group": ({"name_filter": ("istio_(requests",)}, "name_filter"),
    "empty expression": ({"name_filter": ("",)}, "name_filter"),
    "single byte, which Go does not know": ({"name_filter": (r"\C",)}, "name_filter"),
    "placeholder in an expression": ({"name_filter": ("^$IP",)}, "name_filter"),
    "empty label": ({"tags_ignore": ("",)}, "tags_ignore"),
    "buckets merged": ({"tags_ignore": ("le",)}, "tags_ignore"),
    "tag le": ({"tags": (("le", "1"),)}, "tags"),
    "tag quantile": ({"tags": (("quantile", "1"),)}, "tags"),
    "tag instance": ({"tags": (("instance", "1"),)}, "tags"),
    "tag without key": ({"tags": (("", "1"),)}, "tags"),
    "tag twice": ({"tags": (("a", "1"), ("a", "2"))}, "tags"),
    "line break in a value": ({"tags": (("a", "b\nc"),)}, "tags"),
    "trailing backslash": ({"tags": (("a", "b\\"),)}, "tags"),
    "lone surrogate": ({"source": "a\ud800"}, "source"),
}


@pytest.mark.parametrize("path", ConfigPath)
@pytest.mark.parametrize(("change", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_on_both_paths(change: dict[str, Any], field: str, path: ConfigPath):
    """The message names the field and never the value."""
    scrape = replace(PLAIN if path is ANNOTATION else IN_CONF, **change)

    with pytest.raises(InvalidScrape) as refusal:
        render_prom(scrape, path)

    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field} ")


REFUSED_IN_CONF = {
    "placeholder": {"urls": ("http://$IP:15020/",)},
    "environment": {"tags": (("a", "x$HOME"),)},
    "environment in braces": {"source": "${HOME}"},
    "environment in an expression": {"name_filter": ("cost_$1",)},
    "template": {"measurement": "m{{.x}}"},
    "secret": {"tags": (("a", "ENC[file:///x]"),)},
}


@pytest.mark.parametrize("change", REFUSED_IN_CONF.values(), ids=REFUSED_IN_CONF.keys())
def test_refused_in_conf_files(change: dict[str, Any]):
    """The agent evaluates these in conf files before it reads them."""
    with pytest.raises(InvalidScrape):
        render_prom(replace(IN_CONF, **change), CONF)


REFUSED_IN_ANNOTATIONS = {
    "election": {"election": True},
    "continued placeholder": {"tags": (("a", "$IPV6"),)},
    "tag that is ignored again": {"tags": (("source_app", "x"),)},
    "placeholder as a key": {"tags": (("$NAMESPACE", "a"),)},
}


@pytest.mark.parametrize(
    "change", REFUSED_IN_ANNOTATIONS.values(), ids=REFUSED_IN_ANNOTATIONS.keys()
)
def test_refused_in_annotations(change: dict[str, Any]):
    """What an annotation would ignore or mangle is refused."""
    with pytest.raises(InvalidScrape):
        render_prom(replace(PLAIN, **change), ANNOTATION)


ACCEPTED = {
    "IPv6 in brackets": {"urls": ("http://[$IP]:15020/stats/prometheus",)},
    "all placeholders": {"source": "$NAMESPACE-$PODNAME", "tags": (("node", "$NODENAME"),)},
    "a template is plain text": {"tags": (("a", "{{x}} ENC[y]"),)},
    "no filter": {"name_filter": (), "metric_types": (), "tags_ignore": (), "tags": ()},
    "shortest interval": {"interval_s": 1},
    "longest interval": {"interval_s": 300},
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_in_annotations(change: dict[str, Any]):
    """Nothing that works is refused."""
    assert tomllib.loads(render_prom(replace(PLAIN, **change), ANNOTATION))


def test_document_filter_in_conf_is_accepted():
    """A dollar before a quote is safe: the agent replaces only words and braces."""
    assert "'^istio_requests_total$'" in render_prom(IN_CONF, CONF)
