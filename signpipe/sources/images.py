"""Pictures: a folder, a glob, or a single file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import cv2
import natsort
import numpy as np

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.base import Source, SourceInfo
from signpipe.types import Frame, Image

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_FPS: Final = 10.0  # of a sequence whose rate isn't given


def is_picture(path: Path) -> bool:
    """Tell from its name whether a file should be a picture."""
    return path.suffix.lower() in SUFFIXES


class ImageSource(Source):
    """Pictures in natural order (2.jpg before 10.jpg), turned upright by their EXIF orientation.

    Frame N has index N and media time N / fps. What can't be read is left out, counted in `info.damaged`, and
    keeps its place in time.

    Args:
        paths: The files.
        source_id: Name for all of them.
        settings: `fps` is the rate of the sequence, `independent` says that the pictures are unrelated.

    Raises:
        SourceError: None of the files is a readable picture.
    """

    def __init__(self, paths: list[Path], source_id: str, settings: CaptureSettings) -> None:
        self._paths = paths
        self._source_id = source_id
        self._fps = settings.fps or _FPS
        self._independent = settings.independent or len(paths) == 1
        self._position = 0
        self._unread: list[str] = []
        self._first = self._next()
        if self._first is None:
            what = f"{source_id} is" if len(paths) == 1 else f"Of the {len(paths)} pictures of {source_id}, none is"
            raise SourceError(f"{what} no picture that can be read: empty, damaged, or not what its name says.")
        height, width = self._first.image.shape[:2]
        kind = "pictures" if self._independent else "image sequence"
        self.info = SourceInfo(source_id, kind, False, width, height, self._fps, frames=len(paths))

    def read(self) -> Frame | None:
        """Return the next picture that can be read, or None at the end."""
        frame, self._first = self._first or self._next(), None
        if self._unread and not self.info.damaged:
            self.info.warn(f"{self._unread[0]} is no picture that can be read; such files are skipped and counted.")
        self.info.damaged = len(self._unread)
        return frame

    def _next(self) -> Frame | None:
        while self._position < len(self._paths):
            index = self._position
            path = self._paths[index]
            self._position += 1
            image = _load(path)
            if image is None:
                self._unread.append(str(path))
                continue
            return Frame(
                image,
                index,
                time.monotonic(),
                index / self._fps,
                self._source_id,
                independent=self._independent,
                name=path.name,
            )
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _load(path: Path) -> Image | None:
    """Return a picture as BGR uint8 (H, W, 3), or None if it can't be read."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread can't open every name on every system
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def open_folder(folder: Path, settings: CaptureSettings) -> ImageSource:
    """Open the pictures of a folder (not of the folders in it).

    Raises:
        SourceError: It can't be listed, holds no pictures, or none can be read.
    """
    try:
        paths = [path for path in folder.iterdir() if is_picture(path) and path.is_file()]
    except OSError as error:
        raise SourceError(f"The folder {folder} can't be listed: {error.strerror}.") from None
    if not paths:
        raise SourceError(f"The folder {folder} holds no pictures ({', '.join(SUFFIXES)}).")
    return ImageSource(natsort.natsorted(paths, key=str), str(folder), settings)


def open_glob(pattern: str, settings: CaptureSettings) -> ImageSource:
    """Open the pictures that a pattern such as "drive/*.png" or "**/*.jpg" matches.

    Raises:
        SourceError: It matches no pictures, or none can be read.
    """
    root = Path(pattern).anchor
    try:
        found = list(Path(root).glob(pattern.removeprefix(root)))
    except ValueError as error:
        raise SourceError(f"The pattern {pattern} can't be used: {error}.") from None
    paths = [path for path in found if is_picture(path) and path.is_file()]
    if not paths:
        raise SourceError(f"No picture matches {pattern} ({', '.join(SUFFIXES)}).")
    return ImageSource(natsort.natsorted(paths, key=str), pattern, settings)


def open_picture(path: Path, settings: CaptureSettings) -> ImageSource:
    """Open a single picture.

    Raises:
        SourceError: It can't be read.
    """
    return ImageSource([path], str(path), settings)
