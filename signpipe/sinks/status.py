"""The state of a run in the terminal."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from signpipe.catalogue import Catalogue
from signpipe.sinks.base import RunInfo
from signpipe.types import AdvisoryStatus, Frame, FrameResult, TrackState

_WINDOW = 10.0  # seconds over which the rate and the latency are taken
_REFRESH = 0.25  # seconds between two updates of a terminal
_LINE = 5.0  # seconds between two lines where the output is no terminal
_COLOURS = {AdvisoryStatus.ACTIVE: "green", AdvisoryStatus.STALE: "yellow", AdvisoryStatus.ENDED: "bright_black"}


class StatusSink:
    """Keeps three lines of a terminal up to date, or prints a plain line now and then where there is none."""

    def __init__(self, run: RunInfo, catalogue: Catalogue, console: Console | None = None) -> None:
        """Remember what to show; nothing is printed before the first result.

        Args:
            run: Names the source and the providers.
            catalogue: Titles of the signs.
            console: Where to print; standard error if None.
        """
        self._run = run
        self._catalogue = catalogue
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._recent: deque[tuple[float, float]] = deque()  # when a frame was done, and its latency in ms
        self._due = 0.0

    def write(self, result: FrameResult) -> None:
        """Count a result, and show it if the last update is old enough."""
        now = time.monotonic()
        if isinstance(result.frame, Frame):
            self._recent.append((now, result.timings_ms.get("total", float("nan"))))
        while self._recent and self._recent[0][0] < now - _WINDOW:
            self._recent.popleft()
        if now < self._due:
            return
        terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._due = now + (_REFRESH if terminal else _LINE)
        if not terminal:
            self._console.print(self._numbers(result), soft_wrap=True)
            return
        if not self._live:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(self._lines(result), refresh=True)

    def close(self) -> None:
        """Clear what was shown; a second call does nothing."""
        live, self._live = self._live, None
        if live:
            live.stop()

    def _lines(self, result: FrameResult) -> Text:
        lines = [self._numbers(result), self._signs(result), self._advisories(result)]
        for line in lines:
            line.truncate(self._console.width, overflow="ellipsis")
        return Text("\n").join(lines)

    def _numbers(self, result: FrameResult) -> Text:
        line = Text(self._run.source, "bold")
        if isinstance(result.frame, Frame):
            line.append(f"  frame {result.frame.index}", "default")
        else:
            line.append(f"  NO SIGNAL for {result.frame.duration:.1f} s ({result.frame.reason})", "bold red")
        times = [when for when, _ in self._recent]
        latency = [value for _, value in self._recent if np.isfinite(value)]
        if len(times) > 1 and times[-1] > times[0]:
            line.append(f"  {(len(times) - 1) / (times[-1] - times[0]):.1f} frames/s", "cyan")
        if latency:
            median, high = np.percentile(latency, (50, 95))
            line.append(f"  latency p50 {median:.0f} ms, p95 {high:.0f} ms (n={len(latency)})", "default")
        line.append(f"  dropped {result.dropped}", "yellow" if result.dropped else "default")
        providers = ", ".join(name.removesuffix("ExecutionProvider") for name in self._run.providers)
        return line.append(f"  {providers}" if providers else "", "default")

    def _signs(self, result: FrameResult) -> Text:
        line = Text("signs       ", "bright_black")
        shown = [track for track in result.tracks if track.state is not TrackState.TENTATIVE]
        for track in shown:
            sure = track.is_sure
            title = self._catalogue[track.class_id].title if sure else f"{track.verdict.category or 'unknown'} sign"
            line.append(f"#{track.id} {title.replace('_', ' ')}  ", "green" if sure else "yellow")
        return line.append("" if shown else "none in sight", "bright_black")

    def _advisories(self, result: FrameResult) -> Text:
        line = Text("advisories  ", "bright_black")
        for advisory in result.advisories:
            stale = f" (last known, {advisory.age:.0f} s ago)" if advisory.status is AdvisoryStatus.STALE else ""
            line.append(f"{advisory.message}{stale}  ", _COLOURS[advisory.status])
        return line.append("" if result.advisories else "none", "bright_black")
