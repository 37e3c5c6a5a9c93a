"""
What a field of the resource says about itself beyond its type: meaning, rules, merge keys.

Each marker stands in ``Annotated[...]`` and has two readers. The model enforces it while it
parses, and the CRD generator writes it into the schema, so that the API server enforces the same.
One marker for both is the point: a rule that only one side knows is a resource that the server
accepts and the operator then refuses, or the reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

EXPLAIN_KEY: Final = "x-explain"
"""Private keyword between the markers and the CRD generator; never in a generated CRD."""

VALIDATIONS_KEY: Final = "x-kubernetes-validations"


class Restarts(StrEnum):
    """What a change of a field restarts. The values are part of the field's description."""

    NOTHING = "nothing"
    WORKLOADS = "workload pods once"
    AGENT = "the agent once"


@dataclass(frozen=True, slots=True)
class Explain:
    """
    The description of a field, as ``kubectl explain`` shows it.

    Attributes:
        text: What the field means, in sentences.
        unit: Unit and form of the value, ``""`` if it has none.
        unset: What leaving the field out means, for fields without a default.
        restarts: What a change restarts; ``None`` for fields that are not configuration.
    """

    text: str
    unit: str = ""
    unset: str = ""
    restarts: tuple[Restarts, ...] | None = (Restarts.NOTHING,)

    def describe(self, default: str | None) -> str:
        """Return the whole description; ``default`` is the default in words, if there is one."""
        parts = [self.text]
        if self.unit:
            parts.append(f"Unit: {self.unit}.")
        if default is not None:
            parts.append(f"Default: {default}.")
        elif self.unset:
            parts.append(f"Default: unset, {self.unset}.")
        elif self.restarts is not None:
            parts.append("Default: none, it is required.")
        if self.restarts is not None:
            parts.append(f"Changing it restarts: {', '.join(self.restarts)}.")
        return " ".join(parts)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), EXPLAIN_KEY: self}


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A condition that a type cannot express, as CEL for the server and as Python for the model.

    Attributes:
        cel: The rule for the API server; ``None`` for what CEL cannot know (see
            ``docs/gitops.md``, "Checked by the operator only").
        found: What is wrong if it does not hold, a clause that completes the field's name.
        remedy: What to do, an imperative clause.
        holds: The same rule for the model; called only with values of the right type.
        field_path: The field to blame below the object the rule stands on, such as
            ``.approvedRevision``.
    """

    cel: str | None
    found: str
    remedy: str
    holds: Callable[[Any], bool]
    field_path: str = ""

    def validate(self, value: Any) -> Any:  # noqa: ANN401 - any field type
        """Return ``value`` or raise the error that names this rule."""
        if self.holds(value):
            return value
        context = {"found": self.found, "remedy": self.remedy, "field_path": self.field_path}
        raise PydanticCustomError("rule", "{found}; {remedy}", context)

    def as_validation(self) -> dict[str, str] | None:
        """Return the entry of ``x-kubernetes-validations``, or ``None`` for a model-only rule."""
        if self.cel is None:
            return None
        entry = {"rule": self.cel, "message": f"{self.found}; {self.remedy}"}
        if self.field_path:
            entry["fieldPath"] = self.field_path
        return entry

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return with_rules(handler(schema), (self,))


def with_rules(schema: JsonSchemaValue, rules: Sequence[Rule]) -> JsonSchemaValue:
    """Return ``schema`` with the CEL of ``rules`` added behind what is there."""
    added = [entry for rule in rules if (entry := rule.as_validation())]
    if not added:
        return schema
    return {**schema, VALIDATIONS_KEY: [*schema.get(VALIDATIONS_KEY, []), *added]}


def _unique(values: Sequence[object]) -> bool:
    return len(set(values)) == len(values)


@dataclass(frozen=True, slots=True)
class ListSet:
    """A list without duplicates; two appliers own its entries apart from each other."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        # No CEL: the server refuses duplicates in a list of type "set" by itself.
        rule = Rule(None, "has an entry twice", "remove the second one", _unique)
        return core_schema.no_info_after_validator_function(rule.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "x-kubernetes-list-type": "set"}


@dataclass(frozen=True, slots=True)
class ListMap:
    """A list of objects that are told apart by ``key``, an attribute that is the same in JSON."""

    key: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def keys_differ(values: Sequence[object]) -> bool:
            return _unique([getattr(value, self.key) for value in values])

        rule = Rule(None, f"has the same {self.key} twice", "rename or remove one", keys_differ)
        return core_schema.no_info_after_validator_function(rule.validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            **handler(schema),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [self.key],
        }


@dataclass(frozen=True, slots=True)
class Atomic:
    """A list, map or object that an applier owns as a whole."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner = handler(schema)
        kind = "list" if inner.get("type") == "array" else "map"
        return {**inner, f"x-kubernetes-{kind}-type": "atomic"}
