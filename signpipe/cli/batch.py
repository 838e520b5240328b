"""`signpipe batch`: many recordings."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from signpipe.__main__ import INTERRUPTED
from signpipe.cli.options import ConfigOption, CountryOption, MapFileOption, ProviderOption, SetOption
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.run import ENDINGS, parse_assignments
from signpipe.errors import ExtraMissingError, SettingsError
from signpipe.settings import Settings, load_settings

if TYPE_CHECKING:
    from signpipe.batch.run import Batch
    from signpipe.batch.schedule import Report
    from signpipe.batch.work import Job, Outcome

FAILED = 1  # some recordings couldn't be worked on
FAILURES = "failures.json"
_SHOWN = 10  # failures that are named


RecordingsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RECORDINGS...",
        help="Videos, folders of videos or pictures, quoted patterns, addresses (s3://bucket/2026/), or @LIST of "
        "them. Positions are read from NAME.gpx, NAME.nmea or NAME.srt beside NAME.mp4, or in it.",
    ),
]
OutOption = Annotated[str, typer.Option("--out", "-o", metavar="FOLDER|ADDRESS", help="Where the tables go.")]
WorkersOption = Annotated[int, typer.Option(min=0, help="Processes; 0 is one a core, or all that the cluster has.")]
EngineOption = Annotated[str, typer.Option(metavar="local|ray", help="Who works: this machine, or a Ray cluster.")]
AddressOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT|auto", help="The Ray cluster; else one on this machine.")
]
RetriesOption = Annotated[
    int, typer.Option(min=0, max=100, help="How often work is tried again whose process was lost.")
]
PieceOption = Annotated[
    float, typer.Option(min=0.1, help="Seconds of the pieces that longer recordings are split into.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")]


def batch(
    recordings: RecordingsArgument,
    out: OutOption,
    workers: WorkersOption = 0,
    engine: EngineOption = "local",
    address: AddressOption = None,
    retries: RetriesOption = 2,
    piece: PieceOption = 600.0,
    map_file: MapFileOption = None,
    country: CountryOption = None,
    preset: PresetOption = None,
    provider: ProviderOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Turn many recordings into tables, as many at a time as there are cores.

    Each recording becomes a folder of Parquet files, which is there as a whole or not at all: after a kill at any
    moment, the same command goes on where it was. What has been done with the same content, settings and models isn't
    done again. A recording that can't be read is reported, and the rest goes on. Ctrl-C lets what was begun come to its
    end; a second one doesn't wait.

    Exit code: 0 if every recording is done, 1 if some couldn't be worked on, 2 on bad input, 130 after Ctrl-C.
    """
    given = {
        "map.file": map_file, "country.code": country, "detect.model": detector_of(preset),
        "runtime.provider": provider, "runtime.threads": 1,
    }  # fmt: skip
    work = _open(recordings, out, load_settings(config, given | parse_assignments(assignments or [])), piece)
    console, drain, started = Console(stderr=True), threading.Event(), time.monotonic()
    for error in work.refused.values() if not quiet else ():
        console.print(f"[yellow]left out:[/] {escape(error)}", highlight=False, soft_wrap=True)
    with work.open_engine(workers, engine, address) as opened, _progress(console, quiet) as bar:
        _drain_on_signals(drain, console)
        report = work.run(opened, retries, drain, _counter(bar, work))
    if not quiet:
        _tell(console, report, out, time.monotonic() - started)
    if drain.is_set() and report.left:
        raise typer.Exit(INTERRUPTED)
    if report.failed:
        raise typer.Exit(FAILED)


def _open(recordings: list[str], out: str, settings: Settings, piece: float) -> Batch:
    """Return the batch.

    Raises:
        ExtraMissingError: The extra "batch" isn't installed.
        SettingsError: Something is set that one recording alone can have.
    """
    try:
        from signpipe.batch.run import Batch
    except ModuleNotFoundError:
        raise ExtraMissingError("`signpipe batch`", "batch") from None
    if settings.position.source is not None:
        raise SettingsError("A batch reads each recording's own positions, such as NAME.gpx beside NAME.mp4.")
    if settings.lidar.sweeps is not None:
        raise SettingsError(
            "A batch can't use the LiDAR sweeps of one recording; map that with `signpipe map --lidar`."
        )
    return Batch(recordings, out, settings, piece)


def _counter(bar: Progress, work: Batch) -> Callable[[Job, Outcome], None]:
    """Return what moves a bar when a recording is done with."""
    task = bar.add_task("", total=work.bytes, of=len(work.jobs), done=0, failed="")
    counts = Counter[bool]()

    def told(job: Job, outcome: Outcome) -> None:
        counts[outcome.error is not None] += 1
        failed = f", {counts[True]} failed" if counts[True] else ""
        bar.update(task, advance=job.recording.bytes, done=counts.total(), failed=failed)

    return told


def _progress(console: Console, quiet: bool) -> Progress:
    """Return a bar over the bytes of all recordings, which says how much time is left."""
    return Progress(
        TextColumn("{task.fields[done]} of {task.fields[of]} recordings{task.fields[failed]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet,
    )


def _drain_on_signals(drain: threading.Event, console: Console) -> None:
    """Let the first Ctrl-C end what was begun, and the second end it at once."""

    def end(_number: int, _frame: FrameType | None) -> None:
        if drain.is_set():
            raise KeyboardInterrupt
        drain.set()
        console.print("Ending what was begun; Ctrl-C again ends at once, and loses no more than that.", highlight=False)

    for name in ("SIGINT", *ENDINGS):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def _tell(console: Console, report: Report, out: str, seconds: float) -> None:
    """Say what the run amounted to."""
    parts = [f"{report.done} done", f"{report.skipped} had been done before"]
    parts += [f"{len(report.failed)} failed"] * bool(report.failed) + [f"{report.left} left"] * bool(report.left)
    console.print(f"{', '.join(parts)}: {escape(out)}", highlight=False)
    if any(report.merged):
        console.print(f"{report.merged[0]} cells of the map merged, {report.merged[1]} as they were", highlight=False)
    if report.seconds:
        hours, rate = report.seconds / 3600, report.seconds / seconds
        console.print(
            f"{hours:.2f} h of video in {seconds:.0f} s: {rate:.1f} times as fast as it was driven, "
            f"{report.cpu / hours / 3600:.2f} core hours an hour of video, {report.memory / 1e6:.0f} MB a worker; "
            f"{report.retries} tries again",
            highlight=False,
        )
    for error in list(report.failed.values())[:_SHOWN]:
        console.print(f"[bold red]failed:[/] {escape(error)}", highlight=False, soft_wrap=True)
    if len(report.failed) > _SHOWN:
        console.print(f"and {len(report.failed) - _SHOWN} more, in {escape(out)}/{FAILURES}", highlight=False)
