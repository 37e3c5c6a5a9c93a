"""Rules about YAML: what keeps a manifest from being read at all, and slips of pasting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from istio_observability.lint.finding import Problem, Severity, names, rule
from istio_observability.lint.yaml_repairs import Slip
from istio_observability.model.custom_resource import InvalidResource, parse_resource
from istio_observability.model.names import KIND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.manifests import Manifest
    from istio_observability.lint.places import Passage, Place
    from istio_observability.lint.yaml_nodes import Node
    from istio_observability.lint.yaml_repairs import Repair, YamlText

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REFUSED: Final = "the document cannot be applied"


@rule("IOB001", Severity.ERROR)
def invalid_yaml(text: YamlText) -> Iterator[Problem]:
    """A document is no YAML."""
    error = text.broken
    if error is None or _is_data(text.passage):
        return
    remedy = "correct it"
    if "{{" in text.passage.text:
        remedy = "render the template first, for instance with helm template"
    yield Problem(
        text.passage.place(error.position), f"is no YAML ({error.problem})", _REFUSED, remedy
    )


def _is_data(passage: Passage) -> bool:
    """Return whether it is JSON of some other program, which may well have one value per line."""
    return passage.file.name.lower().endswith(".json") and '"kind"' not in passage.file.text


def _slips(text: YamlText, slip: Slip) -> Iterator[Repair]:
    return (each for each in text.repairs if each.slip is slip)


@rule("IOB002", Severity.ERROR)
def tabs(text: YamlText) -> Iterator[Problem]:
    """Tabs break the YAML."""
    for repair in _slips(text, Slip.TABS):
        yield Problem(
            repair.passage.place(repair.position),
            "a line is indented with tabs",
            _REFUSED,
            "indent it with spaces, as the line above",
            repair.edits,
        )


@rule("IOB003", Severity.ERROR)
def no_colon(text: YamlText) -> Iterator[Problem]:
    """A key has no colon."""
    for repair in _slips(text, Slip.COLON):
        yield Problem(
            repair.passage.place(repair.position),
            "a key has no colon",
            _REFUSED,
            "write the colon",
            repair.edits,
        )


@rule("IOB004", Severity.ERROR)
def dots(text: YamlText) -> Iterator[Problem]:
    """Three dots stand for lines that are left out."""
    for repair in _slips(text, Slip.DOTS):
        yield Problem(
            repair.passage.place(repair.position),
            "three dots stand in it",
            "they end the document or break it, so it cannot be applied as it is printed",
            "write the whole object, or a patch that names all it needs",
        )


@rule("IOB005", Severity.ERROR)
def invalid_resource(manifest: Manifest) -> Iterator[Problem]:
    """An IstioObservability is not valid."""
    if manifest.kind != KIND:
        return
    part = manifest.node.passage.text[manifest.node.start : manifest.node.end]
    column = manifest.node.place.column - 1
    try:
        body = yaml.load(" " * column + part, Loader=_LOADER)  # noqa: S506  a safe loader
        if isinstance(body, dict):
            parse_resource(body)
    except InvalidResource as error:
        for finding in error.findings():
            yield Problem(
                _place_of(manifest.node, finding.field),
                f"{finding.field} {finding.found}".strip(),
                finding.consequence,
                finding.remedy,
            )
    except (yaml.YAMLError, ValueError, RecursionError):
        yield Problem(manifest.place, "cannot be read", _REFUSED, "correct its values")


def _place_of(node: Node, path: str) -> Place:
    """Return the place of a field, or of the deepest part of its path that is there."""
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            index = int(step[1:-1]) if step[1:-1].isdecimal() else -1
            below = node.items[index] if node.items and 0 <= index < len(node.items) else None
        else:
            below = next((value for key, value in node.pairs or () if key.value == step), None)
        if below is None:
            break
        node = below
    return node.place


@rule("IOB006", Severity.ERROR)
def duplicate_key(text: YamlText) -> Iterator[Problem]:
    """A key stands twice in one mapping."""
    for root in text.roots:
        pending, seen_nodes = [root], set[int]()
        while pending:
            node = pending.pop()
            # An alias leads to the same value again.
            if id(node) in seen_nodes:
                continue
            seen_nodes.add(id(node))
            pending += node.items or []
            seen: set[str] = set()
            for key, value in node.pairs or ():
                pending.append(value)
                if key.value in seen and key.value != "<<" and key.pairs is None:
                    yield Problem(
                        key.place,
                        f"{names([key.value])} stands twice in one mapping",
                        "the last one wins, or the API server refuses the object",
                        "keep one of them",
                    )
                seen.add(key.value)


YAML_RULES: Final = (invalid_yaml, tabs, no_colon, dots, duplicate_key)
MANIFEST_RULES: Final = (invalid_resource,)
