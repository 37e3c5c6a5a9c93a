"""
Rewrites the JSON schema of a pydantic model into the structural schema that a CRD must have.

Nothing is dropped in silence: a keyword without a meaning in a CRD is an error, so that a new
field cannot lose a limit on its way to the API server.

Source: kubernetes.io, "Extend the Kubernetes API with CustomResourceDefinitions", section
"Specifying a structural schema".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from istio_observability.model.schema_markers import EXPLAIN_KEY, VALIDATIONS_KEY, Explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

Schema = dict[str, Any]

_KEYWORDS: Final = (
    "description",
    "type",
    "format",
    "x-kubernetes-int-or-string",
    "enum",
    "default",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "required",
    "properties",
    "additionalProperties",
    "items",
    VALIDATIONS_KEY,
)
_DROPPED: Final = frozenset({"title", "readOnly", EXPLAIN_KEY, "$defs", "$ref", "anyOf", "const"})


class UnsupportedSchemaError(TypeError):
    """A model uses something that a structural schema cannot say."""


def structural_schema(model: type[BaseModel], *, written: bool) -> Schema:
    """
    Return the structural schema of ``model``.

    Args:
        model: The root of a tree of models; field names become their aliases.
        written: Describe what the operator writes (the status, computed fields included)
            instead of what a user may write.

    Raises:
        UnsupportedSchemaError: A field has a type or a limit that a CRD cannot express.
    """
    mode = "serialization" if written else "validation"
    schema = model.model_json_schema(by_alias=True, mode=mode)  # type: ignore[arg-type]
    rewritten = _rewrite(schema, schema.get("$defs", {}), model.__name__)
    return _without_defaults(rewritten) if written else rewritten


def _without_defaults(schema: Schema) -> Schema:
    """A default in the status would be something that nobody observed."""
    result = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in result:
        result["properties"] = {
            name: _without_defaults(field) for name, field in result["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _without_defaults(result[key])
    return result


def _rewrite(schema: Mapping[str, Any], defs: Mapping[str, Schema], path: str) -> Schema:
    merged = _without_null(_inline(schema, defs), defs, path)
    if "const" in merged:
        merged["enum"] = [merged["const"]]
    unknown = set(merged) - set(_KEYWORDS) - _DROPPED
    if unknown:
        raise UnsupportedSchemaError(f"{path}: {sorted(unknown)} cannot be part of a CRD")
    _rewrite_children(merged, defs, path)
    _rewrite_default(merged)
    _describe(merged)
    return {key: merged[key] for key in _KEYWORDS if key in merged}


def _inline(schema: Mapping[str, Any], defs: Mapping[str, Schema]) -> Schema:
    """Put the definition in the place of its reference; what stands beside it wins."""
    if "$ref" not in schema:
        return dict(schema)
    target = _inline(defs[schema["$ref"].removeprefix("#/$defs/")], defs)
    merged = {**target, **schema}
    rules = [*target.get(VALIDATIONS_KEY, []), *schema.get(VALIDATIONS_KEY, [])]
    if rules:
        merged[VALIDATIONS_KEY] = rules
    return merged


def _without_null(schema: Schema, defs: Mapping[str, Schema], path: str) -> Schema:
    """Turn "this or null, null by default" into "this, and not required"."""
    if schema.get("default", ...) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    if "anyOf" not in schema:
        return schema
    others = [option for option in schema["anyOf"] if option != {"type": "null"}]
    if len(others) != 1:
        raise UnsupportedSchemaError(f"{path}: a union cannot be part of a CRD")
    return {**_inline(others[0], defs), **schema}


def _rewrite_children(schema: Schema, defs: Mapping[str, Schema], path: str) -> None:
    if "properties" in schema:
        schema["properties"] = {
            name: _rewrite(field, defs, f"{path}.{name}")
            for name, field in schema["properties"].items()
        }
        # Forbidden beside properties. The server prunes unknown fields, or refuses them under
        # strict field validation.
        schema.pop("additionalProperties", None)
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = _rewrite(schema["additionalProperties"], defs, f"{path}.*")
    if "items" in schema:
        schema["items"] = _rewrite(schema["items"], defs, f"{path}[]")


def _rewrite_default(schema: Schema) -> None:
    # The server fills an empty object from the defaults of its fields: each stands once.
    if "properties" in schema and "default" in schema:
        schema["default"] = {}


def _describe(schema: Schema) -> None:
    explain = schema.get(EXPLAIN_KEY)
    if not isinstance(explain, Explain):
        return
    default = schema.get("default")
    if default is None:
        words = None
    elif default == {} and "properties" in schema:
        words = "those of its fields"
    else:
        words = default if isinstance(default, str) else json.dumps(default)
    schema["description"] = explain.describe(words)
