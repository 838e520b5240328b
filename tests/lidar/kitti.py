"""The real scene 000114 of KITTI's object benchmark, where its files are at hand."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("SIGNPIPE_DATA") or Path(__file__).parents[3] / "shared" / "data") / "kitti"
SWEEP, CALIBRATION = FOLDER / "000114_velodyne.bin", FOLDER / "000114_calib.txt"
needs_kitti = pytest.mark.skipif(
    not SWEEP.is_file(), reason="needs KITTI's scene 000114 in SIGNPIPE_DATA or ../shared/data"
)
KEEP_RIGHT, ZONE_30, NO_STOPPING = (338, 198, 386, 244), (745, 128, 774, 156), (534, 143, 548, 160)
TAIL_LAMP, CYCLIST = (657, 212, 668, 226), (888, 173, 1020, 267)
