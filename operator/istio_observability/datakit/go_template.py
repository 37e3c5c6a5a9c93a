"""
The small part of Go's templates that a conf file can sensibly use.

Known are fields (``{{.key}}``; a missing one is empty), texts in quotes, numbers, ``default``,
``print``, pipes, comments, trim marks and ``if … else … end``. Everything else counts as broken,
as it does for the agent when the rest is wrong: it drops the file.

Source: Go 1.19, src/text/template; GuanceCloud/datakit 1.84.1, internal/config/kv.go.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ACTION: Final = re.compile(r"\{\{(-(?=\s))?(.*?)((?<=\s)-)?\}\}", re.DOTALL)
_COMMENT: Final = re.compile(r"\s*/\*.*\*/\s*", re.DOTALL)
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<field>\.[A-Za-z_]\w*)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<raw>`[^`]*`)"""
    r"""|(?P<number>-?\d+)|(?P<word>[A-Za-z]\w*)|(?P<pipe>\|))"""
)


class BrokenTemplate(ValueError):  # noqa: N818  names the state
    """The agent cannot parse or run the template."""


def run_template(text: str, values: Mapping[str, str]) -> str:
    """
    Return the text with its actions carried out.

    Raises:
        BrokenTemplate: An action that the agent, or this reader, does not know.
    """
    output: list[str] = []
    # For each open ``if``: whether its text counts, and whether an ``else`` may still turn it.
    open_ifs: list[tuple[bool, bool]] = []
    for piece, is_action in _pieces(text):
        counts = all(shown for shown, _ in open_ifs)
        if not is_action:
            output += [piece] if counts else []
            continue
        words = piece.split()
        if words[:1] == ["if"]:
            shown = bool(_evaluate(piece.split(None, 1)[1] if len(words) > 1 else "", values))
            open_ifs.append((shown, not shown))
        elif words == ["else"] and open_ifs:
            open_ifs[-1] = (open_ifs[-1][1], False)
        elif words == ["end"] and open_ifs:
            open_ifs.pop()
        else:
            value = _evaluate(piece, values)
            output += [value] if counts else []
    if open_ifs:
        raise BrokenTemplate("an if has no end")
    return "".join(output)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    position, trim = 0, False
    for action in _ACTION.finditer(text):
        before = text[position : action.start()]
        before = before.lstrip() if trim else before
        yield before.rstrip() if action[1] else before, False
        if not _COMMENT.fullmatch(action[2]):
            yield action[2], True
        position, trim = action.end(), bool(action[3])
    rest = text[position:]
    if "{{" in rest:
        raise BrokenTemplate("an action is not closed")
    yield rest.lstrip() if trim else rest, False


def _evaluate(pipeline: str, values: Mapping[str, str]) -> str:
    commands: list[list[tuple[str, str]]] = [[]]
    position = 0
    pipeline = pipeline.strip()
    while position < len(pipeline):
        token = _TOKEN.match(pipeline, position)
        if token is None or token.lastgroup is None:
            raise BrokenTemplate("an action is not known here")
        position = token.end()
        if token.lastgroup == "pipe":
            commands.append([])
        else:
            commands[-1].append((token.lastgroup, token[token.lastgroup]))
    piped: list[str] = []
    for command in commands:
        piped = [_run(command, piped, values)]
    return piped[0]


def _run(command: list[tuple[str, str]], piped: list[str], values: Mapping[str, str]) -> str:
    if not command:
        raise BrokenTemplate("an action is empty")
    kind, first = command[0]
    if kind != "word":
        if len(command) > 1 or piped:
            raise BrokenTemplate("a value is called like a function")
        return _value(kind, first, values)
    arguments = [_value(*word, values) for word in command[1:]] + piped
    if first == "default" and len(arguments) == 2:
        return arguments[1] or arguments[0]
    if first == "print":
        return "".join(arguments)
    raise BrokenTemplate("a function is not known")


def _value(kind: str, word: str, values: Mapping[str, str]) -> str:
    if kind == "field":
        return values.get(word[1:], "")
    if kind == "raw":
        return word[1:-1]
    if kind == "text":
        try:
            return str(json.loads(word))
        except ValueError as error:
            raise BrokenTemplate("a text has an escape that is not known") from error
    if kind == "number":
        return word
    raise BrokenTemplate("a word is no value")
