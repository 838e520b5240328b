"""The hot loop: it composes the stages, measures each, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import Self

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.errors import ModelError
from signpipe.few_shot.folder import open_few_shot
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.stages.decide import Decide
from signpipe.stages.detect import Detect
from signpipe.stages.fallback import Fallback
from signpipe.stages.plausibility import Plausibility
from signpipe.stages.preprocess import Preprocess
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, Frame, FrameResult, Gap, Prepared, SignTrack
from signpipe.witnesses import open_witnesses


class StageClock:
    """Times the stages of one frame; a context manager a stage would cost more than some stages do."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}
        self._start = self._last = perf_counter()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on `stage`."""
        now = perf_counter()
        self.timings_ms[stage] = (now - self._last) * 1000
        self._last = now

    def stop(self) -> dict[str, float]:
        """Return milliseconds a stage, with `total` for the whole."""
        self.timings_ms["total"] = (perf_counter() - self._start) * 1000
        return self.timings_ms


class Pipeline:
    """From frames to dated advisories.

    One pipeline follows one source: tracks and the drive state carry over from frame to frame.

    Args:
        settings: The whole configuration; the default is `Settings()`.

    Attributes:
        catalogue: The classes: the classifier's own, then those that were added.
        classify: The stage that says of each crop what sign it is.

    Raises:
        ModelError: A model is missing, altered, or doesn't fit the catalogue.
        SourceError: A map or a calibration can't be read.
        ProviderError: The execution provider that was asked for can't be had.
        SettingsError: The added classes can't be used.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        self.catalogue: Catalogue = load_catalogue()
        self.detector = open_session(settings.detect.model, settings.runtime, "detector")
        self.classifier = open_session(settings.classify.model, settings.runtime, "classifier")
        classes = self.classifier.entry.classes
        if classes and tuple(classes) != self.catalogue.names:
            raise ModelError(
                f"The classifier '{settings.classify.model}' knows {len(classes)} classes that aren't the catalogue's "
                f"{len(self.catalogue)} in order; choose a classifier that was trained for this catalogue."
            )
        folder = settings.classify.few_shot
        few_shot = open_few_shot(folder, self.classifier, self.catalogue) if folder else None
        if few_shot:
            self.catalogue = few_shot.catalogue
        detector = self.detector.entry
        self._preprocess = Preprocess(
            settings.preprocess, detector.input.stride or 32, detector.fixed_size, detector.smallest_side
        )
        self._detect = Detect(settings.detect, self.detector)
        self._plausibility = Plausibility(settings.plausibility)
        self.classify = Classify(settings.classify, self.classifier, few_shot)
        self._track = Track(settings.track, self.catalogue)
        self._fallback = Fallback(settings.fallback, self.catalogue, open_witnesses(settings, self.catalogue))
        self._decide = Decide(settings.decide, self.catalogue)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the models."""
        self.detector.close()
        self.classifier.close()

    def run(self, frames: Iterable[Frame | Gap]) -> Iterator[FrameResult]:
        """Yield one result per frame or gap, in order."""
        for item in frames:
            yield self.process(item)

    def process(self, item: Frame | Gap) -> FrameResult:
        """Take one frame, or the report that there is none, through all stages."""
        return self._gap(item) if isinstance(item, Gap) else self._frame(item)

    def _frame(self, frame: Frame) -> FrameResult:
        clock = StageClock()
        prepared = self._preprocess(frame)
        clock.lap("preprocess")
        found, candidates = self._detect(prepared)
        clock.lap("detect")
        detections, rejected = self._plausibility(found, frame.image.shape)
        clock.lap("plausibility")
        classifications = self.classify(prepared.picture, detections)
        clock.lap("classify")
        if frame.independent:
            self._decide.reset()
            tracks, track_ids = self._track.snapshot(detections, classifications, frame.image.shape)
        else:
            tracks, track_ids = self._track.update(detections, classifications, frame.media_time, frame.image.shape)
        clock.lap("track")
        tracks = self._judged(tracks, _as_classified(frame, prepared))
        clock.lap("fallback")
        speed = frame.pose.speed if frame.pose else None
        advisories, events = self._decide.update(tracks, frame.media_time, frame.image.shape, speed)
        clock.lap("decide")
        others = _others(candidates, detections)
        timings_ms = clock.stop() | {f"preprocess.{step}": ms for step, ms in prepared.timings_ms.items()}
        timings_ms["models"] = self.detector.last_run_ms + (self.classifier.last_run_ms if len(detections) else 0.0)
        return FrameResult(
            frame, detections, classifications, track_ids, tracks, advisories, events,
            others, self.classify(prepared.picture, others), rejected, timings_ms,
        )  # fmt: skip

    def _judged(self, tracks: list[SignTrack], frame: Frame | None) -> list[SignTrack]:
        """Return the tracks with the fallback's verdicts: the one place where these are put on tracks."""
        verdicts = self._fallback(tracks, frame)
        return [track.judged(verdict) for track, verdict in zip(tracks, verdicts, strict=True)]

    def _gap(self, gap: Gap) -> FrameResult:
        """Let tracks coast and advisories age."""
        clock = StageClock()
        tracks = self._track.gap(gap.media_time)
        clock.lap("track")
        tracks = self._judged(tracks, None)
        clock.lap("fallback")
        advisories, events = self._decide.update(tracks, gap.media_time, None)
        clock.lap("decide")
        nothing = Classifications.empty(len(self.catalogue))
        return FrameResult(gap, Detections.empty(), nothing, [], tracks, advisories, events, timings_ms=clock.stop())


def _as_classified(frame: Frame, prepared: Prepared) -> Frame:
    """Return the frame with the picture that the classifier was shown, for the witnesses."""
    return frame if prepared.picture is frame.image else replace(frame, image=prepared.picture)


def _others(candidates: Detections, chosen: Detections) -> Detections:
    """Return the candidates that aren't among the chosen ones."""
    if not len(candidates):
        return candidates
    return candidates[~(candidates.xyxy[:, None] == chosen.xyxy[None]).all(axis=2).any(axis=1)]
