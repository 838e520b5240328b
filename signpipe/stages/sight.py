"""Detected boxes as the tracker measures them: centre, side and aspect, and how far off each may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Error of a measured box: a share of its side, and a part in pixels.
BOX_ERROR = 0.04
BOX_ERROR_PIXELS = 0.8
# Where the picture's edge may cut a sign, the error is so many times as large.
CUT_ERROR = 4.0
# A box this near to the picture's edge may be cut off: pixels, and a share of its side.
BORDER, BORDER_SIDES = 2.0, 0.08


@dataclass(slots=True)
class Sight:
    """N detected boxes.

    Attributes:
        edges: float64 (4, N), x1, y1, x2, y2 in pixels.
        picture: Its height and width.
        cut: bool (N,), whether its edge may cut the sign.
        centre: float64 (2, N), in pixels.
        side: float64 (N,), root of the area in pixels.
        aspect: float64 (N,), log of width over height.
        error: float64 (N,), of each edge, as a share of the side.
    """

    edges: Array
    picture: tuple[int, int]
    cut: npt.NDArray[np.bool_]
    centre: Array
    side: Array
    aspect: Array
    error: Array

    def __len__(self) -> int:
        return len(self.cut)

    @classmethod
    def of(cls, xyxy: npt.NDArray[np.floating], picture: tuple[int, int]) -> Sight:
        """Measure boxes (N, 4) in a picture of this height and width."""
        edges = np.asarray(xyxy, np.float64).T
        first, last = _cuts(edges, picture)
        cuts = first | last
        return cls._measured(edges, picture, cuts[0] | cuts[1])

    @classmethod
    def _measured(cls, edges: Array, picture: tuple[int, int], cut: npt.NDArray[np.bool_]) -> Sight:
        size = np.maximum(edges[2:] - edges[:2], 1e-3)
        side = np.sqrt(size[0] * size[1])
        error = BOX_ERROR + BOX_ERROR_PIXELS / side
        if cut.any():
            error = np.where(cut, CUT_ERROR * error, error)
        return cls(edges, picture, cut, (edges[:2] + edges[2:]) / 2, side, np.log(size[0] / size[1]), error)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Sight:
        if len(rows) == len(self) and rows.tolist() == list(range(len(self))):
            return self
        return Sight(
            self.edges[:, rows], self.picture, self.cut[rows], self.centre[:, rows], self.side[rows],
            self.aspect[rows], self.error[rows],
        )  # fmt: skip

    def completed(self, aspect: Array) -> Sight:
        """Return them with the part that the picture's edge cuts off put back.

        Args:
            aspect: float64 (N,), the logs of width over height that they should have; or (T, 1), where T signs are to
                meet every box: the measures are then (T, N).
        """
        if not self.cut.any():
            if aspect.ndim == 1:
                return self
            return Sight(self.edges, self.picture, self.cut, self.centre[:, None], self.side, self.aspect, self.error)
        shape = np.broadcast_shapes(aspect.shape, self.cut.shape)
        inner = [1] * (aspect.ndim - 1)
        whole = np.array(np.broadcast_to(self.edges.reshape(4, *inner, -1), (4, *shape)))
        first, last = (cuts.reshape(2, *inner, -1) for cuts in _cuts(self.edges, self.picture))
        width, height = whole[2] - whole[0], whole[3] - whole[1]
        ratio = np.exp(aspect)
        for axis, size, wanted in ((0, width, height * ratio), (1, height, width / ratio)):
            lacking = np.maximum(wanted - size, 0.0)
            whole[axis] -= np.where(first[axis], lacking, 0.0)
            whole[axis + 2] += np.where(last[axis] & ~first[axis], lacking, 0.0)
        return self._measured(whole, self.picture, self.cut)


def _cuts(edges: Array, picture: tuple[int, int]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return bool (2, N), whether the picture's left and upper edges may cut each box, and its right and lower ones."""
    border = BORDER + BORDER_SIDES * (edges[2:] - edges[:2])
    corner = np.array([[picture[1]], [picture[0]]])
    return edges[:2] < border, edges[2:] > corner - border
