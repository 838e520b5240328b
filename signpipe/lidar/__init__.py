"""LiDAR: sweeps, their calibration with the camera, and what they tell of the object in a box.

>>> from pathlib import Path
>>> from signpipe.lidar import View, read_calibration, read_sweep, sight
>>> folder = Path("../shared/data/kitti")
>>> calibration = read_calibration(folder / "000114_calib.txt")  # doctest: +SKIP
>>> view = View(read_sweep(folder / "000114_velodyne.bin"), calibration)  # doctest: +SKIP
>>> sight(view, [339, 198, 386, 244])  # doctest: +SKIP
Sighting(depth=10.79, spread=0.06, points=98, width=0.70, height=0.69, above_road=1.01, ...)
"""

from __future__ import annotations

from signpipe.lidar.calibration import Calibration, read_calibration
from signpipe.lidar.ranging import Sighting, sight
from signpipe.lidar.reading import read_sweep
from signpipe.lidar.sweeps import Sweeps, open_sweeps
from signpipe.lidar.view import View

__all__ = ["Calibration", "Sighting", "Sweeps", "View", "open_sweeps", "read_calibration", "read_sweep", "sight"]
