"""
Text of ``zipkin.conf``: the routes under which the agent accepts spans.

The routes are served on the agent's own HTTP port; the input opens no port of its own.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/zipkin/input.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import tomlkit

PATH_V1: Final = "/api/v1/spans"
PATH_V2: Final = "/api/v2/spans"
_ROUTE: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


class InvalidZipkin(ValueError):  # noqa: N818  names the state
    """A route that the agent's HTTP server would read as something else."""


@dataclass(frozen=True, slots=True)
class ZipkinInput:
    """The two routes; Envoy sends to the second. The defaults are those of the agent."""

    path_v1: str = PATH_V1
    path_v2: str = PATH_V2


def render_zipkin(zipkin: ZipkinInput) -> str:
    """
    Render the content of ``zipkin.conf``.

    Raises:
        InvalidZipkin: A route is not a plain path, or both are the same.
    """
    for route in (zipkin.path_v1, zipkin.path_v2):
        # No ":" or "*": the agent's router takes them as parameters.
        if not _ROUTE.fullmatch(route):
            raise InvalidZipkin("a route is not a plain absolute path")
    if zipkin.path_v1 == zipkin.path_v2:
        raise InvalidZipkin("both routes are the same")
    table = tomlkit.table()
    table.add("pathV1", zipkin.path_v1)
    table.add("pathV2", zipkin.path_v2)
    instances = tomlkit.aot()
    instances.append(table)
    inputs = tomlkit.table(is_super_table=True)
    inputs.add("zipkin", instances)
    document = tomlkit.document()
    document.add("inputs", inputs)
    return tomlkit.dumps(document)
