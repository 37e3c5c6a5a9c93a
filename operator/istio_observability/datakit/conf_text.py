"""
What the agent does to the text of a conf file before it reads it as TOML.

Its own environment replaces ``$NAME`` and ``${NAME}`` everywhere, comments and expressions
included, and by text: for each mention the *first* occurrence is replaced, even inside a longer
name. Then ``ENC[…]`` secrets are resolved, which only a running agent can do. Last, a text with
``{{…}}`` on one line is a template over the central key-value store.

Source: GuanceCloud/datakit 1.84.1, internal/config/load.go and kv.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOM: Final = "\ufeff"
_MENTION: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)", re.ASCII)
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}")


def substitute_environment(text: str, env: Mapping[str, str]) -> str:
    """Return the text after the environment was put in and byte order marks were removed."""
    # One mark is removed by each of two steps.
    text = text.removeprefix(_BOM)
    for mention in _MENTION.finditer(text):
        value = env.get(mention[1] or mention[2])
        if value is not None:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            text = text.replace(mention[0], escaped, 1)
    return text.removeprefix(_BOM)


def is_template(text: str) -> bool:
    """Return whether the agent runs the text through its template engine."""
    return _TEMPLATE.search(text) is not None
