"""
How objects, selections and watch events look in requests and answers. No IO.

Source: Kubernetes API concepts, https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from istio_observability.kube.classify import classify
from istio_observability.kube.errors import ApiError, Unavailable
from istio_observability.model import objects
from istio_observability.model.objects import Body, Kind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLY: Final = "application/apply-patch+yaml"
JSON: Final = "application/json"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"

_KINDS: Final = {
    (kind.api_version, kind.kind): kind for kind in vars(objects).values() if isinstance(kind, Kind)
}


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which objects a list or a watch is about.

    Attributes:
        kind: Their kind.
        namespace: One namespace, ``""`` for all.
        label_selector: In the syntax of ``kubectl -l``.
        field_selector: In the syntax of ``kubectl --field-selector``.
        metadata_only: Leave out everything but ``metadata``.
    """

    kind: Kind
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    @property
    def path(self) -> str:
        """Return the URL path."""
        return collection_path(self.kind, self.namespace)

    @property
    def query(self) -> dict[str, str]:
        """Return the selectors as URL parameters."""
        pairs = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {key: value for key, value in pairs.items() if value}

    @property
    def accept_list(self) -> str:
        """Return the media type of the list."""
        return self._accept("List")

    @property
    def accept_watch(self) -> str:
        """Return the media type of the watch."""
        return self._accept("")

    def _accept(self, suffix: str) -> str:
        partial = f"{JSON};as=PartialObjectMetadata{suffix};g=meta.k8s.io;v=v1"
        return partial if self.metadata_only else JSON


def collection_path(kind: Kind, namespace: str = "") -> str:
    """Return the URL path of all objects of a kind, in one namespace or (``""``) everywhere."""
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{place}/{kind.plural}"


def object_path(ref: ObjectRef) -> str:
    """Return the URL path of one object."""
    return f"{collection_path(ref.kind, ref.namespace)}/{quote(ref.name, safe='')}"


def ref_of(body: Body) -> ObjectRef:
    """
    Return the reference of an object, or of a body that is to become one.

    Raises:
        LookupError: Its kind is none of ``model.objects``.
    """
    metadata = body["metadata"]
    kind = _KINDS[body["apiVersion"], body["kind"]]
    namespace = metadata.get("namespace", "") if kind.namespaced else ""
    return ObjectRef(kind, namespace, metadata["name"])


@dataclass(slots=True)
class LineBuffer:
    """Chunks in, complete lines out; a line may be as long as an object."""

    _pieces: list[bytes] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that this chunk completes."""
        *complete, rest = chunk.split(b"\n")
        for end in complete:
            self._pieces.append(end)
            line = b"".join(self._pieces)
            self._pieces.clear()
            if line:
                yield line
        if rest:
            self._pieces.append(rest)

    def finish(self) -> None:
        """
        Note that the stream has ended.

        Raises:
            Unavailable: It ended in the middle of a line.
        """
        if self._pieces:
            raise Unavailable("the watch broke off in the middle of an event")


def decode_event(line: bytes) -> tuple[str, Body]:
    """
    Return type and object of one watch event.

    Raises:
        ApiError: The event is of type ``ERROR``, classified as if its status were an answer.
        Unavailable: The line is no event.
    """
    try:
        event = json.loads(line)
        what, body = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("the watch sent what is no event") from error
    if what == "ERROR" or not isinstance(body, dict):
        raise _stream_error(body)
    return what, body


def _stream_error(body: object) -> ApiError:
    status = body if isinstance(body, dict) else {}
    code = status.get("code")
    return classify(code if isinstance(code, int) else 500, status, {})
