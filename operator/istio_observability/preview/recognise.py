"""Recognises by its families whose exposition it is, and by its build the release of Istio."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.istio.catalogue import Target, Version, load_catalogue, parse_version

if TYPE_CHECKING:
    from istio_observability.preview.counted import Counted

_BUILD: Final = b"\nistio_build{"
_TAG: Final = re.compile(rb'[^}\n]*\btag="v?([0-9]+\.[0-9]+)')


def recognise_target(counted: Counted) -> Target | None:
    """
    Return whose exposition it is, ``None`` for one of neither a proxy nor istiod.

    A gateway's proxy exposes what a sidecar does, and is called one.
    """
    catalogue = load_catalogue()
    marks = dict.fromkeys((Target.SIDECAR, Target.ISTIOD), 0)
    for family in counted.families:
        known = catalogue.families.get(family.name)
        if known is not None:
            for target in marks.keys() & known.targets:
                marks[target] += len(known.targets & marks.keys()) == 1
        elif family.name.startswith("envoy_"):
            marks[Target.SIDECAR] += 1
    if not any(marks.values()):
        return None
    return max(marks, key=lambda target: marks[target])


def recognise_version(body: bytes) -> Version | None:
    """Return the release that ``istio_build`` names, ``None`` if nothing does."""
    # Found as plain bytes: an expression takes ten times as long over a large body.
    at = body.find(_BUILD)
    found = _TAG.match(body, at + len(_BUILD)) if at >= 0 else None
    if found is None:
        return None
    try:
        return parse_version(found[1].decode())
    except ValueError:
        return None
