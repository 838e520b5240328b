"""The contact sheet: one HTML file on which a person sees the queue and says what the signs are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.html import Html, Section, data_uri, templates, thumbnail, write_page
from signpipe.review.item import NOT_A_SIGN, Status, within
from signpipe.review.queue import Queued
from signpipe.types import Image

_CROP, _CONTEXT = 160, 400  # pixels of the longer side on the page
_RED = (40, 30, 230)


def write_contact_sheet(path: Path, entries: Sequence[Queued], catalogue: Catalogue, limit: int) -> int:
    """Write a page that stands alone: pictures, guesses, a choice of classes, and a button that saves the labels.

    Args:
        path: The HTML file.
        entries: What may be shown.
        catalogue: The classes to choose from.
        limit: Most items; the most novel come first.

    Returns:
        How many items are shown; one whose pictures are gone or damaged is left out.

    Raises:
        OutputError: The file can't be written.
    """
    novel = sorted(entries, key=lambda entry: -entry.item.novelty)[:limit]
    cards = [card for entry in novel if (card := _card(entry, catalogue)) is not None]
    present = {entry.status for entry in entries}
    body = Html(
        templates(__package__)
        .get_template("contact.html")
        .render(
            cards=cards,
            statuses=list(Status),
            shown=Status.OPEN if Status.OPEN in present else "",
            no_sign=NOT_A_SIGN,
            signs=sorted(catalogue, key=lambda sign: sign.title),
        )
    )
    note = f"{len(cards)} of {len(entries)} signs, the most novel first"
    write_page(path, "Signs for review", [Section("Signs", body)], note)
    return len(cards)


def _card(entry: Queued, catalogue: Catalogue) -> dict[str, Any] | None:
    """Return what the sheet shows of one sign, or None if its pictures can't be read."""
    item = entry.item
    crop, context = cv2.imread(str(entry.crop)), cv2.imread(str(entry.context))
    if crop is None or context is None:
        return None
    where = f"{item.picture or item.source}, {item.media_time:.1f} s, {item.side:.0f} px"
    facts = [
        f"{', '.join(item.why)}; novelty {item.novelty:.2f}" + (f"; seen again {entry.again}x" if entry.again else ""),
        where,
        item.reason,
        *([item.conflict] if item.conflict else []),
        *(f"{said.source}: {said.text}" for said in item.opinions if said.source != "vision"),  # the reason has that
    ]
    return {
        "id": item.id,
        "status": entry.status,
        "sign": data_uri(thumbnail(np.asarray(crop, np.uint8), _CROP)),
        "scene": data_uri(_scene(np.asarray(context, np.uint8), entry)),
        "label": entry.label,
        "facts": facts,
        "guesses": [(choice.name, f"{_title(choice.name, catalogue)} {choice.probability:.2f}") for choice in item.top],
    }


def _title(name: str, catalogue: Catalogue) -> str:
    return catalogue.by_name(name).title if name in catalogue.names else name


def _scene(context: Image, entry: Queued) -> bytes:
    """Return the scene with the sign marked, as a small JPEG."""
    scale = min(_CONTEXT / max(context.shape[:2]), 1.0)
    small = cv2.resize(context, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(edge * scale) for edge in within(entry.item.xyxy, entry.item.context))
    cv2.rectangle(small, (left - 3, top - 3), (right + 2, bottom + 2), _RED, 2)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
