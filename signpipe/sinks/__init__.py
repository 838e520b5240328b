"""Where results go: files, a window, the terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from signpipe.errors import OutputError
from signpipe.settings import OutputSettings, Settings
from signpipe.sinks.base import RunInfo, Sink
from signpipe.sinks.events import EventsSink
from signpipe.sinks.files import refuse_existing, refuse_inputs, refuse_same
from signpipe.sinks.group import Sinks
from signpipe.sinks.jsonl import JsonlSink
from signpipe.sinks.overlay import Overlay
from signpipe.sinks.review import ReviewSink
from signpipe.sinks.status import StatusSink
from signpipe.sinks.video import VideoSink
from signpipe.sinks.window import WindowSink
from signpipe.sinks.worker import SinkWorker
from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.catalogue import Catalogue

__all__ = ["RunInfo", "Sink", "SinkWorker", "Sinks", "check_outputs", "open_run_sinks", "open_sinks"]

_PATIENCE = 10.0  # seconds for which a sink of a recording may hold the run up before results are dropped
_WAITING_BYTES = 96 * 2**20  # most memory for pictures that wait for a sink
_RECORDING_QUEUE = 8  # results that wait for a sink of a recording: enough to even out, since nothing is dropped


def open_sinks(settings: Settings, run: RunInfo, catalogue: Catalogue, extra: Sequence[Sink] = ()) -> Sinks:
    """Open every sink that the settings ask for, each with a thread of its own.

    Args:
        settings: The whole configuration; `output` says what is to be written and shown, `review` what is to be kept
            for a person.
        run: What is known of the run.
        catalogue: Names and titles of the classes.
        extra: Sinks of one's own, already open; they are closed with the others. Like those, they can neither stall
            perception nor end it: what one raises is reported once.

    Raises:
        OutputError: One can't be opened; those already open are closed again.
    """
    review = None
    if settings.review.folder:
        review = ReviewSink(settings.review, settings.fallback.novelty, run, catalogue, run.classifier)
    with ExitStack() as undone:  # closes what is open already if the next one can't be opened
        peers = []
        for sink in _open_peers(settings, run, catalogue):
            undone.callback(_close, sink)
            peers.append(sink)
        sinks = open_run_sinks(settings.output, run, catalogue, review, (*peers, *extra))
        undone.pop_all()
    return sinks


def open_run_sinks(
    settings: OutputSettings,
    run: RunInfo,
    catalogue: Catalogue,
    review: ReviewSink | None = None,
    extra: Sequence[Sink] = (),
) -> Sinks:
    """Open every sink of the output settings; see `open_sinks`.

    Args:
        settings: What is to be written and shown.
        run: What is known of the run.
        catalogue: Names and titles of the classes.
        review: Keeps signs for a person, if that is wanted.
        extra: Sinks of one's own.

    Raises:
        OutputError: One can't be opened; those already open are closed again. Or it would overwrite what the run reads,
            another output, or a file that is there already; or a sink of one's own is none.
    """
    jsonl, events, video = settings.jsonl_path, settings.events_path, settings.video_path
    _check_sinks(extra)
    check_outputs(settings, (run.source, *run.inputs))
    picture = (run.width or 1280) * (run.height or 720) * 3
    queue = max(2, min(settings.queue if run.live else _RECORDING_QUEUE, _WAITING_BYTES // picture))
    patience = 0.0 if run.live else _PATIENCE
    sinks = Sinks([], threading.Event())

    def add(sink: Sink, name: str) -> None:
        sinks.workers.append(SinkWorker(sink, name, queue, patience))

    def show(sink: Sink, name: str, waiting: int) -> None:
        sinks.workers.append(SinkWorker(sink, name, waiting, 0.0, transient=True))

    try:
        if jsonl:
            add(JsonlSink(jsonl, run, catalogue), "list of detections")
        if events:
            add(EventsSink(events, run, catalogue), "list of events")
        if video:
            add(VideoSink(video, run, Overlay(catalogue)), "video")
        for sink in filter(None, (review, *extra)):
            add(sink, getattr(sink, "name", type(sink).__name__))
        if settings.window:
            show(WindowSink(f"signpipe: {run.source}", Overlay(catalogue), sinks.stop), "window", 1)
        if settings.status:
            show(StatusSink(run, catalogue), "status", queue)
    except BaseException:
        sinks.close()
        raise
    return sinks


def _open_peers(settings: Settings, run: RunInfo, catalogue: Catalogue) -> Iterator[Sink]:
    """Open, one by one, the sinks that speak to another machine."""
    if settings.can.bus:
        from signpipe.sinks.can import CanSink

        yield CanSink(settings.can, catalogue, settings.camera)
    if settings.mqtt.broker:
        from signpipe.sinks.mqtt import MqttSink

        yield MqttSink(settings.mqtt, run, catalogue)
    if settings.shadow.folder:
        from signpipe.shadow.recorder import ShadowRecorder

        facts = {"source": run.source, "models": run.models, "country": run.country, "settings": run.settings_digest}
        yield ShadowRecorder(settings, catalogue, {"version": VERSION, **facts})
    if settings.mcap.file:
        from signpipe.sinks.mcap import McapSink

        if not settings.output.overwrite:
            refuse_existing(settings.mcap.file, McapSink.name, "give --overwrite (output.overwrite) to replace it")
        refuse_inputs({McapSink.name: settings.mcap.file}, (run.source, *run.inputs))
        yield McapSink(settings.mcap, run, catalogue, settings.camera)


def _close(sink: Sink) -> None:
    """Close a sink that never got anything."""
    with suppress(OSError):
        sink.close()


def check_outputs(settings: OutputSettings, inputs: Iterable[str | Path]) -> None:
    """Make sure that nothing is lost by what a run writes; nothing is created or changed.

    Args:
        settings: What is to be written.
        inputs: Files, folders and patterns that the run reads.

    Raises:
        OutputError: An output would overwrite an input, another output, or without `overwrite` a file of before.
    """
    outputs = settings.files
    refuse_inputs(outputs, inputs)
    refuse_same(outputs)
    if not settings.overwrite:
        for what, path in outputs.items():
            refuse_existing(path, what, "give --overwrite (output.overwrite) to replace it")


def _check_sinks(extra: Sequence[Sink]) -> None:
    for sink in extra:
        if not isinstance(sink, Sink) or isinstance(sink, type):
            raise OutputError(f"{sink!r} is no sink: it needs the methods write(result) and close().")
