"""The contact sheet: one HTML file on which a person sees the queue and says what the signs are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.html import Html, Section, data_uri, join, paragraph, thumbnail, write_page
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
    ours = files(__package__)
    style = Html(f"<style>{ours.joinpath('contact.css').read_text(encoding='utf-8')}</style>")
    script = Html(f"<script>{ours.joinpath('contact.js').read_text(encoding='utf-8')}</script>")
    help_ = (
        "Choose what each sign is, then save: the browser puts a file labels.json among its downloads, which "
        "`signpipe review label FOLDER --from labels.json` takes in. Until then nothing is kept."
    )
    body = join(
        style, paragraph(help_), _bar(entries), Html(f'<div class="items">{"".join(cards)}</div>'), _choices(catalogue)
    )
    note = f"{len(cards)} of {len(entries)} signs, the most novel first"
    write_page(path, "Signs for review", [Section("Signs", join(body, script))], note)
    return len(cards)


def _bar(entries: Sequence[Queued]) -> Html:
    """Return the line with the filter and the button."""
    present = {entry.status for entry in entries}
    options = "".join(
        f'<option value="{status}"{" selected" if status is Status.OPEN and Status.OPEN in present else ""}>'
        f"{status}</option>"
        for status in Status
    )
    return Html(
        f'<div class="bar"><label>Show <select id="status"><option value="">all</option>{options}</select></label>'
        '<button id="save" type="button">Save labels</button><span id="count"></span></div>'
    )


def _card(entry: Queued, catalogue: Catalogue) -> Html | None:
    """Return one sign, or None if its pictures can't be read."""
    item = entry.item
    crop, context = cv2.imread(str(entry.crop)), cv2.imread(str(entry.context))
    if crop is None or context is None:
        return None
    scene = data_uri(_scene(np.asarray(context, np.uint8), entry))
    sign = data_uri(thumbnail(np.asarray(crop, np.uint8), _CROP))
    where = f"{item.picture or item.source}, {item.media_time:.1f} s, {item.side:.0f} px"
    facts = [
        f"{', '.join(item.why)}; novelty {item.novelty:.2f}" + (f"; seen again {entry.again}x" if entry.again else ""),
        where,
        item.reason,
        *([item.conflict] if item.conflict else []),
        *(f"{said.source}: {said.text}" for said in item.opinions if said.source != "vision"),  # the reason has that
    ]
    guesses = "".join(
        f'<button type="button" data-choice="{escape(choice.name)}">'
        f"{escape(_title(choice.name, catalogue))} {choice.probability:.2f}</button>"
        for choice in item.top
    )
    label = f"<p><b>{escape(entry.label.label)}</b> by {escape(entry.label.labeller)}</p>" if entry.label else ""
    return Html(
        f'<article class="item" id="{escape(item.id)}" data-status="{entry.status}">'
        f'<img class="crop" alt="the sign" src="{sign}">{label}'
        + "".join(f"<p>{escape(fact)}</p>" for fact in facts)
        + f'<details><summary>scene, {escape(item.id)}</summary><img alt="the scene" src="{scene}"></details>'
        + f'{guesses}<button type="button">no sign</button>'
        + '<select></select><input hidden maxlength="64" placeholder="name of the sign"></article>\n'
    )


def _choices(catalogue: Catalogue) -> Html:
    """Return the classes once; the script's first act is to copy them into every card's list."""
    options = "".join(
        f'<option value="{escape(sign.name)}">{escape(sign.title)}</option>'
        for sign in sorted(catalogue, key=lambda sign: sign.title)
    )
    return Html(
        '<template id="choices"><option value="">choose a class</option>'
        f'<option value="{NOT_A_SIGN}">no sign</option><option value="+">another sign: its name</option>'
        f'<optgroup label="the catalogue">{options}</optgroup></template>'
    )


def _title(name: str, catalogue: Catalogue) -> str:
    return catalogue.by_name(name).title if name in catalogue.names else name


def _scene(context: Image, entry: Queued) -> bytes:
    """Return the scene with the sign marked, as a small JPEG."""
    scale = min(_CONTEXT / max(context.shape[:2]), 1.0)
    small = cv2.resize(context, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(edge * scale) for edge in within(entry.item.xyxy, entry.item.context))
    cv2.rectangle(small, (left - 3, top - 3), (right + 2, bottom + 2), _RED, 2)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
