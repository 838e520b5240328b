"""Where results go: files, a window, the terminal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from signpipe.errors import OutputError
from signpipe.settings import OutputSettings, Settings
from signpipe.sinks.base import RunInfo, Sink, settings_digest
from signpipe.sinks.events import EventsSink
from signpipe.sinks.group import Sinks
from signpipe.sinks.jsonl import JsonlSink
from signpipe.sinks.overlay import Overlay
from signpipe.sinks.review import ReviewSink
from signpipe.sinks.status import StatusSink
from signpipe.sinks.video import VideoSink
from signpipe.sinks.window import WindowSink
from signpipe.sinks.worker import SinkWorker

if TYPE_CHECKING:
    from signpipe.catalogue import Catalogue
    from signpipe.pipeline import Pipeline
    from signpipe.sources.base import SourceInfo

__all__ = ["RunInfo", "Sink", "SinkWorker", "Sinks", "open_run_sinks", "open_sinks"]

_PATIENCE = 10.0  # seconds for which a sink of a recording may hold the run up before results are dropped
_WAITING_BYTES = 96 * 2**20  # most memory for pictures that wait for a sink
_RECORDING_QUEUE = 8  # results that wait for a sink of a recording: enough to even out, since nothing is dropped


def open_sinks(settings: Settings, info: SourceInfo, pipeline: Pipeline) -> Sinks:
    """Open every sink that the settings ask for, each with a thread of its own.

    Args:
        settings: The whole configuration; `output` says what is to be written and shown, `review` what is to be kept
            for a person.
        info: The open source.
        pipeline: Names its models, its providers and the catalogue.

    Raises:
        OutputError: One can't be opened; those already open are closed again.
    """
    sessions = (pipeline.detector, pipeline.classifier)
    run = RunInfo(
        source=info.source_id,
        live=info.live,
        width=info.width,
        height=info.height,
        fps=info.fps,
        models={session.entry.name: session.entry.sha256 for session in sessions},
        providers=tuple(dict.fromkeys(session.providers[0] for session in sessions)),
        settings_digest=settings_digest(settings),
    )
    review = None
    if settings.review.folder:
        classifier = pipeline.classifier.entry.sha256
        review = ReviewSink(settings.review, settings.fallback.novelty, run, pipeline.catalogue, classifier)
    return open_run_sinks(settings.output, run, pipeline.catalogue, review)


def open_run_sinks(
    settings: OutputSettings, run: RunInfo, catalogue: Catalogue, review: ReviewSink | None = None
) -> Sinks:
    """Open every sink that the settings ask for, without a pipeline at hand.

    Args:
        settings: What is to be written and shown.
        run: What is known of the run.
        catalogue: Names and titles of the classes.
        review: Keeps signs for a person, if that is wanted.

    Raises:
        OutputError: One can't be opened; those already open are closed again.
    """
    jsonl, events, video = settings.jsonl_path, settings.events_path, settings.video_path
    paths = [path.resolve() for path in (jsonl, events, video) if path]
    if len(set(paths)) < len(paths):
        raise OutputError("Two outputs would be written to the same file; give each a name of its own.")
    picture = (run.width or 1280) * (run.height or 720) * 3
    queue = max(2, min(settings.queue if run.live else _RECORDING_QUEUE, _WAITING_BYTES // picture))
    patience = 0.0 if run.live else _PATIENCE
    sinks = Sinks([], threading.Event())

    def add(sink: Sink, name: str) -> None:
        sinks.workers.append(SinkWorker(sink, name, queue, patience))

    try:
        if jsonl:
            add(JsonlSink(jsonl, run, catalogue), "list of detections")
        if events:
            add(EventsSink(events, run, catalogue), "list of events")
        if video:
            add(VideoSink(video, run, Overlay(catalogue)), "video")
        if review:
            add(review, "review queue")
        if settings.window:
            window = WindowSink(f"signpipe: {run.source}", Overlay(catalogue), sinks.stop)
            sinks.workers.append(SinkWorker(window, "window", 1, 0.0, transient=True))
        if settings.status:
            sinks.workers.append(SinkWorker(StatusSink(run, catalogue), "status", queue, 0.0, transient=True))
    except BaseException:
        sinks.close()
        raise
    return sinks
