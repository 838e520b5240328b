"""The map as one page that works without network: a drawing of the roads that were driven, and a card for each sign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.geodesy import Values, offset
from signpipe.html import Html, Section, data_uri, join, paragraph, table, templates, write_page
from signpipe.mapping.comparing import Finding, LimitFinding
from signpipe.mapping.entry import Entry, State
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.writers.rows import Naming, row_of

GAP = 60.0  # metres between waypoints, over which no road is drawn
SIMPLE = 1.0  # metres by which a drawn road may be off
MOST_LINES = 400  # of a table


def write_map_page(
    path: Path, entries: Sequence[Entry], roads: Sequence[DrivenRoad], naming: Naming,
    findings: Sequence[Finding] | None = None, limits: Sequence[LimitFinding] = (),
) -> None:  # fmt: skip
    """Write the page; it refers to nothing outside itself.

    Args:
        path: The HTML file.
        entries: The signs.
        roads: What the drives tell.
        naming: Titles of the classes.
        findings: Of a comparison with another map, or None without one.
        limits: Stretches with their limits.

    Raises:
        OutputError: The file can't be written, or holds something else than a page.
    """
    origin = _origin(entries, roads)
    verdicts = {one.entry.id: one.verdict.value for one in findings or () if one.entry is not None}
    signs = [_sign(entry, origin, naming, verdicts) for entry in entries]
    body = Html(
        templates("signpipe.mapping")
        .get_template("map.html")
        .render(
            signs=signs,
            roads=[line for road in roads for line in _lines(road, origin)],
            states=[state.value for state in State if any(entry.state is state for entry in entries)],
            verdicts=sorted(set(verdicts.values())),
        )
    )
    sections = [Section("Signs", body), Section("Limits", _limits(limits))]
    if findings is not None:
        sections.insert(1, Section("Beside the map", _findings(findings, naming)))
    drives = len(roads)
    note = f"{len(entries)} signs from {drives} drive{'s' if drives != 1 else ''}"
    write_page(path, "Map of signs", sections, note)


def _origin(entries: Sequence[Entry], roads: Sequence[DrivenRoad]) -> tuple[float, float]:
    for road in roads:
        if road.waypoints:
            return road.waypoints[0].latitude, road.waypoints[0].longitude
    return (entries[0].latitude, entries[0].longitude) if entries else (0.0, 0.0)


def _sign(entry: Entry, origin: tuple[float, float], naming: Naming, verdicts: dict[str, str]) -> dict[str, Any]:
    """Return what the page knows of a sign."""
    east, north = offset(*origin, entry.latitude, entry.longitude)
    row = row_of(entry, naming)
    return {
        "id": entry.id, "x": round(float(east), 1), "y": round(-float(north), 1), "facing": row["facing"],
        "title": row["title"] if entry.sure else f"{row['category'] or 'unknown sign'}: perhaps {row['title']}",
        "state": entry.state.value, "verdict": verdicts.get(entry.id, ""),
        "before": naming.title(entry.before) if entry.before else "",
        "code": row["code"] or "", "probability": row["probability"], "error": row["error"], "height": row["height"],
        "side": row["side"], "seen": entry.seen, "passed": entry.passed, "last": (row["last_seen"] or "")[:10],
        "place": f"{entry.latitude:.6f}, {entry.longitude:.6f}",
        "crop": data_uri(entry.crop) if entry.crop else "",
    }  # fmt: skip


def _lines(road: DrivenRoad, origin: tuple[float, float]) -> list[str]:
    """Return the way of a drive as points of SVG polylines."""
    if not road.waypoints:
        return []
    latitude, longitude = np.array([(point.latitude, point.longitude) for point in road.waypoints]).T
    east, north = offset(*origin, latitude, longitude)
    places = np.stack([east, -north], axis=1)
    cuts = np.flatnonzero(np.hypot(*np.diff(places, axis=0).T) > GAP) + 1
    parts = [_simplified(part) for part in np.split(places, cuts) if len(part) > 1]
    return [" ".join(f"{x:.1f},{y:.1f}" for x, y in part.tolist()) for part in parts]


def _simplified(places: Values) -> Values:
    """Return a line without the points that lie within `SIMPLE` of it (Douglas and Peucker)."""
    keep = np.zeros(len(places), bool)
    keep[[0, -1]] = True
    stack = [(0, len(places) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        along = places[last] - places[first]
        length = math.hypot(*along)
        between = places[first + 1 : last] - places[first]
        off = np.abs(between @ np.array([-along[1], along[0]])) / length if length else np.hypot(*between.T)
        worst = int(np.argmax(off))
        if off[worst] > SIMPLE:
            middle = first + 1 + worst
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return places[keep]


def _limits(limits: Sequence[LimitFinding]) -> Html:
    """Return the table of stretches with their limits."""
    words = {True: "agrees", False: "differs", None: ""}
    rows = [
        (
            one.stretch.drive, one.stretch.message + ("" if one.stretch.sure else " (last known)"),
            round(one.stretch.length),
            "" if one.mapped is None else f"{one.mapped:g}", words[one.agrees],
            "{:.6f}, {:.6f}".format(*one.stretch.path[0]), "{:.6f}, {:.6f}".format(*one.stretch.path[-1]),
        )
        for one in limits
    ]  # fmt: skip
    if not rows:
        return paragraph("The drives tell no limits.")
    header = ("drive", "limit", "metres", "on the map, km/h", "", "from", "to")
    more = [paragraph(f"{len(rows) - MOST_LINES} more are left out.")] if len(rows) > MOST_LINES else []
    return join(table(header, rows[:MOST_LINES]), *more)


def _findings(findings: Sequence[Finding], naming: Naming) -> Html:
    """Return the table of what differs from the map."""
    rows = []
    for one in findings:
        place = one.entry or one.mapped
        if one.verdict == "agrees" or place is None:
            continue
        rows.append(
            (
                one.verdict.value, naming.title(one.entry.class_name) if one.entry else "",
                one.mapped.source if one.mapped else "", one.passes, f"{place.latitude:.6f}, {place.longitude:.6f}",
            )
        )  # fmt: skip
    agreed = sum(one.verdict == "agrees" for one in findings)
    told = paragraph(f"{agreed} signs agree; {len(rows)} differ.")
    header = ("what", "the drives saw", "on the map", "passes", "place")
    return join(told, table(header, sorted(rows)[:MOST_LINES])) if rows else told
