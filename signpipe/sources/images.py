"""Pictures: a folder, a pattern of names, or a single file, known by what is in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import natsort
import numpy as np

from signpipe.errors import SourceError
from signpipe.geotags import SUFFIXES, is_picture_name, picture_times, read_geotag
from signpipe.settings import CaptureSettings
from signpipe.sources.content import decode, is_picture_file
from signpipe.types import Frame, Image
from signpipe.types.source import Source, SourceInfo

_FPS: Final = 10.0  # of a sequence whose rate isn't given
_NAMED: Final = 3  # files that a message names, of many


class ImageSource(Source):
    """Pictures, one after the other, turned upright by their EXIF orientation.

    Frame N has index N, and media time N / fps or when it was taken. What can't be read is left out, counted in
    `info.damaged`, and keeps its place in time.

    Args:
        pictures: Name of each and what reads its bytes.
        source_id: Name for all of them.
        settings: `fps` is the rate of the sequence, `independent` says that the pictures are unrelated.
        others: Names of files beside them that are no pictures; there is one warning of them.
        times: Seconds at which they were taken, later and later; None for a sequence of an even rate.

    Raises:
        SourceError: None of the files is a readable picture.
        ExtraMissingError: The first is HEIC, and the extra "heif" isn't installed.
    """

    def __init__(
        self,
        pictures: Sequence[tuple[str, Callable[[], bytes]]],
        source_id: str,
        settings: CaptureSettings,
        others: Sequence[str] = (),
        times: Sequence[float] | None = None,
    ) -> None:
        self._pictures = pictures
        self._source_id = source_id
        self._fps = settings.fps or (1 / float(np.median(np.diff(times))) if times else _FPS)
        self._times = [time - times[0] for time in times] if times else None
        self._independent = settings.independent or len(pictures) == 1
        self._position = 0
        self._unread: list[str] = []
        self._first = self._next()
        if self._first is None:
            what = (
                f"{source_id} is" if len(pictures) == 1 else f"Of the {len(pictures)} pictures of {source_id}, none is"
            )
            raise SourceError(f"{what} no picture that can be read: empty, damaged, or not what its name says.")
        height, width = self._first.image.shape[:2]
        kind = "pictures" if self._independent else "image sequence"
        self.info = SourceInfo(source_id, kind, False, width, height, self._fps, frames=len(pictures))
        if others:
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            self.info.warn(f"Of the files in {source_id}, {', '.join(others[:_NAMED])}{more} are no pictures.")

    def read(self) -> Frame | None:
        """Return the next picture that can be read, or None at the end.

        Raises:
            ExtraMissingError: It is HEIC, and the extra "heif" isn't installed.
        """
        frame, self._first = self._first or self._next(), None
        if self._unread and not self.info.damaged:
            self.info.warn(f"{self._unread[0]} is no picture that can be read; such files are skipped and counted.")
        self.info.damaged = len(self._unread)
        return frame

    def _next(self) -> Frame | None:
        while self._position < len(self._pictures):
            index = self._position
            name, load = self._pictures[index]
            self._position += 1
            image = _load(load)
            if image is None:
                self._unread.append(name)
                continue
            return Frame(
                image,
                index,
                time.monotonic(),
                index / self._fps if self._times is None else self._times[index],
                self._source_id,
                independent=self._independent,
                name=Path(name).name,
            )
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _load(read: Callable[[], bytes]) -> Image | None:
    """Return a picture as BGR uint8 (H, W, 3), or None if it can't be read."""
    try:
        return decode(read())
    except OSError:
        return None


def _is_wanted(path: Path) -> bool:
    """Return True for what is a picture, or should be one by its name."""
    try:
        return is_picture_name(path.name) or is_picture_file(path)
    except OSError:
        return False


def _open_files(found: Iterable[Path], source_id: str, settings: CaptureSettings, refusal: str) -> ImageSource:
    """Open the pictures among files, in natural order (2.jpg before 10.jpg).

    Raises:
        SourceError: There are none; `refusal` is the message.
    """
    files = [path for path in natsort.natsorted(found, key=str) if path.is_file() and not path.name.startswith(".")]
    wanted = [path for path in files if _is_wanted(path)]
    if not wanted:
        raise SourceError(refusal)
    chosen = set(wanted)
    others = [path.name for path in files if path not in chosen]
    times = None if settings.fps or settings.independent else _times(wanted)
    return ImageSource([(str(path), path.read_bytes) for path in wanted], source_id, settings, others, times)


def _times(pictures: Sequence[Path]) -> list[float] | None:
    """Return when the pictures of a drive were taken; None for others, which have no places."""
    tags = [read_geotag(path) for path in pictures]
    return picture_times(tags) if any(tag.latitude is not None for tag in tags) else None


def open_folder(folder: Path, settings: CaptureSettings) -> ImageSource:
    """Open the pictures of a folder (not of the folders in it).

    Raises:
        SourceError: It can't be listed, holds no pictures, or none can be read.
    """
    try:
        found = list(folder.iterdir())
    except OSError as error:
        raise SourceError(f"The folder {folder} can't be listed: {error.strerror}.") from None
    return _open_files(
        found, str(folder), settings, f"The folder {folder} holds no pictures ({', '.join(SUFFIXES)}, ...)."
    )


def open_glob(pattern: str, settings: CaptureSettings) -> ImageSource:
    """Open the pictures that a pattern such as "drive/*.png" or "**/*.jpg" matches.

    Folders that are there by the very name in the pattern, such as "drive [2024]", are taken as named.

    Raises:
        SourceError: It matches no pictures, or none can be read.
    """
    base, rest = Path(Path(pattern).anchor), list(Path(pattern).parts)
    if base.anchor:
        rest.pop(0)
    while len(rest) > 1 and (base / rest[0]).is_dir():
        base /= rest.pop(0)
    try:
        found = list(base.glob("/".join(rest)))
    except ValueError as error:
        raise SourceError(f"The pattern {pattern} can't be used: {error}.") from None
    return _open_files(found, pattern, settings, f"No picture matches {pattern} ({', '.join(SUFFIXES)}, ...).")


def open_picture(name: str, read: Callable[[], bytes], settings: CaptureSettings) -> ImageSource:
    """Open a single picture.

    Raises:
        SourceError: It can't be read.
        ExtraMissingError: It is HEIC, and the extra "heif" isn't installed.
    """
    return ImageSource([(name, read)], name, settings)
