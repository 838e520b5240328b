"""Pictures that are in memory already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from time import monotonic
from typing import Any

import numpy as np

from signpipe.errors import SourceError
from signpipe.images import as_bgr
from signpipe.settings import CaptureSettings
from signpipe.types import Frame
from signpipe.types.source import Source, SourceInfo

DEFAULT_RATE = 25.0  # frames per second of arrays, which have no times of their own
_BATCH = 4  # dimensions of an array of several pictures


class ArraySource(Source):
    """Arrays as a recording; each may be grey, colour or colour with alpha, of 8 or 16 bits.

    Args:
        arrays: One picture (H, W), (H, W, 3) or (H, W, 4), several as (N, H, W, C), or an iterable of pictures, which
            is read one by one.
        settings: `fps` is their rate, `independent` says that they have nothing to do with each other.

    Raises:
        SourceError: There is no picture, or the first is none.
    """

    def __init__(self, arrays: np.ndarray[Any, Any] | Iterable[Any], settings: CaptureSettings) -> None:
        single = isinstance(arrays, np.ndarray) and arrays.ndim != _BATCH
        pictures = iter([arrays] if single else arrays)
        first = next(pictures, None)
        if first is None:
            raise SourceError("There are no pictures: the iterable of arrays is empty.")
        height, width = as_bgr(first).shape[:2]
        self._pictures: Iterator[Any] = chain([first], pictures)
        self._independent = settings.independent or single
        self._rate = settings.fps or DEFAULT_RATE
        self._index = 0
        kind = "pictures" if self._independent else "image sequence"
        frames = 1 if single else len(arrays) if isinstance(arrays, np.ndarray | list | tuple) else None
        self.info = SourceInfo("arrays", kind, False, width, height, None if single else self._rate, frames)

    def read(self) -> Frame | None:
        """Return the next picture as a frame, or None after the last.

        Raises:
            SourceError: It is no picture.
        """
        picture = next(self._pictures, None)
        if picture is None:
            return None
        index, self._index = self._index, self._index + 1
        return Frame(
            as_bgr(picture), index, monotonic(), index / self._rate, self.info.source_id, independent=self._independent
        )

    def close(self) -> None:
        """Let go of the arrays."""
        self._pictures = iter(())
