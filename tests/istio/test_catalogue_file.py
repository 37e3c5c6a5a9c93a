"""Damage of the catalogue's file that has to be noticed when it is loaded."""

from __future__ import annotations

import pytest

from istio_observability.istio.catalogue import (
    InvalidCatalogue,
    Target,
    load_catalogue,
    parse_catalogue,
    show_version,
)

FAMILY = """
[[family]]
name = "a_total"
type = "counter"
unit = "things"
labels = []
targets = ["istiod"]
since = "1.11"
help = "A sentence."
"""
REST = """
[[external]]
name = "other"
component = "c"
[[gone]]
name = "old"
until = "1.4"
instead = "a_total"
"""
SETS = "[label_sets]\n"
DAMAGE = {
    "no TOML": "a = [",
    "nothing": "",
    "no families": SETS + REST,
    "an unknown key": SETS + FAMILY + 'untill = "1.12"\n' + REST,
    "a missing key": SETS + FAMILY.replace('unit = "things"\n', "") + REST,
    "an unknown type": SETS + FAMILY.replace("counter", "conuter") + REST,
    "an unknown target": SETS + FAMILY.replace("istiod", "ztunnel") + REST,
    "an unknown label set": SETS + FAMILY.replace("labels = []", 'labels = ["@x"]') + REST,
    "no version": SETS + FAMILY.replace('since = "1.11"', 'since = "latest"') + REST,
    "labels that are no list": SETS + FAMILY.replace("labels = []", "labels = 3") + REST,
    "a successor that nobody has": SETS + FAMILY + REST.replace("a_total", "b_total"),
}


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_an_invalid_catalogue(text: str):
    """Whatever is wrong: one kind of error, never another one and never a silent load."""
    with pytest.raises(InvalidCatalogue, match=":"):
        parse_catalogue(text)


def test_the_undamaged_file_loads():
    """The cases differ from a good file in one thing."""
    assert parse_catalogue(SETS + FAMILY + REST).families.keys() == {"a_total"}


def test_open_prefixes_stand_for_known_families():
    """Each begins the name of a family of one of its targets, and tells why it is open."""
    catalogue = load_catalogue()

    for prefix in catalogue.open_prefixes:
        assert any(
            family.name.startswith(prefix.prefix) and prefix.targets & family.targets
            for family in catalogue.families.values()
        )
        assert prefix.why.endswith(".")


SPANS = {
    "pilot_total_envoy_filter": ("1.11", "1.11"),
    "istio_agent_total_pushes": ("1.11", "1.13"),
    "go_memstats_gc_cpu_fraction": ("1.11", "1.13"),
    "go_memstats_lookups_total": ("1.11", "1.23"),
    "go_gc_gogc_percent": ("1.24", None),
    "istio_agent_process_network_receive_bytes_total": ("1.24", None),
    "ambient_istiod_managed_clusters": ("1.27", "1.29"),
    "istiod_remote_cluster_sync_status": ("1.29", None),
    "xds_cache_dependent_config_size": ("1.15", None),
}


@pytest.mark.parametrize(("name", "span"), SPANS.items())
def test_span_of_releases(name: str, span: tuple[str, str | None]):
    """First and last release, as the tags of istio/istio say."""
    family = load_catalogue().families[name]

    assert (show_version(family.since), family.until and show_version(family.until)) == span


def test_the_agent_has_the_same_process_metrics_as_istiod():
    """Both are Go programs of one build: what differs is the prefix and the target."""
    families = load_catalogue().families
    own = {
        name: (family.type, family.unit, family.labels, family.since, family.until)
        for name, family in families.items()
        if name.startswith(("go_", "process_"))
    }
    beside = {
        name.removeprefix("istio_agent_"): (
            family.type,
            family.unit,
            family.labels,
            family.since,
            family.until,
        )
        for name, family in families.items()
        if name.startswith(("istio_agent_go_", "istio_agent_process_"))
    }

    assert own == beside
    assert all(families[name].targets == {Target.ISTIOD} for name in own)
