"""Names for the types that go through the whole house: arrays, and functions that are handed in."""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Called now and then with (done, in all): rows, pixels, bytes, fits.
Progress = Callable[[int, int], None]
# Asked now and then whether to stop.
Cancelled = Callable[[], bool]
# (N,) lon and (N,) lat in degrees -> (N,) whether the place is wanted.
Mask = Callable[[Floats, Floats], Bools]
