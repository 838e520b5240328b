"""The hot loop: it composes the stages, measures each, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.countries import Country
from signpipe.catalogue.rules import NO_RULES, Rules, read_rules
from signpipe.clock import MediaTimeCheck, StageClock
from signpipe.errors import ModelError, SettingsError
from signpipe.few_shot.folder import open_few_shot
from signpipe.few_shot.head import Head
from signpipe.few_shot.signs import open_signs
from signpipe.images import as_bgr
from signpipe.opinion import Witness
from signpipe.runtime.session import Models, Session, open_models
from signpipe.settings import Settings, load_settings
from signpipe.stages.boards import Boards
from signpipe.stages.classify import Classify
from signpipe.stages.decide import Decide
from signpipe.stages.detect import Detect
from signpipe.stages.fallback import Fallback
from signpipe.stages.plates import Plates
from signpipe.stages.plausibility import Plausibility
from signpipe.stages.preprocess import Preprocess
from signpipe.stages.track import Track
from signpipe.types import (
    Classifications,
    Detections,
    FloatArray,
    Frame,
    FrameResult,
    Gap,
    Pose,
    Prepared,
    SignTrack,
    Surroundings,
)
from signpipe.witnesses import open_witnesses

log = logging.getLogger("signpipe.pipeline")

STAGES = ("preprocess", "detect", "plausibility", "classify", "track", "fallback", "decide")


class Pipeline:
    """From frames to dated advisories.

    One pipeline follows one source: tracks and the drive state carry over from frame to frame.

        with Pipeline() as pipeline:
            result = pipeline(image)

    Any part can be given instead of being made from the settings. A stage of one's own is called, and answers, as the
    one in `signpipe.stages` that it stands for; a detector, for instance, is anything that takes a `Prepared` and
    returns two `Detections`: those found, and, if `detect.raw` asks for them, all candidates, of which those found are
    the first. Where a stage of one's own stands for one that runs a model, that model isn't opened.

    Args:
        settings: The whole configuration; the default is `Settings()`.
        catalogue: The classes in the order of the classifier's output; the default are the signs of the country that
            the settings name.
        models: Open models, shared with other pipelines: whoever opened them closes them.
        witnesses: Who is asked besides the classifier; the default are those that the settings name.
        stages: Stages of one's own by the name of the stage that they stand for, one of `STAGES`.

    Attributes:
        settings: The whole configuration.
        catalogue: The classes: the classifier's own, then the country's others, then those that were added.
        country: Whose signs they are, or None with a catalogue or a classifier of one's own.
        models: The models that it runs.
        detect: The stage that finds signs in a picture.
        classify: The stage that says of each crop what sign it is.

    Raises:
        ModelError: A model is missing, altered, or doesn't fit the catalogue.
        SourceError: A map or a calibration can't be read.
        ProviderError: The execution provider that was asked for can't be had.
        SettingsError: The added classes can't be used, or there is no stage of a name that was given.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalogue: Catalogue | None = None,
        models: Models | None = None,
        witnesses: Sequence[Witness] | None = None,
        stages: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings = settings or load_settings()
        own = dict(stages or {})
        for name in own.keys() - set(STAGES):
            raise SettingsError(f"There is no stage '{name}' to stand for; there are {', '.join(STAGES)}.")
        self._shared = models is not None
        self.models = models or open_models(
            settings,
            detector="detect" not in own,
            classifier="classify" not in own,
            reader=witnesses is None and "fallback" not in own,
        )
        self.catalogue = catalogue or load_catalogue()
        self.country: Country | None = None
        head = self._fit_catalogue(catalogue) if "classify" not in own else None
        self._preprocess = own.get("preprocess") or self._make_preprocess()
        self.detect = own.get("detect") or Detect(settings.detect, _needed(self.models.detector, "detector"))
        self._plausibility = own.get("plausibility") or Plausibility(settings.plausibility)
        self.classify = own.get("classify") or Classify(
            settings.classify, _needed(self.models.classifier, "classifier"), head
        )
        self._boards = Boards(self.catalogue)
        self._track = own.get("track") or Track(settings.track, self.catalogue, settings.camera)
        if witnesses is None:
            witnesses = open_witnesses(settings, self.catalogue, self.models.reader)
        self._fallback = own.get("fallback") or Fallback(
            settings.fallback, self.catalogue, witnesses, self._learned(), settings.track.worthless
        )
        self._rules = _rules_of(self.country)
        self._plates = Plates(self.catalogue, self._rules.languages)
        self._decide = own.get("decide") or Decide(settings.decide, self.catalogue, self._rules, settings.vehicle)
        self._check_time = MediaTimeCheck()
        self._index = 0
        self._started: float | None = None
        self._told_of_sensors = False

    def _fit_catalogue(self, catalogue: Catalogue | None) -> Head | None:
        """Make sure that the classifier's classes are the catalogue's, and choose what names the others."""
        session = _needed(self.models.classifier, "classifier")
        classes = session.entry.classes
        if classes and tuple(classes) != self.catalogue.names:
            raise ModelError(
                f"The classifier '{session.entry.name}' knows {len(classes)} classes that aren't the catalogue's "
                f"{len(self.catalogue)} in order; choose a classifier that was trained for this catalogue."
            )
        if catalogue is None:
            signs = open_signs(self.settings, session)
            self.country, self.catalogue = signs.country, signs.catalogue
            return signs.head
        folder = self.settings.classify.few_shot
        few_shot = open_few_shot(folder, session, catalogue) if folder else None
        if few_shot:
            self.catalogue = few_shot.catalogue
        return few_shot

    def _learned(self) -> int | None:
        """Return how many classes the classifier was trained on, or None if it doesn't say."""
        session = self.models.classifier
        return len(session.entry.classes) or None if session else None

    def _make_preprocess(self) -> Preprocess:
        entry = self.models.detector.entry if self.models.detector else None
        if entry is None:  # a detector of one's own takes pictures of any size
            return Preprocess(self.settings.preprocess, 1)
        return Preprocess(self.settings.preprocess, entry.input.stride or 32, entry.fixed_size, entry.smallest_side)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the models, unless they were given."""
        if not self._shared:
            self.models.close()

    def reset(self) -> None:
        """Forget all tracks, what they said, and what holds for the driver; ids of tracks go on."""
        for stage in (self._preprocess, self.detect, self._plausibility, self.classify,
                      self._track, self._fallback, self._plates, self._decide):  # fmt: skip
            forget = getattr(stage, "reset", None)
            if forget is not None:
                forget()
        self._check_time = MediaTimeCheck()
        self._started = None

    def __call__(
        self,
        image: Any,
        time: float | None = None,
        *,
        rgb: bool = False,
        pose: Pose | None = None,
        lidar: FloatArray | None = None,
        independent: bool = False,
    ) -> FrameResult:
        """Take the next picture of a loop of one's own.

        Args:
            image: BGR uint8 (H, W, 3); grey, with alpha or of 16 bits, it is converted.
            time: When it was taken, in seconds from any start; the time of the call, if None.
            rgb: True if its channels are red, green, blue.
            pose: Where the vehicle was.
            lidar: A sweep float32 (N, 4) as x, y, z, reflectance.
            independent: True if it has nothing to do with the picture before it.

        Raises:
            SourceError: It is no picture, or the time is no number.
            ModelError: A model can't be run.
        """
        now = monotonic()
        self._started = now if self._started is None else self._started
        media_time = now - self._started if time is None else float(time)
        index, self._index = self._index, self._index + 1
        return self._checked(
            Frame(as_bgr(image, rgb), index, now, media_time, pose=pose, lidar=lidar, independent=independent)
        )

    def run(self, frames: Iterable[Frame | Gap]) -> Iterator[FrameResult]:
        """Yield one result per frame or gap, in order."""
        for item in frames:
            yield self._checked(item)

    def process(self, item: Frame | Gap) -> FrameResult:
        """Take one frame, or the report that there is none, through all stages."""
        return self._gap(item) if isinstance(item, Gap) else self._frame(item)

    def _checked(self, item: Frame | Gap) -> FrameResult:
        """Take a frame whose sensors someone else should have attached; say once if nobody has."""
        if isinstance(item, Frame) and not self._told_of_sensors:
            self._told_of_sensors = True
            missing = [
                name
                for name, asked, there in (
                    ("position.source", self.settings.position.source, item.pose),
                    ("motion.source", self.settings.motion.source, item.motion),
                    ("lidar.sweeps", self.settings.lidar.sweeps, item.lidar),
                )
                if asked is not None and there is None
            ]
            if missing:
                log.warning(
                    "%s is set, but the frames come without: a pipeline takes frames as they are. Use signpipe.watch, "
                    "or give it Sensors(settings).attach(frames).",
                    " and ".join(missing),
                )
        return self.process(item)

    def _frame(self, frame: Frame) -> FrameResult:
        self._check_time(frame)
        clock = StageClock()
        prepared = self._preprocess(frame)
        clock.lap("preprocess")
        found, candidates = self.detect(prepared)
        models_ms = getattr(self.detect, "model_ms", 0.0)
        clock.lap("detect")
        plausible, rejected = self._plausibility(found, frame.image.shape)
        detections = found if plausible.all() else found[plausible]
        clock.lap("plausibility")
        classifications = self.classify(prepared.picture, detections)
        models_ms += getattr(self.classify, "model_ms", 0.0)
        detections, classifications = self._boards(prepared.picture, detections, classifications, self.classify)
        models_ms += self._boards.model_ms
        clock.lap("classify")
        if frame.independent:
            self._decide.reset()
            tracks, track_ids = self._track.snapshot(detections, classifications, frame.image.shape)
        else:
            tracks, track_ids = self._track.update(
                detections, classifications, frame.media_time, frame.image.shape, frame.speed
            )
        clock.lap("track")
        tracks = self._judged(tracks, _as_classified(frame, prepared))
        models_ms += getattr(self._fallback, "model_ms", 0.0)
        clock.lap("fallback")
        tracks = self._plates(tracks, detections.shape)
        advisories, events = self._decide.update(
            tracks, frame.media_time, frame.image.shape, frame.speed, *self._surroundings(frame)
        )
        clock.lap("decide")
        timings_ms = clock.stop() | {f"preprocess.{step}": ms for step, ms in prepared.timings_ms.items()}
        timings_ms["models"] = models_ms
        if frame.sensors_ms:
            timings_ms["sensors"] = frame.sensors_ms
        others = _others(candidates, plausible)
        return FrameResult(
            frame, detections, classifications, track_ids, tracks, advisories, events,
            others, self.classify(prepared.picture, others), rejected, timings_ms, catalogue=self.catalogue,
        )  # fmt: skip

    def _judged(self, tracks: list[SignTrack], frame: Frame | None) -> list[SignTrack]:
        """Return the tracks with the fallback's verdicts: the one place where these are put on tracks."""
        verdicts = self._fallback(tracks, frame)
        return [track.judged(verdict, self.catalogue) for track, verdict in zip(tracks, verdicts, strict=True)]

    def _surroundings(self, frame: Frame) -> tuple[Surroundings, ...]:
        """Return what is known of weather and time with a frame, if anything is, besides the settings."""
        if frame.surroundings is not None:
            return (frame.surroundings,)
        utc, zone = frame.pose.utc if frame.pose else None, self._rules.timezone
        if utc is None or zone is None or self.settings.vehicle.clock is not None:
            return ()
        return (Surroundings(clock=datetime.fromtimestamp(utc, zone).replace(tzinfo=None)),)

    def _gap(self, gap: Gap) -> FrameResult:
        """Let tracks coast and advisories age."""
        clock = StageClock()
        tracks = self._track.gap(gap.media_time)
        clock.lap("track")
        tracks = self._judged(tracks, None)
        clock.lap("fallback")
        tracks = self._plates(tracks)
        advisories, events = self._decide.update(tracks, gap.media_time, None)
        clock.lap("decide")
        nothing = Classifications.empty(len(self.catalogue))
        return FrameResult(
            gap, Detections.empty(), nothing, [], tracks, advisories, events,
            timings_ms=clock.stop(), catalogue=self.catalogue,
        )  # fmt: skip


def _rules_of(country: Country | None) -> Rules:
    """Return what applies in a country without a sign."""
    if country is None:
        return NO_RULES
    return read_rules(country.rules, country.unit, country.languages, str(country.path))


def _needed(session: Session | None, role: str) -> Session:
    """Return a session that a stage needs.

    Raises:
        ModelError: There is none among the models that were given.
    """
    if session is None:
        raise ModelError(f"The models that were given have no {role}; open it too, or give a stage of your own for it.")
    return session


def _as_classified(frame: Frame, prepared: Prepared) -> Frame:
    """Return the frame with the picture that the classifier was shown, for the witnesses."""
    return frame if prepared.picture is frame.image else replace(frame, image=prepared.picture)


def _others(candidates: Detections, plausible: npt.NDArray[np.bool_]) -> Detections:
    """Return the candidates besides the plausible ones of those found, which are the first of them."""
    if not len(candidates):
        return candidates
    kept = np.zeros(len(candidates), bool)
    kept[: len(plausible)] = plausible
    return candidates[~kept]
