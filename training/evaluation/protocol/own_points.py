"""Points of one's own as a task: a table with a column of numbers or classes."""

from __future__ import annotations

import re

import numpy as np

from satclip_core.errors import InputError
from satclip_core.points.read_samples import SamplesRequest, read_samples

from ..tasks import Task

LEAST_ROWS = 50
"""Of which 30 % are fitted to and 10 % chosen by."""
_NAMED = 5


def own_task(request: SamplesRequest, most: int) -> tuple[Task, tuple[str, ...]]:
    """The task of a table, and what was left out of it, a line each.

    Args:
        request: the table and its column.
        most: rows that are used, drawn at random where there are more.

    Raises:
        InputError: the table cannot be read or has no coordinates; fewer than `LEAST_ROWS` usable
            rows; all of one value or one class; classes with one member.
        MissingDependencyError: its format needs the extra `points`.
    """
    samples = read_samples(request)
    name, count = samples.name, len(samples)
    if count < LEAST_ROWS:
        left_out = f" ({'; '.join(samples.account)})" if samples.account else ""
        raise InputError(
            f"{name!r} has {count} usable rows{left_out}: an evaluation splits them in three and "
            f"needs {LEAST_ROWS}"
        )
    if samples.legend is not None:
        sizes = np.bincount(samples.values.astype(np.int64), minlength=len(samples.legend.names))
        alone = [samples.legend.names[index] for index in np.flatnonzero(sizes == 1)]
        if alone:
            named = ", ".join(repr(one) for one in alone[:_NAMED])
            more = ", …" if len(alone) > _NAMED else ""
            raise InputError(
                f"{name!r} has {len(alone)} classes with one member ({named}{more}), which no "
                "encoder can be tested on: join them to others, or leave these rows out"
            )
    samples = samples.thinned(most)
    samples.check()
    classes = samples.legend is not None
    # Drawing may have left some classes without a member: codes stay without gaps.
    target = np.unique(samples.values, return_inverse=True)[1] if classes else samples.values
    said = re.sub(r"[^\w.-]+", "_", name).strip("_") or "target"
    return Task(said, samples.lonlat, np.asarray(target).reshape(-1), classes), samples.account
