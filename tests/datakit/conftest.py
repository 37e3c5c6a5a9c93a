"""Settings of the property tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a busy machine is no failed property.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
