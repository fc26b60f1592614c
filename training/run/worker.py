"""One of the other processes of a run on several devices; `launch.joined` starts it.

It reads its place and the run as JSON from standard input, writes no files, and says nothing
unless it fails alone.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from satclip_core.errors import SatclipError

from ..distributed import PeerError, Place
from ..settings.config import TrainConfig
from ..settings.run_files import Locations
from ..settings.schema import build
from .pretraining import RunOptions, train


def main() -> int:
    """Take part in the run; the answer is the exit code."""
    # They reach every process of a terminal or job; the first one tells the others when to stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    job = json.load(sys.stdin)
    options = RunOptions(
        Locations(tuple(Path(root) for root in job["roots"])),
        Path(job["output"]),
        job["data_root"],
        job["resume"],
        cache=None if job["cache"] is None else Path(job["cache"]),
    )
    try:
        train(build(TrainConfig, job["config"], ""), options, Place(**job["place"]))
    except PeerError:
        return 1
    except SatclipError as error:
        sys.stderr.write(f"Error: device {job['place']['rank']}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
