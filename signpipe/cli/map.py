"""`signpipe map`: from drives to a map of signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.cli.options import ConfigOption, SetOption
from signpipe.cli.run import parse_assignments
from signpipe.errors import SettingsError, SignpipeError, SourceError
from signpipe.mapping.comparing import Finding, compare_limits, compare_signs
from signpipe.mapping.driven import place_recording, sizes_of
from signpipe.mapping.entry import Entry
from signpipe.mapping.merging import merge
from signpipe.mapping.page import write_map_page
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.recording import Recording
from signpipe.mapping.records import read_recording
from signpipe.mapping.watched import gather_watched
from signpipe.mapping.writers import FORMATS, Naming, writer_for
from signpipe.mapping.writers.osm_change import write_osm_change
from signpipe.maps import open_map
from signpipe.settings import AUTO, CountrySettings, Settings, load_settings
from signpipe.sinks.files import refuse_existing, refuse_inputs
from signpipe.watching import watch

TRACKS = (".gpx", ".nmea", ".GPX", ".NMEA")  # of a file beside a recording, with the recording's name
SOME_FAILED = 1


def map_(
    drives: Annotated[
        list[str],
        typer.Argument(
            metavar="DRIVES...",
            help="Records of signpipe run --jsonl (.jsonl), or recordings to watch: videos, folders of pictures. A "
            "recording's positions are those of --gpx, or of a .gpx or .nmea file of the same name beside it.",
        ),
    ],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", metavar="FILE", help=f"The map: {', '.join(FORMATS)}; may be repeated."),
    ],
    position: Annotated[
        str | None,
        typer.Option("--gpx", "--position", metavar="FILE", help="Track of the one recording: GPX, NMEA log."),
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
    if position is not None and len(drives) > 1:
        raise SettingsError(
            f"--gpx is the track of one recording, and {len(drives)} are given; put each track beside its recording."
        )
    if changes is not None and (against is None or changes.suffix.lower() != ".osc"):
        raise SettingsError("--changes is written as FILE.osc, and needs the map that is compared with: --compare MAP.")
    writers = [writer_for(path) for path in out]
    files = [*out, *(path for path in (page, changes) if path is not None)]
    outputs = {f"file {path.name}": path for path in files}
    refuse_inputs(outputs, [*drives, *settings.inputs, *([against] if against else [])])
    if not overwrite:
        for what, path in outputs.items():
            refuse_existing(path, what)
    roads, catalogue, code, failed = _place(drives, settings, in_time)
    mapped = open_map(against, catalogue) if against is not None else None
    waypoints = [point for road in roads for point in road.waypoints]
    entries = merge([sign for road in roads for sign in road.signs], waypoints, gone_after)
    naming = Naming(catalogue, code)
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
    if failed:
        raise typer.Exit(SOME_FAILED)


def _place(
    drives: Sequence[str], settings: Settings, in_time: bool
) -> tuple[list[DrivenRoad], Catalogue, str | None, int]:
    """Place the signs of each drive; one that can't be used is reported, and the others go on.

    Returns:
        What the drives tell, their signs, the code of their country, and how many can't be used.

    Raises:
        SignpipeError: None can be used: what is wrong with the last one.
    """
    console = Console(stderr=True, soft_wrap=True)
    roads: list[DrivenRoad] = []
    catalogue, code = load_catalogue(), None
    failed = 0
    for drive in drives:
        try:
            recording = _read(drive, settings)
            catalogue, code = _signs_of(recording, settings)
            road = place_recording(recording, settings.camera, sizes_of(catalogue), in_time)
        except SignpipeError as error:
            failed += 1
            if failed == len(drives):
                raise
            console.print(f"[yellow]left out:[/] {escape(str(error))}", highlight=False)
            continue
        roads.append(road)
    return roads, catalogue, code, failed


def _read(drive: str, settings: Settings) -> Recording:
    """Return what was seen in a drive: read where it was written, else watched now."""
    path = Path(drive)
    if path.suffix.lower() == ".jsonl":
        return read_recording(path)
    if settings.position.source is None:
        beside = [path.with_suffix(suffix) for suffix in TRACKS if path.with_suffix(suffix).is_file()]
        if not beside:
            raise SourceError(
                f"The recording {drive} has no positions: put its track beside it as {path.with_suffix('.gpx').name}, "
                "or name it with --gpx."
            )
        settings = settings.model_copy(
            update={"position": settings.position.model_copy(update={"source": str(beside[0])})}
        )
    with watch(drive, settings) as results:
        country = results.pipeline.country
        return gather_watched(path.name, country.code if country else None, results)


def _signs_of(recording: Recording, settings: Settings) -> tuple[Catalogue, str | None]:
    """Return the classes of a recording and the code of their country."""
    code = recording.country or settings.country.code
    country = load_country(CountrySettings().code if code == AUTO else code)
    return country.catalogue, country.code


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
        table.add_row(
            escape(road.name), str(len(road.signs)), f"{road.focal[0]:.0f} px ±{100 * road.focal[1]:.0f} %",
            f"{yaw:.1f}° ±{yaw_sigma:.1f}", f"{pitch:.1f}° ±{pitch_sigma:.1f}", ahead,
        )  # fmt: skip
    console.print(table)
    states = Counter(entry.state.value for entry in entries)
    console.print(", ".join(f"{count} {state}" for state, count in states.most_common()) or "no signs", highlight=False)
    if findings is not None:
        verdicts = Counter(one.verdict.value for one in findings)
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) or "nothing to compare"
        console.print(f"beside the map: {told}", highlight=False)
    for path in files:
        console.print(f"written to {escape(str(path))}", highlight=False, soft_wrap=True)
