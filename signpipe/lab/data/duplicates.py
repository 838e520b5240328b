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
COMPARISONS = 4_000_000  # at once: some tens of megabytes


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
    rows = max(1, COMPARISONS // max(count, 1))
    for start in range(0, count, rows):
        block = slice(start, start + rows)
        close = np.bitwise_count(hashes[block, None] ^ hashes[None, start:]) <= HASH_BITS
        close &= groups[block, None] != groups[None, start:]
        for i, j in np.argwhere(np.triu(close, 1)) + start:
            if _alike(thumbnails[i], thumbnails[j]):
                yield int(i), int(j)


def _alike(one: Image, other: Image) -> bool:
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    if np.abs(a - b).mean() > GREY_LEVELS:
        return False
    a, b = a - a.mean(), b - b.mean()
    return bool(a @ b >= CORRELATION * max(np.sqrt((a @ a) * (b @ b)), 1.0))
