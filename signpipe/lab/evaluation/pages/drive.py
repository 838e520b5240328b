"""The page of `signpipe evaluate drive`: tables, and maps of what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signpipe.html.figures import new_figure
from signpipe.html.page import Html, Section, figure, join, paragraph, table, video, write_page
from signpipe.lab.simulation.world.limits import limits_of
from signpipe.lab.simulation.world.routes import KINDS, route

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAPS = 6  # roads that are drawn
STRIPS = 12  # signs that are shown as the camera saw them
# Goals by condition: right by distance and by event; the regulation asks for 90 % by distance.
GOALS = {"clear": (0.99, 0.97), "rain": (0.95, 0.90), "night": (0.95, 0.90)}
COLOURS = {"wrong": "#c0392b", "missing": "#e08e0b"}


def write_drive_page(
    path: Path, content: dict[str, Any], stills: bool = False, clips: Sequence[tuple[str, str]] = ()
) -> None:
    """Write the page.

    Args:
        path: The file.
        content: What `signpipe evaluate drive --json` writes.
        stills: Show what the camera saw where it went wrong: needs the extra "simulate".
        clips: Videos of what went wrong, by where they lie seen from the page, and what they show.

    Raises:
        ExtraMissingError: The extra "report" isn't installed.
        OutputError: The file can't be written.
    """
    metrics = content["metrics"]
    sections = [Section("By road and weather", join(_shares(metrics["open"]), _goals(metrics["open"])))]
    sections.append(Section("Who is to blame", _blame(metrics["open"]["all"])))
    failures = worst_first(metrics["open"])
    sections.append(Section("Where", _maps(failures, content["leg_km"] * 1000)))
    if stills:
        from signpipe.lab.evaluation.pages.stills import strips

        seen = [figure(strip, text) for strip, text in strips(failures, content["leg_km"] * 1000, STRIPS)]
        note = paragraph("What the camera saw of the sign that should have been told: 48, 26 and 14 m before it.")
        sections.append(Section("What was missed", join(note, *seen)))
    if clips:
        note = paragraph("The last seconds before it, with what was said of the signs then and what was told.")
        sections.append(Section("How it went wrong", join(note, *(video(*one) for one in clips))))
    if "closed" in metrics:
        sections.append(Section("A car that obeys", _closed(metrics["closed"])))
    if "pixels" in metrics:
        note = paragraph("The same stretches in pictures, through the whole pipeline, and by table: how far it holds.")
        both = [part for how in ("pictures", "table") for part in (paragraph(how), _shares(metrics["pixels"][how]))]
        sections.append(Section("In pictures", join(note, *both)))
    told = (
        "Simulated roads; after Regulation (EU) 2021/1958: by distance, and by event two seconds after each sign. "
        f"Table of perception: {content['table']}"
    )
    write_page(path, "Speed limits told on simulated roads", sections, told)


def _shares(cells: dict[str, Any]) -> Html:
    rows = []
    for name, cell in cells.items():
        distance, event = cell["by_distance"], cell["by_event"]
        low, high = cell.get("by_distance_interval_95", (float("nan"),) * 2)
        by_distance = [f"{100 * distance[one]:.1f}" for one in distance]
        by_event = [f"{100 * event[one]:.1f}" for one in event]
        interval = f"{100 * low:.1f} to {100 * high:.1f}"
        wrong = f"{100 * cell['published_wrong']:.2f}"
        low, high = cell.get("by_event_interval_95", (float("nan"),) * 2)
        of_events = f"{100 * low:.1f} to {100 * high:.1f}"
        rows.append(
            [name, f"{cell['km']:.1f}", *by_distance, interval, wrong, str(cell["events"]), *by_event, of_events]
        )
    header = ["road, weather", "km", "right", "wrong", "missing", "right, 95 %", "published wrong", "events", "right",
              "wrong", "missing", "right, 95 %"]  # fmt: skip
    return table(header, rows)


def _goals(cells: dict[str, Any]) -> Html:
    """Tell what was aimed at, and by how much it is missed."""
    rows = []
    for name, goals in GOALS.items():
        for by, goal in zip(("by_distance", "by_event"), goals, strict=True):
            if name in cells:
                right = cells[name][by]["right"]
                what = f"{name}, {by.replace('_', ' ')}"
                rows.append([what, f"{100 * right:.1f}", f"{100 * goal:.0f}", f"{100 * (right - goal):+.1f}"])
    return table(["goal", "right, %", "aimed at, %", "points off"], rows)


def _blame(cell: dict[str, Any]) -> Html:
    return table(["what went wrong", "km"], [[name, f"{km:.2f}"] for name, km in cell["blame_km"].items()])


def _closed(cells: dict[str, Any]) -> Html:
    names = (
        "over_seconds",
        "over_metres",
        "most_over",
        "stops",
        "stops_missed",
        "needless",
        "slow_metres",
        "unavailable",
    )
    header = ["fault", "km", "s over the limit", "m over", "most, km/h", "stops", "missed", "s of needless braking",
              "m held up", "s without a limit", "m over, by who is to blame"]  # fmt: skip
    rows = []
    for name, one in cells.items():
        blame = ", ".join(f"{who}: {metres:.0f}" for who, metres in one["blame"].items())
        rows.append([name, f"{one['metres'] / 1000:.1f}", *(f"{one[key]:g}" for key in names), blame])
    return table(header, rows)


def worst_first(cells: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the longest failures of all drives, and the longest of each road and weather."""
    found: list[dict[str, Any]] = []
    for one in [*cells["all"]["failures"], *(c["failures"][0] for c in cells.values() if c["failures"])]:
        if one not in found:
            found.append(one)
    return sorted(found, key=lambda one: -one["metres"])


def _maps(failures: list[dict[str, Any]], length: float) -> Html:
    """Draw the roads with the longest failures, and list them."""
    roads: dict[str, list[dict[str, Any]]] = {}
    for one in failures:
        roads.setdefault(one["road"], []).append(one)
    chosen = dict(list(roads.items())[:MAPS])
    names = ("road", "begin", "metres", "true", "told", "outcome", "blame")
    rows = [[str(one[name]) for name in names] for ones in chosen.values() for one in ones]
    header = ["road", "from, m", "for, m", "true", "told", "outcome", "blame"]
    return join(*(figure(_map(name, ones, length), name) for name, ones in chosen.items()), table(header, rows))


def _map(name: str, failures: list[dict[str, Any]], length: float) -> Figure:
    """Draw a road from above, its limits, and where it went wrong."""
    kind, seed = name.split(",")[0].split(" ")
    scene = route(kind if kind in KINDS else KINDS[0], int(seed), length)
    drawn = new_figure(7, 3.4)
    plot = drawn.add_subplot()
    along = np.arange(0, scene.alignment.length, 10.0)
    x, _, z = scene.alignment.place(along, 0.0, 0.0).T
    plot.plot(x, z, color="#888888", linewidth=1.5)
    for one in failures:
        part = (along >= one["begin"]) & (along <= one["begin"] + one["metres"])
        plot.plot(x[part], z[part], color=COLOURS.get(one["outcome"], "#c0392b"), linewidth=4)
    for limit, place in _marks(scene.alignment.length, limits_of(scene)):
        mx, _, mz = scene.alignment.place([place], 0.0, 0.0)[0]
        plot.annotate(limit, (float(mx), float(mz)), fontsize=7)
    plot.set_aspect("equal", adjustable="datalim")
    plot.set_xlabel("metres")
    return drawn


def _marks(length: float, limits: list[Any]) -> Iterator[tuple[str, float]]:
    for one in limits[1:]:
        if one.begin < length:
            yield ("none" if one.limit == float("inf") else f"{one.limit:g}"), one.begin
