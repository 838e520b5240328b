"""What `signpipe run` says in the end: the signs, what was not sure, the speed, and where the outputs lie."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from signpipe.catalogue import Catalogue
from signpipe.review import ReviewQueue
from signpipe.sinks.files import stream_of
from signpipe.sinks.summary import SignSeen, Summary
from signpipe.watching import Watch

_NAMES = {"video": "annotated video", "list of detections": "records", "list of events": "events"}


def report(summary: Summary, watching: Watch, console: Console) -> None:
    """Print the table of signs, the conflicts, what was not sure, the frames per second, and where the outputs lie.

    Args:
        summary: What the run amounted to.
        watching: The run, closed.
        console: Where to print.
    """
    _signs(summary, watching.catalogue, console)
    if watching.pipeline.country:
        _say(console, f"country: {watching.pipeline.country.name} ({watching.pipeline.country.code})")
    for line in doubts(summary, watching.settings.capture.independent, watching.info.damaged):
        _say(console, line)
    if summary.frames:
        console.print(
            f"{summary.frames} frames in {summary.seconds:.1f} s: [bold]{summary.fps:.1f} frames/s[/], latency "
            f"p50 {summary.latency_ms(50):.1f} ms, p95 {summary.latency_ms(95):.1f} ms, "
            f"{summary.overhead:.0%} of it outside the models; {summary.dropped} dropped, {summary.gaps} gaps",
            highlight=False,
        )
    for what, path in watching.settings.output.files.items():
        if what not in watching.outputs.missing and stream_of(path) is None and path.exists():
            _say(console, f"{_NAMES[what]}: {path}")


def doubts(summary: Summary, independent: bool, damaged: int) -> Iterator[str]:
    """Say what was seen too briefly or not surely, and what to try, so that "No signs seen" is never all.

    Args:
        summary: What the run amounted to.
        independent: Whether the pictures were judged one by one.
        damaged: Frames and files that could not be read.
    """
    if damaged:
        yield f"{damaged} frames or files could not be read and were not looked at."
    if not summary.frames:
        yield "No picture came, so nothing could be looked at."
    if summary.brief:
        seen = "1 sign was" if summary.brief == 1 else f"{summary.brief} signs were"
        yield f"{seen} seen too briefly to be sure; {_remedy(summary, independent)}."
    elif summary.frames == 1 and not summary.signs and not independent:
        yield f"There was a single frame, and a sign is confirmed over several; {_remedy(summary, independent)}."
    if large := summary.rejected["large"]:
        yield f"{large} boxes were larger than a sign may be; plausibility.largest sets how large that is."
    others = sum(summary.rejected.values()) - summary.rejected["large"]
    if others and not summary.total:
        rules = ", ".join(f"{rule} {count}" for rule, count in summary.rejected.items() if count and rule != "large")
        yield f"{others} boxes were left out as no plausible signs ({rules}); see `signpipe settings plausibility`."
    if not summary.total and summary.frames:
        yield "`--detections raw --jsonl FILE` lists every candidate with its score."


def report_queued(folder: Path, started: datetime, console: Console) -> None:
    """Print how many signs a run put into the review queue; one that can't be read was reported when it was opened."""
    try:
        queued = sum(entry.item.created_at >= started for entry in ReviewQueue(folder).items())
    except OSError:
        return
    signs = {0: "no new sign", 1: "1 sign"}.get(queued, f"{queued} signs")
    _say(console, f"review queue: {signs} from this run; see `signpipe review list {folder}`")


def _remedy(summary: Summary, independent: bool) -> str:
    if summary.frames == 1:
        return "--independent judges a picture by itself"
    if independent:
        return "more pixels on the sign help"
    return "unrelated pictures need --independent, a sequence its true rate (--fps), a video more frames per second"


def _signs(summary: Summary, catalogue: Catalogue, console: Console) -> None:
    title = {0: "No signs seen", 1: "1 sign seen"}.get(summary.total, f"{summary.total} signs seen")
    if summary.total > len(summary.signs):
        title += f", the last {len(summary.signs)} of them"
    table = Table(title=title, title_justify="left")
    for column, justify in (("track", "right"), ("sign", "left"), ("verdict", "left"), ("confidence", "right"),
                            ("seen", "right"), ("largest", "right")):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for seen in summary.signs.values():
        table.add_row(*_row(seen, catalogue))
    console.print(table, markup=False)
    for seen in summary.signs.values():
        if seen.conflict:
            _say(console, f"conflict about track {seen.track_id}: {seen.conflict}")


def _row(seen: SignSeen, catalogue: Catalogue) -> tuple[str, ...]:
    if seen.class_id is not None:
        title, confidence = catalogue[seen.class_id].title, f"{seen.confidence:.2f}"
    else:
        title, confidence = f"unknown {seen.category} sign" if seen.category else "unknown sign", ""
    when = seen.name or f"{seen.first:.1f}-{seen.last:.1f} s"
    return str(seen.track_id), title, str(seen.certainty), confidence, when, f"{seen.largest:.0f} px"


def _say(console: Console, text: str) -> None:
    """Print a line as it is: a path may hold brackets, which would be taken for a style."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)
