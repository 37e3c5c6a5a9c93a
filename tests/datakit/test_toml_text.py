"""TOML as the agent reads it: where it is TOML, and where it is not."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from istio_observability.datakit.toml_encode import encode_toml
from istio_observability.datakit.toml_text import InvalidToml, TableArray, parse_toml

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# A literal U+FFFD cannot be told from bytes that are no Unicode.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=12)
VALUES = st.recursive(
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=200))
def test_any_text_is_read_or_invalid(text: str):
    """No text makes the reader fail in another way."""
    with suppress(InvalidToml):
        parse_toml(text)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_valid_toml_is_read_like_the_standard_library_does(table: dict[str, Any]):
    """What another library writes has the same meaning for both readers."""
    text = tomlkit.dumps(table)

    assert parse_toml(text) == tomllib.loads(text)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_the_agent_writes_back_is_valid(table: dict[str, Any]):
    """The text that the agent keeps of an input says the same as the input."""
    assert tomllib.loads(encode_toml(table)) == table


READ = {
    "array after array": ("a = [1]\na = [2]", {"a": [2]}),
    "array after text": ('a = "x"\na = [2]', {"a": [2]}),
    "text after array": ('a = [2]\na = "x"', {"a": "x"}),
    "the same key in two tables": ("[[t]]\na = 1\n[[t]]\na = 2", {"t": [{"a": 1}, {"a": 2}]}),
    "table defined after its child": ("[a.b]\nc = 1\n[a]\nd = 2", {"a": {"b": {"c": 1}, "d": 2}}),
    "CRLF": ("a = 1\r\nb = 2\r\n", {"a": 1, "b": 2}),
    "blank line behind a continued one": ('a = """x\\\n\n y"""', {"a": "x y"}),
    "quotes at the end": ('a = """x"""""', {"a": 'x""'}),
    "no line break at the end": ("a = 0x1F # c", {"a": 31}),
}
REFUSED = {
    "key twice": "a = 1\na = 2",
    "table twice": "[a]\n[a]",
    "table over a value": "a = 1\n[a]\nb = 1",
    "list of tables over a list": "a = [1]\n[[a]]",
    "escape that TOML does not know": 'a = "\\w"',
    "comma at the end of an inline table": "a = {b = 1,}",
    "line break in an inline table": "a = {\nb = 1}",
    "line break in a string": 'a = "x\ny"',
    "six quotes": 'a = """x""""""',
    "number too large": "a = 9223372036854775808",
    "leading zero": "a = 01",
    "control character in a comment": "# \x01",
    "carriage return alone": "a = 1\rb = 2",
    "byte order mark": "\ufeffa = 1",
    "replacement character": 'a = "\ufffd"',
    "two values": "a = 1 2",
    "no value": "a =",
    "bare word": "a = yes",
    "deep nesting": "a = " + "[" * 500,
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ.keys())
def test_accepted(text: str, expected: dict[str, Any]):
    """The last array wins, everything else is TOML."""
    assert parse_toml(text) == expected


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refused(text: str):
    """The agent cannot read these; the reason does not repeat the text."""
    with pytest.raises(InvalidToml) as error:
        parse_toml(text)

    assert error.value.line >= 1


def test_two_ways_to_write_a_list_of_tables_stay_apart():
    """The agent skips one of them in a conf file and demands a list in an annotation."""
    assert isinstance(parse_toml("[[a]]\nb = 1")["a"], TableArray)
    assert not isinstance(parse_toml("a = [{b = 1}]")["a"], TableArray)


def test_the_line_of_the_mistake_is_named():
    """A reader finds the place."""
    with pytest.raises(InvalidToml, match=r"^line 3: "):
        parse_toml("a = 1\n\nb = [1,,]\n")
