"""Time: how long the stages of a frame take, and whether the times that frames bring can be right."""

from __future__ import annotations

import logging
from time import perf_counter

from signpipe.types import Frame

log = logging.getLogger("signpipe.pipeline")

SUSPICIOUS = 5  # frames in a row whose time can't be right, before that is said
LONGEST_INTERVAL = 8.0  # seconds between two frames; over longer ones no sign can be followed


class StageClock:
    """Times the stages of one frame; a context manager per stage would cost more than some stages do."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}
        self._start = self._last = perf_counter()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on `stage`."""
        now = perf_counter()
        self.timings_ms[stage] = (now - self._last) * 1000
        self._last = now

    def stop(self) -> dict[str, float]:
        """Return milliseconds per stage, with `total` for the whole."""
        self.timings_ms["total"] = (perf_counter() - self._start) * 1000
        return self.timings_ms


class MediaTimeCheck:
    """Says once if the media times of frames can't be meant: they stand still, or leap as milliseconds would.

    Signs are followed over time, so that with such times none is ever confirmed.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._still = self._leaping = 0
        self._said = False

    def __call__(self, frame: Frame) -> None:
        """Look at the next frame."""
        if self._said or frame.independent:
            return
        interval = None if self._last is None else frame.media_time - self._last
        self._last = frame.media_time
        if interval is None:
            return
        self._still = self._still + 1 if interval == 0 else 0
        self._leaping = self._leaping + 1 if interval > LONGEST_INTERVAL else 0
        if self._still == SUSPICIOUS:
            self._say("The media time of the frames stands still", "give each frame its time in seconds")
        elif self._leaping == SUSPICIOUS:
            what = f"The frames lie {interval:g} s apart by their media time"
            self._say(what, "give it in seconds, not milliseconds")

    def _say(self, what: str, advice: str) -> None:
        log.warning("%s, so that no sign can be followed and confirmed: %s, or mark them as independent.", what, advice)
        self._said = True
