"""Lists and watches of a real API server, and what happens when it goes away."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from istio_observability.kube.connection import connect
from istio_observability.kube.errors import Forbidden
from istio_observability.kube.retry import RetryPolicy
from istio_observability.kube.transport import ClientOptions
from istio_observability.kube.watch import Watch, WatchOptions
from istio_observability.kube.wire import Selection
from istio_observability.model.objects import CONFIG_MAP, NAMESPACE, ObjectRef
from tests.control_plane.kube_support import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dev.control_plane import ClusterAccess, ControlPlane
    from istio_observability.kube.api import ClusterApi

pytestmark = pytest.mark.control_plane

FAST = WatchOptions(base_s=0.1, cap_s=0.5, page_size=3)


@pytest.fixture
async def api(control_plane: ClusterAccess) -> AsyncIterator[ClusterApi]:
    """A connection as the administrator."""
    async with await connect(control_plane.kubeconfig) as cluster:
        yield cluster


def labelled_data(body: Any) -> Any:
    """Project a ConfigMap of the tests to its data, and ignore others."""
    return body.get("data") if body["metadata"]["name"].startswith("w") else None


@asynccontextmanager
async def running(
    api: Any, selection: Any, project: Any = labelled_data, options: Any = FAST
) -> AsyncIterator[Any]:
    """Run a watch and collect what it reports."""
    changes: list[Any] = []
    watch = Watch(api, selection, project=project, sink=changes.append, options=options)
    task = asyncio.create_task(watch.run())
    try:
        await asyncio.wait_for(watch.synced.wait(), 60)
        yield watch, changes
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Any) -> Any:
    """Wait until a condition holds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a watch tells its sink, not an Event
            await asyncio.sleep(0.02)


async def test_objects_are_listed_in_pages_and_followed(api, namespace):
    """First what exists, then creation, change and deletion; irrelevant changes are not told."""
    for number in range(7):
        await api.create(config_map(namespace, f"w{number}", {"a": "1"}))
    where = ObjectRef(CONFIG_MAP, namespace, "w3")

    async with running(api, Selection(CONFIG_MAP, namespace)) as (watch, changes):
        listed = {change.ref.name for change in changes}
        changes.clear()
        await api.merge_patch(where, {"metadata": {"labels": {"irrelevant": "yes"}}})
        await api.merge_patch(where, {"data": {"a": "2"}})
        await api.create(config_map(namespace, "new-but-not-ours", {"a": "1"}))
        body = await api.create(config_map(namespace, "w9", {"a": "9"}))
        await api.delete(ObjectRef(CONFIG_MAP, namespace, "w9"), uid=body["metadata"]["uid"])
        await until(lambda: len(changes) >= 3)
        size = len(watch)

    told = [(change.ref.name, change.old, change.new) for change in changes]
    assert {f"w{number}" for number in range(7)} == listed
    assert told == [
        ("w3", {"a": "1"}, {"a": "2"}),
        ("w9", None, {"a": "9"}),
        ("w9", {"a": "9"}, None),
    ]
    assert size == 7


async def test_answer_to_our_write_counts_at_once(api, namespace):
    """What was observed is not told a second time by the stream."""
    await api.create(config_map(namespace, "w1", {"a": "1"}))
    where = ObjectRef(CONFIG_MAP, namespace, "w1")

    async with running(api, Selection(CONFIG_MAP, namespace)) as (watch, changes):
        changes.clear()
        watch.observe(await api.merge_patch(where, {"data": {"a": "2"}}))
        at_once = watch.get(namespace, "w1")
        await api.create(config_map(namespace, "w2", {"last": "event"}))
        await until(lambda: watch.get(namespace, "w2"))

    assert at_once == {"a": "2"}
    assert [change.ref.name for change in changes] == ["w1", "w2"]


async def test_metadata_only_and_field_selector(api, namespace):
    """Namespaces come without spec; a field selector narrows to one object."""
    selection = Selection(
        NAMESPACE, field_selector=f"metadata.name={namespace}", metadata_only=True
    )

    async with running(api, selection, project=sorted) as (_, changes):
        await until(lambda: changes)

    assert [(namespace, ["apiVersion", "kind", "metadata"])] == [
        (change.ref.name, change.new) for change in changes
    ]


async def test_denied_watch_is_reported_and_goes_on_later(control_plane, api, namespace):
    """Without permission the caller is told; once it is granted, the watch syncs by itself."""
    user = f"system:serviceaccount:{namespace}:default"
    denied: list[Exception] = []
    options = WatchOptions(on_denied=denied.append, base_s=0.05, cap_s=0.2)
    await api.create(config_map(namespace, "w1", {"a": "1"}))
    async with await connect(control_plane.kubeconfig) as restricted:
        # Impersonation: the request is authorised as the user, with the administrator's token.
        session = restricted._transport.connection.session
        session.headers["Impersonate-User"] = user
        changes: list[object] = []
        watch = Watch(
            restricted,
            Selection(CONFIG_MAP, namespace),
            project=labelled_data,
            sink=changes.append,
            options=options,
        )
        task = asyncio.create_task(watch.run())
        await until(lambda: len(denied) >= 2)
        assert not watch.synced.is_set()
        control_plane.kubectl(
            "create",
            "rolebinding",
            "reader",
            "-n",
            namespace,
            "--clusterrole=view",
            f"--user={user}",
        )
        await asyncio.wait_for(watch.synced.wait(), 30)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert isinstance(denied[0], Forbidden)
    assert namespace not in str(denied[0]).split(":")[0]
    assert len(changes) == 1


async def test_api_server_away(local_control_plane: ControlPlane, namespace):
    """Writes wait for the server, the watch goes on, and nothing is told twice."""
    plane = local_control_plane
    patient = ClientOptions(retry=RetryPolicy(max_attempts=60, max_elapsed_s=60, cap_s=0.5))
    async with await connect(plane.kubeconfig, options=patient) as api:
        await api.create(config_map(namespace, "w1", {"a": "1"}))
        where = ObjectRef(CONFIG_MAP, namespace, "w1")
        async with running(api, Selection(CONFIG_MAP, namespace)) as (watch, changes):
            plane.kill_api_server()
            write = asyncio.create_task(api.merge_patch(where, {"data": {"a": "2"}}))
            await asyncio.sleep(0.5)
            assert not write.done()
            # In this thread, although it blocks the loop: the server dies with its parent thread.
            plane.restart_api_server()
            await write
            await until(lambda: watch.get(namespace, "w1") == {"a": "2"})

    assert [(c.old, c.new) for c in changes] == [(None, {"a": "1"}), ({"a": "1"}, {"a": "2"})]
