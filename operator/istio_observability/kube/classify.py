"""
Which of our errors an answer of the API server, or an exception of the libraries below, is.

Lenient: a proxy's HTML page, a cut answer or a status of an unknown form is classified by its HTTP
status. What goes into texts is said in ``errors``: no object names, no values.

Source: the answers of kube-apiserver 1.37 to each of these mistakes, recorded.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yaml
from kubernetes.aio.client.exceptions import OpenApiException
from kubernetes.aio.config import ConfigException

from istio_observability.kube.errors import (
    TEXT_LIMIT,
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
    Stale,
    Throttled,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def classify(
    status: int,
    body: bytes | Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    json_patch: bool = False,
) -> ApiError:
    """
    Turn an answer of 400 or above into the error that says what to do.

    Args:
        status: The HTTP status.
        body: What the server or something before it sent; need not be JSON.
        headers: Response headers; ``Retry-After`` is read where a retry makes sense.
        json_patch: The request was a JSON patch, whose failed ``test`` is a 422 without causes.
    """
    answer = _status_object(body)
    details = answer.get("details")
    details = details if isinstance(details, dict) else {}
    raw = details.get("causes")
    causes = [c for c in raw if isinstance(c, dict)] if isinstance(raw, list) else []
    reason = _text(answer.get("reason"))
    message = _text(answer.get("message"))
    what = f"HTTP {status} {reason}".rstrip()

    match status:
        case 401:
            return Forbidden(f"{what}: the credentials are not accepted", status=status)
        case 403:
            if any(c.get("reason") == "NamespaceTerminating" for c in causes):
                return Awaited("the namespace is being deleted", status=status)
            return Forbidden(f"{what}: {_without_name(message)}", status=status)
        case 404:
            return Missing(what, status=status)
        case 409:
            return _classify_conflict(what, reason, message, causes)
        case 410:
            return Relist(what, status=status)
        case 422 if any(c.get("field") == "metadata.uid" for c in causes):
            return Missing("the name belongs to another uid", status=status)
        case 422 if json_patch and not causes:
            return Stale("a test of the patch failed", status=status)
        case 429:
            return Throttled(what, status=status, retry_after_s=_retry_after(headers, details))
        case _ if status >= 500 or status in {408, 425} or status < 400:
            retry_after_s = _retry_after(headers, details)
            return Unavailable(what, status=status, retry_after_s=retry_after_s)
    fields = tuple(
        InvalidCause(_text(c.get("field")), _without_value(_text(c.get("message")))) for c in causes
    )
    # A validation message repeats the refused value; a denial by admission has no causes and is
    # the only explanation there is.
    detail = "" if reason == "Invalid" and causes else _without_value(_without_name(message))
    return Invalid(f"{what}: {detail}" if detail else what, causes=fields, status=status)


def translate(error: BaseException) -> ApiError:
    """
    Return our error for an exception of the libraries below.

    Raises:
        BaseException: ``error`` itself, if it is no failure of the connection.
    """
    match error:
        case ApiError():
            return error
        case aiohttp.InvalidURL() | ConfigException() | yaml.YAMLError():
            return Misconfigured(f"the connection settings cannot be used ({_name(error)})")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Unavailable(f"no connection ({_name(error)})", never_sent=True)
        case _ if isinstance(error, LIBRARY_ERRORS):
            return Unavailable(f"no complete answer ({_name(error)})")
        case _:
            raise error


LIBRARY_ERRORS: Final = (
    aiohttp.ClientError,
    aiohttp.http.HttpProcessingError,
    aiohttp.WSMessageTypeError,
    OpenApiException,
    ConfigException,
    yaml.YAMLError,
    TimeoutError,
    OSError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""What ``translate`` knows, in the form of an ``except`` clause."""


def _classify_conflict(
    what: str, reason: str, message: str, causes: list[dict[str, Any]]
) -> ApiError:
    if reason == "AlreadyExists":
        return AlreadyExists(what, status=409)
    conflicts = tuple(
        ConflictCause(_text(c.get("field")), _manager_in(_text(c.get("message"))))
        for c in causes
        if c.get("reason") == "FieldManagerConflict"
    )
    if conflicts:
        return FieldConflict(conflicts)
    # The server tells these apart by text only: a uid in the body that no object has
    # (kubernetes/kubernetes 1.37, apiserver pkg/endpoints/handlers/patch.go), a uid precondition
    # of a delete, and a resourceVersion that has moved on.
    if "uid mismatch" in message or "the UID in the precondition" in message:
        return Missing("the name belongs to another uid, or to nobody", status=409)
    return Stale(what, status=409)


def _status_object(body: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the decoded ``Status``, or nothing if a proxy or a crash answered instead."""
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return {}
    return body if isinstance(body, dict) and body.get("kind") == "Status" else {}


def _retry_after(headers: Mapping[str, str], details: Mapping[str, Any]) -> float | None:
    # The HTTP date form is not used by API servers; a proxy's date counts as no wish.
    for value in (headers.get("Retry-After"), details.get("retryAfterSeconds")):
        try:
            seconds = float(value) if value is not None else 0.0
        except (TypeError, ValueError):
            continue
        if 0 < seconds < float("inf"):
            return seconds
    return None


def _manager_in(message: str) -> str:
    found = re.search(r'conflict with "([^"]*)"', message)
    return found.group(1) if found else "unknown"


def _without_name(message: str) -> str:
    """Drop ``deployments.apps "cart" is forbidden: ``, which differs from object to object."""
    return re.sub(r'^\S+ "[^"]*" is \w+: ', "", message)


def _without_value(message: str) -> str:
    """Drop the refused value that validation repeats (``Invalid value: "…": must be …``)."""
    head = re.match(r"^((?:Invalid|Unsupported|Duplicate) value|Too long|Too many)\b", message)
    if head is None:
        return message
    # What follows the last colon is an explanation only if it cannot be a piece of the value.
    tail = message.rpartition(": ")[2]
    is_explanation = ": " in message and not re.search(r'["{}\[\]]', tail)
    return f"{head.group(1)}: {tail}" if is_explanation and tail.islower() else head.group(1)


def _text(value: object) -> str:
    return value[: 4 * TEXT_LIMIT] if isinstance(value, str) else ""


def _name(error: BaseException) -> str:
    return type(error).__name__
