"""
Text of the pod annotation ``datakit/logs``: how the agent labels the output of the containers.

The value is a JSON list; one entry without ``type`` and ``path`` stands for standard output and
standard error of every container of the pod, the sidecar included. Without the annotation the
agent collects the same output under the container's name.

Source: GuanceCloud/datakit 1.84.1, internal/plugins/inputs/container/log_config.go
(``logConfig``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from istio_observability.datakit.patterns import InvalidPattern, compile_pattern

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class InvalidLogs(ValueError):  # noqa: N818  names the state
    """
    A log input that the agent would refuse or misread.

    Attributes:
        field: The field of ``LogsInput``.
        problem: What is wrong with it, without the value.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True)
class LogsInput:
    """
    How the output of a pod is labelled.

    Attributes:
        source: Log source; the agent takes the container's name if it is empty.
        service: Tag ``service``; the agent takes ``source`` if it is empty.
        tags: Further tags as pairs. Tags of the agent (``pod_name``, ``namespace``, …) win.
        pipeline: Script that parses the lines, ``""`` for the one named after the source.
        multiline_match: RE2 that starts a new record, ``""`` for automatic detection.
        disable: Collect nothing of this pod.
    """

    source: str = ""
    service: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    pipeline: str = ""
    multiline_match: str = ""
    disable: bool = False


def render_logs(logs: LogsInput) -> str:
    """
    Render the value of ``datakit/logs``.

    Returns:
        A JSON list with one object; equal inputs give equal bytes.

    Raises:
        InvalidLogs: A text holds control characters, a tag has no key or stands twice, or the
            expression is no RE2.
    """
    _check(logs)
    entry: dict[str, object] = {"disable": logs.disable}
    texts = {
        "source": logs.source,
        "service": logs.service,
        "pipeline": logs.pipeline,
        "multiline_match": logs.multiline_match,
    }
    entry.update({key: text for key, text in texts.items() if text})
    if logs.tags:
        entry["tags"] = dict(sorted(logs.tags))
    return json.dumps([entry], ensure_ascii=False, separators=(",", ":"))


def _check(logs: LogsInput) -> None:
    for field in ("source", "service", "pipeline", "multiline_match"):
        if _CONTROL.search(getattr(logs, field)):
            raise InvalidLogs(field, "holds a control character")
    if logs.multiline_match:
        try:
            compile_pattern(logs.multiline_match)
        except InvalidPattern as error:
            raise InvalidLogs("multiline_match", f"is no RE2 ({error})") from error
    keys = [key for key, _ in logs.tags]
    if len(keys) != len(set(keys)):
        raise InvalidLogs("tags", "holds a key twice")
    for key, value in logs.tags:
        if not key.strip() or _CONTROL.search(key) or _CONTROL.search(value):
            raise InvalidLogs("tags", "holds an empty key or a control character")
