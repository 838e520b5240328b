"""Drives in shadow mode added up: how far, under what, and how often signpipe and others disagreed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signpipe.errors import OutputError, SourceError
from signpipe.html import Html, Section, heading, join, paragraph, table, write_page
from signpipe.html import verdict as passed_or_not
from signpipe.lab.evaluation.interval import poisson
from signpipe.lab.shadow.verdicts import Verdict, stored
from signpipe.shadow.exposure import LIGHTS, ROADS, WEATHERS
from signpipe.shadow.judge import Kind
from signpipe.shadow.store import Drive
from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.lab.shadow.gates import Checked

KINDS = tuple(str(kind) for kind in Kind)
ALL = "all"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened.

    Attributes:
        events: Disagreements.
        faults: Those in which signpipe was wrong, or may have been: unclear ones and those that nobody has looked at.
        open: Those that nobody has looked at.
        per_100: Faults a 100 km.
        interval: Its 95 % interval (Poisson, exact).
    """

    events: int
    faults: int
    open: int
    per_100: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Report:
    """Drives added up.

    Attributes:
        drives: A row a drive: folder, source, started, kilometres, hours, events.
        kilometres: In all.
        hours: In all.
        blind_hours: Of them without pictures.
        exposure: Kilometres and hours by (road, light, weather).
        rates: By kind of disagreement, and of "all".
        versions: Of signpipe that drove; a report over several is of none of them.
    """

    drives: list[dict[str, Any]]
    kilometres: float
    hours: float
    blind_hours: float
    exposure: dict[tuple[str, str, str], tuple[float, float]]
    rates: dict[str, Rate]
    versions: tuple[str, ...]

    def covered(self, conditions: Sequence[str]) -> float:
        """Return the kilometres under all of some conditions, such as ("motorway", "night")."""
        return sum(km for cell, (km, _) in self.exposure.items() if all(one in cell for one in conditions))


def summarise(drives: Sequence[Drive]) -> Report:
    """Add drives up.

    Raises:
        SourceError: What is kept of one is damaged, or one is given twice.
    """
    folders = [drive.folder.resolve() for drive in drives]
    if len(set(folders)) < len(folders):
        raise SourceError("A drive is given twice: each counts once.")
    exposure: dict[tuple[str, str, str], tuple[float, float]] = {}
    counts = dict.fromkeys((*KINDS, ALL), (0, 0, 0))
    rows, blind = [], 0.0
    for drive in drives:
        rows.append(_drive_row(drive))
        blind += float(drive.facts.get("blind_hours", 0))
        for row in _exposure(drive):
            cell = row["road"], row["light"], row["weather"]
            km, hours = exposure.get(cell, (0.0, 0.0))
            exposure[cell] = km + row["kilometres"], hours + row["hours"]
        verdicts = stored(drive.folder)
        for event in drive.events:
            said = verdicts.get(event.id)
            fault = said is None or said["verdict"] != Verdict.NO_FAULT
            for name in (event.kind, ALL):
                events, faults, unseen = counts.get(name, (0, 0, 0))
                counts[name] = events + 1, faults + fault, unseen + (said is None)
    kilometres = sum(km for km, _ in exposure.values())
    rates = {name: _rate(*count, kilometres) for name, count in counts.items()}
    versions = tuple(sorted({str(drive.facts.get("version")) for drive in drives}))
    return Report(rows, kilometres, sum(h for _, h in exposure.values()), blind, exposure, rates, versions)


def write_report(result: Report, checked: Checked | None, html: Path | None, json_file: Path | None) -> None:
    """Write the report where it is asked for.

    Raises:
        OutputError: A file can't be written.
    """
    if html is not None:
        sections = [*([_gates(checked)] if checked else []), _rates(result), _conditions(result), _drives(result)]
        note = f"{result.kilometres:.1f} km in {result.hours:.2f} h on {len(result.drives)} drives; signpipe {VERSION}"
        write_page(html, "Shadow mode: sign-off report", sections, note)
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(_plain(result, checked), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{json_file} can't be written: {error.strerror}.") from None


def _rate(events: int, faults: int, unseen: int, kilometres: float) -> Rate:
    if kilometres <= 0:
        return Rate(events, faults, unseen, 0.0, (0.0, float("inf")))
    low, high = poisson(faults)
    scale = 100 / kilometres
    return Rate(events, faults, unseen, faults * scale, (low * scale, high * scale))


def _exposure(drive: Drive) -> list[dict[str, Any]]:
    rows = drive.facts.get("exposure")
    if not isinstance(rows, list):
        raise SourceError(f"The drive in {drive.folder} wasn't ended in order: it says nothing of how far was driven.")
    return rows


def _drive_row(drive: Drive) -> dict[str, Any]:
    rows = _exposure(drive)
    return {
        "folder": drive.folder.name, "source": Path(str(drive.facts.get("source", ""))).name,
        "kilometres": round(sum(row["kilometres"] for row in rows), 3),
        "hours": round(sum(row["hours"] for row in rows), 4), "events": len(drive.events),
        "reviewed": len(stored(drive.folder)),
    }  # fmt: skip


def _gates(checked: Checked) -> Section:
    rows = [(one.name, passed_or_not(one.passed), "; ".join(one.open) or "nothing") for one in checked.gates]
    note = f"Set by {checked.manager} on {checked.date}; the file's SHA-256 is {checked.sha256}."
    return Section("Gates", join(paragraph(note), table(("gate", "", "still open"), rows)))


def _rates(result: Report) -> Section:
    rows = [
        (name.replace("_", " "), rate.events, rate.faults, rate.open, f"{rate.per_100:.1f}",
         f"{rate.interval[0]:.1f} to {rate.interval[1]:.1f}")
        for name, rate in result.rates.items()
    ]  # fmt: skip
    note = (
        "A fault is an event in which a person found signpipe wrong, or couldn't tell, or which nobody has looked at "
        "yet. The interval is Garwood's exact one for a Poisson count, at 95 %."
    )
    header = ("disagreement", "events", "faults", "not looked at", "faults a 100 km", "95 % interval")
    return Section("Disagreements", join(paragraph(note), table(header, rows)))


def _conditions(result: Report) -> Section:
    parts: list[Html] = []
    for weather in WEATHERS:
        rows = [
            (road, *(f"{result.exposure.get((road, light, weather), (0.0, 0.0))[0]:.2f}" for light in LIGHTS))
            for road in ROADS
        ]
        if any(float(cell) for row in rows for cell in row[1:]):
            parts += [heading(f"Kilometres, weather {weather}"), table(("road", *LIGHTS), rows)]
    missing = [
        f"{road} at {light} in {weather}"
        for road in ROADS[:-1] for light in LIGHTS[:-1] for weather in WEATHERS[:-1]
        if (road, light, weather) not in result.exposure
    ]  # fmt: skip
    parts.append(heading("Not covered yet"))
    parts.append(paragraph("; ".join(missing) or "every road, light and weather was met"))
    if len(result.versions) > 1:
        parts.append(paragraph(f"Driven with several versions of signpipe: {', '.join(result.versions)}."))
    return Section("What was driven", join(*parts))


def _drives(result: Report) -> Section:
    header = ("folder", "source", "kilometres", "hours", "events", "reviewed")
    return Section("Drives", table(header, [[row[name] for name in header] for row in result.drives]))


def _plain(result: Report, checked: Checked | None) -> Mapping[str, Any]:
    exposure = [
        {"road": road, "light": light, "weather": weather, "kilometres": round(km, 4), "hours": round(hours, 5)}
        for (road, light, weather), (km, hours) in sorted(result.exposure.items())
    ]
    rates = {
        name: asdict(rate) | {"interval": [bound if math.isfinite(bound) else None for bound in rate.interval]}
        for name, rate in result.rates.items()
    }
    return {
        "kilometres": round(result.kilometres, 4), "hours": round(result.hours, 5), "drives": result.drives,
        "rates": rates, "exposure": exposure, "versions": result.versions,
        "gates": asdict(checked) if checked else None,
    }  # fmt: skip
