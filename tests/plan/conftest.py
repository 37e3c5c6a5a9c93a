"""Settings of the property tests of the plan."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no failed property. A cluster is much data for one example.
settings.register_profile(
    "plan",
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("plan")
