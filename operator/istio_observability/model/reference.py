"""
The reference page of the resource, generated from the definition that the API server gets.

``python -m istio_observability.model.reference > docs/reference.md``; a test compares the two, so
what ``kubectl explain`` says and what the page says cannot differ.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from istio_observability.model import names
from istio_observability.model.crd import build_crd

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = f"""\
# Reference of `{names.KIND}`

Generated from the models by `make generate`; `kubectl explain {names.PLURAL}.spec` says the same.
Group and version `{names.API_VERSION}`, cluster-scoped, short name `{names.SHORT_NAME}`.

"Restarts" is what a change of the field restarts under `delivery: PodTemplate`: the pods of wired
workloads, the agent, both, or nothing.
"""
_DESCRIPTION: Final = re.compile(
    r"(?P<text>.*?)(?: Unit: (?P<unit>[^.]*)\.)?(?: Default: (?P<default>.*?)\.)?"
    r"(?: Changing it restarts: (?P<restarts>[^.]*)\.)?",
    re.DOTALL,
)


def render_reference() -> str:
    """Return the page as Markdown."""
    (version,) = build_crd()["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    lines = [_HEAD, "## spec\n", *_table(properties["spec"], with_restarts=True)]
    lines += ["", "## status\n", *_table(properties["status"], with_restarts=False)]
    return "\n".join(lines) + "\n"


def _table(schema: dict[str, Any], *, with_restarts: bool) -> Iterator[str]:
    if with_restarts:
        yield "| field | type | default | restarts | meaning |\n|---|---|---|---|---|"
    else:
        yield "| field | type | meaning |\n|---|---|---|"
    for path, field in _fields("", schema):
        found = _DESCRIPTION.fullmatch(" ".join(str(field.get("description", "")).split()))
        parts = found.groupdict() if found else {"text": field.get("description", "")}
        text = str(parts.get("text") or "")
        if parts.get("unit"):
            text += f" Unit: {parts['unit']}."
        cells = [f"`{path}`", _type(field)]
        if with_restarts:
            cells += [str(parts.get("default") or ""), str(parts.get("restarts") or "")]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, text]) + " |"


def _fields(prefix: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, field
        yield from _fields(f"{path}.", field)
        items = field.get("items")
        if isinstance(items, dict):
            yield from _fields(f"{path}[].", items)


def _type(field: dict[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "number or text"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = str(field.get("type", ""))
    if kind == "array":
        return f"list of {field.get('items', {}).get('type', 'values')}s"
    if "additionalProperties" in field:
        return "map"
    return kind


if __name__ == "__main__":
    sys.stdout.write(render_reference())
