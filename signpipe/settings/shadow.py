"""The section about shadow mode: what counts as a disagreement, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from signpipe.settings.sections import Section


class ShadowSettings(Section):
    """Shadow mode: signpipe watches beside the driver, tells the car nothing, and records where they disagree."""

    folder: Path | None = Field(None, description="Where the drive is kept, a new folder; none keeps nothing.")
    before: float = Field(10.0, ge=0, le=120, description="Seconds of video kept before an event.")
    after: float = Field(10.0, ge=0, le=120, description="And after it.")
    tolerance: float = Field(5.0, ge=0, le=50, description="km/h over the limit told that don't count.")
    comfort: float = Field(
        1.0, gt=0, le=9, description="Deceleration in m/s2 at which a car would come down to a new limit."
    )
    reaction: float = Field(2.0, ge=0, le=10, description="Seconds before it would begin to.")
    persist: float = Field(2.0, ge=0, le=60, description="Seconds that a disagreement lasts before it counts.")
    reach: float = Field(15.0, gt=0, le=100, description="Metres beside the way up to which a mapped sign is passed.")
    road: Literal["auto", "town", "country", "motorway"] = Field(
        "auto", description="The road; auto goes by the limit that is known: to 60 km/h town, to 100 country."
    )
    weather: Literal["auto", "clear", "rain", "snow", "fog"] = Field(
        "auto", description="The weather; auto goes by vehicle.wet, snow and fog, and is unknown without them."
    )
    width: int = Field(640, ge=160, le=3840, description="Width of the clips in pixels.")
    rate: float = Field(10.0, gt=0, le=60, description="Most frames per second in them.")
    blur: bool = Field(True, description="Blur whatever is no sign before anything is kept: faces, plates, houses.")
    days: float = Field(30.0, gt=0, le=36_500, description="Age at which clips and places of a drive are removed.")
    megabytes: float = Field(500.0, gt=0, le=1e9, description="Most that the clips of one drive take.")
