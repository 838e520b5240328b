"""From what a person types or a page sends to the label of an item."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from signpipe.catalogue import Catalogue
from signpipe.errors import SettingsError, SourceError
from signpipe.lab.data.classes import ANY_SIGN, IGNORE, NONE
from signpipe.lab.data.formats.folder import OTHER_LAYOUTS
from signpipe.lab.data.reading import SPLIT_WORDS
from signpipe.review.item import NOT_A_SIGN

# A name is a folder in an export; these mean something else there.
_RESERVED = {ANY_SIGN, IGNORE, NONE, *OTHER_LAYOUTS, *SPLIT_WORDS}
_NAME = re.compile(r"[^\W\d_]\w{0,63}")


def parse_label(text: str, catalogue: Catalogue, new: bool = False) -> str:
    """Return the label that a text means: a class of the catalogue, `NOT_A_SIGN`, or a new name.

    Args:
        text: A class by name or title (letter case, spaces and dashes don't matter), "not-a-sign", or a name of one's
            own for a sign outside the catalogue.
        catalogue: The classes.
        new: True if a name outside the catalogue is meant to be one; else it is taken for a slip.

    Raises:
        SettingsError: It is no class of the catalogue and not meant as a new name, or a new name can't be used.
    """
    plain = _plain(text)
    known = {_plain(sign.name): sign.name for sign in catalogue} | {_plain(sign.title): sign.name for sign in catalogue}
    known[_plain(NOT_A_SIGN)] = NOT_A_SIGN
    if plain in known:
        return known[plain]
    if not new:
        close = difflib.get_close_matches(plain, known, n=1)
        hint = f" (did you mean {known[close[0]]}?)" if close else ""
        raise SettingsError(f"'{text}' isn't in the catalogue{hint}; add --new if it is a sign outside of it.")
    if plain in _RESERVED or not _NAME.fullmatch(plain):
        raise SettingsError(f"'{text}' can't be the name of a sign; use letters, digits and underscores.")
    return plain


def read_labels(file: Path, catalogue: Catalogue) -> Mapping[str, str]:
    """Read the labels that the contact sheet saved.

    Args:
        file: JSON: an object `labels` from item id to an object of `label` and, for a name outside the catalogue,
            `new` true.
        catalogue: The classes.

    Returns:
        Label by item id.

    Raises:
        SourceError: The file is missing, no such JSON, or a label in it can't be used.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))["labels"]
        entries = [(str(item_id), str(said["label"]), said.get("new") is True) for item_id, said in content.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(
            f"{file} is missing or holds no labels; give the JSON file that the page of `signpipe review page` saved."
        ) from None
    try:
        return {item_id: parse_label(label, catalogue, new) for item_id, label, new in entries}
    except SettingsError as error:
        raise SourceError(f"{file} can't be taken: {error}") from None


def _plain(text: str) -> str:
    return re.sub(r"[\s\-/_]+", "_", text.strip().lower()).strip("_")
