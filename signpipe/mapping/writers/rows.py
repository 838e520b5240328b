"""An entry of the map as a row of plain values; docs/mapping.md describes each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from signpipe.catalogue import Catalogue, SignClass
from signpipe.mapping.entry import Entry, State

Row = dict[str, Any]


class Naming:
    """Titles and national codes of the classes.

    Args:
        catalogue: The classes; others keep their names only.
        country: Code of the country, or None.
    """

    def __init__(self, catalogue: Catalogue, country: str | None = None) -> None:
        self._signs = {sign.name: sign for sign in catalogue}
        self.country = country

    def sign(self, name: str) -> SignClass | None:
        """Return the class of a name, or None if the catalogue doesn't have it."""
        return self._signs.get(name)

    def title(self, name: str) -> str:
        """Return what a class is called for people."""
        sign = self.sign(name)
        return sign.title if sign else name


def row_of(entry: Entry, naming: Naming) -> Row:
    """Return an entry's properties, without its place."""
    sign = naming.sign(entry.class_name)
    named = entry.sure and entry.state is not State.GONE
    return {
        "id": entry.id,
        "class": entry.class_name if named else None,
        "best_class": entry.class_name,
        "title": naming.title(entry.class_name),
        "code": sign.code if sign and sign.code else None,
        "probability": round(entry.probability, 4),
        "category": entry.category,
        "state": entry.state.value,
        "before": entry.before,
        "heading": round((entry.facing + 180) % 360, 1),
        "facing": round(entry.facing, 1),
        "facing_sigma": round(entry.facing_sigma, 1),
        "side": entry.side.value,
        "aside": round(entry.aside, 2),
        "height": round(entry.height, 2),
        "height_sigma": round(entry.height_sigma, 2),
        "scale": round(entry.scale, 2),
        "error": round(entry.error, 2),
        "east_variance": round(entry.east_variance, 4),
        "north_variance": round(entry.north_variance, 4),
        "covariance": round(entry.covariance, 4),
        "first_seen": _moment(entry.first_seen),
        "last_seen": _moment(entry.last_seen),
        "seen": entry.seen,
        "passed": entry.passed,
        "missed": entry.missed,
        "looks": entry.looks,
        "sightings": ";".join(f"{drive}:{track}" for drive, track in entry.members),
    }


def _moment(utc: float | None) -> str | None:
    return None if utc is None else datetime.fromtimestamp(utc, UTC).isoformat(timespec="seconds")
