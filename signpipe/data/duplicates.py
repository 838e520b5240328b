"""Finding pictures that are the same, or nearly."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.types import Image

THUMBNAIL = 32  # side in pixels
HASH_BITS = 6  # difference hashes of one picture, scaled or compressed again, differ in so many bits at most
GREY_LEVELS = 4.0  # and their thumbnails by so much in the mean
CORRELATION = 0.985  # which for dark or foggy pictures says nothing, so they must also correlate
ROWS = 256  # pictures compared with all others at once: some tens of megabytes


def thumbnail(image: Image) -> Image:
    """Return a small grey copy of a BGR picture, uint8 (32, 32)."""
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def difference_hash(grey: Image) -> np.uint64:
    """Return the 64 signs of the horizontal differences in a picture of 9 x 8 pixels (Krawetz, 2013)."""
    tiny = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    return np.uint64(np.packbits(tiny[:, 1:] > tiny[:, :-1]).view(np.uint64)[0])


def near_duplicates(thumbnails: Image, groups: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield pairs of pictures that are nearly the same, the lower index first.

    Pairs with close difference hashes are compared by their thumbnails.

    Args:
        thumbnails: uint8 (N, 32, 32), as from `thumbnail`.
        groups: int64 (N,); pictures of one group are known to be alike, and not compared.
    """
    count = len(thumbnails)
    hashes = np.array([difference_hash(t) for t in thumbnails], np.uint64)
    flat = thumbnails.reshape(count, -1).astype(np.float32)
    centred = flat - flat.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).sum(1))
    for start in range(0, count, ROWS):
        rows = slice(start, start + ROWS)
        close = np.bitwise_count(hashes[rows, None] ^ hashes[None, start:]) <= HASH_BITS
        close &= groups[rows, None] != groups[None, start:]
        first, second = np.nonzero(np.triu(close, 1))
        for i, j in zip(first + start, second + start, strict=True):
            alike = np.abs(flat[i] - flat[j]).mean() <= GREY_LEVELS
            if alike and centred[i] @ centred[j] >= CORRELATION * max(spread[i] * spread[j], 1.0):
                yield int(i), int(j)
