"""What is drawn on a picture: the signs, and what the car should know."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.sinks.draw import BOLD, FADED, REGULAR, SEMIBOLD, WHITE, Canvas, Colour, Rect, place
from signpipe.types import (
    Advisory,
    AdvisoryStatus,
    Certainty,
    FloatArray,
    Frame,
    FrameResult,
    Gap,
    Image,
    SignTrack,
    TrackState,
)

_GREEN: Colour = (106, 200, 60)
_TEAL: Colour = (208, 190, 40)
_AMBER: Colour = (40, 176, 255)
_GREY: Colour = (205, 202, 198)
_ALARM: Colour = (70, 70, 240)

_CERTAINTIES: dict[Certainty, Colour] = {
    Certainty.CONFIRMED: _GREEN,
    Certainty.CORROBORATED: _TEAL,
    Certainty.UNCERTAIN: _AMBER,
    Certainty.UNKNOWN: _GREY,
}
_STATUSES: dict[AdvisoryStatus, Colour] = {
    AdvisoryStatus.ACTIVE: _GREEN,
    AdvisoryStatus.STALE: _AMBER,
    AdvisoryStatus.ENDED: _GREY,
}
_LIMIT = "speed_limit"  # topic of the advisory that is drawn as a sign
_LINES = 7  # most advisories in the panel beside the limit
_OUTSIDE = 64  # pixels beyond the picture within which the sides of a box are drawn
_READABLE = 200  # pixels of width and height under which text would only hide the picture


class Overlay:
    """Draws the result of a frame on a copy of its picture."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __call__(self, result: FrameResult) -> Image:
        """Return the annotated picture of a frame.

        Args:
            result: Of a frame, not of a gap; its picture isn't changed.

        Returns:
            BGR uint8 of the picture's own size.
        """
        assert isinstance(result.frame, Frame)
        canvas = Canvas(result.frame.image.copy())
        boxes = [(track, _rect(track.xyxy, canvas)) for track in result.tracks]
        for row, box in enumerate(result.detections.xyxy):
            if row >= len(result.track_ids) or result.track_ids[row] < 0:
                canvas.frame(_rect(box, canvas), _GREY, 1)
        for track, rect in boxes:
            tentative = track.state is TrackState.TENTATIVE
            colour = _GREY if tentative else _CERTAINTIES[track.verdict.certainty]
            canvas.frame(rect, colour, 1 if tentative else 2, dashed=track.state is TrackState.COASTING)
        if min(canvas.width, canvas.height) < _READABLE:
            return canvas.image
        panel = self._panel(canvas, result.advisories)
        taken = [panel, self._clock(canvas, result, panel)]
        taken += [rect for _, rect in boxes]
        for track, rect in sorted(boxes, key=lambda pair: pair[1][3] - pair[1][1], reverse=True):
            if track.state is not TrackState.TENTATIVE:
                taken.append(self._label(canvas, track, rect, taken))
        return canvas.image

    def no_signal(self, image: Image, gap: Gap) -> Image:
        """Return the last picture so altered that nobody takes it for a live one.

        Args:
            image: BGR uint8 (H, W, 3), the last picture; it isn't changed.
            gap: Since when there is no signal, and why.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        canvas = Canvas(np.asarray(cv2.cvtColor((grey * 0.35).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8))
        title, reason = f"NO SIGNAL  {gap.duration:.1f} s", canvas.fit_text(gap.reason, round(canvas.width * 0.9), 20)
        middle = canvas.height / 2
        canvas.text(
            (canvas.width - canvas.text_width(title, 48, BOLD)) / 2, middle - canvas.px(20), title, 48, _ALARM, BOLD
        )
        canvas.text(
            (canvas.width - canvas.text_width(reason, 20)) / 2, middle + canvas.px(30), reason, 20, FADED, REGULAR
        )
        return canvas.image

    def _label(self, canvas: Canvas, track: SignTrack, box: Rect, taken: list[Rect]) -> Rect:
        """Write what a sign is and how sure that is, where it hides least; return the place."""
        title, percent = self._title(track), _percent(track.confidence) if track.is_sure else ""
        detail = f"#{track.id}  {track.verdict.certainty.value}"
        if track.state is TrackState.COASTING:
            detail += f"  unseen {track.unseen:.1f} s"
        elif track.verdict.reason:
            detail += f"  {track.verdict.reason}"
        pad, between = canvas.px(8), canvas.px(7)
        head = canvas.text_width(title, 15, SEMIBOLD) + (between + canvas.text_width(percent, 15) if percent else 0)
        detail = canvas.fit_text(detail, max(head, canvas.px(210)), 12)
        width = max(head, canvas.text_width(detail, 12)) + 2 * pad + canvas.px(2)
        height = canvas.px(41)
        place_ = place((width, height), box, (canvas.width, canvas.height), canvas.px(6), taken)
        left, top = place_[0] + pad + canvas.px(2), place_[1]
        colour = _CERTAINTIES[track.verdict.certainty]
        canvas.card(place_, accent=colour)
        canvas.text(left, top + canvas.px(13.5), title, 15, WHITE, SEMIBOLD)
        if percent:
            x = left + canvas.text_width(title, 15, SEMIBOLD) + between
            canvas.text(x, top + canvas.px(13.5), percent, 15, colour)
        canvas.text(left, top + canvas.px(30), detail, 12, FADED)
        return place_

    def _title(self, track: SignTrack) -> str:
        if track.is_sure:
            return self._catalogue[track.class_id].title
        if track.verdict.category:
            return f"{track.verdict.category.replace('_', ' ').capitalize()} sign"
        return "Unknown sign"

    def _panel(self, canvas: Canvas, advisories: list[Advisory]) -> Rect:
        """Draw what the car should know in the lower left corner, where no signs are; return the place."""
        limits = [advisory for advisory in advisories if advisory.topic == _LIMIT]
        others = sorted(
            (advisory for advisory in advisories if advisory.topic != _LIMIT),
            key=lambda advisory: (advisory.status is not AdvisoryStatus.ACTIVE, -advisory.renewed),
        )
        limit = limits[0] if limits else None
        rows = [_words(limit) if limit else ("limit unknown", "", _GREY)]
        rows += [_words(advisory) for advisory in others[:_LINES]]
        if len(others) > _LINES:
            rows.append((f"and {len(others) - _LINES} more", "", _GREY))
        pad, radius, line = canvas.px(12), canvas.px(34), canvas.px(23)
        room = round(canvas.width * 0.45)
        width = max(
            canvas.px(22) + canvas.text_width(canvas.fit_text(message, room, 16, SEMIBOLD), 16, SEMIBOLD)
            + (canvas.px(10) + canvas.text_width(detail, 13) if detail else 0)
            for message, detail, _ in rows
        )  # fmt: skip
        edge = canvas.px(12)
        height = max(2 * radius, line * len(rows)) + 2 * pad
        top = canvas.height - edge - height
        rect = (edge, top, edge + width + 2 * radius + 3 * pad, top + height)
        canvas.card(rect, opacity=0.78)
        number = f"{limit.value:g}" if limit and isinstance(limit.value, int | float) else "?"
        valid = number != "?" and limit is not None and limit.status is AdvisoryStatus.ACTIVE
        canvas.roundel(edge + pad + radius, top + height // 2, radius, number, valid)
        x = edge + 2 * pad + 2 * radius
        y = top + (height - line * len(rows)) // 2 + line // 2
        for row, (message, detail, colour) in enumerate(rows):
            self._row(canvas, x, y + row * line, canvas.fit_text(message, room, 16, SEMIBOLD), detail, colour)
        return rect

    def _row(self, canvas: Canvas, x: int, y: int, message: str, detail: str, colour: Colour) -> None:
        live = colour == _GREEN
        canvas.dot(x + canvas.px(5), y, colour, hollow=not live)
        canvas.text(x + canvas.px(18), y, message, 16, WHITE if live else FADED, SEMIBOLD)
        if detail:
            after = x + canvas.px(28) + canvas.text_width(message, 16, SEMIBOLD)
            canvas.text(after, y, detail, 13, FADED if live else colour)

    def _clock(self, canvas: Canvas, result: FrameResult, panel: Rect) -> Rect:
        """Write frame, time and latency in the lower right corner, or above where the panel needs it."""
        frame = result.frame
        assert isinstance(frame, Frame)
        minutes, seconds = divmod(max(frame.media_time, 0.0), 60)
        parts = [frame.name or f"frame {frame.index}", f"{int(minutes)}:{seconds:05.2f}"]
        if "total" in result.timings_ms:
            parts.append(f"{result.timings_ms['total']:.0f} ms")
        if result.dropped:
            parts.append(f"{result.dropped} dropped")
        text = canvas.fit_text("  ·  ".join(parts), canvas.width // 2, 13)
        edge, height = canvas.px(12), canvas.px(24)
        right, left = canvas.width - edge, canvas.width - edge - canvas.text_width(text, 13) - canvas.px(20)
        bottom = canvas.height - edge if left > panel[2] else edge + height
        rect = (left, bottom - height, right, bottom)
        canvas.card(rect, opacity=0.78)
        canvas.text(rect[0] + canvas.px(10), bottom - height / 2, text, 13, FADED)
        return rect


def _percent(share: float) -> str:
    """Return a probability as a percentage that never rounds up to certainty."""
    return f"{min(share * 100, 99.9):.0f} %" if share < 0.99 else f"{min(share * 100, 99.9):.1f} %"


def _words(advisory: Advisory) -> tuple[str, str, Colour]:
    """Return message, detail and colour of an advisory."""
    if advisory.value is None and advisory.track_id is None:  # nobody has said anything yet
        return advisory.message, "", _GREY
    if advisory.status is AdvisoryStatus.STALE:
        detail = f"last known, {_duration(advisory.age)} ago"
    elif advisory.status is AdvisoryStatus.ENDED:
        detail = "ended"
    else:
        detail = f"{_percent(advisory.confidence)}  {'+'.join(advisory.witnesses) or 'none'}"
    return advisory.message, detail + ("  conflict" if advisory.conflict else ""), _STATUSES[advisory.status]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _rect(xyxy: FloatArray, canvas: Canvas) -> Rect:
    """Bring a box to whole pixels, and what isn't finite or far outside near to the picture."""
    limits = np.array([canvas.width, canvas.height] * 2) + _OUTSIDE
    left, top, right, bottom = (int(v) for v in np.round(np.clip(np.nan_to_num(xyxy), -_OUTSIDE, limits)))
    return left, top, right, bottom
