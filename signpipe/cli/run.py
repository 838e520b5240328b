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

from signpipe.__main__ import INTERRUPTED
from signpipe.cli.ending import report, report_queued
from signpipe.cli.options import (
    CalibrationOption,
    ConfigOption,
    CountryOption,
    LidarOption,
    MapFileOption,
    PositionOption,
    ProviderOption,
    SetOption,
    SpeedDbcOption,
    SpeedSignalOption,
    ThreadsOption,
)
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.notify import Notifier
from signpipe.settings import Settings, load_settings
from signpipe.sinks import check_outputs
from signpipe.sinks.files import stream_of
from signpipe.sinks.summary import Summary
from signpipe.watching import Watch, watch

ENDINGS = ("SIGTERM", "SIGHUP")  # signals that end a run as Ctrl-C does: what was seen is written
READER_GONE = 1  # as of any command whose standard output nobody reads any more


def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Video file, recording of MCAP or ROS (.mcap, .db3, .bag, a folder), - for a pipe, camera (0, "
            "/dev/video0), stream (rtsp://, http://), picture, folder or quoted pattern of pictures ('drive/*.jpg').",
        ),
    ],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for annotated.mp4, detections.jsonl and events.jsonl.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Annotated H.264 video: .mp4, .mov, .mkv, .avi or .ts.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="One JSON record per frame; - is standard output.")] = None,
    events: Annotated[
        Path | None, typer.Option(help="One JSON record each time that an advisory changes; - is standard output.")
    ] = None,
    overwrite: Annotated[
        bool | None, typer.Option("--overwrite", help="Replace outputs that are there already.")
    ] = None,
    window: Annotated[bool | None, typer.Option("--window", help="Show a live window; q closes it.")] = None,
    detections: Annotated[
        str | None, typer.Option(metavar="published|raw", help="raw also writes all low-score candidates.")
    ] = None,
    map_file: MapFileOption = None,
    position: PositionOption = None,
    topic: Annotated[
        str | None, typer.Option(metavar="NAME", help="Topic of the pictures in a recording of MCAP or ROS.")
    ] = None,
    can: Annotated[
        str | None,
        typer.Option(
            metavar="BUS",
            help="Tell the car, ten times a second: socketcan:can0, virtual:NAME, udp_multicast:ADDRESS (extra can).",
        ),
    ] = None,
    mcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record the run for Foxglove: pictures, boxes, advisories.")
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Tell a broker: mqtt://USER@HOST/TOPIC, or mqtts:// for TLS (extra mqtt)."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="[HOST]:PORT", help="Tell Prometheus: :9464 for this machine alone (extra metrics)."),
    ] = None,
    samples: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write samples of what is seen, for `signpipe drift`.")
    ] = None,
    drift: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with this reference of `signpipe drift` all the time.")
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option(metavar="can:BUS|can:FILE", help="The vehicle's speed, from its bus or a recording of it."),
    ] = None,
    dbc: SpeedDbcOption = None,
    speed_signal: SpeedSignalOption = None,
    lidar: LidarOption = None,
    calibration: CalibrationOption = None,
    review: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep unsure and novel signs here for `signpipe review`.")
    ] = None,
    country: CountryOption = None,
    preset: PresetOption = None,
    provider: ProviderOption = None,
    allow_cpu: Annotated[bool | None, typer.Option("--allow-cpu", help="Go on without the GPU.")] = None,
    threads: ThreadsOption = None,
    fps: Annotated[float | None, typer.Option(help="Rate of a picture sequence, or asked of a camera.")] = None,
    independent: Annotated[
        bool | None, typer.Option("--independent", help="Pictures are unrelated: no tracking.")
    ] = None,
    loop: Annotated[int | None, typer.Option(help="Play a recording so often; 0 is for ever.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No live status and no summary.")] = False,
) -> None:
    """Say which road signs are there and what they mean for the driver.

    [bold]signpipe run 0[/] watches the first camera; [bold]signpipe run drive.mp4 --out out/[/] writes the
    annotated video and the records. [bold]--jsonl -[/] writes the records to standard output, and the summary to
    standard error. Ctrl-C ends a run cleanly: what was written stays readable.

    Exit code: 0 at the end of the source, 1 if the reader of standard output has left, 2 on bad input or if an output
    could not be written at all or not finished, 130 after Ctrl-C.
    """
    _refuse_more(source, more)
    overrides: dict[str, Any] = {
        "output.folder": out,
        "output.video": video,
        "output.jsonl": jsonl,
        "output.events": events,
        "output.window": window,
        "output.overwrite": overwrite,
        "country.code": country,
        "map.file": map_file,
        "position.source": position,
        "capture.topic": topic,
        "can.bus": can,
        "mqtt.broker": mqtt,
        "mcap.file": mcap,
        "metrics.listen": metrics,
        "drift.samples": samples,
        "drift.reference": drift,
        "motion.source": speed,
        "motion.dbc": dbc,
        "motion.speed": speed_signal,
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
    _watch(source, settings, frames, quiet, [config] if config else [])


def _watch(source: str, settings: Settings, frames: int | None, quiet: bool, read: list[Path]) -> None:
    """Watch a source to its end, and say what was seen.

    Args:
        source: What is watched.
        settings: The whole configuration.
        frames: After how many of them to end, or None.
        quiet: Say nothing in the end.
        read: Files that are read besides, which no output may be.

    Raises:
        OutputError: An output can't be used.
        typer.Exit: The run was ended by its user, or nobody reads its standard output any more.
    """
    output, streams = settings.output, {stream_of(path) for path in settings.output.files.values()}
    if output.status is None:
        output.status = 2 not in streams
    check_outputs(output, [source, *settings.inputs, *read])
    summary, started = Summary(), datetime.now(UTC)
    watching = watch(source, settings)
    interrupted = follow(watching, summary, frames)
    if not watching.is_open:  # Ctrl-C while it was being opened
        raise typer.Exit(INTERRUPTED)
    if watching.outputs.reader_gone:
        raise typer.Exit(READER_GONE)
    if not quiet:
        _tell(watching, summary, Console(stderr=1 in streams), started)
    for name, why in watching.outputs.missing.items():
        raise OutputError(f"The {name} can't be used: {why}.")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _refuse_more(source: str, more: list[str] | None) -> None:
    """Refuse a second source: a shell turned a pattern into names."""
    if more:
        raise SourceError(
            f"A run has one source, and {len(more) + 1} were given ({source}, {more[0]}, ...): put a pattern in "
            f"quotes, such as '*{Path(source).suffix or '.jpg'}', or name the folder."
        )


def _tell(watching: Watch, summary: Summary, console: Console, started: datetime) -> None:
    report(summary, watching, console)
    folder = watching.settings.review.folder
    if folder:
        report_queued(folder, started, console)


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


def follow(watching: Watch, summary: Summary, frames: int | None) -> bool:
    """Run the source to its end; return True if the user ended it."""
    for name in ENDINGS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    notifier = Notifier()
    try:
        with watching as results:
            notifier.ready(f"watching {watching.info.source_id}")
            try:
                for result in results:
                    summary.add(result)
                    notifier.alive()
                    if summary.frames == frames:
                        break
            finally:
                notifier.stopping()
    except KeyboardInterrupt:
        return True
    return False
