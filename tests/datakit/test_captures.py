"""Two recorded expositions of Istio, where they are at hand, under the document's lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from istio_observability.datakit.annotation import PodFacts, decode_annotation
from istio_observability.datakit.collect import collect_annotation
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.points import find_collisions
from istio_observability.datakit.responses import Response
from istio_observability.datakit.scrape_options import build_options
from istio_observability.datakit.tally_exposition import tally_exposition
from tests.datakit import source_document

REPOSITORY = Path(__file__).resolve().parents[2]
POD = PodFacts("10.0.0.1", "prod", "productpage", "worker-1")
URL = "http://10.0.0.1:15020/stats/prometheus"


def _capture(name: str) -> bytes:
    beside = REPOSITORY.parent / "shared" / "captures"
    path = Path(os.environ.get("CAPTURES", beside)) / name
    if not path.is_file():
        pytest.skip(f"no capture {name}; set CAPTURES to the directory that has it")
    return path.read_bytes()


@pytest.mark.parametrize(("name", "series"), [("istio.txt", 821), ("istiod.txt", 238)])
def test_the_document_keeps_23_series_and_no_histogram(name: str, series: int):
    """Neither latency nor size of a request is collected by the document's own lists."""
    (keys,) = decode_annotation(source_document.PRODUCTPAGE)
    tally = tally_exposition(_capture(name), build_options(keys, ConfigPath.ANNOTATION))

    assert (tally.series, tally.kept_series, tally.points, tally.error) == (series, 23, 23, "")
    assert {family.type for family in tally.families.values() if family.kept} == {
        "counter",
        "gauge",
    }


@pytest.mark.parametrize(("name", "fields"), [("istio.txt", 18), ("istiod.txt", 15)])
def test_the_document_gives_23_points(name: str, fields: int):
    """What is counted is what is built."""
    result = collect_annotation(source_document.PRODUCTPAGE, POD, {URL: Response(_capture(name))})

    assert len(result.points) == 23
    assert len({field for point in result.points for field in point.fields}) == fields


def test_everything_of_a_sidecar():
    """Without a filter the sidecar gives 792 points with 291 fields, and nothing collides."""
    text = f'[[inputs.prom]]\nurl = "{URL}"\nmeasurement_name = "istio_prom"\n'
    body = _capture("istio.txt")
    result = collect_annotation(text, POD, {URL: Response(body)})
    (keys,) = decode_annotation(text)
    tally = tally_exposition(body, build_options(keys, ConfigPath.ANNOTATION))

    assert len(result.points) == tally.points == 792
    assert len({field for point in result.points for field in point.fields}) == 291
    assert find_collisions(result.points) == []


def test_the_documents_list_of_labels_makes_series_collide():
    """Over a whole sidecar the labels that it drops leave two series with one name."""
    text = source_document.PRODUCTPAGE.split("  metric_name_filter")[0].replace(
        'metric_types = ["counter", "gauge"]', 'measurement_name = "istio_prom"'
    )
    result = collect_annotation(text, POD, {URL: Response(_capture("istio.txt"))})

    assert find_collisions(result.points)
