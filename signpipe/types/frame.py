"""What comes from a source: a picture with what belongs to it, or the report that there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

from signpipe.errors import SourceError
from signpipe.types.arrays import FloatArray, Image
from signpipe.types.plates import Surroundings

# Time stamps may step back by so many seconds (disordered packets); by more, the recording was wound back.
LARGEST_DISORDER = 0.5


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the vehicle was when a frame was captured.

    Attributes:
        latitude: WGS 84 degrees, north positive.
        longitude: WGS 84 degrees, east positive.
        heading: Degrees clockwise from true north, or None where unknown.
        speed: Metres per second, or None where unknown.
        sigma: Spread of the position in metres as the receiver states it, or None where it doesn't.
        utc: Seconds since 1970, UTC, by the receiver's clock, or None where that isn't known.
    """

    latitude: float
    longitude: float
    heading: float | None = None
    speed: float | None = None
    sigma: float | None = None
    utc: float | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """How the vehicle moved when a frame was captured, as its own sensors tell.

    Attributes:
        speed: Metres per second; negative in reverse.
        yaw_rate: Radians per second, as the vehicle's signal counts it, or None where unknown.
    """

    speed: float
    yaw_rate: float | None = None


@dataclass(slots=True, repr=False, eq=False)
class Frame:
    """One picture from a source.

    Attributes:
        image: BGR uint8 (H, W, 3) in the source's own size, upright (rotation flags are already applied).
        index: Number of the frame in the source, from 0; a frame that was dropped keeps its number.
        captured_at: `time.monotonic()` when the picture was taken (live) or read (recording).
        media_time: Seconds since the start of the recording or stream, from the container's timestamps.
        source_id: Name of the source without credentials.
        pose: Where the vehicle was, if the source knows it.
        motion: How the vehicle moved, if its own sensors are read.
        lidar: A LiDAR sweep float32 (N, 4) as x, y, z, reflectance, if the source has one.
        independent: True if the picture has nothing to do with the one before it (no tracking).
        name: File name of a still picture, else None.
        surroundings: What is known of rain, snow, fog and the time of day, where someone tells it frame by frame; the
            settings' `vehicle` section otherwise.
        sensors_ms: Milliseconds that it took to read pose and sweep, in the thread that reads ahead.

    Raises:
        SourceError: The image is no BGR uint8 (H, W, 3), or empty; `signpipe.images.as_bgr` makes one of others.
    """

    image: Image
    index: int = 0
    captured_at: float = field(default_factory=monotonic)
    media_time: float = 0.0
    source_id: str = "array"
    pose: Pose | None = None
    lidar: FloatArray | None = None
    independent: bool = False
    name: str | None = None
    surroundings: Surroundings | None = None
    sensors_ms: float = 0.0
    motion: Motion | None = None

    def __post_init__(self) -> None:
        image: Any = self.image
        right = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        if not right or not image.size:
            given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise SourceError(f"A frame's image must be BGR uint8 (H, W, 3), not {given}; see signpipe.images.as_bgr.")
        if not math.isfinite(self.media_time):
            raise SourceError(f"A frame's media time must be a number of seconds, not {self.media_time}.")

    @property
    def speed(self) -> float | None:
        """Metres per second by the vehicle's own sensors, else by its positions; None where neither knows."""
        if self.motion is not None:
            return self.motion.speed
        return self.pose.speed if self.pose else None

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Frame({self.source_id!r}, index={self.index}, media_time={self.media_time:.3f}, {width}x{height})"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without pictures: the signal is lost, so tracks coast and advisories age.

    Attributes:
        captured_at: `time.monotonic()` of this report.
        media_time: Seconds on the same clock as the frames before it.
        source_id: Name of the source without credentials.
        reason: One phrase for a person, such as "no frame for 2.0 s".
        duration: Seconds since the last frame.
    """

    captured_at: float
    media_time: float
    source_id: str
    reason: str
    duration: float


@dataclass(slots=True)
class Prepared:
    """A frame made ready for the detector.

    Attributes:
        image: BGR uint8 (H', W', 3), the network's input: the searched band, scaled and padded at the right and bottom.
            It may be a buffer that the next frame overwrites.
        picture: BGR uint8 (H, W, 3), the enhanced picture at source size; the frame's own image if nothing was changed.
        scale: Network pixels per source pixel, as (x, y).
        origin: Source pixel (x, y) that lies at the network's (0, 0).
        timings_ms: Milliseconds per step.
        reduced: Further inputs with their scales, each smaller than the one before: the same band, for signs that are
            too large in `image`.
    """

    image: Image
    picture: Image
    scale: tuple[float, float] = (1.0, 1.0)
    origin: tuple[int, int] = (0, 0)
    timings_ms: dict[str, float] = field(default_factory=dict)
    reduced: tuple[tuple[Image, tuple[float, float]], ...] = ()

    @property
    def inputs(self) -> tuple[tuple[Image, tuple[float, float]], ...]:
        """All inputs of the network with their scales, the largest first."""
        return (self.image, self.scale), *self.reduced

    def to_source(self, xyxy: FloatArray, scale: tuple[float, float] | None = None) -> FloatArray:
        """Map boxes from network to source pixels, clipped to the picture.

        Args:
            xyxy: float32 (N, 4) in pixels of an input.
            scale: That input's; the default is `image`'s.
        """
        height, width = self.picture.shape[:2]
        boxes = xyxy / np.array((scale or self.scale) * 2, np.float32) + np.array(self.origin * 2, np.float32)
        return np.clip(boxes, 0, np.array((width, height) * 2, np.float32))
