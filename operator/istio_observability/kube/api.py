"""
The requests the operator may send to an API server, and nothing else.

Bodies are decoded JSON (``dict``): typed models reject what a newer server adds. Every failure is
one of ``errors``; what may be repeated is repeated by ``retry``. Nothing here decides what to
apply: ``apply`` and ``release`` hold the rules for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from istio_observability.kube.classify import classify
from istio_observability.kube.port_forward import exchange_with_pod
from istio_observability.kube.transport import ApiConnection, ClientOptions, Request, Transport
from istio_observability.kube.wire import (
    APPLY,
    JSON_PATCH,
    MERGE_PATCH,
    LineBuffer,
    Selection,
    collection_path,
    decode_event,
    object_path,
    ref_of,
)
from istio_observability.model import names

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from istio_observability.model.objects import Body, ObjectRef

_MANAGER: Final = {"fieldManager": names.FIELD_MANAGER}


class ClusterApi:
    """
    One API server.

    Safe for any number of tasks of one event loop; at most ``pool_size`` requests are in flight,
    the others wait in order. Every method raises only ``ApiError`` (and ``CancelledError``).
    """

    def __init__(self, connection: ApiConnection, options: ClientOptions | None = None) -> None:
        self._transport = Transport(connection, options or ClientOptions())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; requests under way fail."""
        await self._transport.connection.close()

    async def get(self, ref: ObjectRef) -> Body:
        """
        Read one object.

        Raises:
            Missing: There is none of that name.
        """
        return await self._transport.call(Request("GET", "GET", ref.kind, object_path(ref)))

    async def list_pages(
        self, selection: Selection, *, page_size: int = 500
    ) -> AsyncGenerator[tuple[list[Body], str], None]:
        """
        Yield all selected objects page by page, each page with the list's resource version.

        All pages show one moment. Items carry ``apiVersion`` and ``kind``, which the server leaves
        out in lists.

        Raises:
            Relist: A page was asked for too late; begin again.
        """
        kind = selection.kind
        query = selection.query | {"limit": str(page_size)}
        while True:
            page = await self._transport.call(
                Request(
                    "LIST", "GET", kind, selection.path, dict(query), accept=selection.accept_list
                )
            )
            items: list[Body] = page.get("items") or []
            for item in items:
                item["apiVersion"], item["kind"] = kind.api_version, kind.kind
            metadata = page.get("metadata") or {}
            yield items, metadata.get("resourceVersion", "")
            if not (token := metadata.get("continue")):
                return
            query["continue"] = token

    async def watch(
        self,
        selection: Selection,
        resource_version: str,
        *,
        timeout_s: int = 300,
        silence_s: float = 70.0,
    ) -> AsyncGenerator[tuple[str, Body], None]:
        """
        Yield ``(event type, object)`` of one watch request, bookmarks included.

        Ends normally when the server ends the stream, or has been silent for too long.

        Args:
            selection: What to watch.
            resource_version: Events after this one are sent.
            timeout_s: When the server is asked to end the stream, in seconds.
            silence_s: Without a byte for so many seconds the stream may be dead and is given up.
                Bookmarks come once a minute, so anything above 60 rarely cuts a living one.

        Raises:
            Relist: ``resource_version`` is too old.
            Unavailable: The request was not answered, the stream broke off or held what is no
                event.
        """
        query = selection.query | {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_s),
        }
        request = Request(
            "WATCH",
            "GET",
            selection.kind,
            selection.path,
            query,
            accept=selection.accept_watch,
            silence_s=silence_s,
        )
        lines = LineBuffer()
        async with self._transport.exchange(request) as response:
            if response.status >= 300:
                raise classify(response.status, await response.read(), response.headers)
            try:
                async for chunk in response.content.iter_any():
                    for line in lines.feed(chunk):
                        yield decode_event(line)
            except TimeoutError:
                # No failure: of a kind that nothing happens to a server sends no bookmark either,
                # because none is newer than where the watch began (kubernetes/apiserver 0.37,
                # storage/cacher/cache_watcher.go, `process`). The next watch tells if it lives.
                pass
            lines.finish()

    async def apply(self, body: Body, *, force: bool = False) -> Body:
        """
        Apply our complete opinion about one object; returns the object as it is now.

        A field that we owned and now leave out is removed. Safe to repeat.

        Args:
            body: Carries ``metadata.uid`` unless this request may create the object.
            force: Take fields from other managers.

        Raises:
            FieldConflict: Another manager owns a field; nothing was changed.
            Missing: The object is gone, or its name now belongs to another uid.
            Stale: The body carries a ``resourceVersion`` and the object has a newer one.
        """
        return await self._apply(object_path(ref_of(body)), body, force=force)

    async def apply_status(self, body: Body) -> Body:
        """Apply ``body["status"]`` by force; the rest of the body only names the object."""
        return await self._apply(f"{object_path(ref_of(body))}/status", body, force=True)

    async def create(self, body: Body) -> Body:
        """
        Create one object.

        Raises:
            AlreadyExists: An object of that name exists.
            Awaited: Its namespace is being deleted.
            Unavailable: The object may exist now, unless ``never_sent``. Not repeated here.
        """
        ref = ref_of(body)
        path = collection_path(ref.kind, ref.namespace)
        return await self._transport.call(
            Request("CREATE", "POST", ref.kind, path, _MANAGER, body, repeatable=False)
        )

    async def create_event(self, body: Body) -> Body:
        """Create one Event (``events.k8s.io/v1``); fails as ``create`` does."""
        return await self.create(body)

    async def delete(
        self, ref: ObjectRef, *, uid: str, resource_version: str | None = None
    ) -> None:
        """
        Delete one object if it still is the one with ``uid``.

        Raises:
            Missing: It is gone, or another one has its name.
            Stale: It has changed since ``resource_version``.
        """
        preconditions = {"uid": uid}
        if resource_version is not None:
            preconditions["resourceVersion"] = resource_version
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        await self._transport.call(
            Request("DELETE", "DELETE", ref.kind, object_path(ref), body=options)
        )

    async def json_patch(self, ref: ObjectRef, ops: list[dict[str, Any]]) -> Body:
        """
        Send a JSON patch; returns the object as it is now.

        Args:
            ref: The object.
            ops: Begin with ``test`` operations that make a repetition harmless.

        Raises:
            Stale: A ``test`` failed; nothing was changed.
        """
        return await self._patch(ref, ops, JSON_PATCH)

    async def merge_patch(self, ref: ObjectRef, patch: Body) -> Body:
        """Send a merge patch; ``null`` removes a key. Returns the object as it is now."""
        return await self._patch(ref, patch, MERGE_PATCH)

    async def exchange_with_pod(
        self, pod: ObjectRef, port: int, request: bytes
    ) -> AsyncGenerator[bytes, None]:
        """Send bytes to a port of a pod, yield what comes back; see ``port_forward``."""
        connection = self._transport.connection
        async for piece in exchange_with_pod(connection, pod, port, request):
            yield piece

    async def _patch(self, ref: ObjectRef, patch: object, content_type: str) -> Body:
        path = object_path(ref)
        return await self._transport.call(
            Request("PATCH", "PATCH", ref.kind, path, _MANAGER, patch, content_type)
        )

    async def _apply(self, path: str, body: Body, *, force: bool) -> Body:
        query = {**_MANAGER, "force": "true" if force else "false"}
        return await self._transport.call(
            Request("APPLY", "PATCH", ref_of(body).kind, path, query, body, APPLY)
        )
