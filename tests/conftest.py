"""Settings of all property tests: profiles are global, and the last one that is loaded wins."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    # A busy machine is no failed property, and a cluster is much data for one example.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # A build must say the same of the same commit; developers' machines look for new examples.
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("house")
