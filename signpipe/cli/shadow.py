"""`signpipe shadow`: beside a driver, with nothing connected, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.cli.bench import DefaultGroup
from signpipe.cli.options import (
    ConfigOption,
    CountryOption,
    MapFileOption,
    PositionOption,
    SetOption,
    SpeedDbcOption,
    SpeedSignalOption,
)
from signpipe.cli.person import say, user_name
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.run import follow, parse_assignments
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.shadow.gates import check_gates, read_gates
from signpipe.lab.shadow.page import write_review_page
from signpipe.lab.shadow.report import KINDS, Report, summarise, write_report
from signpipe.lab.shadow.verdicts import read_verdicts, take_in
from signpipe.settings import Settings, ShadowSettings, load_settings
from signpipe.shadow.store import prune, read_drive
from signpipe.sinks.summary import Summary
from signpipe.watching import watch

FAILED = 1  # a gate isn't passed
REVIEW = "review.html"

shadow_app = typer.Typer(
    cls=DefaultGroup,
    help="Record what signpipe would have told the car, beside what the driver does and what the map says.\n\n"
    "[bold]signpipe shadow drive.mp4 --gpx drive.gpx --map area.osm.pbf --out monday/[/]: one drive; nothing is told "
    "to the car.\n\n"
    "[bold]signpipe shadow verdict monday/ --from verdicts.json[/]: takes in what a person said on its page.\n\n"
    "[bold]signpipe shadow report monday/ tuesday/ --gates gates.toml[/]: kilometres, disagreements, what isn't "
    "covered, and the gates that a safety manager set.\n\n"
    "Without a command, [bold]run[/] is meant: [bold]signpipe shadow run --help[/] explains its options.",
    rich_markup_mode="rich",
)
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a drive.")]


@shadow_app.command("run")
def run(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Camera, stream or recording, as `signpipe run` takes.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the drive, a new one.")],
    map_file: MapFileOption = None,
    position: PositionOption = None,
    speed: Annotated[
        str | None, typer.Option(metavar="can:BUS|can:FILE", help="The vehicle's speed; else that of the positions.")
    ] = None,
    dbc: SpeedDbcOption = None,
    speed_signal: SpeedSignalOption = None,
    road: Annotated[
        str | None, typer.Option(metavar="auto|town|country|motorway", help="Where is driven; else by the limit.")
    ] = None,
    weather: Annotated[
        str | None, typer.Option(metavar="auto|clear|rain|snow|fog", help="The weather; else by what is known of it.")
    ] = None,
    country: CountryOption = None,
    preset: PresetOption = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Watch a drive beside its driver, and keep what they disagree about.

    Ctrl-C ends a drive in order. What is kept is blurred but for signs, unless --set shadow.blur=false.
    """
    overrides: dict[str, Any] = {
        "shadow.folder": out, "shadow.road": road, "shadow.weather": weather, "map.file": map_file,
        "position.source": position, "motion.source": speed, "motion.dbc": dbc, "motion.speed": speed_signal,
        "country.code": country, "detect.model": detector_of(preset), "output.status": True,
    }  # fmt: skip
    settings = load_settings(config, overrides | parse_assignments(assignments or []))
    refuse_connections(settings)
    summary = Summary()
    watching = watch(source, settings)
    follow(watching, summary, frames)
    for name, why in watching.outputs.missing.items() if watching.is_open else ():
        raise OutputError(f"The {name} can't be used: {why}.")
    if watching.is_open:
        _show(summarise([read_drive(out)]))
        _write_page(out)


@shadow_app.command("page")
def page(folder: FolderArgument) -> None:
    """Write the drive's page again, for verdicts with one key an event."""
    _write_page(folder)


@shadow_app.command("verdict")
def verdict(
    folder: FolderArgument,
    file: Annotated[Path, typer.Option("--from", help="What the page saved.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Who says so; else the name on the page, or the user's.")
    ] = None,
) -> None:
    """Take in the verdicts that a person gave on the page."""
    drive = read_drive(folder)
    taken, gone = take_in(drive, read_verdicts(file), by, user_name())
    say(f"{taken} verdicts taken in" + (f", {gone} of events that aren't there" if gone else ""))


@shadow_app.command("report")
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of drives.")],
    gates: Annotated[Path | None, typer.Option(help="TOML file of the gates that a safety manager set.")] = None,
    gate: Annotated[str | None, typer.Option(help="End with exit code 1 unless this gate is passed.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write its numbers here.")] = None,
) -> None:
    """Say how far was driven where, how often they disagreed, what isn't covered yet, and which gates are passed."""
    if gate is not None and gates is None:
        raise SettingsError("To check a gate, give the file that sets it: --gates gates.toml.")
    result = summarise([read_drive(folder) for folder in folders])
    checked = check_gates(read_gates(gates), result) if gates is not None else None
    known = [one.name for one in checked.gates] if checked else []
    if gate is not None and gate not in known:
        raise SettingsError(f"There is no gate '{gate}' in {gates}; there are {', '.join(known)}.")
    _show(result)
    if checked:
        console = Console()
        for one in checked.gates:
            console.print(f"gate {one.name}: {'passed' if one.passed else 'NOT passed'}", markup=False)
            for line in one.open:
                console.print(f"  {line}", markup=False, soft_wrap=True, highlight=False)
    write_report(result, checked, html, json_file)
    if checked and gate is not None and not next(one for one in checked.gates if one.name == gate).passed:
        raise typer.Exit(FAILED)


@shadow_app.command("prune")
def prune_drives(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of drives.")],
    days: Annotated[float | None, typer.Option(min=0, max=36_500, help="Age from which clips and places go.")] = None,
) -> None:
    """Remove clips and places of drives that are older than they may be kept; what was counted stays."""
    limit = ShadowSettings().days if days is None else days
    for folder in folders:
        say(f"{folder}: {prune(folder, limit)} files removed")


def refuse_connections(settings: Settings) -> None:
    """Make sure that nothing is told to a car, and nothing leaves the machine.

    Raises:
        SettingsError: An output is set that would.
    """
    for name, value in (("can.bus", settings.can.bus), ("mqtt.broker", settings.mqtt.broker)):
        if value is not None:
            raise SettingsError(f"In shadow mode nothing is connected: {name} can't be {value!r}; leave it out.")


def _show(result: Report) -> None:
    table = Table(title=f"{result.kilometres:.2f} km in {result.hours:.2f} h", title_justify="left")
    for column in ("disagreement", "events", "faults", "unseen", "faults a 100 km", "95 % interval"):
        table.add_column(column, justify="left" if column == "disagreement" else "right")
    for name in (*KINDS, "all"):
        rate = result.rates[name]
        low, high = rate.interval
        numbers = (rate.events, rate.faults, rate.open)
        table.add_row(name, *map(str, numbers), f"{rate.per_100:.1f}", f"{low:.1f} to {high:.1f}")
    Console().print(table, markup=False)


def _write_page(folder: Path) -> None:
    drive = read_drive(folder)
    write_review_page(folder / REVIEW, drive)
    say(f"{len(drive.events)} events on {folder / REVIEW}")
