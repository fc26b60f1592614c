"""How much is tried: a little in every run of the tests, more with SATCLIP_FUZZ=EXAMPLES."""

from __future__ import annotations

import hashlib
import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("SATCLIP_FUZZ") or 8)
# New ones each time where many are asked for; the same in every run of the tests.
FUZZ = settings(
    max_examples=EXAMPLES,
    derandomize="SATCLIP_FUZZ" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# A command that takes longer hangs, one that takes more memory fills it.
SECONDS, MEMORY = 60.0, 2**30

SEEN: set[str] = set()


def note(*inputs: object) -> None:
    """Count a distinct input."""
    SEEN.add(hashlib.sha256(repr(inputs).encode("utf-8", "replace")).hexdigest())
