"""Compares the latest samples of a run with a reference, again and again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator

from signpipe.drift.comparing import Report, Verdict, compare
from signpipe.drift.reference import PICTURES, SIGNS, Reference
from signpipe.drift.samples import Sample

logger = logging.getLogger(__name__)

LASTING = 3  # comparisons in a row that must agree: what passes by itself is no drift


class Monitor:
    """Keeps a window of samples and compares it with a reference at intervals.

    Args:
        reference: What the samples should be like.
        every: Seconds of media time between two comparisons.
        source: Names the source in messages.

    Attributes:
        report: The latest comparison, or None before the first.
        verdict: What the last comparisons agree on.
    """

    def __init__(self, reference: Reference, every: float, source: str = "the source") -> None:
        self._reference = reference
        self._every = every
        self._source = source
        self._scenes: deque[Sample] = deque(maxlen=PICTURES)
        self._signs: deque[Sample] = deque(maxlen=SIGNS)
        self._recent: deque[Verdict] = deque(maxlen=LASTING)
        self._due: float | None = None
        self.report: Report | None = None
        self.verdict = Verdict.NONE

    def add(self, sample: Sample) -> None:
        """Take a sample; if it is time to, compare."""
        (self._scenes if sample.kind == "picture" else self._signs).append(sample)
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
        self._recent.append(report.verdict)
        lasting = min(self._recent, key=lambda one: one.rank) if len(self._recent) == LASTING else Verdict.NONE
        if lasting is not self.verdict:
            self.verdict = lasting
            what = ", ".join(one.feature for one in report.features if one.verdict is not Verdict.NONE)
            level = logging.WARNING if lasting is Verdict.DRIFT else logging.INFO
            logger.log(level, "Drift of %s: %s%s.", self._source, lasting.value, f" ({what})" if what else "")
