"""The front door: one source watched from its frames to the outputs, and nothing left open behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from signpipe.catalogue import Catalogue
from signpipe.catalogue.countries import country_codes
from signpipe.metrics import Exposition, Meter, MetricsServer, Snapshot
from signpipe.metrics.watched import Watched
from signpipe.opinion import Witness
from signpipe.pipeline import Pipeline
from signpipe.position.country import country_at
from signpipe.runtime.providers import PROVIDERS
from signpipe.runtime.session import Models
from signpipe.settings import AUTO, CountrySettings, Settings, override_settings
from signpipe.sinks import RunInfo, Sink, Sinks, open_sinks
from signpipe.sinks.base import settings_digest
from signpipe.sinks.drift import open_drift
from signpipe.sources import Sensors, SourceInfo, SourceSpec, bag_facts, open_source
from signpipe.stages.capture import Capture
from signpipe.types import FrameResult, Pose

logger = logging.getLogger(__name__)


class Watch:
    """A source being watched: a context manager, and an iterator of results; see `watch`.

    Attributes:
        settings: The whole configuration.
    """

    def __init__(self, source: SourceSpec, settings: Settings, sinks: Sequence[Sink], parts: Mapping[str, Any]) -> None:
        self.settings = settings
        self._source = source
        self._extra = sinks
        self._parts = parts
        self._stack = ExitStack()
        self._results: Iterator[FrameResult] | None = None
        self._pipeline: Pipeline | None = None
        self._capture: Capture | None = None
        self._sinks: Sinks | None = None
        self._watched: Watched | None = None
        self._metrics: MetricsServer | None = None

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline.

        Raises:
            RuntimeError: The watch hasn't been entered.
        """
        if self._pipeline is None:
            raise RuntimeError("enter the watch first: with signpipe.watch(...) as results:")
        return self._pipeline

    @property
    def is_open(self) -> bool:
        """True once everything has been opened, whether it has been closed again or not."""
        return self._results is not None

    @property
    def catalogue(self) -> Catalogue:
        """The signs that it knows."""
        return self.pipeline.catalogue

    @property
    def info(self) -> SourceInfo:
        """What the source is; after a reconnect, what it is now."""
        return self._capture.info if self._capture else self._no_source()

    @property
    def outputs(self) -> Sinks:
        """Where the results go, and what is missing of it in the end."""
        return self._sinks if self._sinks else self._no_source()

    @property
    def dropped(self) -> int:
        """Frames that were read, but gave way to a newer one."""
        return self._capture.dropped if self._capture else self._no_source()

    @property
    def metrics_url(self) -> str | None:
        """Where its metrics are served, or None where they aren't."""
        return self._metrics.url if self._metrics else None

    def snapshot(self) -> Snapshot:
        """Return all counts as they are now, from any thread, as plain values that may go to another process."""
        return self._watched.snapshot() if self._watched else self._no_source()

    def __enter__(self) -> Self:
        settings, enter = self.settings, self._stack.enter_context
        with ExitStack() as undone:  # closes what is open already if the next part can't be opened
            undone.callback(self._stack.close)
            settings, start = informed(settings, self._source)
            sensors = enter(Sensors(settings, start))
            self.settings = settings = located(settings, sensors)
            self._pipeline = enter(Pipeline(settings, **self._parts))
            opened = partial(open_source, self._source, settings.capture, sensors.sense)
            self._capture = enter(Capture(opened, settings.capture))
            meter = _meter(settings, self._pipeline)
            self._watched = Watched(meter, self._capture, settings.review.folder)
            if settings.metrics.listen:
                exposition = Exposition()
                exposition.follow(self._capture.info.source_id, self._watched.snapshot)
                self._metrics = enter(MetricsServer(settings.metrics.listen, exposition))
            run = _run_info(settings, self._source, self._capture.info, self._pipeline)
            drift = open_drift(settings, run, self._pipeline.catalogue)
            extra = self._extra
            if drift is not None:
                extra, self._watched.drift = (*extra, drift), drift.values
            sinks = self._sinks = enter(open_sinks(settings, run, self._pipeline.catalogue, extra))
            self._watched.outputs = sinks.workers
            self._stack.callback(meter.finish)
            undone.pop_all()
        self._results = self._watch(self._pipeline, self._capture, sinks, meter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the outputs and free source and models; a second call does nothing."""
        self._stack.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> FrameResult:
        """Return what is known after the next frame or gap.

        Raises:
            SourceError: A live source was lost and won't be opened again.
            ModelError: A model can't be run.
        """
        if self._results is None:
            self._no_source()
        return next(self._results)  # type: ignore[arg-type]

    def _watch(self, pipeline: Pipeline, capture: Capture, sinks: Sinks, meter: Meter) -> Iterator[FrameResult]:
        for item in capture:
            result = pipeline.process(item)
            result.dropped = capture.dropped
            meter.add(result)
            sinks.write(result)
            yield result
            if sinks.closed:
                return

    def _no_source(self) -> Any:
        raise RuntimeError("enter the watch first: with signpipe.watch(...) as results:")


def watch(
    source: SourceSpec,
    settings: Settings | None = None,
    *,
    sinks: Sequence[Sink] = (),
    catalogue: Catalogue | None = None,
    models: Models | None = None,
    witnesses: Sequence[Witness] | None = None,
    stages: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> Watch:
    """Watch a source: capture, positions and sweeps, pipeline and outputs, wired and closed together.

        with signpipe.watch("drive.mp4", output={"jsonl": "drive.jsonl"}) as results:
            for result in results:
                print(result.frame.media_time, [advisory.message for advisory in result.advisories])

    Entering it opens everything; leaving it, after the end, before it or on an error, finishes the outputs and closes
    everything. Each result is complete: it has its pose and sweep, and the number of frames dropped so far.

    Args:
        source: What `open_source` takes: a camera's number, a path, an address, or arrays.
        settings: The whole configuration; the default is `Settings()`.
        sinks: Outputs of one's own, beside those that the settings ask for.
        catalogue: As for `Pipeline`, like the next three.
        models: Open models, shared with others.
        witnesses: Who is asked besides the classifier.
        stages: Stages of one's own.
        **overrides: Settings to change, a section each: `detect={"score": 0.5}`.

    Raises:
        SettingsError: A setting is unknown or out of bounds; at once. The rest when it is entered:
        SourceError: The source, the positions, the sweeps or the map can't be read.
        ModelError: A model can't be used.
        ProviderError: The execution provider that was asked for can't be had.
        OutputError: An output can't be written.
    """
    parts = {"catalogue": catalogue, "models": models, "witnesses": witnesses, "stages": stages}
    return Watch(source, override_settings(settings, overrides), sinks, parts)


def informed(settings: Settings, source: SourceSpec) -> tuple[Settings, Pose | None]:
    """Return the settings with what a recording says of its camera, and where it begins; of others, nothing is known.

    Raises:
        SourceError: It is a recording of MCAP or ROS, and can't be read.
        ExtraMissingError: The extra "ros" isn't installed.
    """
    facts = bag_facts(source, settings.capture)
    if facts.focal is None or settings.camera.focal is not None:
        return settings, facts.start
    return override_settings(settings, {"camera.focal": facts.focal}), facts.start


def located(settings: Settings, sensors: Sensors) -> Settings:
    """Return the settings with the country where the run starts in place of "auto", and say where none is known."""
    if settings.country.code != AUTO:
        return settings
    pose, assumed = sensors.start(), CountrySettings().code
    found = country_at(pose.latitude, pose.longitude) if pose is not None else None
    if found in country_codes():
        logger.info("The country is %s, by the position at the start.", found)
        return override_settings(settings, {"country.code": found})
    why = "No position tells the country" if found is None else f"There is no file of the country '{found}'"
    logger.warning("%s; the signs are taken for those of '%s'. Give --country CODE.", why, assumed)
    return override_settings(settings, {"country.code": assumed})


def _meter(settings: Settings, pipeline: Pipeline) -> Meter:
    """Return a meter that knows what runs."""
    meter = Meter(pipeline.catalogue)
    sessions = pipeline.models.sessions
    asked = PROVIDERS.get(settings.runtime.provider)  # none for "auto": whatever runs will do
    as_asked = asked is None or all(session.providers[0] == asked for session in sessions)
    models = [(session.entry.name, session.entry.sha256, session.providers[0]) for session in sessions]
    meter.describe(models, as_asked)
    return meter


def _run_info(settings: Settings, source: SourceSpec, info: SourceInfo, pipeline: Pipeline) -> RunInfo:
    """Say what is known of a run before its first frame."""
    sessions = pipeline.models.sessions
    classifier = pipeline.models.classifier
    return RunInfo(
        source=info.source_id,
        live=info.live,
        width=info.width,
        height=info.height,
        fps=info.fps,
        models={session.entry.name: session.entry.sha256 for session in sessions},
        providers=tuple(dict.fromkeys(session.providers[0] for session in sessions)),
        classifier=classifier.entry.sha256 if classifier else None,
        country=pipeline.country.code if pipeline.country else None,
        settings_digest=settings_digest(settings),
        inputs=(*([str(source)] if isinstance(source, str | Path) else []), *settings.inputs),
    )
