"""Where results go: files, a window, the terminal."""

from __future__ import annotations

import threading
from pathlib import Path

from signpipe.catalogue import Catalogue
from signpipe.errors import OutputError
from signpipe.settings import OutputSettings
from signpipe.sinks.base import RunInfo, Sink, settings_digest
from signpipe.sinks.events import EventsSink
from signpipe.sinks.jsonl import JsonlSink
from signpipe.sinks.overlay import Overlay
from signpipe.sinks.status import StatusSink
from signpipe.sinks.video import VideoSink
from signpipe.sinks.window import WindowSink
from signpipe.sinks.worker import SinkWorker

__all__ = ["RunInfo", "Sink", "SinkWorker", "open_sinks", "settings_digest"]

_PATIENCE = 10.0  # seconds for which a sink of a recording may hold the run up before results are dropped
_WAITING_BYTES = 96 * 2**20  # most memory for pictures that wait for a sink
_RECORDING_QUEUE = 8  # results that wait for a sink of a recording: enough to even out, since nothing is dropped


def open_sinks(settings: OutputSettings, run: RunInfo, catalogue: Catalogue, stop: threading.Event) -> list[SinkWorker]:
    """Open every sink that the settings ask for, each with a thread of its own.

    Args:
        settings: What is to be written and shown.
        run: What is known of the run.
        catalogue: Names and titles of the classes.
        stop: Set by the window when the person wants the run to end; the caller looks at it after each frame.

    Returns:
        The sinks; the caller closes each of them.

    Raises:
        OutputError: One can't be opened; those already open are closed again.
    """
    paths = _paths(settings)
    if len({path.resolve() for path in paths.values()}) < len(paths):
        raise OutputError("Two outputs would be written to the same file; give each a name of its own.")
    picture = (run.width or 1280) * (run.height or 720) * 3
    queue = max(2, min(settings.queue if run.live else _RECORDING_QUEUE, _WAITING_BYTES // picture))
    patience = 0.0 if run.live else _PATIENCE
    sinks: list[SinkWorker] = []
    try:
        if "jsonl" in paths:
            sinks.append(SinkWorker(JsonlSink(paths["jsonl"], run, catalogue), "list of detections", queue, patience))
        if "events" in paths:
            sinks.append(SinkWorker(EventsSink(paths["events"], run, catalogue), "list of events", queue, patience))
        if "video" in paths:
            video = VideoSink(paths["video"], run, Overlay(catalogue))
            sinks.append(SinkWorker(video, "video", queue, patience))
        if settings.window:
            window = WindowSink(f"signpipe: {run.source}", Overlay(catalogue), stop)
            sinks.append(SinkWorker(window, "window", 1, 0.0, transient=True))
        if settings.status:
            sinks.append(SinkWorker(StatusSink(run, catalogue), "status", queue, 0.0, transient=True))
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return sinks


def _paths(settings: OutputSettings) -> dict[str, Path]:
    """Return the files to write; a name of its own goes before the folder's."""
    folder = settings.folder
    paths = {
        "jsonl": settings.jsonl or (folder and folder / "detections.jsonl"),
        "events": settings.events,
        "video": settings.video or (folder and folder / "annotated.mp4"),
    }
    return {kind: path for kind, path in paths.items() if path}
