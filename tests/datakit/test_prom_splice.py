"""Texts that differ in their source only are not built one by one, and nobody sees it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom import InvalidScrape, PromScrape, render_prom, render_whole
from tests.datakit.scrapes import PLAIN, scrapes

SOURCES = (
    st.text()
    | st.from_regex(r"[a-zA-Z0-9._-]*", fullmatch=True)
    | st.sampled_from(['a"b', "a\\b", "$IP", "$NAMESPACE-a", "$IPx", "ä", "-", "a\nb", ' = "', ""])
)


def _outcome(render, scrape: PromScrape, path: ConfigPath):
    try:
        return render(scrape, path)
    except InvalidScrape as error:
        return f"refused: {error}"


@given(scrapes(st.none()), SOURCES, st.sampled_from(ConfigPath))
@example(replace(PLAIN, measurement='source = "-"', tags=(("source", "-"),)), "a", ConfigPath.CONF)
def test_any_source_gives_the_bytes_of_the_whole_rendering(scrape, source, path):
    """Whatever the source, bytes and refusals are those of a rendering from scratch."""
    scrape = replace(scrape, source=source)

    assert _outcome(render_whole, scrape, path) == _outcome(render_prom, scrape, path)


@given(scrapes(st.none()), st.lists(SOURCES, min_size=2, max_size=4))
def test_no_text_shows_what_was_rendered_before(scrape, sources):
    """Texts that are made one after the other, of one scrape and many sources, stay apart."""
    made = [
        _outcome(render_prom, replace(scrape, source=each), ConfigPath.ANNOTATION)
        for each in sources
    ]

    assert made == [
        _outcome(render_whole, replace(scrape, source=each), ConfigPath.ANNOTATION)
        for each in sources
    ]


@pytest.mark.parametrize("path", ConfigPath)
def test_a_wrong_scrape_is_refused_each_time(path):
    """A refusal is not forgotten because the rest was rendered before."""
    wrong = replace(PLAIN, interval_s=0)

    for source in ("a", "b", "a"):
        with pytest.raises(InvalidScrape, match="interval_s"):
            render_prom(replace(wrong, source=source), path)


def test_a_thousand_sources_cost_less_than_fifty_documents():
    """The first plan of a large cluster is not spent on building one document a thousand times."""
    path = ConfigPath.ANNOTATION
    began = time.process_time()
    for number in range(50):
        render_whole(replace(PLAIN, source=f"whole-{number}"), path)
    fifty_s = time.process_time() - began
    began = time.process_time()
    for number in range(1000):
        render_prom(replace(PLAIN, source=f"prod-{number}"), path)

    assert time.process_time() - began < fifty_s
