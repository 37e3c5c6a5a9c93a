"""
Golden files: what an object or a text looks like, byte by byte, under ``golden/``.

Rewritten only with ``UPDATE_GOLDEN=1`` (``make golden``): a changed line in a text is a restart of
everything that carries it, so a change is reviewed like code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import yaml

GOLDEN: Final = Path(__file__).parent / "golden"
UPDATE: Final = os.environ.get("UPDATE_GOLDEN") == "1"


def golden(name: str, actual: str) -> str:
    """
    Return what the golden file says; it is written first where an update is asked for.

    Args:
        name: Path below ``golden/``.
        actual: What the code says now.
    """
    path = GOLDEN / name
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    assert path.is_file(), f"{name} does not exist; run make golden and look at it"
    return path.read_text(encoding="utf-8")


def as_yaml(body: Any) -> str:
    """Return an object as people write it, texts of several lines as blocks."""
    return yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no value by reference to another."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
