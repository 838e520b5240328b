"""What could be known of a sign from the part of it that is visible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.catalogue.drawings import framed_drawing
from signpipe.types import FloatArray, Image

# Two drawings differ if what is visible of them differs by the equivalent of so many pixels, in a crop of 48 px, whose
# strongest channel goes from 0 to full. The two most alike, unhidden (limits of 30 and 80), differ by 20.
DIFFERENCE = 6.0
REFERENCE_SIDE = 48


class Ceiling:
    """Tells whether the visible part of a sign's drawing still differs from every other class's drawing.

    No classifier that goes by the sign alone can be surer of a crop that doesn't; one that does may still be
    unreadable in the photograph. What is compared is the face of the true sign only: the outline of a larger or
    otherwise shaped sign beyond it isn't.

    Args:
        catalogue: The classes.
        size: Side of the crops in pixels.
        margin: Margin around the sign's box in the crops.
    """

    def __init__(self, catalogue: Catalogue, size: int, margin: float) -> None:
        drawn = np.stack([drawing_crop(name, size, margin) for name in catalogue.names]).astype(np.float32)
        drawn = drawn.reshape(len(drawn), -1, 3) / np.float32(255)
        self._apart = np.stack([np.abs(drawn - one).max(axis=2) for one in drawn])  # (C, C, pixels)
        self._threshold = DIFFERENCE * (size / REFERENCE_SIDE) ** 2

    def differences(self, class_id: int, visible: FloatArray) -> FloatArray:
        """Return by how many pixels of full contrast each class's drawing differs where a sign is visible.

        Args:
            class_id: The true class.
            visible: float32 (N, S, S), 1 where its face is visible.

        Returns:
            float32 (N, C); infinite for the class itself.
        """
        result = visible.reshape(len(visible), -1) @ self._apart[class_id].T
        result[:, class_id] = np.inf
        return np.asarray(result, np.float32)

    def known(self, labels: npt.NDArray[np.int64], visible: FloatArray) -> npt.NDArray[np.bool_]:
        """Return which signs could still be told from all other classes, bool (N,).

        Args:
            labels: int64 (N,), the true classes.
            visible: float32 (N, S, S), 1 where the face is visible.
        """
        result = np.zeros(len(labels), bool)
        for class_id in np.unique(labels):
            chosen = labels == class_id
            result[chosen] = self.differences(int(class_id), visible[chosen]).min(1) > self._threshold
        return result


def drawing_crop(name: str, size: int, margin: float) -> Image:
    """Return the drawing of a class as the crop protocol would cut it, before a grey background, BGR uint8 (S, S, 3).

    Args:
        name: Class name of the catalogue.
        size: Side of the crop in pixels.
        margin: Margin around the sign, as in `crop_signs`.
    """
    return np.ascontiguousarray(framed_drawing(name, size, margin)[..., :3])
