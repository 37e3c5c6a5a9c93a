"""
Reads from a cluster what ``lint --cluster`` judges, as the YAML that people see.

Findings name the object and the line of its YAML; nothing live can be fixed from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from istio_observability.cli.usage import UsageError
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import ApiError, Missing
from istio_observability.kube.wire import Selection
from istio_observability.lint.places import SourceFile
from istio_observability.model.objects import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    ISTIO_OBSERVABILITY,
    NAMESPACE,
    SERVICE,
    Body,
    ObjectRef,
)
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP

if TYPE_CHECKING:
    from pathlib import Path

_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_KINDS: Final = (DEPLOYMENT, NAMESPACE, SERVICE, ISTIO_OBSERVABILITY)
_NOISE: Final = ("managedFields", "uid", "resourceVersion", "creationTimestamp")


async def read_cluster(
    kubeconfig: Path | None, context: str | None, datakit: str, istio: str
) -> list[SourceFile]:
    """
    Return one text per object.

    Args:
        kubeconfig: As for every command.
        context: As for every command.
        datakit: Namespace of the agent.
        istio: Namespace of the control plane.

    Raises:
        UsageError: Something cannot be read; half a cluster is never judged.
    """
    try:
        async with await connect(kubeconfig, context) as api:
            bodies: list[Body] = []
            for kind in _KINDS:
                try:
                    async for page, _ in api.list_pages(Selection(kind)):
                        bodies += page
                except Missing:
                    # Our own kind is not installed yet.
                    continue
            # The agent is found by its namespace; its name is the installation's choice.
            async for page, _ in api.list_pages(Selection(DAEMON_SET)):
                bodies += [body for body in page if body["metadata"].get("namespace") == datakit]
            for ref in (
                ObjectRef(CONFIG_MAP, datakit, "datakit-conf"),
                ObjectRef(CONFIG_MAP, datakit, OWN_CONFIG_MAP),
                ObjectRef(CONFIG_MAP, istio, "istio"),
            ):
                try:
                    bodies.append(await api.get(ref))
                except Missing:
                    continue
    except ApiError as error:
        raise UsageError(f"the cluster could not be read: {error}") from error
    return [as_source(body) for body in bodies]


def as_source(body: Body) -> SourceFile:
    """Return an object as a text: what ``kubectl get -o yaml`` shows, without bookkeeping."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _NOISE}
    # What kubectl keeps of an earlier apply repeats the object.
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key != "kubectl.kubernetes.io/last-applied-configuration"
    }
    if annotations or "annotations" in metadata:
        metadata["annotations"] = annotations
    shown = {**body, "metadata": metadata}
    shown.pop("status", None)
    namespace = metadata.get("namespace", "")
    place = f"{namespace}/" if namespace else ""
    name = f"cluster/{body.get('kind', 'object')}/{place}{metadata.get('name', '')}.yaml"
    return SourceFile(name, yaml.dump(shown, Dumper=_Blocks, sort_keys=False), live=True)


class _Blocks(_DUMPER):  # type: ignore[misc]
    """Writes texts of several lines as blocks, so that lines can be named."""


def _text(dumper: Any, text: str) -> Any:  # noqa: ANN401  the library's types
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Blocks.add_representer(str, _text)
