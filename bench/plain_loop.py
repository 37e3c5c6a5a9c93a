"""
The baseline: the PATCHes of the operator, sent by a plain loop.

Same bodies (planned by the operator's own plan from the same cluster), same order, same number in
flight, same user and field manager, and the agent is rolled right before, so the API server does
the same work. The operator does not run meanwhile. Afterwards everything is taken back, so that
the next run finds what this one found.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from bench.audit import Phase, patches_since
from bench.plain_api import APPLY, MERGE, PlainApi
from bench.stage import build_resource, path_of
from dev.lab.audit import audit_mark
from istio_observability.control.gather import read_objects, snapshot_of
from istio_observability.kube.connection import connect
from istio_observability.model import names
from istio_observability.model.custom_resource import parse_resource
from istio_observability.plan.plan import plan

if TYPE_CHECKING:
    from bench.stage import Stage

    Body = dict[str, Any]

_AGENT: Final = "/apis/apps/v1/namespaces/datakit/daemonsets/datakit"
_QUERY: Final = f"?fieldManager={names.FIELD_MANAGER}"


def run_plain_loop(stage: Stage) -> Phase:
    """Send the PATCHes of a first wiring, take them back, and return how long the sending took."""
    bodies = asyncio.run(_plan_bodies(stage))
    mark = audit_mark(stage.plane)
    asyncio.run(_apply(stage, bodies))
    phase = patches_since(stage.plane, mark)
    asyncio.run(_take_back(stage, bodies))
    stage.wait_settled()
    return phase


async def _plan_bodies(stage: Stage) -> list[Body]:
    body = build_resource(stage.size)
    body["metadata"]["uid"] = "bench"
    resource = parse_resource(body)
    async with await connect(stage.operator_kubeconfig) as api:
        snapshot = snapshot_of(await read_objects(api, resource))
    intents = (each.intent for each in plan(resource, snapshot).workloads)
    return [intent.body for intent in intents if intent is not None and intent.body is not None]


async def _apply(stage: Stage, bodies: list[Body]) -> None:
    await _annotate_agent(stage, "rolled")
    async with PlainApi(stage.plane, stage.operator_token) as api:
        await api.send_all(
            ("PATCH", f"{path_of(body)}{_QUERY}&force=false", body, APPLY) for body in bodies
        )


async def _take_back(stage: Stage, bodies: list[Body]) -> None:
    await _annotate_agent(stage, None)
    async with PlainApi(stage.plane, stage.operator_token) as api:
        await api.send_all(
            ("PATCH", f"{path_of(body)}{_QUERY}", _removal(body), MERGE) for body in bodies
        )


async def _annotate_agent(stage: Stage, value: str | None) -> None:
    """Let the agent's pods be replaced, work that the server has beside that of the loop."""
    patch = {"spec": {"template": {"metadata": {"annotations": {"bench": value}}}}}
    async with PlainApi(stage.plane, stage.plane.admin_token) as api:
        await api.send("PATCH", _AGENT, patch, MERGE)


def _removal(body: Body) -> Body:
    annotations = body["spec"]["template"]["metadata"]["annotations"]
    return {
        "metadata": {"annotations": dict.fromkeys(body["metadata"]["annotations"])},
        "spec": {"template": {"metadata": {"annotations": dict.fromkeys(annotations)}}},
    }
