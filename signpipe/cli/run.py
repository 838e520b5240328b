"""`signpipe run`: the main job."""

from __future__ import annotations

import signal
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.catalogue import Catalogue
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.errors import SettingsError, SourceError
from signpipe.review import ReviewQueue
from signpipe.settings import OutputSettings, load_settings
from signpipe.sinks.summary import Summary
from signpipe.watching import Watch, watch

INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended


def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Video file, - for a pipe, camera (0, /dev/video0), stream (rtsp://, http://), picture, folder or "
            "quoted pattern of pictures ('drive/*.jpg').",
        ),
    ],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for annotated.mp4, detections.jsonl and events.jsonl.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Annotated H.264 video.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="One JSON record a frame.")] = None,
    events: Annotated[Path | None, typer.Option(help="One JSON record each time that an advisory changes.")] = None,
    window: Annotated[bool | None, typer.Option("--window", help="Show a live window; q closes it.")] = None,
    detections: Annotated[
        str | None, typer.Option(metavar="published|raw", help="raw also writes all low-score candidates.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="Signs and limits: GeoJSON, .osm or .osm.pbf.")
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            "--gpx",
            "--position",
            metavar="SOURCE",
            help="Where the vehicle is: GPX, NMEA log, gpsd://HOST, tcp://HOST:PORT, serial:DEVICE.",
        ),
    ] = None,
    lidar: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="LiDAR sweeps, one a frame: .bin (KITTI), .pcd, .npy.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="KITTI calibration of camera and LiDAR.")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep unsure and novel signs here for `signpipe review`.")
    ] = None,
    preset: PresetOption = None,
    provider: Annotated[str | None, typer.Option(metavar="auto|cpu|cuda|tensorrt", help="Runs the models.")] = None,
    allow_cpu: Annotated[bool | None, typer.Option("--allow-cpu", help="Go on without the GPU.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of a model run; 0 is one a core.")] = None,
    fps: Annotated[float | None, typer.Option(help="Rate of a picture sequence, or asked of a camera.")] = None,
    independent: Annotated[
        bool | None, typer.Option("--independent", help="Pictures are unrelated: no tracking.")
    ] = None,
    loop: Annotated[int | None, typer.Option(help="Play a recording so often; 0 is for ever.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="TOML file; see `signpipe settings`.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting; may be repeated.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No live status and no summary.")] = False,
) -> None:
    """Say which road signs are there and what they mean for the driver.

    [bold]signpipe run 0[/] watches the first camera; [bold]signpipe run drive.mp4 --out out/[/] writes the
    annotated video and the records. Ctrl-C ends a run cleanly: what was written stays readable.
    """
    if more:  # a shell turned the pattern into names
        raise SourceError(
            f"A run has one source, and {len(more) + 1} were given ({source}, {more[0]}, ...): put a pattern in "
            f"quotes, such as '*{Path(source).suffix or '.jpg'}', or name the folder."
        )
    overrides: dict[str, Any] = {
        "output.folder": out,
        "output.video": video,
        "output.jsonl": jsonl,
        "output.events": events,
        "output.window": window,
        "map.file": map_file,
        "position.source": position,
        "lidar.sweeps": lidar,
        "lidar.calibration": calibration,
        "review.folder": review,
        "output.status": False if quiet else None,
        "detect.raw": _raw(detections),
        "detect.model": detector_of(preset),
        "runtime.provider": provider,
        "runtime.allow_cpu": allow_cpu,
        "runtime.threads": threads,
        "capture.fps": fps,
        "capture.independent": independent,
        "capture.loop": loop,
    }
    settings = load_settings(config, overrides | parse_assignments(assignments or []))
    if settings.output.status is None:
        settings.output.status = True
    summary, started = Summary(), datetime.now(UTC)
    watching = watch(source, settings)
    interrupted = _follow(watching, summary, frames)
    if not quiet:
        report(summary, settings.output, watching.catalogue, Console())
        if settings.review.folder:
            _report_queued(settings.review.folder, started, Console())
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _raw(detections: str | None) -> bool | None:
    if detections not in (None, "published", "raw"):
        raise SettingsError(f"--detections can't be '{detections}'; it is published or raw.")
    return None if detections is None else detections == "raw"


def parse_assignments(texts: list[str]) -> dict[str, Any]:
    """Turn SECTION.NAME=VALUE into values, read as TOML where they are and as plain text elsewhere."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"--set takes SECTION.NAME=VALUE, not '{text}'; `signpipe settings` lists the names.")
        try:
            values[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = value.strip()
    return values


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _follow(watching: Watch, summary: Summary, frames: int | None) -> bool:
    """Run the source to its end; return True if the user ended it."""
    signal.signal(signal.SIGTERM, _interrupt)
    with watching as results:
        try:
            for result in results:
                summary.add(result)
                if summary.frames == frames:
                    break
        except KeyboardInterrupt:
            return True
    return False


def report(summary: Summary, output: OutputSettings, catalogue: Catalogue, console: Console) -> None:
    """Print the table of signs, the conflicts, the frames a second, and where the outputs lie."""
    table = Table(title=f"{len(summary.signs)} signs seen" if summary.signs else "No signs seen", title_justify="left")
    for column, justify in (("track", "right"), ("sign", "left"), ("verdict", "left"), ("confidence", "right"),
                            ("seen", "right"), ("largest", "right")):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for seen in summary.signs.values():
        if seen.class_id is not None:
            title, confidence = catalogue[seen.class_id].title, f"{seen.confidence:.2f}"
        else:
            title, confidence = f"unknown {seen.category} sign" if seen.category else "unknown sign", ""
        when = seen.name or f"{seen.first:.1f}-{seen.last:.1f} s"
        table.add_row(str(seen.track_id), title, str(seen.certainty), confidence, when, f"{seen.largest:.0f} px")
    console.print(table)
    for seen in summary.signs.values():
        if seen.conflict:
            console.print(f"conflict about track {seen.track_id}: {seen.conflict}", highlight=False, soft_wrap=True)
    if summary.frames:
        console.print(
            f"{summary.frames} frames in {summary.seconds:.1f} s: [bold]{summary.fps:.1f} frames/s[/], latency "
            f"p50 {summary.latency_ms(50):.1f} ms, p95 {summary.latency_ms(95):.1f} ms, "
            f"{summary.overhead:.0%} of it outside the models; {summary.dropped} dropped, {summary.gaps} gaps",
            highlight=False,
        )
    paths = {"annotated video": output.video_path, "records": output.jsonl_path, "events": output.events_path}
    for name, path in paths.items():
        if path is not None and path.exists():
            console.print(f"{name}: {path}", highlight=False, soft_wrap=True)


def _report_queued(folder: Path, started: datetime, console: Console) -> None:
    """Print how many signs a run put into the review queue; one that can't be read was reported when it was opened."""
    try:
        queued = sum(entry.item.created_at >= started for entry in ReviewQueue(folder).items())
    except OSError:
        return
    signs = {0: "no new sign", 1: "1 sign"}.get(queued, f"{queued} signs")
    line = f"review queue: {signs} from this run; see `signpipe review list {folder}`"
    console.print(line, highlight=False, soft_wrap=True)
