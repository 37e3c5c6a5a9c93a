"""Scrapes for tests: one plain one, and hypothesis strategies for all that may be rendered."""

from __future__ import annotations

from hypothesis import strategies as st

from istio_observability.datakit.prom import PromScrape, anchor
from istio_observability.datakit.prom_checks import METRIC_TYPES, RESERVED_TAGS

PLAIN = PromScrape(
    source="prod-details-v1",
    urls=("http://$IP:15020/stats/prometheus",),
    interval_s=60,
    measurement="istio_prom",
    metric_types=("counter", "histogram"),
    name_filter=(anchor("istio_requests_total"), anchor("istio_request_bytes")),
    tags_ignore=("source_app",),
    tags=(("namespace", "$NAMESPACE"),),
)

WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(
    lambda text: bool(text.strip()) and "$" not in text and "\\" not in text
)
PLAIN_WORDS = WORDS.filter(lambda text: "{{" not in text and "ENC[" not in text)
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{1,9}){0,3}", fullmatch=True)
URLS = st.builds("http://{}:{}/metrics".format, HOSTS, st.integers(1, 65535))
FAMILIES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,30}", fullmatch=True).filter(
    lambda name: not name.endswith("_bucket")
)
PATTERNS = FAMILIES.map(anchor) | st.sampled_from(
    ["^istio_", r"^go_\w+$", "it's", r'quo"te\.', "a{2,3}", "(a|b)$", "[^']+"]
)
TAG_KEYS = PLAIN_WORDS.filter(lambda key: key not in RESERVED_TAGS)


def scrapes(election: st.SearchStrategy[bool | None]) -> st.SearchStrategy[PromScrape]:
    """Build scrapes that are valid on both paths, lists sorted as they are read back."""
    return st.builds(
        PromScrape,
        source=PLAIN_WORDS,
        urls=st.lists(URLS, min_size=1, max_size=3).map(tuple),
        interval_s=st.integers(1, 300),
        measurement=PLAIN_WORDS | st.just(""),
        metric_types=st.sets(st.sampled_from(sorted(METRIC_TYPES))).map(sorted).map(tuple),
        name_filter=st.sets(PATTERNS, max_size=5).map(sorted).map(tuple),
        tags_ignore=st.sets(TAG_KEYS, max_size=5).map(sorted).map(tuple),
        tags=st.dictionaries(TAG_KEYS, PLAIN_WORDS | st.just(""), max_size=4).map(
            lambda tags: tuple(sorted(tags.items()))
        ),
        election=election,
    ).filter(lambda scrape: not {key for key, _ in scrape.tags} & set(scrape.tags_ignore))
