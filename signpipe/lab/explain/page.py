"""The page that explains how a sign came to be read as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.html import Html, Section, figure, grid, heading, join, paragraph, table, thumbnail
from signpipe.lab.explain.figures import evidence_figure, sensitivity_figure
from signpipe.lab.explain.history import History, Observation, changes
from signpipe.lab.explain.occlusion import occlusion_map
from signpipe.lab.few_shot.examples import render
from signpipe.settings import Settings
from signpipe.types import Classifications, Image, SignTrack

MOST_CROPS = 16
SHOWN = 96  # pixels of a crop on the page
_DRAWN = 192


class Explainer:
    """Writes the section of one track.

    Args:
        catalogue: The classes.
        settings: What the run was made with.
        classify: The classifier, from crops uint8 (N, S, S, 3).
    """

    def __init__(self, catalogue: Catalogue, settings: Settings, classify: Callable[[Image], Classifications]) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._classify = classify

    def section(self, history: History) -> Section:
        """Return a track's section.

        Raises:
            ExtraMissingError: The extra "report" isn't installed.
            ModelError: The classifier can't be run.
        """
        parts = [
            paragraph(self._summary(history)),
            heading("What was seen"),
            grid(self._crops(history)),
            heading("Evidence"),
            figure(
                evidence_figure(history, self._catalogue, self._settings.fallback),
                "Probability of the likeliest classes: fused over the track and all sources (lines), and of "
                "vision in single observations (dots). Shaded: confirmed (green), corroborated (blue), only the "
                "category (yellow).",
            ),
            heading("What was published, and why"),
            self._verdicts(history),
            self._opinions(history.last),
            heading("What the classifier goes by"),
            self._sensitivity(history),
        ]
        return Section(f"Track {history.id}: {self.name(history)}", join(*parts))

    def name(self, history: History) -> str:
        """Say in a few words what a track was read as in the end."""
        track = history.last
        if track.is_sure:
            return self._catalogue[track.class_id].title
        return f"unknown {track.verdict.category} sign" if track.verdict.category else "unknown sign"

    def _summary(self, history: History) -> str:
        first, last = history.moments[0], history.moments[-1]
        track, largest = last.track, max(moment.track.side for moment in history.moments)
        whom = f" by {'+'.join(track.verdict.witnesses)}" if track.is_sure else ""
        return (
            f"Followed from {first.media_time:.2f} s to {last.media_time:.2f} s, seen {track.hits} times, at most "
            f"{largest:.0f} px large. In the end {track.verdict.certainty}{whom}; {track.verdict.reason}."
        )

    def _crops(self, history: History) -> list[tuple[bytes, str]]:
        observations = history.observations
        chosen = np.unique(
            np.linspace(0, len(observations) - 1, min(MOST_CROPS, len(observations))).round().astype(int)
        )
        return [(_enlarged(observations[int(i)].crop), self._caption(observations[int(i)])) for i in chosen]

    def _caption(self, observation: Observation) -> str:
        moment = observation.moment
        single = moment.single
        assert single is not None
        best = int(single.argmax())
        return (
            f"{moment.media_time:.2f} s, {moment.track.side:.0f} px: {self._catalogue[best].name} at "
            f"{single[best]:.2f}, novelty {moment.single_novelty:.2f}"
        )

    def _verdicts(self, history: History) -> Html:
        rows = [
            (
                f"{moment.media_time:.2f}",
                str(moment.track.verdict.certainty),
                self._catalogue[moment.track.class_id].name
                if moment.track.is_sure
                else moment.track.verdict.category or "",
                "+".join(moment.track.verdict.witnesses) if moment.track.is_sure else "",
                moment.track.verdict.reason,
                moment.track.verdict.conflict or "",
            )
            for moment in changes(history)
        ]
        return table(("from (s)", "verdict", "published", "rests on", "why", "conflict"), rows)

    def _opinions(self, track: SignTrack) -> Html:
        if len(track.verdict.opinions) < 2:
            return paragraph("No source besides vision was asked, or had anything to say.")
        best = int(track.probability.argmax())
        rows = []
        for one in track.verdict.opinions:
            others = np.delete(one.log_likelihood.astype(np.float64), best)
            rows.append(
                (
                    one.witness,
                    one.text,
                    "" if one.class_id is None else self._catalogue[one.class_id].name,
                    f"{one.log_likelihood[best] - others.max():+.1f}",
                    "no real sign" if one.impossible else "",
                )
            )
        lead = f"log-odds for {self._catalogue[best].name} over its strongest rival"
        return join(paragraph("What each source said last:"), table(("source", "saw", "names", lead, ""), rows))

    def _sensitivity(self, history: History) -> Html:
        observation, track = history.best, history.last
        first = track.class_id if track.is_sure else int(track.probability.argmax())
        # What is sure in the end has left all rivals far behind; the observations on the way tell which came closest.
        singles = np.mean([one.single for one in history.moments if one.single is not None], axis=0)
        second = next(int(id_) for id_ in np.argsort(-singles, kind="stable") if id_ != first)
        fall = occlusion_map(self._classify, observation.crop, first)
        drawings = [
            (f"{rank}: {self._catalogue[id_].name}", drawing)
            for rank, id_ in (("first", first), ("second", second))
            if (drawing := self._drawing(self._catalogue[id_].name)) is not None
        ]
        single = float(self._classify(observation.crop[None]).probability[0, first])
        caption = (
            f"How far the probability of {self._catalogue[first].name}, {single:.2f} in this observation alone, falls "
            f"where a grey patch hides a part of the crop: by up to {max(float(fall.max()), 0.0):.2f}. Vision only; "
            "beside it the drawings of the first class and of the one that came closest."
        )
        return figure(sensitivity_figure(observation.crop, fall, drawings), caption)

    def _drawing(self, name: str) -> Image | None:
        """Return a class's drawing, if there is one."""
        folder = self._settings.classify.few_shot
        added = folder / f"{name}.svg" if folder else Path()
        try:
            if added.is_file():
                return render(added.read_text(encoding="utf-8"), added)
            return render_drawing(name, _DRAWN)
        except KeyError:
            return None


def _enlarged(crop: Image) -> bytes:
    return thumbnail(np.asarray(cv2.resize(crop, (SHOWN, SHOWN), interpolation=cv2.INTER_NEAREST), np.uint8))
