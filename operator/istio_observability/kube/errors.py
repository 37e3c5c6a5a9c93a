"""
What can go wrong between the operator and the API server, grouped by what the caller must do.

::

    ApiError
    ├── RetryLater          repeat later; ``retry_after_s`` is the server's wish, if it has one
    │   ├── Throttled       429: the request was not executed
    │   └── Unavailable     5xx, no answer, half an answer: it may have been executed
    ├── NeedsUser           repeating is useless until somebody acts
    │   ├── FieldConflict   another manager owns a field; ``causes`` has the paths and managers
    │   ├── Forbidden       401, 403
    │   ├── Invalid         400, 422 and other refusals; ``causes`` has the fields
    │   ├── NotOurs         the object of that name was not created for our resource
    │   └── Misconfigured   the connection settings cannot work
    ├── Missing             the object is gone, or its name belongs to another uid now
    ├── AlreadyExists       a create met an object of that name
    ├── Stale               what we decided upon has changed: read again, decide again
    ├── Awaited             the namespace is terminating; the situation ends by itself
    └── Relist              410: the position in the history is gone

Exceptions of the libraries below never leave this package; the original is chained. Texts are the
same for the same cause: they carry no object names, no times and no values, because they end up in
conditions and a value may be a secret.
"""

# ruff: noqa: N818 - the names say what the caller must do; "Error" would say nothing.

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEXT_LIMIT: Final = 256


class ApiError(Exception):
    """
    Base of everything that this package raises.

    Attributes:
        status: The HTTP status, 0 if there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message[:TEXT_LIMIT])
        self.status = status


class RetryLater(ApiError):
    """The same request may succeed later; ``retry_after_s`` is in seconds."""

    def __init__(
        self, message: str, *, status: int = 0, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s


class Throttled(RetryLater):
    """The server refused to work on the request for now."""


class Unavailable(RetryLater):
    """
    No usable answer.

    ``never_sent`` is true only if the server cannot have seen the request, so that even a create
    may be repeated.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        never_sent: bool = False,
    ) -> None:
        super().__init__(message, status=status, retry_after_s=retry_after_s)
        self.never_sent = never_sent


class NeedsUser(ApiError):
    """Somebody must change something before the request can succeed."""


@dataclass(frozen=True, slots=True, order=True)
class ConflictCause:
    """One field that another manager owns; ``field`` as the server writes it: ``.spec.paused``."""

    field: str
    manager: str


class FieldConflict(NeedsUser):
    """Other managers own fields that we wanted to set; nothing was changed."""

    def __init__(self, causes: tuple[ConflictCause, ...], *, status: int = 409) -> None:
        self.causes = tuple(sorted(causes))
        owned = ", ".join(f'{c.field} by "{c.manager}"' for c in self.causes)
        super().__init__(f"fields are owned by other managers: {owned}", status=status)


class Forbidden(NeedsUser):
    """The operator's account lacks a permission, or its credentials are not accepted."""


@dataclass(frozen=True, slots=True, order=True)
class InvalidCause:
    """One refused field; ``detail`` says why, without the refused value."""

    field: str
    detail: str


class Invalid(NeedsUser):
    """The server understood the request and refuses its content."""

    def __init__(
        self, message: str, *, causes: tuple[InvalidCause, ...] = (), status: int = 422
    ) -> None:
        self.causes = tuple(sorted(causes))
        listed = "; ".join(f"{c.field}: {c.detail}" if c.field else c.detail for c in self.causes)
        super().__init__(listed or message, status=status)


class NotOurs(NeedsUser):
    """An object of the wanted name exists and does not carry our owner labels."""


class Misconfigured(NeedsUser):
    """The kubeconfig, the pod's credentials or the server's address cannot be used."""


class Missing(ApiError):
    """The object is gone, or its name now belongs to another uid."""


class AlreadyExists(ApiError):
    """A create found an object of the same name."""


class Stale(ApiError):
    """The object is no longer in the state the request was made for."""


class Awaited(ApiError):
    """The namespace is being deleted: nothing can be created there, and soon it is gone."""


class Relist(ApiError):
    """The server no longer has the history after our resource version or page token."""
