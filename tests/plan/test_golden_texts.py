"""Every rendered text: as recorded, as the agent reads it, and always the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.reading import (
    read_prom_annotation,
    read_prom_conf,
    read_zipkin_conf,
    same_meaning,
)
from istio_observability.istio import document
from istio_observability.istio.views import View
from tests.plan.golden_files import GOLDEN, UPDATE, golden
from tests.plan.texts import METRICS, VIEWS, digest, render_all

TEXTS = render_all()
PROM = [name for name in TEXTS if name.endswith(".toml") and name != "zipkin.toml"]
TIMES = 25


def path_of(name):
    """Return how a text reaches the agent."""
    return ConfigPath.ANNOTATION if name.startswith("sidecar") else ConfigPath.CONF


def read(name):
    """Return what the agent makes of a text."""
    reader = read_prom_annotation if name.startswith("sidecar") else read_prom_conf
    (scrape,) = reader(TEXTS[name])
    return scrape


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_as_recorded(name):
    """A changed byte here restarts everything that carries the text."""
    assert golden(f"texts/{name}", TEXTS[name]) == TEXTS[name]


def test_no_golden_text_is_left_over():
    """A file that no text belongs to would be read as a promise."""
    if UPDATE:
        for path in (GOLDEN / "texts").iterdir():
            if path.name not in TEXTS:
                path.unlink()

    assert {path.name for path in (GOLDEN / "texts").iterdir()} == set(TEXTS)


@pytest.mark.parametrize("name", PROM)
def test_agent_reads_what_was_meant(name):
    """Source, address, interval and measurement arrive as the spec says."""
    scrape = read(name)
    extras = name.endswith("with-extras.toml")

    assert (scrape.interval_s, scrape.measurement) == (
        (30, "mesh") if extras else (60, "istio_prom")
    )
    assert len(scrape.urls) == 1
    if name.startswith("sidecar"):
        assert (scrape.source, dict(scrape.tags)["namespace"]) == ("prod-cart", "$NAMESPACE")
    if extras:
        assert {"^jvm_", "it's"} <= set(scrape.name_filter)
        assert {("team", "a b"), ("env", 'say "x"')} <= set(scrape.tags)
        assert scrape.metric_types == ()


@pytest.mark.parametrize("name", [each for each in PROM if "document" not in each])
def test_standard_text_filters_whole_family_names(name):
    """The agent searches, so names are anchored; ``_bucket`` is no family."""
    extras = {"^jvm_", "it's"}
    ours = [each for each in read(name).name_filter if each not in extras]

    assert ours
    assert [each for each in ours if not (each.startswith("^") and each.endswith("$"))] == []
    assert [each for each in ours if "_bucket" in each] == []


@pytest.mark.parametrize("name", [each for each in PROM if "document" in each])
def test_document_text_has_the_lists_of_the_document(name):
    """Mistakes included."""
    scrape = read(name)

    assert (set(scrape.name_filter), set(scrape.tags_ignore)) == (
        set(document.NAME_FILTER),
        set(document.TAGS_IGNORE),
    )


@pytest.mark.parametrize("name", PROM)
def test_only_conf_files_of_ours_speak_of_elections(name):
    """An annotation knows none; the document leaves it to the default."""
    said = "election" in TEXTS[name]

    assert said == (not name.startswith("sidecar") and "document" not in name)


@pytest.mark.parametrize("name", PROM)
def test_text_is_one_that_we_would_take_over(name):
    """By hand with a comment it means the same."""
    assert same_meaning(TEXTS[name], TEXTS[name] + "\n# by hand\n", path_of(name))


def test_zipkin_text_opens_both_routes():
    """As the document asks."""
    (found,) = read_zipkin_conf(TEXTS["zipkin.toml"])

    assert (found.path_v1, found.path_v2) == ("/api/v1/spans", "/api/v2/spans")


def test_logs_text_is_json_that_names_the_workload():
    """The agent reads a list of objects."""
    (found,) = json.loads(TEXTS["logs.json"])

    assert (found["source"], found["service"]) == ("prod-cart", "cart")


def test_view_that_needs_nothing_of_istiod_renders_no_file():
    """An empty filter would mean everything."""
    rendered = {view for view in VIEWS if f"istiod-standard-{view.lower()}.toml" in TEXTS}

    assert "ControlPlane" in rendered
    assert rendered < {each.value for each in View}


@pytest.mark.parametrize("times", range(TIMES))
def test_texts_are_the_same_each_time(times):
    """Nothing random, nothing of the clock, nothing of the order of a set."""
    assert render_all() == TEXTS


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_texts_are_the_same_in_every_process(seed):
    """A restart of the operator renders the same bytes, whatever its hashes."""
    root = Path(__file__).parents[2]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.plan.texts"],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )

    assert digest() == answer.stdout.strip()


def test_every_profile_and_view_is_rendered():
    """The table of specs covers what a user can choose."""
    assert set(METRICS) >= {"document", "standard"} | {f"standard-{v.lower()}" for v in VIEWS}
