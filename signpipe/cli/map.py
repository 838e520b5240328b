"""`signpipe map`: from drives to a map of signs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.cli.drives import Drives, gather_drives
from signpipe.cli.options import CalibrationOption, ConfigOption, LidarOption, SetOption
from signpipe.cli.run import parse_assignments
from signpipe.errors import OutputError, SettingsError
from signpipe.mapping.comparing import Finding, compare_limits, compare_signs
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.page import write_map_page
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.writers import FORMATS, Naming, writer_for
from signpipe.mapping.writers.osm_change import write_osm_change
from signpipe.maps import SignMap, open_map
from signpipe.settings import Settings, load_settings
from signpipe.sinks.files import refuse_existing, refuse_inputs

SOME_FAILED = 1

DrivesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="DRIVES...",
        help="Records of signpipe run --jsonl (.jsonl), folders that signpipe batch wrote, or recordings to watch: "
        "videos, folders of pictures. A recording's positions are those of --gpx, of a .gpx, .nmea or .srt file of "
        "the same name beside it, or in it: GoPro's telemetry, subtitles, geotagged pictures.",
    ),
]
OutOption = Annotated[
    list[Path],
    typer.Option("--out", "-o", metavar="FILE", help=f"The map: {', '.join(FORMATS)}; may be repeated."),
]
TrackOption = Annotated[
    str | None,
    typer.Option("--gpx", "--position", metavar="FILE", help="Track of the one recording: GPX, NMEA log, .srt."),
]
FocalOption = Annotated[
    float | None,
    typer.Option(min=1, help="Focal length in pixels; else that of --calibration, or learned from the drive."),
]
InTimeOption = Annotated[
    bool,
    typer.Option("--in-time", help="Pictures and positions share a clock: don't look for a delay, which takes long."),
]
PackOption = Annotated[str | None, typer.Option(metavar="CODE|FILE", help="Whose signs they are; else de.")]
PageOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.html", help="One page with the map, a card a sign, and filters; needs no network."),
]
CompareOption = Annotated[
    Path | None,
    typer.Option(
        "--compare", metavar="MAP", help="Say what is missing, wrong or gone on a map: .osm, .osm.pbf or GeoJSON."
    ),
]
ChangesOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.osc", help="With --compare: changes of OpenStreetMap for JOSM; never uploaded."),
]
GoneAfterOption = Annotated[
    int, typer.Option(min=1, max=100, help="Passes in plain view without a sign that make it gone.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")]


@dataclass(frozen=True, slots=True)
class _Files:
    """What is written, and the map that is compared with.

    Attributes:
        maps: The map of signs, in one format or several.
        page: The page, or None.
        against: The map that is compared with, or None.
        changes: The change file, or None.
    """

    maps: list[Path]
    page: Path | None
    against: Path | None
    changes: Path | None

    @property
    def written(self) -> list[Path]:
        """All that is written."""
        return [*self.maps, *(path for path in (self.page, self.changes) if path is not None)]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the drives tell together.

    Attributes:
        driven: The drives.
        entries: The signs.
        mapped: The map that is compared with, or None.
        findings: What the comparison finds, or None.
    """

    driven: Drives
    entries: list[Entry]
    mapped: SignMap | None
    findings: list[Finding] | None


def map_(
    drives: DrivesArgument,
    out: OutOption,
    position: TrackOption = None,
    lidar: LidarOption = None,
    calibration: CalibrationOption = None,
    focal: FocalOption = None,
    in_time: InTimeOption = False,
    country: PackOption = None,
    page: PageOption = None,
    against: CompareOption = None,
    changes: ChangesOption = None,
    gone_after: GoneAfterOption = 3,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Say where which sign stands, and whether it is still there, from one drive or many.

    Each sign is placed by all looks at it, together with the errors of receiver, heading and camera; the same sign of
    several drives becomes one entry. See docs/mapping.md for how, and for what each property means.

    Exit code: 0, 1 if a drive couldn't be used and the others were, 2 on bad input, 130 after Ctrl-C.
    """
    overrides: dict[str, Any] = {
        "position.source": position, "lidar.sweeps": lidar, "lidar.calibration": calibration, "camera.focal": focal,
        "country.code": country, "output.status": False,
    }  # fmt: skip
    settings = load_settings(config, overrides | parse_assignments(assignments or []))
    files = _Files(out, page, against, changes)
    _refuse(drives, settings, files, overwrite)
    found = _find(gather_drives(drives, settings, in_time), against, gone_after)
    _write(found, files)
    _tell(found, files)
    if found.driven.failed:
        raise typer.Exit(SOME_FAILED)


def _refuse(drives: Sequence[str], settings: Settings, files: _Files, overwrite: bool) -> None:
    """Refuse what doesn't go together, before anything is done.

    Raises:
        SettingsError: Options contradict each other, or a format is unknown.
        OutputError: An output is an input, or is there already.
    """
    of_one = {"--gpx is the track": settings.position.source, "--lidar has the sweeps": settings.lidar.sweeps}
    for what, given in of_one.items():
        if given is not None and len(drives) > 1:
            raise SettingsError(f"{what} of one recording, and {len(drives)} are given; map each one's records.")
    if files.changes is not None and (files.against is None or files.changes.suffix.lower() != ".osc"):
        raise SettingsError("--changes is written as FILE.osc, and needs the map that is compared with: --compare MAP.")
    if files.against is not None and not files.against.is_file():
        raise SettingsError(f"There is no map {files.against} to compare with; give .osm, .osm.pbf or GeoJSON.")
    for path in files.maps:
        writer_for(path)
    outputs = {f"file {path.name}": path for path in files.written}
    refuse_inputs(outputs, [*drives, *settings.inputs, *([files.against] if files.against else [])])
    if not overwrite:
        for what, path in outputs.items():
            refuse_existing(path, what)


def _find(driven: Drives, against: Path | None, gone_after: int) -> _Found:
    """Merge the signs of all drives, and compare them with a map.

    Raises:
        SourceError: The map can't be read.
    """
    mapped = None if against is None else open_map(against, driven.catalogue)
    waypoints = [point for road in driven.roads for point in road.waypoints]
    entries = merge([sign for road in driven.roads for sign in road.signs], waypoints, gone_after)
    findings = None if mapped is None else compare_signs(entries, mapped, waypoints, driven.catalogue, gone_after)
    return _Found(driven, entries, mapped, findings)


def _write(found: _Found, files: _Files) -> None:
    """Write what was found; where one file can't be written, the others are.

    Raises:
        OutputError: One couldn't be written.
    """
    naming = Naming(found.driven.catalogue, found.driven.country)
    writing: list[Callable[[], object]] = [
        partial(writer_for(path), path, found.entries, naming) for path in files.maps
    ]
    if files.page is not None:
        writing.append(partial(_write_page, files.page, found, naming))
    if files.changes is not None and found.findings is not None:
        extract = files.against if files.against and files.against.suffix.lower() in (".osm", ".pbf") else None
        writing.append(partial(write_osm_change, files.changes, found.findings, naming, extract))
    failed: OutputError | None = None
    for write in writing:
        try:
            write()
        except OutputError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _write_page(path: Path, found: _Found, naming: Naming) -> None:
    driven = found.driven
    limits = [one for road in driven.roads for one in road.limits]
    compared = compare_limits(limits, found.mapped or (), driven.catalogue)
    write_map_page(path, found.entries, driven.roads, naming, found.findings, compared)


def _tell(found: _Found, files: _Files) -> None:
    """Print what was found."""
    console, roads = Console(), found.driven.roads
    console.print(_table(roads, len(found.entries)))
    states = Counter(entry.state.value for entry in found.entries)
    console.print(", ".join(f"{count} {state}" for state, count in states.most_common()) or "no signs", highlight=False)
    if found.findings is not None:
        verdicts = Counter(one.verdict.value for one in found.findings)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) or "nothing to compare"
        console.print(f"beside the map: {told}", highlight=False)
    for path in files.written:
        console.print(f"written to {escape(str(path))}", highlight=False, soft_wrap=True)


def _table(roads: Sequence[DrivenRoad], signs: int) -> Table:
    """Return what was learned of each drive."""
    table = Table(title=f"{signs} signs from {len(roads)} drives", title_justify="left")
    for column in ("drive", "signs placed", "focal length", "camera to the right", "up", "positions ahead"):
        table.add_column(column, justify="left" if column == "drive" else "right")
    for road in roads:
        yaw, yaw_sigma, pitch, pitch_sigma = road.mounting
        ahead = "" if road.delay is None else f"{road.delay[0]:.1f} s ±{road.delay[1]:.1f}"
        camera = (
            f"{road.focal[0]:.0f} px ±{100 * road.focal[1]:.0f} %", f"{yaw:.1f}° ±{yaw_sigma:.1f}",
            f"{pitch:.1f}° ±{pitch_sigma:.1f}",
        )  # fmt: skip
        known = math.isfinite(road.focal[0])  # tables of an older batch don't tell
        table.add_row(escape(road.name), str(len(road.signs)), *(camera if known else ("", "", "")), ahead)
    return table
