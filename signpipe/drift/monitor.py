"""Compares the latest samples of a run with a reference, again and again, and rings only for what stays."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from signpipe.drift.comparing import Report, Verdict, compare
from signpipe.drift.features import PICTURE
from signpipe.drift.reference import PICTURES, SIGNS, Reference
from signpipe.drift.samples import Sample

logger = logging.getLogger(__name__)

_LASTING = 2  # windows of new samples in which a feature has to differ all the time
_REMEMBERED = 500  # comparisons; of a feature whose windows weren't replaced within these nothing is said


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What one comparison found.

    Attributes:
        pictures: How many pictures there had been by then.
        signs: How many signs.
        verdicts: Of each feature that there was enough of.
    """

    pictures: int
    signs: int
    verdicts: Mapping[str, Verdict]

    def of(self, feature: str) -> int:
        """Return how many values of a feature there had been."""
        return self.pictures if feature in PICTURE else self.signs


class Monitor:
    """Keeps a window of samples and compares it with a reference at intervals.

    Windows that overlap say the same thing again: a chance that made one of them odd makes the next ones odd too. So a
    feature counts as drifted once every comparison has said so while its window was replaced twice: what passes within
    that is no drift, but the light of one stretch of road, or the signs of one street.

    Args:
        reference: What the samples should be like.
        every: Seconds of media time between two comparisons.
        source: Names the source in messages.

    Attributes:
        report: The latest comparison, or None before the first.
        verdict: The worst that any feature has shown for two windows of new samples.
        lasting: The features that did, with the verdict of each.
    """

    def __init__(self, reference: Reference, every: float, source: str = "the source") -> None:
        self._reference = reference
        self._every = every
        self._source = source
        self._scenes: deque[Sample] = deque(maxlen=PICTURES)
        self._signs: deque[Sample] = deque(maxlen=SIGNS)
        self._passed = {"picture": 0, "sign": 0}
        self._recent: deque[_Comparison] = deque(maxlen=_REMEMBERED)
        self._due: float | None = None
        self.report: Report | None = None
        self.verdict = Verdict.NONE
        self.lasting: dict[str, Verdict] = {}

    def add(self, sample: Sample) -> None:
        """Take a sample; if it is time to, compare."""
        (self._scenes if sample.kind == "picture" else self._signs).append(sample)
        self._passed[sample.kind] += 1
        if self._due is None or not 0 <= self._due - sample.at <= self._every:
            if self._due is not None:
                self._compare()
            self._due = sample.at + self._every

    def values(self) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        """Yield family, number and labels for the metrics."""
        yield "signpipe_drift_verdict", self.verdict.rank, ()
        report = self.report
        for one in report.features if report else ():
            yield "signpipe_drift_samples", one.samples, (one.feature,)
            yield "signpipe_drift_psi", one.psi, (one.feature,)
            yield "signpipe_drift_q_value", one.q, (one.feature,)

    def _compare(self) -> None:
        self.report = report = compare(self._reference, (*self._scenes, *self._signs))
        verdicts = {one.feature: one.verdict for one in report.features}
        self._recent.append(_Comparison(self._passed["picture"], self._passed["sign"], verdicts))
        while len(self._recent) > 1 and self._is_behind(self._recent[1]):
            self._recent.popleft()  # an older one says as much
        self.lasting = {name: found for name in verdicts if (found := self._lasting(name)) is not Verdict.NONE}
        worst = max(self.lasting.values(), key=lambda one: one.rank, default=Verdict.NONE)
        if worst is not self.verdict:
            self.verdict = worst
            what = ", ".join(name for name, found in self.lasting.items() if found is worst)
            level = logging.WARNING if worst is Verdict.DRIFT else logging.INFO
            logger.log(level, "Drift of %s: %s%s.", self._source, worst.value, f" ({what})" if what else "")

    def _is_behind(self, one: _Comparison) -> bool:
        """Return whether an earlier comparison is too long ago to matter to any feature."""
        now = self._recent[-1]
        pictures, signs = _LASTING * len(self._scenes), _LASTING * len(self._signs)
        return now.pictures - one.pictures >= pictures and now.signs - one.signs >= signs

    def _lasting(self, feature: str) -> Verdict:
        """Return the mildest that was said of a feature while its windows were replaced; none before they were."""
        mildest, now = Verdict.DRIFT, self._recent[-1]
        window = _LASTING * len(self._scenes if feature in PICTURE else self._signs)
        for one in reversed(self._recent):
            mildest = min(mildest, one.verdicts.get(feature, Verdict.NONE), key=lambda verdict: verdict.rank)
            if mildest is Verdict.NONE:
                break
            if now.of(feature) - one.of(feature) >= window:
                return mildest
        return Verdict.NONE
