"""
The base of every object inside the spec: immutable, strict about names, with rules.

The models refuse what the API server would refuse: an unknown field, a value of another type, a
broken rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from istio_observability.model.schema_markers import Rule, with_rules

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema


class SpecModel(BaseModel):
    """An object of the spec; ``rules`` are its conditions across fields, checked in order."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        for rule in self.rules:
            rule.validate(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner = handler(schema)
        resolved = handler.resolve_ref_schema(inner)
        resolved.update(with_rules(resolved, cls.rules))
        return inner
