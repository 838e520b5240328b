"""The sections about what is done when vision is not sure: the fallback, its witnesses, and what a person is asked."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import Field, model_validator

from signpipe.settings.sections import Section


class CameraSettings(Section):
    """The camera's optics, by which a box becomes a direction and a size."""

    focal: float | None = Field(
        None, gt=0, description="Focal length in pixels of the source picture; none takes it from field_of_view."
    )
    field_of_view: float = Field(50.0, gt=1, lt=170, description="Horizontal field of view in degrees.")
    vanishing_x: float = Field(
        0.5,
        ge=-1,
        le=2,
        description="Where a straight road vanishes, as a share of the picture's width; tracks refine it.",
    )
    vanishing_y: float = Field(0.5, ge=-1, le=2, description="The same, as a share of the height from the top.")

    def focal_for(self, width: int) -> float:
        """Return the focal length in pixels of a picture of `width` pixels."""
        return self.focal or width / 2 / math.tan(math.radians(self.field_of_view) / 2)


class FallbackSettings(Section):
    """How sure a sign must be, and whose help is asked for."""

    accept: float = Field(0.95, gt=0.5, lt=1, description="Fused probability from which vision alone confirms a class.")
    accept_fused: float = Field(
        0.985,
        gt=0.5,
        lt=1,
        description="Fused probability from which a class is published that others have to decide, or that a map "
        "holds against.",
    )
    accept_hidden: float = Field(
        0.995,
        gt=0.5,
        lt=1,
        description="Fused probability from which the class of a sign is published that is partly hidden.",
    )
    visible: float = Field(
        0.8, ge=0, le=1, description="A sign of which a smaller share can be seen counts as partly hidden."
    )
    support: float = Field(
        0.2, ge=0, lt=1, description="A map decides for a class only if what is seen makes it at least so probable."
    )
    release: float = Field(0.8, gt=0, lt=1, description="A confirmed class is given up below this (hysteresis).")
    category: float = Field(0.8, gt=0, lt=1, description="Probability from which a category is published.")
    novelty: float = Field(0.5, gt=0, le=1, description="Over this, a sign counts as unfamiliar and isn't confirmed.")
    novelty_hidden: float = Field(
        0.65,
        gt=0,
        le=1,
        description="The same of a sign that is partly hidden: what hides it makes it look unfamiliar, too.",
    )
    ask_below: float = Field(
        0.99, gt=0, le=1, description="Signs that vision is less sure of are matched with the catalogue's drawings."
    )
    per_frame: int = Field(2, ge=1, le=64, description="Most signs per frame that are; the rest wait for the next one.")
    rematch_growth: float = Field(1.25, ge=1, description="A sign is matched again once it has grown by so much.")

    @model_validator(mode="after")
    def _check(self) -> FallbackSettings:
        if self.release > self.accept:
            raise ValueError("release must not be over accept")
        return self

    def accept_for(self, visible: float) -> float:
        """Return how probable a class must be: of a sign that is partly hidden, what decides may be what is hidden."""
        return self.accept if visible >= self.visible else max(self.accept, self.accept_hidden)

    def novelty_for(self, visible: float) -> float:
        """Return how unfamiliar a sign may look of which so much can be seen."""
        return self.novelty if visible >= self.visible else max(self.novelty, self.novelty_hidden)


class TemplateSettings(Section):
    """Matching crops with the catalogue's drawings, a second opinion on what vision left open."""

    enabled: bool = Field(True, description="Ask the drawings about signs that vision is not sure of.")
    weight: float = Field(
        0.5, ge=0, le=1, description="Its log-odds count so much: it sees the same pixels as the CNN."
    )
    smallest: float = Field(20.0, ge=8, description="Side in pixels below which a crop is not asked about.")


class ShapeSettings(Section):
    """Category from outline and colour, asked where the class stays open."""

    enabled: bool = Field(False, description="Ask outline and colour about signs that vision is not sure of.")
    weight: float = Field(
        0.25, ge=0, le=1, description="Its log-odds count so much: the CNN tells categories better than it does."
    )
    smallest: float = Field(20.0, ge=8, description="Side in pixels below which a crop is not asked about.")


class FiguresSettings(Section):
    """Reading the figures on signs: limits, weights, heights, and what plates say."""

    enabled: bool = Field(True, description="Read the figures of signs that may carry some.")
    model: str = Field("reader", description="Name in the model manifest, or path of an ONNX file.")
    weight: float = Field(
        0.8, ge=0, le=1, description="Its log-odds count so much: it sees the same pixels as the classifier."
    )
    smallest: float = Field(14.0, ge=8, description="Shorter side in pixels below which a sign isn't read.")
    least: float = Field(
        0.02, ge=0, le=1, description="A sign is read if signs with figures have at least this probability by vision."
    )
    unfamiliar: float = Field(0.4, ge=0, le=1, description="A sign of more novelty than this is read in any case.")
    growth: float = Field(1.15, ge=1, description="A sign is read again once it has grown by so much.")
    interval: float = Field(0.4, ge=0, description="Seconds after which it is read again anyway.")
    per_frame: int = Field(3, ge=1, le=64, description="Most signs that are read in one frame.")


class PositionSettings(Section):
    """Where the vehicle is."""

    source: str | None = Field(
        None,
        description="GPX file, NMEA log or subtitles (.srt) beside a recording, a recording or folder of pictures that "
        "has positions in it, or live: gpsd://HOST[:PORT], tcp://HOST:PORT or serial:DEVICE[@BAUD] (NMEA).",
    )
    offset: float = Field(
        0.0,
        ge=-1e9,
        le=1e9,
        description="Seconds after the first position of the main drive at which the recording starts.",
    )
    sigma: float = Field(
        5.0, gt=0, le=10_000, description="Spread of a position in metres, where the receiver doesn't say."
    )


class MapSettings(Section):
    """Signs and limits from a map, as a likelihood over classes, never a verdict alone."""

    file: Path | None = Field(None, description="GeoJSON, .osm or .osm.pbf with signs and limits.")
    weight: float = Field(1.0, ge=0, le=1, description="Its log-odds count so much.")
    error_rate: float = Field(
        0.15, gt=0, lt=1, description="Share of entries that are wrong or out of date; learned further while driving."
    )
    sigma: float = Field(8.0, gt=0, le=10_000, description="Spread of a mapped sign's place in metres.")
    heading_sigma: float = Field(20.0, gt=0, le=360, description="Spread of headings in degrees.")


class LidarSettings(Section):
    """Range of a sign from LiDAR sweeps, and from it its real size and height."""

    sweeps: Path | None = Field(
        None, description="Folder of sweeps, one per frame: .bin (KITTI, nuScenes), .pcd or .npy."
    )
    calibration: Path | None = Field(
        None,
        description="Calibration of camera and LiDAR as KITTI writes it: object, tracking, odometry or raw.",
    )
    sensor_height: float = Field(
        1.73,
        gt=0,
        le=100,
        description="Metres of the LiDAR over the road, taken where it sees no ground around a sign.",
    )
    weight: float = Field(1.0, ge=0, le=1, description="Its log-odds count so much.")

    @model_validator(mode="after")
    def _check(self) -> LidarSettings:
        if self.sweeps is not None and self.calibration is None:
            raise ValueError("sweeps are of no use without a calibration: give lidar.calibration (--calibration) too")
        return self


class ReviewSettings(Section):
    """What is kept for a person: uncertain and novel signs, once a track."""

    folder: Path | None = Field(None, description="Where the review queue lies; none keeps nothing.")
    megabytes: float = Field(200.0, gt=0, le=1e9, description="Size of the queue; the oldest unlabelled ones go first.")
    days: float = Field(90.0, gt=0, le=36_500, description="Age at which an unlabelled one goes.")
    similarity: float = Field(
        0.95, gt=0, le=1, description="Cosine of two embeddings from which a sign counts as queued already."
    )
    smallest: float = Field(
        20.0, ge=0, le=16_384, description="Side in pixels below which a sign isn't worth a person's time."
    )
    privacy: bool = Field(False, description="Blur everything but the signs in what is kept.")
