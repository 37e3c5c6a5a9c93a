"""The one exception that commands end with when they cannot answer."""


class UsageError(Exception):
    """A sentence for the user: what is wrong, where, and what to do."""
