"""A folder of sweeps beside a recording, one a frame."""

from __future__ import annotations

import logging
from pathlib import Path

import natsort

from signpipe.errors import SettingsError, SourceError
from signpipe.lidar.reading import SUFFIXES, read_sweep
from signpipe.settings import LidarSettings
from signpipe.types import FloatArray

logger = logging.getLogger(__name__)


class Sweeps:
    """The sweeps of a recording, in natural order of their names: the first belongs to frame 0.

    Args:
        paths: The files.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._bad: set[int] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._paths)

    def at(self, index: int) -> FloatArray | None:
        """Return the sweep of a frame as float32 (N, 4), or None if there is none or it can't be used.

        A bad sweep, and the end of the sweeps, is one warning each; the run goes on without.

        Args:
            index: `Frame.index`.
        """
        if index >= len(self._paths):
            if not self._ended:
                logger.warning("There are %d LiDAR sweeps only: no ranges from frame %d on.", len(self), len(self))
            self._ended = True
            return None
        if index in self._bad:
            return None
        try:
            return read_sweep(self._paths[index])
        except SourceError as error:
            logger.warning("%s Frame %d goes on without it.", error, index)
            self._bad.add(index)
            return None


def open_sweeps(settings: LidarSettings) -> Sweeps:
    """Open the folder `settings.sweeps`; its sweeps are read one by one, when their frame comes.

    Raises:
        SettingsError: No folder is set.
        SourceError: It can't be listed or holds no sweeps, or the first is of a kind that can't be read here.
        ExtraMissingError: There are PCD files among them, and pypcd4 isn't installed.
    """
    folder = settings.sweeps
    if folder is None:
        raise SettingsError("No LiDAR sweeps are set: give lidar.sweeps a folder.")
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"The folder of sweeps {folder} can't be listed: {error.strerror}.") from None
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise SourceError(f"The folder {folder} holds no LiDAR sweeps ({', '.join(SUFFIXES)}).")
    if others := sorted(
        path.name for path in files if path.suffix.lower() not in SUFFIXES and path != settings.calibration
    ):
        logger.warning(
            "In the folder of sweeps %s, %d files are passed over that are none (%s), such as %s.",
            folder, len(others), ", ".join(SUFFIXES), others[0],
        )  # fmt: skip
    if any(path.suffix.lower() == ".pcd" for path in paths):
        _require_pcd()
    return Sweeps(natsort.natsorted(paths, key=str))


def _require_pcd() -> None:
    from importlib.util import find_spec

    from signpipe.errors import ExtraMissingError

    if find_spec("pypcd4") is None:
        raise ExtraMissingError("reading PCD sweeps", "lidar")
