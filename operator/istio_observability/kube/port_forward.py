"""
Talks to one port of a pod through the API server, as ``kubectl port-forward`` does.

Works wherever that works: the way leads over the node's kubelet into the pod, past network
policies and the mesh. It needs ``create`` on ``pods/portforward``.

Source: kubernetes/kubernetes 1.31, staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/
websocket.go (``v4.channel.k8s.io``: two channels for a port, each begins with its number).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp

from istio_observability.kube.classify import LIBRARY_ERRORS, classify, translate
from istio_observability.kube.errors import Unavailable
from istio_observability.kube.wire import object_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from istio_observability.kube.transport import ApiConnection
    from istio_observability.model.objects import ObjectRef

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA: Final = 0
_ERROR: Final = 1
_PORT_BYTES: Final = 2
_MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_TEXT: Final = 200


async def exchange_with_pod(
    connection: ApiConnection, pod: ObjectRef, port: int, request: bytes
) -> AsyncGenerator[bytes, None]:
    """
    Send bytes to a port of a pod and yield what comes back, until the pod closes.

    Args:
        connection: The way to the API server.
        pod: Which pod.
        port: A port that a process of the pod listens on.
        request: Sent at once, as it stands.

    Raises:
        ApiError: The server refuses, the pod is gone, or nothing listens on the port.
    """
    headers = {}
    if authorization := await connection.authorization():
        headers["Authorization"] = authorization
    begun: set[int] = set()
    try:
        async with connection.session.ws_connect(
            f"{connection.base_url}{object_path(pod)}/portforward?ports={port}",
            protocols=(_PROTOCOL,),
            headers=headers,
            max_msg_size=_MAX_MESSAGE_BYTES,
            **connection.request_options,
        ) as socket:
            await socket.send_bytes(bytes([_DATA]) + request)
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                    raise Unavailable("the port-forward holds what is no frame")
                channel, data = message.data[0], message.data[1:]
                if channel not in begun:
                    begun.add(channel)
                    data = data[_PORT_BYTES:]
                if channel == _ERROR and data:
                    text = data.decode("utf-8", "replace")[:_MAX_TEXT]
                    raise Unavailable(f"the port-forward fails: {' '.join(text.split())}")
                if channel == _DATA and data:
                    yield data
    except aiohttp.WSServerHandshakeError as error:
        raise classify(error.status, b"", error.headers or {}) from error
    except LIBRARY_ERRORS as error:
        raise translate(error) from error
