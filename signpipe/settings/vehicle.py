"""The vehicle that is driven, and what is known of the conditions that plates name."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from signpipe.settings.sections import Section


class VehicleSettings(Section):
    """The vehicle and the conditions on its road, for limits that not all have to keep; none is unknown."""

    kind: Literal["car", "van", "motorcycle", "moped", "bicycle", "goods", "bus", "tractor", "taxi", "tram"] | None = (
        Field(None, description="What it is.")
    )
    trailer: bool | None = Field(None, description="Whether it draws a trailer.")
    weight: float | None = Field(None, gt=0, le=200, description="Its permissible weight, in tonnes.")
    height: float | None = Field(None, gt=0, le=10, description="Its height, in metres.")
    width: float | None = Field(None, gt=0, le=10, description="Its width, in metres.")
    length: float | None = Field(None, gt=0, le=60, description="Its length with its trailer, in metres.")
    wet: bool | None = Field(None, description="Whether the road is wet: it rains, or the wipers run.")
    snow: bool | None = Field(None, description="Whether there is snow or ice on the road.")
    fog: bool | None = Field(None, description="Whether there is fog.")
    clock: datetime | None = Field(
        None,
        description="Local time at the start of the recording, such as 2026-11-27T17:30; none is that of the "
        "positions, where they have one and the country has one time zone.",
    )

    @field_validator("clock")
    @classmethod
    def _local(cls, clock: datetime | None) -> datetime | None:
        return clock if clock is None else clock.replace(tzinfo=None)
