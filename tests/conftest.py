"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The first example of a test may compile a kernel, so times say nothing; CI draws the same examples every time.
settings.register_profile(
    "ict_kernels",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ict_kernels")
