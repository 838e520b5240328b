"""Signs of a real street: how far they are by their usual size, beside what a LiDAR measured."""

import numpy as np
import pytest

from signpipe.catalogue.countries import load_country
from signpipe.lidar import View, read_calibration, read_sweep, sight
from signpipe.mapping.driven import sizes_of
from signpipe.mapping.looks import EDGE, SIZE_SHARE
from signpipe.mapping.placing import SIZE
from tests.lidar.kitti import CALIBRATION, KEEP_RIGHT, NO_STOPPING, SWEEP, needs_kitti


@needs_kitti
@pytest.mark.parametrize(("box", "name"), [(KEEP_RIGHT, "keep_right"), (NO_STOPPING, "no_stopping")])
def test_the_range_by_usual_size_errs_as_is_assumed(box: tuple[int, int, int, int], name: str) -> None:
    calibration = read_calibration(CALIBRATION)
    measured = sight(View(read_sweep(SWEEP), calibration), box)
    assert measured is not None
    height = box[3] - box[1]
    by_size = calibration.focal[1] * sizes_of(load_country("de").catalogue)[name][1] / height
    spread = np.hypot(np.hypot(SIZE, SIZE_SHARE), EDGE / height)
    assert abs(np.log(by_size / measured.depth)) < 2.5 * spread
