"""Every answer and every exception becomes the error that says what to do."""

from __future__ import annotations

import inspect
import json
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client import exceptions as client_exceptions
from kubernetes.aio.config import config_exception

from istio_observability.kube import errors
from istio_observability.kube.classify import LIBRARY_ERRORS, classify, translate
from istio_observability.kube.errors import (
    AlreadyExists,
    ApiError,
    Awaited,
    ConflictCause,
    FieldConflict,
    Forbidden,
    Invalid,
    InvalidCause,
    Misconfigured,
    Missing,
    Relist,
    RetryLater,
    Stale,
    Throttled,
    Unavailable,
)


def status(code: Any, reason: Any = "", message: Any = "", *causes: Any) -> Any:
    """Return a ``Status`` as the API server sends it."""
    return {
        "kind": "Status",
        "code": code,
        "reason": reason,
        "message": message,
        "details": {"name": "cart", "causes": list(causes)} if causes else {"name": "cart"},
    }


def cause(reason: Any, field: Any, message: Any) -> Any:
    """Return one cause of a ``Status``."""
    return {"reason": reason, "field": field, "message": message}


CONFLICT = cause("FieldManagerConflict", ".spec.replicas", 'conflict with "helm" using apps/v1')
UID = cause("FieldValueInvalid", "metadata.uid", 'Invalid value: "1": field is immutable')
TERMINATING = cause("NamespaceTerminating", "", "namespace prod is being terminated")
MODIFIED = "the object has been modified; please apply your changes to the latest version"
NO_SUCH_UID = "uid mismatch: the provided object specified uid 1, and no existing object was found"
OTHER_UID = "the UID in the precondition (1) does not match the UID in record (2)"
OTHER_VERSION = "the ResourceVersion in the precondition (1) does not match the one in record (2)"

ANSWERS = {
    "wrong token": (401, status(401, "Unauthorized"), Forbidden),
    "no permission": (403, status(403, "Forbidden", "no"), Forbidden),
    "terminating namespace": (403, status(403, "Forbidden", "no", TERMINATING), Awaited),
    "no such object": (404, status(404, "NotFound"), Missing),
    "name taken": (409, status(409, "AlreadyExists"), AlreadyExists),
    "other manager": (409, status(409, "Conflict", "Apply failed", CONFLICT), FieldConflict),
    "apply with uid, object gone": (409, status(409, "Conflict", NO_SUCH_UID), Missing),
    "delete with other uid": (409, status(409, "Conflict", OTHER_UID), Missing),
    "delete with old version": (409, status(409, "Conflict", OTHER_VERSION), Stale),
    "old version": (409, status(409, "Conflict", MODIFIED), Stale),
    "apply with other uid": (422, status(422, "Invalid", "no", UID), Missing),
    "validation": (422, status(422, "Invalid", "", cause("x", "spec", "no")), Invalid),
    "denied by admission": (422, status(422, "Invalid", "denied by policy"), Invalid),
    "bad request": (400, status(400, "BadRequest"), Invalid),
    "too large": (413, status(413, "RequestEntityTooLarge"), Invalid),
    "history gone": (410, status(410, "Expired"), Relist),
    "too many requests": (429, status(429, "TooManyRequests"), Throttled),
    "server error": (500, status(500, "InternalError"), Unavailable),
    "proxy page": (502, b"<html>Bad Gateway</html>", Unavailable),
    "no body": (503, b"", Unavailable),
    "cut body": (504, b'{"kind":"Sta', Unavailable),
    "redirect to a login page": (302, b"", Unavailable),
    "list instead of a status": (500, b"[1]", Unavailable),
    "status with odd types": (409, b'{"kind":"Status","details":7,"reason":[]}', Stale),
    "causes of odd types": (422, b'{"kind":"Status","details":{"causes":["x",{}]}}', Invalid),
}


@pytest.mark.parametrize(("code", "body", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answer_is_classified(code, body, expected):
    """Status, reason and causes decide, as bytes and as decoded JSON alike."""
    found = [classify(code, body, {})]
    if isinstance(body, dict):
        found.append(classify(code, json.dumps(body).encode(), {}))

    for error in found:
        assert type(error) is expected
        assert code == error.status


def test_failed_test_of_a_json_patch_is_stale():
    """The server gives no cause for it; with a cause, the patched object was invalid."""
    failed = classify(
        422, status(422, "Invalid", "the server rejected our request"), {}, json_patch=True
    )
    invalid = classify(
        422,
        status(422, "Invalid", "", cause("x", "spec.ports", "Required value")),
        {},
        json_patch=True,
    )

    assert isinstance(failed, Stale)
    assert isinstance(invalid, Invalid)


def test_conflict_carries_paths_and_managers_sorted():
    """Equal conflicts have equal texts, whatever the order of the answer."""
    other = cause("FieldManagerConflict", ".data.a", 'conflict with "argocd-controller"')
    one = classify(409, status(409, "Conflict", "", CONFLICT, other), {})
    two = classify(409, status(409, "Conflict", "", other, CONFLICT), {})

    assert isinstance(one, FieldConflict)
    expected = (
        ConflictCause(".data.a", "argocd-controller"),
        ConflictCause(".spec.replicas", "helm"),
    )
    assert expected == one.causes
    assert str(one) == str(two)


RETRY_AFTER = {
    "seconds": ({"Retry-After": "7"}, 7.0),
    "none": ({}, None),
    "a date": ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    "nonsense": ({"Retry-After": "nan"}, None),
    "negative": ({"Retry-After": "-1"}, None),
    "infinite": ({"Retry-After": "inf"}, None),
}


@pytest.mark.parametrize("code", [429, 503, 500])
@pytest.mark.parametrize(("headers", "expected"), RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
def test_wish_of_the_server(code, headers, expected):
    """A usable ``Retry-After`` is handed on, anything else is no wish."""
    error = classify(code, b"", headers)

    assert isinstance(error, RetryLater)
    assert expected == error.retry_after_s


VALUES = {
    "quoted": ('Invalid value: "hunter2": must be no more than 63 characters', "must be no more"),
    "value with a colon": ('Invalid value: "a: hunter2": field is immutable', "field is immutable"),
    "object": ('Invalid value: {"a":"hunter2"}: must validate', "must validate"),
    "no explanation": ('Duplicate value: "hunter2: a"', "Duplicate value"),
    "supported values": ('Unsupported value: "hunter2": supported values: "A", "B"', "Unsupported"),
}


@pytest.mark.parametrize(("message", "kept"), VALUES.values(), ids=VALUES.keys())
def test_refused_values_are_not_repeated(message, kept):
    """A value may be a secret; the explanation stays where it can be told apart."""
    whole = f'Secret "cart" is invalid: data: {message}'
    error = classify(
        422, status(422, "Invalid", whole, cause("FieldValueInvalid", "data", message)), {}
    )

    assert isinstance(error, Invalid)
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error.causes)
    assert kept in str(error)
    assert "cart" not in str(error)


def test_long_texts_are_cut():
    """A page of HTML or of denial ends up as at most 256 characters."""
    denial = status(403, "Forbidden", 'pods "cart" is forbidden: ' + "x" * 10_000)

    assert len(str(classify(403, denial, {}))) == errors.TEXT_LIMIT
    assert "cart" not in str(classify(403, denial, {}))


def library_exceptions() -> Any:
    """Return every exception class that the client, its configuration and aiohttp define."""
    modules = [
        client_exceptions,
        config_exception,
        aiohttp.client_exceptions,
        aiohttp.http_exceptions,
    ]
    return sorted(
        {
            found
            for module in modules
            for _, found in inspect.getmembers(module, inspect.isclass)
            if issubclass(found, Exception) and not issubclass(found, Warning)
        },
        key=lambda found: f"{found.__module__}.{found.__qualname__}",
    )


@pytest.mark.parametrize("kind", library_exceptions(), ids=lambda kind: kind.__qualname__)
def test_no_library_exception_leaves_kube(kind):
    """Each class of the layers below is caught by ``LIBRARY_ERRORS`` and has a counterpart."""
    # Without __init__: some of them need half a connection to be made.
    error = kind.__new__(kind)

    assert issubclass(kind, LIBRARY_ERRORS)
    assert isinstance(translate(error), ApiError)


def test_enumeration_is_not_empty():
    """The test above would pass if nothing were found."""
    assert len(library_exceptions()) > 30


def test_translation_of_what_matters():
    """Only a connection that was never made allows a create to be sent again."""
    refused = aiohttp.ClientConnectorError.__new__(aiohttp.ClientConnectorError)
    dropped = aiohttp.ServerDisconnectedError()

    assert translate(refused).never_sent  # type: ignore[attr-defined]
    assert not translate(dropped).never_sent  # type: ignore[attr-defined]
    assert isinstance(translate(config_exception.ConfigException("token: abc")), Misconfigured)
    assert "abc" not in str(translate(config_exception.ConfigException("token: abc")))
    assert isinstance(translate(TimeoutError()), Unavailable)


def test_other_exceptions_pass():
    """A programming error stays what it is."""
    with pytest.raises(ZeroDivisionError):
        translate(ZeroDivisionError())


def test_error_texts_of_causes():
    """An invalid body names fields in order."""
    error = Invalid("x", causes=(InvalidCause("b", "no"), InvalidCause("a", "Required value")))

    assert str(error) == "a: Required value; b: no"


def test_tree_in_the_docstring_is_the_tree():
    """The drawing at the top of the module names every class, and no other."""
    drawn = {
        line.split("── ")[1].split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "── " in line
    }
    defined = {
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, ApiError) and found is not ApiError
    }

    assert defined == drawn
