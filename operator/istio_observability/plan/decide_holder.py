"""
Which of several resources may write to one object: the holder, then the older, then by name.

Decided from what stands on the object, so that two resources never alternate, and a restart of the
operator changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.model.spec import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from istio_observability.model.custom_resource import Resource


def decide_holder(wired_by: str, claimants: Iterable[Resource]) -> str:
    """
    Return the name of the resource that may write, ``""`` if none claims the object.

    Args:
        wired_by: Our marker on the object, ``""`` if there is none.
        claimants: The resources that choose the object. Those being deleted claim nothing, those
            that only plan nothing but what they hold: nobody would write it.
    """
    claims = sorted(
        (
            each
            for each in claimants
            if not each.deleting and (each.spec.mode is Mode.ENFORCE or each.name == wired_by)
        ),
        key=lambda each: (each.name != wired_by, each.created_at, each.name),
    )
    return claims[0].name if claims else ""
