"""`signpipe map`: from drives to a map of signs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.cli.drives import gather_drives
from signpipe.cli.options import ConfigOption, SetOption
from signpipe.cli.run import parse_assignments
from signpipe.errors import SettingsError
from signpipe.mapping.comparing import Finding, compare_limits, compare_signs
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.page import write_map_page
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.writers import FORMATS, Naming, writer_for
from signpipe.mapping.writers.osm_change import write_osm_change
from signpipe.maps import open_map
from signpipe.settings import Settings, load_settings
from signpipe.sinks.files import refuse_existing, refuse_inputs

SOME_FAILED = 1


def map_(
    drives: Annotated[
        list[str],
        typer.Argument(
            metavar="DRIVES...",
            help="Records of signpipe run --jsonl (.jsonl), folders that signpipe batch wrote, or recordings to watch: "
            "videos, folders of pictures. A recording's positions are those of --gpx, of a .gpx, .nmea or .srt file of "
            "the same name beside it, or in it: GoPro's telemetry, subtitles, geotagged pictures.",
        ),
    ],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", metavar="FILE", help=f"The map: {', '.join(FORMATS)}; may be repeated."),
    ],
    position: Annotated[
        str | None,
        typer.Option("--gpx", "--position", metavar="FILE", help="Track of the one recording: GPX, NMEA log, .srt."),
    ] = None,
    focal: Annotated[
        float | None, typer.Option(min=1, help="Focal length in pixels; else it is learned from the drive.")
    ] = None,
    in_time: Annotated[
        bool,
        typer.Option(
            "--in-time", help="Pictures and positions share a clock: don't look for a delay, which takes long."
        ),
    ] = False,
    country: Annotated[str | None, typer.Option(metavar="CODE|FILE", help="Whose signs they are; else de.")] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="One page with the map, a card a sign, and filters; needs no network."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--compare", metavar="MAP", help="Say what is missing, wrong or gone on a map: .osm, .osm.pbf or GeoJSON."
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(metavar="FILE.osc", help="With --compare: changes of OpenStreetMap for JOSM; never uploaded."),
    ] = None,
    gone_after: Annotated[
        int, typer.Option(min=1, max=100, help="Passes in plain view without a sign that make it gone.")
    ] = 3,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Say where which sign stands, and whether it is still there, from one drive or many.

    Each sign is placed by all looks at it, together with the errors of receiver, heading and camera; the same sign of
    several drives becomes one entry. See docs/mapping.md for how, and for what each property means.

    Exit code: 0, 1 if a drive couldn't be used and the others were, 2 on bad input, 130 after Ctrl-C.
    """
    overrides: dict[str, Any] = {
        "position.source": position, "camera.focal": focal, "country.code": country, "output.status": False,
    }  # fmt: skip
    settings = load_settings(config, overrides | parse_assignments(assignments or []))
    writers = [writer_for(path) for path in out]
    files = [*out, *(path for path in (page, changes) if path is not None)]
    _refuse(drives, settings, files, against, changes, overwrite)
    driven = gather_drives(drives, settings, in_time)
    roads, catalogue, naming = driven.roads, driven.catalogue, Naming(driven.catalogue, driven.country)
    mapped = open_map(against, catalogue) if against is not None else None
    waypoints = [point for road in roads for point in road.waypoints]
    entries = merge([sign for road in roads for sign in road.signs], waypoints, gone_after)
    for path, write in zip(out, writers, strict=True):
        write(path, entries, naming)
    findings = None if mapped is None else compare_signs(entries, mapped, waypoints, catalogue, gone_after)
    if page is not None:
        limits = compare_limits([one for road in roads for one in road.limits], mapped or (), catalogue)
        write_map_page(page, entries, roads, naming, findings, limits)
    if changes is not None and findings is not None:
        extract = against if against is not None and against.suffix.lower() in (".osm", ".pbf") else None
        write_osm_change(changes, findings, naming, extract)
    _tell(roads, entries, findings, files)
    if driven.failed:
        raise typer.Exit(SOME_FAILED)


def _refuse(
    drives: Sequence[str],
    settings: Settings,
    files: Sequence[Path],
    against: Path | None,
    changes: Path | None,
    overwrite: bool,
) -> None:
    """Refuse what doesn't go together, before anything is done.

    Raises:
        SettingsError: Options contradict each other.
        OutputError: An output is an input, or is there already.
    """
    if settings.position.source is not None and len(drives) > 1:
        raise SettingsError(
            f"--gpx is the track of one recording, and {len(drives)} are given; put each track beside its recording."
        )
    if changes is not None and (against is None or changes.suffix.lower() != ".osc"):
        raise SettingsError("--changes is written as FILE.osc, and needs the map that is compared with: --compare MAP.")
    outputs = {f"file {path.name}": path for path in files}
    refuse_inputs(outputs, [*drives, *settings.inputs, *([against] if against else [])])
    if not overwrite:
        for what, path in outputs.items():
            refuse_existing(path, what)


def _tell(
    roads: Sequence[DrivenRoad], entries: Sequence[Entry], findings: Sequence[Finding] | None, files: Sequence[Path]
) -> None:
    """Print what was found."""
    console = Console()
    table = Table(title=f"{len(entries)} signs from {len(roads)} drives", title_justify="left")
    for column in ("drive", "signs placed", "focal length", "camera to the right", "up", "positions ahead"):
        table.add_column(column, justify="left" if column == "drive" else "right")
    for road in roads:
        yaw, yaw_sigma, pitch, pitch_sigma = road.mounting
        ahead = "" if road.delay is None else f"{road.delay[0]:.1f} s ±{road.delay[1]:.1f}"
        camera = (
            f"{road.focal[0]:.0f} px ±{100 * road.focal[1]:.0f} %", f"{yaw:.1f}° ±{yaw_sigma:.1f}",
            f"{pitch:.1f}° ±{pitch_sigma:.1f}",
        )  # fmt: skip
        known = math.isfinite(road.focal[0])  # a batch's tables don't tell
        table.add_row(escape(road.name), str(len(road.signs)), *(camera if known else ("", "", "")), ahead)
    console.print(table)
    states = Counter(entry.state.value for entry in entries)
    console.print(", ".join(f"{count} {state}" for state, count in states.most_common()) or "no signs", highlight=False)
    if findings is not None:
        verdicts = Counter(one.verdict.value for one in findings)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) or "nothing to compare"
        console.print(f"beside the map: {told}", highlight=False)
    for path in files:
        console.print(f"written to {escape(str(path))}", highlight=False, soft_wrap=True)
