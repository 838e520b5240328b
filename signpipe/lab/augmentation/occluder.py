"""Hiding a requested share of a sign's face behind something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.lab.augmentation.pixels import blur, bright_level, fractal, to_light
from signpipe.types import FloatArray, Image

BoolArray = npt.NDArray[np.bool_]
_WORKING_SIDE = 64  # smaller crops are painted enlarged, for smooth edges


@dataclass(slots=True)
class Cover:
    """What an occluder puts before a sign.

    Attributes:
        mask: bool (h, w), what it hides.
        colour: float32 (h, w, 3) or (3,), its look, BGR 0..255.
    """

    mask: BoolArray
    colour: FloatArray


class Canvas:
    """The place where an occluder is painted: the crop, enlarged where it is small.

    Painters work in face units: the face's bounding box spans -1..1, y down.

    Args:
        image: BGR uint8 (H, W, 3).
        face: float32 (H, W), 1 on the sign's face.
        fraction: Share of the face to hide, 0..1.
        textures: BGR uint8 (N, S, S, 3), other pictures that may serve as texture, or None.
    """

    def __init__(self, image: Image, face: FloatArray, fraction: float, textures: Image | None = None) -> None:
        height, width = image.shape[:2]
        self.scale = max(round(_WORKING_SIDE / min(height, width)), 1)
        self.fraction = fraction
        self.textures = textures
        self._image = image
        size = (width * self.scale, height * self.scale)
        self.share = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_LINEAR), np.float32)
        self.face: BoolArray = self.share > 0.5
        if not self.face.any():
            raise ValueError("an occluder needs a face, but the mask is empty")
        rows, columns = np.flatnonzero(self.face.any(1)), np.flatnonzero(self.face.any(0))
        self.middle = np.array([columns[0] + columns[-1], rows[0] + rows[-1]], np.float32) / 2
        self.half = float(max(columns[-1] - columns[0], rows[-1] - rows[0], 1)) / 2

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.face.shape[0], self.face.shape[1]

    @cached_property
    def x(self) -> FloatArray:
        """float32 (h, w), face units to the right."""
        across = (np.arange(self.shape[1], dtype=np.float32) - self.middle[0]) / np.float32(self.half)
        return np.repeat(across[None], self.shape[0], 0)

    @cached_property
    def y(self) -> FloatArray:
        """float32 (h, w), face units down."""
        down = (np.arange(self.shape[0], dtype=np.float32) - self.middle[1]) / np.float32(self.half)
        return np.repeat(down[:, None], self.shape[1], 1)

    @cached_property
    def picture(self) -> Image:
        """BGR uint8 (h, w, 3), the crop enlarged."""
        return np.asarray(cv2.resize(self._image, self.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)

    @cached_property
    def daylight(self) -> float:
        """How much light falls on the scene, 1 for a well exposed day; a pale surface reflects about 0.8 of it."""
        return float(np.clip(bright_level(to_light(self._image)) / 0.8, 0.02, 1.1))

    def hide(self, order: FloatArray) -> tuple[BoolArray, float]:
        """Hide the requested share of the face, starting where `order` is lowest.

        The one trick of all occluders: each says in which order the pixels of the face disappear, and a quantile of
        that order hides any share exactly, where the face's soft edge counts for as much as it shows. So a larger share
        hides all that a smaller one did, and more.

        Args:
            order: float32 (h, w); all but unique values, so that no step hides much at once.

        Returns:
            bool (h, w), hidden pixels, on the face and around it; and the highest order that is hidden.
        """
        shown = self.share > 0
        ranks = np.argsort(order[shown])
        values, weights = order[shown][ranks], self.share[shown][ranks]
        hidden = np.cumsum(weights, dtype=np.float64)
        count = int(np.searchsorted(hidden - weights / 2, self.fraction * hidden[-1]))
        if count == 0:
            return np.zeros(self.shape, bool), float(values[0])
        limit = float(values[count - 1])
        return order <= limit, limit

    def lit(self, colour: FloatArray) -> FloatArray:
        """Return how a surface that shows `colour` (BGR 0..255) in full daylight looks in this picture's light."""
        return np.asarray(np.minimum(colour * np.float32(np.sqrt(self.daylight)), 255), np.float32)

    def fractal(self, cells: float, rng: np.random.Generator, octaves: int = 3) -> FloatArray:
        """Return value noise (h, w), see `pixels.fractal`; `cells` is counted along the face."""
        height, width = self.shape
        return fractal(height, width, cells * max(height, width) / (2 * self.half), rng, octaves)

    def pixels(self, points: FloatArray) -> npt.NDArray[np.int32]:
        """Return points (..., 2) of face units in sixteenths of a pixel, for cv2's drawing with shift 4."""
        return np.round((points * np.float32(self.half) + self.middle) * 16).astype(np.int32)


Paint = Callable[[Canvas, np.random.Generator], Cover]


@dataclass(frozen=True, slots=True)
class Occluder:
    """Something that hides part of a sign.

    Attributes:
        name: Its name, unique among all occluders.
        family: "vegetation", "objects", "deposits", "vandalism", "patches" or "edge".
        paint: Decides what is hidden and how it looks.
        on_face: True if it sticks to the face and ends with it; False if it stands in front.
        natural: True if it belongs to the scene, so that its sharpness and shadow are matched to the picture.
        held_out: True if it may never be used in training, so that robustness can be told from memory.
    """

    name: str
    family: str
    paint: Paint
    on_face: bool = False
    natural: bool = True
    held_out: bool = False

    def __call__(
        self,
        image: Image,
        face: FloatArray,
        fraction: float,
        rng: np.random.Generator,
        textures: Image | None = None,
    ) -> tuple[Image, FloatArray]:
        """Hide a share of a sign.

        The same picture, fraction and state of the generator give the same result; a larger fraction with the same
        state hides a superset.

        Args:
            image: BGR uint8 (H, W, 3), the crop of a sign; it isn't changed.
            face: float32 (H, W), 1 on the sign's face, as from `face_mask`.
            fraction: Share of the face's area to hide, 0..1; it is met within 0.02.
            rng: Source of chance.
            textures: BGR uint8 (N, S, S, 3), other pictures for occluders that show one, or None.

        Returns:
            The picture, and a float32 (H, W) mask of the face's visible part, 0..1.

        Raises:
            ValueError: The fraction is outside 0..1, the picture is no BGR uint8 picture, or the face is empty or
                of another size.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"fraction {fraction} of {self.name} is outside 0..1")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"{self.name} needs a BGR uint8 picture, not {image.dtype} {image.shape}")
        if face.shape != image.shape[:2]:
            raise ValueError(f"the face {face.shape} of {self.name} doesn't fit the picture {image.shape}")
        if fraction == 0:
            return image.copy(), face.copy()
        image = np.ascontiguousarray(image)
        canvas = Canvas(image, face, fraction, textures)
        cover = self.paint(canvas, rng)
        size = image.shape[1::-1]
        alpha = np.asarray(cv2.resize(cover.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
        colour = cover.colour
        if colour.ndim == 3:
            colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.float32)
        visible = face * (1 - alpha)
        if self.on_face:
            alpha = alpha * face
        return self._blend(image, alpha, colour, canvas), visible

    def _blend(self, image: Image, alpha: FloatArray, colour: FloatArray, canvas: Canvas) -> Image:
        """Lay the cover over the picture, as sharp as the picture itself, with its shadow if it stands in front."""
        below = image.astype(np.float32)
        if self.natural:
            sigma = max(sharpness(image), 0.5 / canvas.scale)
            if not self.on_face:
                reach = 0.06 * canvas.half / canvas.scale
                below *= 1 - 0.35 * blur(alpha, reach)[..., None]
            alpha = blur(alpha, sigma)
            colour = blur(np.ascontiguousarray(np.broadcast_to(colour, below.shape)), sigma)
        alpha = alpha[..., None]
        return np.asarray(np.clip(below + (colour - below) * alpha + 0.5, 0, 255), np.uint8)


def sharpness(image: Image) -> float:
    """Return the Gaussian blur (sigma, pixels) that the picture's edges seem to have.

    For a step blurred by sigma, mean first and second differences are in the ratio of about 0.8 sigma.
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)
    if min(grey.shape) < 3:
        return 0.0
    first = float(np.abs(np.diff(grey, axis=1)).mean())
    second = float(np.abs(np.diff(grey, 2, axis=1)).mean())
    return float(np.clip(0.8 * first / max(second, 1e-3) - 0.35, 0.0, 0.04 * min(grey.shape)))
