"""
What the agent loads from a ``conf.d`` tree: inputs with effective values, and from which files.

Files count in the order of their paths. A file with the same bytes as an earlier one is skipped, a
path with ``.git`` in it too, a directory named like a file is no file. A file that is no TOML is
lost as a whole, a wrong value loses its instance; the agent starts in any case.

Source: GuanceCloud/datakit 1.84.1, internal/config/load_inputconf.go, inputcfg.go and env.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from istio_observability.datakit.conf_instance import PromInput, build_prom_input
from istio_observability.datakit.conf_text import is_template, substitute_environment
from istio_observability.datakit.conf_tree import ConfTree
from istio_observability.datakit.go_template import run_template
from istio_observability.datakit.known_inputs import KNOWN_INPUTS
from istio_observability.datakit.layout import ConfigPath
from istio_observability.datakit.prom_keys import decode_keys
from istio_observability.datakit.toml_encode import encode_toml
from istio_observability.datakit.toml_text import TableArray, parse_toml
from istio_observability.datakit.toml_types import WrongType, decode_struct
from istio_observability.datakit.zipkin import PATH_V1, PATH_V2

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["ConfReading", "ConfTree", "OtherInput", "ZipkinEntry", "decode_conf", "load_conf"]

_DEFAULT_INPUTS: Final = ("ENV_DEFAULT_ENABLED_INPUTS", "ENV_ENABLE_INPUTS")


@dataclass(frozen=True, slots=True)
class ZipkinEntry:
    """One ``zipkin`` instance: its decoded keys, empty ones as the text has them."""

    keys: Mapping[str, Any]

    @property
    def routes(self) -> tuple[str, str]:
        """Return the two routes that it serves."""
        return self.keys.get("pathV1") or PATH_V1, self.keys.get("pathV2") or PATH_V2


@dataclass(frozen=True, slots=True)
class OtherInput:
    """An instance of an input that is not ours, as the text that the agent keeps of it."""

    parsed_config: str


@dataclass(frozen=True, slots=True)
class ConfReading:
    """
    What was loaded.

    Attributes:
        inputs: Instances in load order, by name of the input.
        files: Files noted as loaded, by name of the input; also if it is then switched off.
        text_after_env: Files that the environment changed, with their text after that.
        default_enabled: The list made of the environment variable.
        problems: Files and instances that were dropped, with the reason.
    """

    inputs: Mapping[str, list[PromInput | ZipkinEntry | OtherInput]]
    files: Mapping[str, list[str]]
    text_after_env: Mapping[str, str]
    default_enabled: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]

    @property
    def zipkin_routes(self) -> list[str]:
        """Return all routes of all zipkin instances, sorted."""
        entries = self.inputs.get("zipkin", ())
        return sorted(
            {r for entry in entries if isinstance(entry, ZipkinEntry) for r in entry.routes}
        )


@dataclass(slots=True)
class _Loading:
    inputs: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def load_conf(
    tree: ConfTree,
    *,
    env: Mapping[str, str] | None = None,
    kv: Mapping[str, str] | None = None,
    agent_files: Container[str] = (),
) -> ConfReading:
    """
    Load a tree.

    Args:
        tree: What stands under ``conf.d``.
        env: The agent's whole environment.
        kv: Content of the central key-value store.
        agent_files: Paths of certificates that exist on the agent's disk.
    """
    env = env or {}
    enabled = default_enabled_inputs(env)
    tree = _with_files_of_the_agent(tree, env, enabled)
    protect = not env.get("ENV_DISABLE_PROTECT_MODE")
    loading = _Loading()
    seen: set[str] = set()
    for path, content in tree.conf_files():
        if content is None or content in seen:
            continue
        seen.add(content)
        text = substitute_environment(content, env)
        if text != content:
            loading.texts[path] = text
        try:
            found = decode_conf(text, kv or {})
        except ValueError as error:
            loading.problems.append((path, str(error)))
            continue
        for name, (instances, problems) in found.items():
            loading.problems += [(path, problem) for problem in problems]
            _note(loading, path, name, instances, protect=protect, agent_files=agent_files)
    off = {word[1:] for word in enabled if word.startswith("-")}
    inputs = {name: entries for name, entries in loading.inputs.items() if name not in off}
    return ConfReading(inputs, loading.files, loading.texts, enabled, tuple(loading.problems))


def default_enabled_inputs(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the list: split at blanks if there is any, at commas otherwise."""
    text = next((env[name] for name in _DEFAULT_INPUTS if env.get(name)), "")
    if text in {"", "-"}:
        return ()
    return tuple(text.split(" " if " " in text else ","))


def decode_conf(
    text: str, kv: Mapping[str, str]
) -> dict[str, tuple[list[Mapping[str, Any]], list[str]]]:
    """
    Read one text, after the environment was put in.

    Returns:
        By name of a known input: its instances that decode, as raw tables, and why others do not.

    Raises:
        InvalidToml: No TOML; the whole file is lost.
        BrokenTemplate: The same.
    """
    return decode_inputs(run_template(text, kv) if is_template(text) else text)


def decode_inputs(text: str) -> dict[str, tuple[list[Mapping[str, Any]], list[str]]]:
    """
    Read one text that is no template any more; see ``decode_conf``.

    Raises:
        InvalidToml: No TOML; the whole file is lost.
    """
    inputs = parse_toml(text).get("inputs")
    found = {}
    for name, value in inputs.items() if isinstance(inputs, Mapping) else ():
        if name not in KNOWN_INPUTS:
            continue
        tables = [value] if isinstance(value, Mapping) else value
        # A list written as name = [{…}] is another type to the agent, and is skipped.
        if not isinstance(value, Mapping | TableArray):
            continue
        instances, problems = [], []
        for raw in tables:
            try:
                _decode(name, raw)
            except WrongType as error:
                problems.append(f"inputs.{name}: {error}")
            else:
                instances.append(raw)
        found[name] = (instances, problems)
    return found


def _decode(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    if name == "prom":
        return decode_keys(raw, ConfigPath.CONF)
    return decode_struct(raw, KNOWN_INPUTS[name].schema)


def _note(
    loading: _Loading,
    path: str,
    name: str,
    instances: list[Mapping[str, Any]],
    *,
    protect: bool,
    agent_files: Container[str],
) -> None:
    singleton = KNOWN_INPUTS[name].singleton
    if not instances or (singleton and loading.inputs.get(name)):
        return
    for raw in instances[: 1 if singleton else None]:
        keys = _decode(name, raw)
        entry: PromInput | ZipkinEntry | OtherInput
        if name == "prom":
            entry = build_prom_input(keys, protect=protect, files=agent_files)
        elif name == "zipkin":
            entry = ZipkinEntry(keys)
        else:
            entry = OtherInput(encode_toml(raw))
        loading.inputs.setdefault(name, []).append(entry)
    loading.files.setdefault(name, []).append(path)


def _with_files_of_the_agent(
    tree: ConfTree, env: Mapping[str, str], enabled: tuple[str, ...]
) -> ConfTree:
    """Add what the agent itself writes into the tree at its start."""
    if env.get("ENV_DATAKIT_INPUTS"):
        tree = tree.with_file("ENV_DATAKIT_INPUTS.conf", env["ENV_DATAKIT_INPUTS"])
    for name in enabled:
        if name not in KNOWN_INPUTS:
            continue
        path = f"{name}.conf"
        if tree.is_directory(path):
            path = f"{name}-0xdeadbeaf.conf"
        elif tree.read(path) is not None:
            continue
        tree = tree.with_file(path, KNOWN_INPUTS[name].sample)
    return tree
