"""Keeps for a person the signs that nothing was sure of, one picture of each."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.opinion import Opinion
from signpipe.review.item import Choice, ReviewItem, Said
from signpipe.review.observation import Observation, better_observation
from signpipe.review.privacy import only_signs
from signpipe.review.queue import ReviewQueue, new_id
from signpipe.settings import ReviewSettings
from signpipe.sinks.base import RunInfo
from signpipe.types import Frame, FrameResult, Image, SignTrack, TrackState

_TOP = 5  # classes that are kept of a sign
_JPEG_QUALITY = 92

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Candidate:
    """A track as far as it has come.

    Attributes:
        track: As it was last published.
        observation: The best one of it, while it may still be wanted.
        sure: Whether its class was ever published.
        conflict: What was overruled, if anything was at any time.
    """

    track: SignTrack
    observation: Observation | None = None
    sure: bool = False
    conflict: str | None = None


class ReviewSink:
    """Saves the best observation of each sign that was never sure, is novel, or about which the sources disagreed.

    A sign is saved once, when its track ends; one whose like is in the queue already is only counted. Until then its
    best observation is all that is kept in memory. A queue that can't be written is reported once, in one sentence,
    and the run goes on: whatever went wrong, nothing is raised here.
    """

    name = "review queue"

    def __init__(
        self,
        settings: ReviewSettings,
        novelty: float,
        run: RunInfo,
        catalogue: Catalogue,
        classifier: str | None = None,
    ) -> None:
        """Open the queue and bring it within its limits; a folder that isn't there yet is created.

        Args:
            settings: Where the queue lies, its limits, and what is worth saving; `folder` must be set.
            novelty: Over this, a sign is novel.
            run: What is known of the run.
            catalogue: Names of the classes.
            classifier: SHA-256 of the classifier.
        """
        if settings.folder is None:
            raise ValueError("the review queue has no folder")
        self._settings = settings
        self._novelty = novelty
        self._source = run.source
        self._catalogue = catalogue
        self._classifier = classifier
        self._queue = ReviewQueue(settings.folder)
        self._living: dict[int, _Candidate] = {}
        self._warned: set[str] = set()
        try:
            settings.folder.mkdir(parents=True, exist_ok=True)
            self._queue.prune(settings.megabytes, settings.days)
        except OSError as error:
            self._cannot_write(error)

    def write(self, result: FrameResult) -> None:
        """Look at the living tracks, and save of those that ended what a person should see."""
        ended = self._living.keys() - {track.id for track in result.tracks}
        for track_id in sorted(ended):
            self._finish(self._living.pop(track_id))
        for track in result.tracks:
            if track.state is not TrackState.TENTATIVE:
                self._observe(track, result)

    def close(self) -> None:
        """Save the signs that are in view at the end; a second call does nothing."""
        living, self._living = self._living, {}
        for candidate in living.values():
            self._finish(candidate)

    def _observe(self, track: SignTrack, result: FrameResult) -> None:
        candidate = self._living.setdefault(track.id, _Candidate(track))
        candidate.track = track
        candidate.sure |= track.is_sure
        candidate.conflict = track.verdict.conflict or candidate.conflict
        if not self._reasons(candidate):
            candidate.observation = None
        elif isinstance(result.frame, Frame):
            candidate.observation = better_observation(
                candidate.observation, track, result.frame, result, self._catalogue
            )

    def _reasons(self, candidate: _Candidate) -> tuple[str, ...]:
        """Say why a person should see this, as it stands."""
        track = candidate.track
        familiar = any(opinion.familiar for opinion in track.verdict.opinions)
        reasons = {
            "unsure": not candidate.sure,
            "novel": track.novelty > self._novelty and not familiar,
            "conflict": candidate.conflict is not None,
        }
        return tuple(reason for reason, holds in reasons.items() if holds)

    def _finish(self, candidate: _Candidate) -> None:
        seen = candidate.observation
        if seen is None or max(seen.xyxy[2] - seen.xyxy[0], seen.xyxy[3] - seen.xyxy[1]) < self._settings.smallest:
            return
        try:
            self._save(candidate, seen)
        except OSError as error:
            self._cannot_write(error)

    def _save(self, candidate: _Candidate, seen: Observation) -> None:
        like = self._queue.like(seen.embedding, self._classifier, self._settings.similarity)
        if like is not None:
            self._queue.seen_again(like)
            return
        item = self._item(candidate, seen)
        sign, scene = seen.crop_image, seen.context_image
        if self._settings.privacy:
            boxes = [seen.xyxy, *(neighbour.xyxy for neighbour in seen.neighbours)]
            sign, scene = only_signs(sign, seen.crop, boxes), only_signs(scene, seen.context, boxes)
        context = _encode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        self._queue.add(item, _encode(".png", sign), context)
        if item.id in self._queue.prune(self._settings.megabytes, self._settings.days):
            self._warn(
                "is full of labelled signs: export them, then remove them with `signpipe review prune --labelled`."
            )

    def _item(self, candidate: _Candidate, seen: Observation) -> ReviewItem:
        track = candidate.track
        now = datetime.now(UTC)
        best = np.argsort(-track.probability, kind="stable")[:_TOP]
        return ReviewItem(
            id=new_id(now),
            created_at=now,
            why=self._reasons(candidate),
            source=self._source,
            picture=seen.name,
            track_id=track.id,
            frame_index=seen.frame_index,
            media_time=round(seen.media_time, 4),
            xyxy=seen.xyxy,
            size=seen.size,
            crop=seen.crop,
            context=seen.context,
            score=round(float(track.score), 4),
            verdict=track.verdict.certainty.value,
            reason=track.verdict.reason,
            category=track.verdict.category,
            top=tuple(
                Choice(name=self._catalogue[int(id_)].name, probability=round(float(track.probability[id_]), 4))
                for id_ in best
            ),
            novelty=round(float(track.novelty), 4),
            hits=track.hits,
            opinions=tuple(self._said(opinion) for opinion in track.verdict.opinions),
            conflict=candidate.conflict,
            pose=seen.pose,
            embedding=tuple(round(float(value), 5) for value in seen.embedding),
            classifier=self._classifier,
            neighbours=seen.neighbours,
        )

    def _said(self, opinion: Opinion) -> Said:
        named = None if opinion.class_id is None else self._catalogue[opinion.class_id].name
        return Said(
            source=opinion.witness,
            text=opinion.text,
            class_name=named,
            impossible=opinion.impossible,
            familiar=opinion.familiar,
        )

    def _cannot_write(self, error: OSError) -> None:
        self._warn(f"can't be written ({error.strerror or error}): signs are not kept for review, the run goes on.")

    def _warn(self, what: str) -> None:
        """Report a trouble, each kind of it once a run."""
        if what not in self._warned:
            self._warned.add(what)
            _log.warning("The review queue %s %s", self._queue.folder, what)


def _encode(suffix: str, image: Image, options: list[int] | None = None) -> bytes:
    return cv2.imencode(suffix, image, options or [])[1].tobytes()
