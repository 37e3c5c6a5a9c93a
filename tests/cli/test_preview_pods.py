"""``preview --pods``: sidecars of a cluster through port-forwards; the API server is played."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import contextmanager

import pytest
from aiohttp import WSMsgType, web

from istio_observability.cli.main import main
from istio_observability.cli.preview_answer import read_answer
from istio_observability.cli.preview_pods import choose_pods
from istio_observability.model.objects import POD, ObjectRef
from istio_observability.preview.body import NoExposition

Forward = Callable[[web.Request], Awaitable[web.StreamResponse]]
METRICS = (
    b'# TYPE istio_build gauge\nistio_build{component="proxy",tag="1.24.0"} 1\n'
    b"# TYPE istio_requests_total counter\nistio_requests_total 1\n"
)
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + METRICS


def pod(namespace: str, owner: str, number: int, *, sidecar: bool = True):
    """Return the metadata of a running pod of a Deployment."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {
            "namespace": namespace,
            "name": f"{owner}-5d41f-{number}",
            "labels": {"pod-template-hash": "5d41f"},
            "annotations": {"sidecar.istio.io/status": "{}"} if sidecar else {},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-5d41f"}],
        },
    }


def frames(answer: bytes):
    """Return a port-forward that answers one request and closes, as a kubelet does."""

    async def play(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        port = int(request.query["ports"]).to_bytes(2, "little")
        await socket.send_bytes(b"\0" + port)
        await socket.send_bytes(b"\1" + port)
        message = await socket.receive()
        assert message.type is WSMsgType.BINARY
        assert message.data.startswith(b"\0GET /stats/prometheus HTTP/1.0\r\n")
        # Cut anywhere, as a network does.
        for at in range(0, len(answer), 50):
            await socket.send_bytes(b"\0" + answer[at : at + 50])
        await socket.close()
        return socket

    return play


def failing(text: bytes):
    """Return a port-forward that fails as where nothing listens."""

    async def play(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        port = int(request.query["ports"]).to_bytes(2, "little")
        await socket.send_bytes(b"\0" + port)
        await socket.send_bytes(b"\1" + port)
        await socket.send_bytes(b"\1" + text)
        await socket.close()
        return socket

    return play


def refusing(status: int):
    """Return a server that does not begin a port-forward."""

    async def play(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": status}, status=status)

    return play


async def silent(request: web.Request) -> web.StreamResponse:
    """Begin a port-forward and say nothing."""
    socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await socket.prepare(request)
    await socket.receive()
    await asyncio.sleep(30)
    return socket


@contextmanager
def cluster(tmp_path, pods, forward: Forward):
    """Play an API server with these pods; yield a kubeconfig and the paths that were asked for."""
    asked: list[str] = []

    async def listed(request: web.Request) -> web.Response:
        assert request.query["fieldSelector"] == "status.phase=Running"
        namespace = request.match_info.get("namespace", "")
        items = [each for each in pods if namespace in {"", each["metadata"]["namespace"]}]
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def forwarded(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        assert request.headers["Authorization"] == "Bearer secret"
        return await forward(request)

    app = web.Application()
    app.router.add_get("/api/v1/pods", listed)
    app.router.add_get("/api/v1/namespaces/{namespace}/pods", listed)
    app.router.add_get("/api/v1/namespaces/{namespace}/pods/{name}/portforward", forwarded)
    loop, started, address = asyncio.new_event_loop(), threading.Event(), []
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    started.wait()
    path = tmp_path / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": address[0]}}],
                "users": [{"name": "u", "user": {"token": "secret"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    try:
        yield path, asked
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


PODS = [
    pod("prod", "cart", 1),
    pod("prod", "cart", 2),
    pod("prod", "shop", 1),
    pod("prod", "batch", 1, sidecar=False),
    pod("test", "shop", 1),
]


def test_some_sidecars_stand_for_all(capsys, tmp_path):
    """Two are looked at, of different workloads; all four are reckoned with."""
    with cluster(tmp_path, PODS, frames(ANSWER)) as (kubeconfig, asked):
        code = main(["preview", "--pods", "2", "--kubeconfig", str(kubeconfig), "-o", "json"])
    data = json.loads(capsys.readouterr().out)

    assert code == 0
    assert asked == [
        "/api/v1/namespaces/prod/pods/cart-5d41f-1/portforward",
        "/api/v1/namespaces/prod/pods/shop-5d41f-1/portforward",
    ]
    assert [one["name"] for one in data["expositions"]] == [
        "Pod prod/cart-5d41f-1",
        "Pod prod/shop-5d41f-1",
    ]
    assert (data["pods"], data["pointsPerDay"]) == (4, 2 * 1440 * 4)


def test_a_namespace_narrows_the_choice(capsys, tmp_path):
    """That of the option before those of a resource."""
    resource = tmp_path / "mesh.yaml"
    resource.write_text(
        "apiVersion: istio-observability.dev/v1alpha1\nkind: IstioObservability\n"
        "metadata: {name: mesh}\nspec: {workloads: {namespaces: [prod]}}\n"
    )
    with cluster(tmp_path, PODS, frames(ANSWER)) as (kubeconfig, _):
        common = ["preview", "--pods", "9", "--kubeconfig", str(kubeconfig), "-o", "json"]
        main([*common, "-f", str(resource)])
        by_resource = json.loads(capsys.readouterr().out)
        main([*common, "-f", str(resource), "-n", "test"])
        by_option = json.loads(capsys.readouterr().out)

    assert (by_resource["pods"], by_option["pods"]) == (3, 1)


FAILURES = {
    "nothing listens": (
        failing(b"dial tcp4 127.0.0.1:15020: refused\n"),
        "port-forward fails: dial",
    ),
    "not allowed": (refusing(403), "the cluster could not be read: "),
    "gone meanwhile": (refusing(404), "the cluster could not be read: "),
    "404": (frames(b"HTTP/1.0 404 Not Found\r\n\r\nno\n"), "cart-5d41f-1 answers 404 Not Found; "),
    "no HTTP": (frames(b"SSH-2.0\r\n"), "cart-5d41f-1 gives no whole answer that is HTTP ("),
    "empty": (frames(b"HTTP/1.0 200 OK\r\n\r\n"), "cart-5d41f-1 is empty; "),
    "silent": (silent, "cart-5d41f-1 has not answered within 1 s; "),
}


@pytest.mark.parametrize(("forward", "sentence"), FAILURES.values(), ids=FAILURES.keys())
def test_a_pod_that_cannot_be_read_is_one_sentence(capsys, tmp_path, forward, sentence):
    """And exit code 1; half a sample is never shown."""
    with cluster(tmp_path, PODS, forward) as (kubeconfig, _):
        arguments = ["preview", "--pods", "1", "--kubeconfig", str(kubeconfig), "--timeout", "1"]
        code = main(arguments)
    said = capsys.readouterr().err

    assert (code, said.count("\n"), said.startswith("error: ")) == (1, 1, True)
    assert sentence in said


def test_a_cluster_without_sidecars_is_one_sentence(capsys, tmp_path):
    """With the namespaces that were looked at."""
    with cluster(tmp_path, PODS[3:4], frames(ANSWER)) as (kubeconfig, _):
        common = ["preview", "--pods", "1", "--kubeconfig", str(kubeconfig)]
        code = main([*common, "-n", "prod"])

    assert code == 1
    assert capsys.readouterr().err.startswith(
        "error: no running pod of a Deployment in prod has a sidecar; "
    )


def test_pods_of_different_owners_come_first():
    """Then the second ones."""
    one, two, three = (ObjectRef(POD, "prod", name) for name in ("a-1", "a-2", "b-1"))

    assert choose_pods([[one, two], [three]], 2) == [one, three]
    assert choose_pods([[one, two], [three]], 9) == [one, three, two]
    assert choose_pods([], 1) == []


def test_an_answer_in_chunks_is_put_together():
    """Whatever version of HTTP a proxy speaks."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n"

    assert read_answer(chunked) == b"a 1\n"
    with pytest.raises(NoExposition, match="gives no whole answer"):
        read_answer(chunked[:-12])
