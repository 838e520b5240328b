"""Signs and limits that can be asked for by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from signpipe.geodesy import earth_centred
from signpipe.maps.entry import MapKind, MapSign


class SignMap:
    """The entries of a map, found by place.

    They are kept as arrays: the points of a county's roads are a million.

    Args:
        entries: Signs and limits in any order.
    """

    def __init__(self, entries: Iterable[MapSign]) -> None:
        places: list[tuple[float, float]] = []
        classes: list[int] = []
        headings: list[float] = []
        limits: list[bool] = []
        self._sources: list[str] = []
        for entry in entries:
            places.append((entry.latitude, entry.longitude))
            classes.append(entry.class_id)
            headings.append(np.nan if entry.heading is None else entry.heading)
            limits.append(entry.kind is MapKind.LIMIT)
            self._sources.append(entry.source)
        self._places: npt.NDArray[np.float64] = np.array(places, np.float64).reshape(-1, 2)
        self._classes = np.array(classes, np.int32)
        self._headings = np.array(headings, np.float32)
        self._limits = np.array(limits, bool)
        # In metres from the earth's centre a tree knows neither an antimeridian nor a projection's edge.
        self._tree = cKDTree(earth_centred(self._places[:, 0], self._places[:, 1])) if places else None

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[MapSign]:
        return (self._entry(number) for number in range(len(self)))

    def near(self, latitude: float, longitude: float, radius: float) -> list[MapSign]:
        """Return the entries around a place, in no particular order.

        Args:
            latitude: WGS 84 degrees.
            longitude: WGS 84 degrees.
            radius: Metres.
        """
        if self._tree is None:
            return []
        return [
            self._entry(number) for number in self._tree.query_ball_point(earth_centred(latitude, longitude), radius)
        ]

    def _entry(self, number: int) -> MapSign:
        """Return an entry by its number."""
        latitude, longitude = self._places[number]
        heading = float(self._headings[number])
        return MapSign(
            float(latitude), float(longitude), int(self._classes[number]), None if np.isnan(heading) else heading,
            self._sources[number], MapKind.LIMIT if self._limits[number] else MapKind.SIGN,
        )  # fmt: skip
