"""Reading back what stands in a cluster, and telling a difference from another spelling."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom import PromScrape, render_prom
from istio_observability.datakit.reading import (
    Unreadable,
    read_prom_annotation,
    read_prom_conf,
    read_zipkin_conf,
    same_meaning,
)
from istio_observability.datakit.zipkin import ZipkinInput, render_zipkin
from istio_observability.istio import document
from tests.datakit import source_document
from tests.datakit.scrapes import PLAIN, scrapes

ANNOTATION, CONF = ConfigPath.ANNOTATION, ConfigPath.CONF
URL = 'url = "http://$IP:15020/stats/prometheus"\n'


@given(scrapes(st.none()))
def test_annotation_survives_the_way_there_and_back(scrape: PromScrape):
    """Nothing is lost between rendering and reading an annotation."""
    assert read_prom_annotation(render_prom(scrape, ANNOTATION)) == (scrape,)


@given(scrapes(st.booleans()))
def test_conf_survives_the_way_there_and_back(scrape: PromScrape):
    """Nothing is lost between rendering and reading a conf file."""
    assert read_prom_conf(render_prom(scrape, CONF)) == (scrape,)


@given(st.text(max_size=200))
def test_any_text_is_read_or_unreadable(text: str):
    """No text makes the reader fail in another way."""
    for read in (read_prom_annotation, read_prom_conf, read_zipkin_conf):
        with suppress(Unreadable):
            assert isinstance(read(text), tuple)


def _document(source: str, url: str, tags: tuple[tuple[str, str], ...], election: bool | None):
    return PromScrape(
        source=source,
        urls=(url,),
        interval_s=document.INTERVAL_S,
        measurement=document.MEASUREMENT,
        metric_types=document.METRIC_TYPES,
        name_filter=document.NAME_FILTER,
        tags_ignore=document.TAGS_IGNORE,
        tags=tags,
        election=election,
    )


def test_profile_document_means_what_the_document_says():
    """The annotation and the conf file of the source document are taken over as they stand."""
    workload = _document(
        "bookinfo-istio-product",
        "http://$IP:15020/stats/prometheus",
        document.WORKLOAD_TAGS,
        None,
    )
    istiod = _document(
        document.ISTIOD_SOURCE,
        "http://istiod.istio-system.svc.cluster.local:15014/metrics",
        document.ISTIOD_TAGS,
        True,
    )

    assert same_meaning(source_document.PRODUCTPAGE, render_prom(workload, ANNOTATION), ANNOTATION)
    assert same_meaning(source_document.ISTIOD, render_prom(istiod, CONF), CONF)
    assert same_meaning(source_document.ZIPKIN, render_zipkin(ZipkinInput()), CONF)


def test_defaults_of_an_annotation():
    """What is absent is filled in as the agent does."""
    (scrape,) = read_prom_annotation(f"[[inputs.prom]]\n{URL}")

    assert scrape == PromScrape(
        source="$NAMESPACE/$PODNAME",
        urls=("http://$IP:15020/stats/prometheus",),
        interval_s=30,
        measurement="",
    )


def test_defaults_of_a_conf_file():
    """In a conf file the source is prom and election is on."""
    (scrape,) = read_prom_conf('[[inputs.prom]]\nurls = ["http://a:1/m"]\n')

    assert scrape == PromScrape(
        source="prom", urls=("http://a:1/m",), interval_s=30, measurement="", election=True
    )


ADDRESSES = {
    "both in an annotation": (ANNOTATION, ("http://b:1/", "http://a:1/")),
    "urls alone count in a conf file": (CONF, ("http://b:1/",)),
}


@pytest.mark.parametrize(("path", "expected"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_url_beside_urls(path: ConfigPath, expected: tuple[str, ...]):
    """An annotation appends url to urls, a conf file ignores it beside urls."""
    text = '[[inputs.prom]]\nurl = "http://a:1/"\nurls = ["http://b:1/"]\n'
    read = read_prom_annotation if path is ANNOTATION else read_prom_conf

    assert [scrape.urls for scrape in read(text)] == [expected]


UNREADABLE_ANNOTATIONS = {
    "syntax error": '[[inputs.prom]]\nurl = "http://$IP:1/\n',
    "single table": f"[inputs.prom]\n{URL}",
    "byte order mark": f"\ufeff[[inputs.prom]]\n{URL}",
    "interval without unit": f'[[inputs.prom]]\n{URL}interval = "60"\n',
    "interval as a float": f"[[inputs.prom]]\n{URL}interval = 60.0\n",
    "interval of 60 nanoseconds": f"[[inputs.prom]]\n{URL}interval = 60\n",
    "types as a text": f'[[inputs.prom]]\n{URL}metric_types = "counter"\n',
    "tag as a number": f"[[inputs.prom]]\n{URL}[inputs.prom.tags]\na = 1\n",
    "list behind the tags": f'[[inputs.prom]]\n{URL}[inputs.prom.tags]\nmetric_types = ["a"]\n',
    "one bad of two": f'[[inputs.prom]]\n{URL}[[inputs.prom]]\nurl = "http://[::1:9/"\n',
    "address without scheme": '[[inputs.prom]]\nurl = "$IP:15020/"\n',
    "one key in two spellings": f'[[inputs.prom]]\n{URL}URL = "http://a:1/"\n',
    "number of 5000 digits": "a = " + "1" * 5_000,
    "too long": "#" * 2_000_000,
    "too deep": "a = " + "[" * 100_000,
}


@pytest.mark.parametrize("text", UNREADABLE_ANNOTATIONS.values(), ids=UNREADABLE_ANNOTATIONS.keys())
def test_unreadable_annotations(text: str):
    """What the agent drops is unreadable, with a reason and without the text."""
    with pytest.raises(Unreadable) as error:
        read_prom_annotation(text)

    assert error.value.reason
    assert "15020" not in error.value.reason


NOTHING = {"empty": "", "comment": "# x\n", "other input": "[[inputs.promv2]]\nurl = 'x'\n"}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_texts_that_configure_nothing(text: str):
    """The agent accepts them and does nothing."""
    assert read_prom_annotation(text) == ()
    assert read_prom_conf(text) == ()


def test_a_bad_instance_of_a_conf_file_is_left_out():
    """The other instances of the file load."""
    text = (
        '[[inputs.prom]]\nurls = ["http://one:1/"]\n'
        '[[inputs.prom]]\nurls = ["http://two:1/"]\ninterval = "60"\n'
        '[[inputs.prom]]\nurls = ["http://three:1/"]\n'
    )

    assert [scrape.urls for scrape in read_prom_conf(text)] == [
        ("http://one:1/",),
        ("http://three:1/",),
    ]


def test_conf_interval_is_clamped():
    """The agent holds the interval between one second and five minutes."""
    text = "".join(
        f'[[inputs.prom]]\nurls = ["http://a:1/"]\ninterval = "{interval}"\n'
        for interval in ("10m", "300ms", "90s")
    )

    assert [scrape.interval_s for scrape in read_prom_conf(text)] == [300, 1, 90]


def test_keys_in_any_case():
    """Annotations are read without regard to case."""
    text = (
        f"[[Inputs.PROM]]\n{URL.upper().replace('HTTP', 'http')}"
        'Interval = "45s"\nMetric_Types = ["Counter"]\n'
    )

    (scrape,) = read_prom_annotation(text.replace("15020/STATS/PROMETHEUS", "15020/"))

    assert (scrape.interval_s, scrape.metric_types) == (45, ("counter",))


def test_only_expressions_that_compile_count():
    """An invalid expression is left out; if all are, everything is collected."""
    text = f"[[inputs.prom]]\n{URL}metric_name_filter = ['istio_(requests', '^pilot_xds$']\n"

    assert read_prom_annotation(text)[0].name_filter == ("^pilot_xds$",)
    assert read_prom_annotation(text.replace("^pilot_xds$", "*"))[0].name_filter == ()


def test_zipkin_routes():
    """Absent routes are the agent's defaults; keys may be in any case."""
    text = (
        "[[inputs.zipkin]]\n[[inputs.zipkin]]\npathv1 = '/lower'\n[[inputs.zipkin]]\npathV1 = 1\n"
    )

    assert read_zipkin_conf(text) == (ZipkinInput(), ZipkinInput(path_v1="/lower"))


BASE = f"""[[inputs.prom]]
{URL}source = "a"
interval = "60s"
metric_types = ["counter", "gauge"]
metric_name_filter = ["^a$", "^b$"]
tags_ignore = ["x", "y"]
[inputs.prom.tags]
k = "v"
"""
SAME = {
    "comments": BASE + "# more\n",
    "indentation by tabs": BASE.replace("\nsource", "\n\t\tsource"),
    "line ends of Windows": BASE.replace("\n", "\r\n"),
    "urls for url": BASE.replace(URL.strip(), 'urls = ["http://$IP:15020/stats/prometheus"]'),
    "minutes for seconds": BASE.replace('"60s"', '"1m"'),
    "nanoseconds": BASE.replace('"60s"', "60000000000"),
    "order of types": BASE.replace('"counter", "gauge"', '"gauge", "counter"'),
    "order of expressions": BASE.replace('"^a$", "^b$"', "'^b$', '^a$'"),
    "order of labels": BASE.replace('"x", "y"', '"y", "x", "y"'),
    "unknown key": BASE.replace('source = "a"', 'source = "a"\nfoo = 1'),
    "keys of conf files": BASE.replace('source = "a"', 'source = "a"\nelection = false'),
    "a default written out": BASE.replace('source = "a"', 'source = "a"\ntimeout = "3s"'),
    "an empty list": BASE.replace('source = "a"', 'source = "a"\nmetric_name_filter_ignore = []'),
}
OTHER = {
    "another source": BASE.replace('"a"', '"b"'),
    "another interval": BASE.replace('"60s"', '"61s"'),
    "another address": BASE.replace("15020", "15090"),
    "one type less": BASE.replace(', "gauge"', ""),
    "one expression less": BASE.replace(', "^b$"', ""),
    "not anchored": BASE.replace("^b$", "b"),
    "one label more": BASE.replace('"x", "y"', '"x", "y", "z"'),
    "another tag": BASE.replace('"v"', '"w"'),
    "another measurement": BASE.replace('source = "a"', 'source = "a"\nmeasurement_name = "m"'),
    "a rename": BASE + '[inputs.prom.tags_rename.mapping]\na = "b"\n',
    "headers": BASE + '[inputs.prom.http_headers]\nX = "b"\n',
    "another timeout": BASE.replace('source = "a"', 'source = "a"\ntimeout = "10s"'),
    "families left out": BASE.replace(
        'source = "a"', 'source = "a"\nmetric_name_filter_ignore = ["x"]'
    ),
    "twice": BASE + BASE,
    "nothing": "",
    "unreadable": BASE.replace('"60s"', '"60"'),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME.keys())
def test_another_spelling_is_the_same(text: str):
    """The agent does the same with both texts."""
    assert text != BASE
    assert same_meaning(BASE, text, ANNOTATION)
    assert same_meaning(text, BASE, ANNOTATION)


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER.keys())
def test_a_difference_is_seen(text: str):
    """The agent does something else with the second text."""
    assert not same_meaning(BASE, text, ANNOTATION)
    assert not same_meaning(text, BASE, ANNOTATION)


def test_equal_texts_are_the_same_even_if_unreadable():
    """Nothing has to be written where the bytes are equal."""
    assert same_meaning("[", "[", CONF)


def test_very_deep_tables_are_different():
    """What cannot be compared is not taken for equal."""
    deep = "[inputs." + ".".join("a" * 3_000) + "]\n"

    assert not same_meaning(deep, deep + "b = 1\n", CONF)


def test_conf_files_are_compared_with_all_their_inputs():
    """A file that holds another input beside ours is different."""
    text = render_prom(PromScrape("a", ("http://a:1/",), 60, "m", election=True), ConfigPath.CONF)

    assert same_meaning(text, text.replace("election = true\n", ""), CONF)
    assert not same_meaning(text, text + "[[inputs.cpu]]\n", CONF)
    assert not same_meaning(text, text + "[[inputs.zipkin]]\n", CONF)
    assert not same_meaning(text, text.replace("true", "false"), CONF)


@given(scrapes(st.none()), scrapes(st.none()))
def test_meaning_is_equality_of_documents(one: PromScrape, other: PromScrape):
    """Two rendered scrapes mean the same exactly if they are equal."""
    a, b = render_prom(one, ANNOTATION), render_prom(other, ANNOTATION)

    assert same_meaning(a, b, ANNOTATION) == (one == other)


def test_plain_scrape_is_read_sorted():
    """Lists come back sorted, so equal documents compare equal."""
    (scrape,) = read_prom_annotation(render_prom(PLAIN, ANNOTATION))

    assert scrape.name_filter == tuple(sorted(PLAIN.name_filter))
