"""Rules about labels and tags: what is dropped, what is added, and what that does to series."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.prom_checks import RESERVED_TAGS
from istio_observability.istio.catalogue import Family, Target, load_catalogue
from istio_observability.istio.labels import load_label_rules
from istio_observability.istio.views import View, labels_of_views
from istio_observability.lint.families import FILTER, families_matching, sample_stem
from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.agent_text import PromTable
    from istio_observability.lint.places import Place

_IGNORE: Final = "tags_ignore"
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_BUCKET_LABELS: Final = frozenset({"le", "quantile"})
# Other labels tell the same series apart; these are kept for other reasons.
_DETERMINED: Final = frozenset(
    {
        "destination_canonical_service",
        "destination_principal",
        "destination_service_name",
        "destination_service_namespace",
        "source_canonical_service",
    }
)
_PLAIN: Final = re.compile(r"[\^$]|\\b")


def _carried(prom: PromTable) -> frozenset[str]:
    """Return the labels of the target's families that the filter keeps."""
    if prom.target is None:
        return frozenset()
    return _labels_kept(tuple(prom.strings(FILTER)), prom.target)


@lru_cache(maxsize=256)
def _labels_kept(expressions: tuple[str, ...], target: Target) -> frozenset[str]:
    families = _kept_families(expressions, target)
    return frozenset(label for family in families for label in family.labels)


def _kept_families(expressions: tuple[str, ...], target: Target) -> list[Family]:
    """Return the families of the target that the filter keeps; all, if there is no filter."""
    if not expressions:
        return list(load_catalogue().of(target))
    # A sample suffix is a finding of its own; what was meant is judged here.
    meant = [sample_stem(_PLAIN.sub("", each)) or each for each in expressions]
    kept = {each.name: each for one in meant for each in families_matching(one, target)}
    return list(kept.values())


def _merging(prom: PromTable) -> list[str]:
    rules = load_label_rules()
    ignored = set(prom.strings(_IGNORE))
    # The labels of the same carriers that stay must determine the one that goes.
    safe = {
        each.label
        for each in rules.droppable
        if prom.target in each.targets and not each.determined_by & ignored
    }
    carried = _carried(prom) - _DETERMINED
    return [each for each in prom.strings(_IGNORE) if each in carried and each not in safe]


@cache
def _known_labels() -> frozenset[str]:
    families = load_catalogue().families.values()
    return frozenset(label for each in families for label in each.labels)


@cache
def _labels_of(view: View) -> frozenset[str]:
    return labels_of_views((view,))


@rule("IOB211", Severity.ERROR)
def merged_series(prom: PromTable) -> Iterator[Problem]:
    """A dropped label merges series."""
    merging = _merging(prom)
    buckets = [each for each in prom.strings(_IGNORE) if each in _BUCKET_LABELS]
    if buckets:
        yield Problem(
            prom.item_at(_IGNORE, buckets[0]),
            f"{_IGNORE} drops {names(buckets)}",
            "all buckets or quantiles of a family become one series",
            "keep it",
        )
    if merging:
        yield Problem(
            prom.item_at(_IGNORE, merging[0]),
            f"{_IGNORE} drops labels in which alone series differ ({names(merging)})",
            "the agent adds nothing up: one of several values wins and counters go wrong",
            "keep them; to have less, let Istio leave the label out (Telemetry, tagOverrides)",
        )


@rule("IOB212", Severity.WARNING)
def unknown_label(prom: PromTable) -> Iterator[Problem]:
    """A dropped label exists in no metric."""
    if prom.target is None:
        return
    known = _known_labels()
    own = set(prom.keys.get("tags") or ())
    for label in prom.strings(_IGNORE):
        if label in known | own | _BUCKET_LABELS | _ENVOY_LABELS:
            continue
        near = nearest(label, sorted(known | _ENVOY_LABELS))
        if _LABEL.fullmatch(label) and not near:
            # The application behind a sidecar may well have it.
            continue
        meant = f"{near} stays" if near else "nothing is dropped"
        yield Problem(
            prom.item_at(_IGNORE, label),
            f"{_IGNORE} has {names([label])}, a label that no metric has",
            f"names are compared exactly, so {meant}",
            f"remove it, or write {near} if that one may go" if near else "remove it",
        )


# Tags that the proxy's bootstrap makes of names of statistics; families with them are optional.
# Source: istio/istio 86c9f01f, tools/packaging/common/envoy_bootstrap.json.
_ENVOY_LABELS: Final = frozenset(
    {
        "cache",
        "cluster_name",
        "cluster_type",
        "component",
        "grpc_code",
        "grpc_method",
        "grpc_service",
        "grpc_type",
        "http_conn_manager_prefix",
        "listener_address",
        "request_type",
        "response_code",
        "response_code_class",
        "tag",
        "tcp_prefix",
        "wasm_filter",
    }
)


@rule("IOB213", Severity.WARNING)
def label_of_view(prom: PromTable) -> Iterator[Problem]:
    """A dropped label is needed by a view."""
    carried = _carried(prom)
    for label in prom.strings(_IGNORE):
        if label not in carried:
            continue
        views = [view.value for view in View if label in _labels_of(view)]
        if views:
            yield Problem(
                prom.item_at(_IGNORE, label),
                f"{_IGNORE} drops {names([label])}",
                f"panels of {' and '.join(views)} group or filter by it and go wrong",
                "keep it",
            )


@rule("IOB215", Severity.ERROR)
def own_tag_dropped(prom: PromTable) -> Iterator[Problem]:
    """A custom tag is dropped again."""
    dropped = set(prom.keys.get("tags") or ()) & set(prom.strings(_IGNORE))
    if prom.text.is_annotation and dropped:
        first = sorted(dropped)
        yield Problem(
            prom.item_at(_IGNORE, first[0]),
            f"{_IGNORE} drops the custom tag {names(first)}",
            "in an annotation custom tags are dropped too",
            "remove it from one of the two",
        )


@rule("IOB216", Severity.ERROR)
def reserved_tag(prom: PromTable) -> Iterator[Problem]:
    """A custom tag has a name that the agent sets itself."""
    for tag in prom.keys.get("tags") or ():
        if tag in RESERVED_TAGS:
            yield Problem(
                _tag_place(prom, tag),
                f"the custom tag {tag} has a name that the agent sets itself",
                "buckets, quantiles or targets become one series",
                "choose another name",
            )


@rule("IOB217", Severity.WARNING)
def replaces_label(prom: PromTable) -> Iterator[Problem]:
    """A custom tag replaces a label."""
    if not prom.text.is_annotation or prom.target not in {Target.SIDECAR, Target.GATEWAY}:
        return
    carried = _carried(prom)
    for tag in prom.keys.get("tags") or ():
        if tag in carried:
            yield Problem(
                _tag_place(prom, tag),
                f"the custom tag {names([tag])} has the name of a label of these metrics",
                "in an annotation the custom tag wins, so the label's values are lost",
                "choose another name",
            )


def _tag_place(prom: PromTable, tag: str) -> Place:
    for header in prom.tables[1:]:
        entry = header.find(tag.lower())
        if header.path[2:] == ("tags",) and entry is not None:
            return prom.text.place(entry.start)
    return prom.at("tags")


PROM_RULES: Final = (
    merged_series,
    unknown_label,
    label_of_view,
    own_tag_dropped,
    reserved_tag,
    replaces_label,
)
