"""The review queue on disk.

One folder per item, and in it files that have one writer each, so that a run, a person and a clean-up never overwrite
one another's work, whichever comes first:

    ID/item.json    everything known of the sign; never changed
    ID/crop.png     the sign with its surroundings, at the camera's resolution
    ID/context.jpg  the scene around it, at the camera's resolution
    ID/label.json   what a person said, once one did
    ID/again.json   how often its like was seen again, once it was

An item is written under a name that starts with a dot, flushed to the disk and renamed, so that it is there whole or
not at all. There is no index: the folder is the truth.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from signpipe.review.item import NOT_A_SIGN, Label, ReviewItem, Status
from signpipe.types import FloatArray

ITEM, CROP, CONTEXT, LABEL, AGAIN = "item.json", "crop.png", "context.jpg", "label.json", "again.json"
_UNFINISHED, _LEAVING = ".new-", ".old-"
_ABANDONED = 600.0  # seconds after which nobody is still writing an unfinished item

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Queued:
    """An item and what became of it.

    Attributes:
        item: What was saved.
        folder: Where it lies.
        label: What a person said, or None.
        again: How often its like was seen again.
    """

    item: ReviewItem
    folder: Path
    label: Label | None
    again: int

    @property
    def status(self) -> Status:
        """Where it is on its way."""
        if self.label is None:
            return Status.OPEN
        return Status.REJECTED if self.label.label == NOT_A_SIGN else Status.LABELLED

    @property
    def crop(self) -> Path:
        """The picture of the sign."""
        return self.folder / CROP

    @property
    def context(self) -> Path:
        """The picture of the scene."""
        return self.folder / CONTEXT


class ReviewQueue:
    """The queue in one folder; several processes may use it at once.

    Args:
        folder: Where it lies; if need be, it is created with the first item.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[ReviewItem, int]] = {}  # with its size in bytes; neither ever changes
        self._damaged: set[str] = set()

    def __len__(self) -> int:
        return len(self.refresh())

    def items(self, status: Status | None = None) -> list[Queued]:
        """Return the items, the oldest first; half-written and damaged ones are left out.

        Args:
            status: Only the items of this status.

        Raises:
            OSError: The folder can't be read.
        """
        queued = [self._queued(item) for item, _ in self.refresh().values()]
        return [entry for entry in queued if status is None or entry.status is status]

    def refresh(self) -> Mapping[str, tuple[ReviewItem, int]]:
        """Take in what came and went since the last look.

        Returns:
            Item and size in bytes by id, the oldest first.

        Raises:
            OSError: The folder can't be read.
        """
        names = self._names()
        self._known = {name: self._known[name] for name in names if name in self._known}
        for name in names:
            if name not in self._known and name not in self._damaged:
                self._read(name)
        self._known = dict(sorted(self._known.items(), key=lambda entry: entry[1][0].created_at))
        return self._known

    def add(self, item: ReviewItem, crop: bytes, context: bytes) -> None:
        """Save an item, whole or not at all.

        Args:
            item: What is known of the sign; its id must be new, see `new_id`.
            crop: PNG of the sign.
            context: JPEG of the scene.

        Raises:
            OSError: It can't be saved; nothing of it is left behind, and everything else is as it was.
        """
        unfinished = self.folder / f"{_UNFINISHED}{item.id}"
        content = item.model_dump_json(exclude_defaults=True).encode()
        try:
            unfinished.mkdir(parents=True)
            for name, data in ((CROP, crop), (CONTEXT, context), (ITEM, content)):
                _write(unfinished / name, data)
            unfinished.rename(self.folder / item.id)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _flush_folder(self.folder)
        self._known[item.id] = item, len(crop) + len(context) + len(content)

    def like(self, embedding: FloatArray, classifier: str | None, similarity: float) -> str | None:
        """Return the id of the item that looks most like this, if any looks enough like it.

        Args:
            embedding: float32 (D,), unit length; empty or all zero is like nothing.
            classifier: SHA-256 of the classifier that it is of.
            similarity: Least cosine.

        Raises:
            OSError: The folder can't be read.
        """
        items = [item for item, _ in self.refresh().values() if item.classifier == classifier]
        items = [item for item in items if len(item.embedding) == len(embedding)]
        if not items or not np.any(embedding):
            return None
        cosine = np.array([item.embedding for item in items], np.float32) @ embedding
        best = int(cosine.argmax())
        return items[best].id if cosine[best] >= similarity else None

    def seen_again(self, item_id: str) -> None:
        """Count that the like of an item was seen again.

        Raises:
            OSError: It can't be written.
        """
        count = self._queued(self._known[item_id][0]).again + 1
        _replace(self.folder / item_id / AGAIN, json.dumps({"count": count}).encode())

    def label(self, item_id: str, label: str, labeller: str) -> None:
        """Keep what a person said; a later word replaces an earlier one.

        Args:
            item_id: Id of an item.
            label: A class of the catalogue, a name of one's own, or `NOT_A_SIGN`.
            labeller: Who says so.

        Raises:
            OSError: It can't be written, or the item is gone; an earlier label stays.
        """
        said = Label(label=label, labeller=labeller, labelled_at=datetime.now(UTC))
        _replace(self.folder / item_id / LABEL, said.model_dump_json().encode())

    def prune(self, megabytes: float, days: float) -> list[str]:
        """Make the queue small enough; what a person labelled is never removed, however large or old it is.

        Args:
            megabytes: Largest size; the oldest unlabelled items go first.
            days: Age from which unlabelled items go.

        Returns:
            Ids of what was removed.

        Raises:
            OSError: The folder can't be read.
        """
        self._clean()
        known = self.refresh()
        size = sum(bytes_ for _, bytes_ in known.values())
        oldest = datetime.now(UTC) - timedelta(days=days)
        removed = []
        for item, bytes_ in list(known.values()):
            if (size > megabytes * 1e6 or item.created_at < oldest) and self._remove(item.id):
                removed.append(item.id)
                size -= bytes_
        return removed

    def remove_labelled(self) -> list[str]:
        """Remove what a person has labelled or rejected, once it is exported; return the ids.

        Raises:
            OSError: The folder can't be read.
        """
        done = [entry.item.id for entry in self.items() if entry.label is not None]
        return [item_id for item_id in done if self._remove(item_id, labelled=True)]

    @property
    def megabytes(self) -> float:
        """Size of all items as of the last look."""
        return sum(bytes_ for _, bytes_ in self._known.values()) / 1e6

    def _names(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> None:
        folder = self.folder / name
        try:
            item = ReviewItem.model_validate_json((folder / ITEM).read_bytes())
            size = sum((folder / part).stat().st_size for part in (ITEM, CROP, CONTEXT))
        except FileNotFoundError:
            return  # another folder, or an item that is just being removed
        except (OSError, ValidationError):
            item = None
        if item is None or item.id != name:
            self._damaged.add(name)
            _log.warning("The review item %s is damaged; it is left out.", folder)
        else:
            self._known[name] = item, size

    def _queued(self, item: ReviewItem) -> Queued:
        folder = self.folder / item.id
        again = 0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # it was never seen again
            again = int(json.loads((folder / AGAIN).read_bytes())["count"])
        return Queued(item, folder, _label_in(folder), again)

    def _remove(self, item_id: str, labelled: bool = False) -> bool:
        """Remove an item; unless `labelled`, not if a person labelled it, be it in this very moment."""
        folder = self.folder / item_id
        leaving = self.folder / f"{_UNFINISHED if labelled else _LEAVING}{item_id}"
        if (folder / LABEL).exists() and not labelled:
            return False
        try:
            folder.rename(leaving)
            if (leaving / LABEL).exists() and not labelled:
                leaving.rename(folder)
                return False
        except OSError:
            return False
        shutil.rmtree(leaving, ignore_errors=True)
        self._known.pop(item_id, None)
        return True

    def _clean(self) -> None:
        """Remove what a run that died left half-written or half-removed, and bring back what it should not remove."""
        for rest in self.folder.glob(".*-*"):
            with contextlib.suppress(OSError):  # whoever it belongs to was faster
                if rest.name.startswith(_LEAVING) and (rest / LABEL).exists():
                    rest.rename(self.folder / rest.name.removeprefix(_LEAVING))
                elif rest.name.startswith(_LEAVING) or (
                    rest.name.startswith(_UNFINISHED) and time.time() - rest.stat().st_mtime > _ABANDONED
                ):
                    shutil.rmtree(rest, ignore_errors=True)


def new_id(now: datetime) -> str:
    """Return an id that tells the time and is nobody else's."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _label_in(folder: Path) -> Label | None:
    try:
        return Label.model_validate_json((folder / LABEL).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.warning("The label %s is damaged; give it again.", folder / LABEL)
        return None


def _replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another, whole or not at all."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the item is gone", str(path.parent))
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(3)}")
    try:
        _write(unfinished, data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _write(path: Path, data: bytes) -> None:
    """Write a file down to the disk, so that a rename can't overtake it."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Write down to the disk that a file has come into a folder, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
