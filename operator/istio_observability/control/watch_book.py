"""
Which watches there are, and what may be decided from what they have delivered.

A place is what one watch follows: a kind as a whole, with empty namespace and name, or one object.
What is followed as a whole concerns every resource. One object concerns the resources that name
it: a name that is mistyped, or that the permissions do not cover, stops no other resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from istio_observability.kube.watch import Watch
    from istio_observability.model.objects import Kind, ObjectRef


class WatchBook:
    """The watches of one operator, by place."""

    def __init__(self) -> None:
        self._watches: dict[ObjectRef, Watch[Any]] = {}
        self._dispensable: set[Kind] = set()
        self._refused: dict[ObjectRef, float] = {}

    def __contains__(self, place: ObjectRef) -> bool:
        return place in self._watches

    def add(self, place: ObjectRef, watch: Watch[Any]) -> None:
        """Enter a watch that is about to run."""
        self._watches[place] = watch

    def get(self, place: ObjectRef) -> Watch[Any] | None:
        """Return the watch of a place."""
        return self._watches.get(place)

    def dispense_with(self, kind: Kind) -> None:
        """Decide without a kind that the server refuses to show."""
        self._dispensable.add(kind)

    def refuse(self, place: ObjectRef) -> None:
        """Remember that the server refuses a watch, until something is heard from it."""
        self._refused[place] = self._watches[place].last_activity

    def synced(self, named: Collection[ObjectRef] = ()) -> bool:
        """Return whether every kind and each named object has delivered its first list."""
        concerned = [place for place in self._watches if not place.name]
        return bool(concerned) and all(
            place.kind in self._dispensable
            or (place in self._watches and self._watches[place].synced.is_set())
            for place in (*concerned, *named)
        )

    def denied(self, named: Collection[ObjectRef] = ()) -> tuple[ObjectRef, ...]:
        """Return the kinds, and which of the named objects, the server refuses now, sorted."""
        return tuple(
            sorted(
                place
                for place in self._refused
                if self._is_refused(place) and (not place.name or place in named)
            )
        )

    def oldest_activity_s(self, now: float) -> float:
        """
        Return for how many seconds the most silent watch has heard nothing.

        One that is refused gets an answer each time; to start anew would not help it.
        """
        heard = [
            now - watch.last_activity
            for place, watch in self._watches.items()
            if not self._is_refused(place)
        ]
        return max(heard, default=0.0)

    def _is_refused(self, place: ObjectRef) -> bool:
        # Whatever it has heard since means that the refusal is over.
        heard_at = self._refused.get(place)
        return heard_at is not None and self._watches[place].last_activity <= heard_at
