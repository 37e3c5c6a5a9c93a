"""
Reads one ``IstioObservability`` object into values that the rest of the program can trust.

Whatever the object is (written for another version of the CRD, by hand into ``--from DIR``, or
no object at all), the outcome is a ``Resource`` or an ``InvalidResource`` with a bounded list of
errors, never another exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from istio_observability.model import names
from istio_observability.model.field_errors import (
    MAX_ERRORS,
    FieldError,
    describe_errors,
    field_path,
    printable_name,
)
from istio_observability.model.field_types import DnsSubdomain
from istio_observability.model.finding import Finding, Severity
from istio_observability.model.objects import ISTIO_OBSERVABILITY, ObjectRef
from istio_observability.model.reasons import FindingReason
from istio_observability.model.spec import IstioObservabilitySpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")

_MAX_NAME: Final = 63
# Deeper than any valid spec; what lies below is refused by type, so it need not be walked.
_MAX_DEPTH: Final = 16
_CONSEQUENCE: Final = "nothing is changed until the resource is valid"
_TOP_LEVEL: Final = ("apiVersion", "kind", "metadata", "spec", "status")

_NAME: Final[TypeAdapter[str]] = TypeAdapter(DnsSubdomain)


@dataclass(frozen=True, slots=True)
class Resource:
    """
    A valid resource.

    Attributes:
        uid: ``""`` for an object that comes from a file.
        generation: 0 for an object that comes from a file.
        created_at: RFC 3339, ``""`` for an object that comes from a file.
        deleting: Whether its deletion has been asked for.
        status: As read, not validated.
    """

    name: str
    uid: str
    generation: int
    created_at: str
    spec: IstioObservabilitySpec
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...]
    deleting: bool
    status: Mapping[str, Any]

    @property
    def ref(self) -> ObjectRef:
        """Return the reference that messages name the resource by."""
        return ObjectRef(ISTIO_OBSERVABILITY, "", self.name)


class InvalidResource(Exception):  # noqa: N818 - a verdict about input, not a fault of ours
    """
    The object cannot be used as it stands; repeating is useless until somebody edits it.

    Attributes:
        errors: What is wrong, at most ``MAX_ERRORS`` entries and at least one.
        name: The object's name made printable, ``""`` if it has none.
        uid: The object's uid, ``""`` if it has none.
        generation: The object's generation, 0 if it has none.
        deleting: Whether its deletion has been asked for; an invalid one must still be released.
    """

    def __init__(self, errors: tuple[FieldError, ...], metadata: Mapping[str, Any]) -> None:
        self.errors = errors
        self.name = printable_name(_read(metadata, "name", str, ""))
        self.uid = _read(metadata, "uid", str, "")
        self.generation = _read(metadata, "generation", int, 0)
        self.deleting = metadata.get("deletionTimestamp") is not None
        super().__init__(" ".join(finding.sentence() for finding in self.findings()))

    def findings(self) -> list[Finding]:
        """Return one finding per error, in the order of the fields."""
        return [
            Finding(
                severity=Severity.ERROR,
                reason=FindingReason.INVALID_SPEC,
                subject=str(ObjectRef(ISTIO_OBSERVABILITY, "", self.name or "without a name")),
                field=error.field_path,
                found=error.found,
                consequence=_CONSEQUENCE,
                remedy=error.remedy,
            )
            for error in self.errors
        ]


def parse_resource(body: Any) -> Resource:  # noqa: ANN401 - any JSON at all
    """
    Return the resource that ``body`` describes, with every default filled in.

    Args:
        body: Decoded JSON; meant is an ``IstioObservability`` in the API's spelling.

    Raises:
        InvalidResource: It is not one, or a field of it is refused.
    """
    if not isinstance(body, dict):
        raise InvalidResource((FieldError("", "it is not an object", "use a map of fields"),), {})
    metadata = body.get("metadata")
    meta: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    spec, spec_errors = _parse_spec(body.get("spec"))
    errors = (*_check_envelope(body), *_check_metadata(meta), *spec_errors)[:MAX_ERRORS]
    if spec is None or errors:
        raise InvalidResource(errors, meta)
    return Resource(
        name=meta["name"],
        uid=meta.get("uid") or "",
        generation=meta.get("generation") or 0,
        created_at=meta.get("creationTimestamp") or "",
        spec=spec,
        labels=dict(meta.get("labels") or {}),
        annotations=dict(meta.get("annotations") or {}),
        finalizers=tuple(meta.get("finalizers") or ()),
        deleting=meta.get("deletionTimestamp") is not None,
        status=dict(body.get("status") or {}),
    )


def _parse_spec(
    value: object,
) -> tuple[IstioObservabilitySpec | None, tuple[FieldError, ...]]:
    stored = {} if value is None else _as_the_server_stores(value, _MAX_DEPTH)
    try:
        # Not by name: the server knows only the spelling of the API.
        spec = IstioObservabilitySpec.model_validate(stored, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, describe_errors("spec", details)
    return spec, ()


def _as_the_server_stores(value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON
    """
    Return ``value`` as a read from the API server would give it.

    A field that is ``null`` is left out (none of ours is nullable), and a number without a
    fraction is a whole one. Observed on kube-apiserver 1.37.2.
    """
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {
            key: _as_the_server_stores(entry, depth - 1)
            for key, entry in value.items()
            if entry is not None
        }
    if isinstance(value, list):
        return [_as_the_server_stores(entry, depth - 1) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_envelope(body: Mapping[Any, Any]) -> tuple[FieldError, ...]:
    errors = [
        FieldError(key, "has another value", f"set {key}: {expected}")
        for key, expected in (("apiVersion", names.API_VERSION), ("kind", names.KIND))
        if body.get(key) != expected
    ]
    errors.extend(
        FieldError(printable_name(str(key)), "is not a field of this resource", "remove it")
        for key in body
        if key not in _TOP_LEVEL
    )
    errors.extend(
        FieldError(key, "is not an object", "use a map of fields")
        for key in ("metadata", "status")
        if not isinstance(body.get(key) or {}, dict)
    )
    return tuple(errors)


def _check_metadata(meta: Mapping[str, Any]) -> tuple[FieldError, ...]:
    errors = [*_check_name(meta.get("name"))]
    for key, kind in (
        ("uid", str),
        ("generation", int),
        ("creationTimestamp", str),
        ("labels", dict),
        ("annotations", dict),
        ("finalizers", list),
    ):
        value = meta.get(key)
        if value is not None and not (isinstance(value, kind) and _holds_strings(value)):
            errors.append(
                FieldError(
                    field_path("metadata", (key,)),
                    "has another type than Kubernetes gives it",
                    "correct or remove it",
                )
            )
    return tuple(errors)


def _check_name(name: object) -> tuple[FieldError, ...]:
    if name is None:
        return (FieldError("metadata.name", "is missing", "set it"),)
    try:
        valid = _NAME.validate_python(name)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return describe_errors("metadata.name", details)
    if len(valid) > _MAX_NAME:
        # It is the value of our label on the objects that we create.
        found = f"is longer than {_MAX_NAME} characters"
        return (FieldError("metadata.name", found, "choose a shorter name"),)
    return ()


def _holds_strings(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, dict):
        return all(isinstance(text, str) for entry in value.items() for text in entry)
    return not isinstance(value, list) or all(isinstance(entry, str) for entry in value)


def _read(metadata: Mapping[str, Any], key: str, kind: type[_T], default: _T) -> _T:
    value = metadata.get(key)
    return value if isinstance(value, kind) else default
