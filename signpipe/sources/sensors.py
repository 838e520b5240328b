"""What comes beside the pictures: where the vehicle was, how it moved, and what its LiDAR saw."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from time import monotonic, perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

from signpipe.settings import Settings, load_settings
from signpipe.types import Frame, Gap, Pose

if TYPE_CHECKING:
    from signpipe.can.motion import MotionSource
    from signpipe.lidar import Sweeps
    from signpipe.position import PositionSource

logger = logging.getLogger(__name__)


class Sensors:
    """Gives each frame its pose, its motion and its LiDAR sweep, where there are any; a context manager.

    Args:
        settings: `position`, `motion` and `lidar` say where they come from; what isn't asked for isn't opened. The
            default is `Settings()`, which asks for none.
        start: Where the run starts, if its source brings positions of its own.

    Raises:
        SettingsError: A source is named that can't be.
        SourceError: A file or folder can't be read.
        ExtraMissingError: A library is missing that its format needs.
    """

    def __init__(self, settings: Settings | None = None, start: Pose | None = None) -> None:
        settings = settings or load_settings()
        self._start = start
        self._position: PositionSource | None = None
        self._motion: MotionSource | None = None
        self._sweeps: Sweeps | None = None
        self._origin: float | None = None  # `captured_at` of a live source's first frame
        if settings.lidar.sweeps is not None:
            from signpipe.lidar import open_sweeps

            self._sweeps = open_sweeps(settings.lidar)
        if settings.position.source is not None:
            from signpipe.position import open_position

            self._position = open_position(settings.position)
        elif settings.map.file is not None and start is None:
            logger.warning("The map %s says nothing without positions; give --gpx too.", settings.map.file)
        if settings.motion.source is not None:
            from signpipe.can.motion import open_motion

            try:
                self._motion = open_motion(settings.motion)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release what is held open."""
        for source in (self._position, self._motion):
            if source is not None:
                source.close()

    def start(self) -> Pose | None:
        """Return the pose at the start, or None where there is none or a receiver hasn't told one yet."""
        return self._position.at(0.0, monotonic()) if self._position is not None else self._start

    def sense(self, frame: Frame, live: bool = False) -> Frame:
        """Put pose, motion and sweep on a frame, and the time that took; what the frame brings itself stays.

        Args:
            frame: With the index and the media time that it has in its own recording, not in a repeated one.
            live: True if the time that counts is when it was captured.
        """
        if self._position is None and self._motion is None and self._sweeps is None:
            return frame
        start = perf_counter()
        media_time = frame.media_time
        if live:
            self._origin = frame.captured_at if self._origin is None else self._origin
            media_time = frame.captured_at - self._origin
        if self._position is not None and frame.pose is None:
            frame.pose = self._position.at(media_time, frame.captured_at)
        if self._motion is not None and frame.motion is None:
            frame.motion = self._motion.at(media_time, frame.captured_at)
        if self._sweeps is not None and frame.lidar is None:
            frame.lidar = self._sweeps.at(frame.index)
        frame.sensors_ms = (perf_counter() - start) * 1e3
        return frame

    def attach(self, frames: Iterable[Frame | Gap]) -> Iterator[Frame | Gap]:
        """Yield the same frames and gaps, the frames with what belongs to them."""
        for item in frames:
            yield self.sense(item) if isinstance(item, Frame) else item
