"""What comes beside the pictures: where the vehicle was, and what its LiDAR saw."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from signpipe.settings import Settings
from signpipe.types import Frame, Gap

if TYPE_CHECKING:
    from signpipe.lidar import Sweeps
    from signpipe.position import PositionSource

logger = logging.getLogger(__name__)


class Companions:
    """Gives each frame its pose and its LiDAR sweep, where there are any; a context manager.

    Args:
        settings: `position` and `lidar` say where they come from; what isn't asked for isn't opened.

    Raises:
        SettingsError: A source is named that can't be.
        SourceError: A file or folder can't be read.
        ExtraMissingError: A library is missing that its format needs.
    """

    def __init__(self, settings: Settings) -> None:
        self._position: PositionSource | None = None
        self._sweeps: Sweeps | None = None
        if settings.lidar.sweeps is not None:
            from signpipe.lidar import open_sweeps

            self._sweeps = open_sweeps(settings.lidar)
        if settings.position.source is not None:
            from signpipe.position import open_position

            self._position = open_position(settings.position)
        elif settings.map.file is not None:
            logger.warning("The map %s says nothing without positions; give --gpx too.", settings.map.file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._position is not None:
            self._position.close()

    def beside(self, frames: Iterable[Frame | Gap]) -> Iterator[Frame | Gap]:
        """Yield the same frames and gaps, the frames with what belongs to them; a source's own pose stays."""
        for item in frames:
            if isinstance(item, Frame):
                if self._position is not None and item.pose is None:
                    item.pose = self._position.at(item.media_time, item.captured_at)
                if self._sweeps is not None and item.lidar is None:
                    item.lidar = self._sweeps.at(item.index)
            yield item
