"""Preprocess: search band, noise filter, colour and contrast correction, letterbox."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import cv2
import numpy as np

from signpipe.settings import PreprocessSettings
from signpipe.types import FloatArray, Frame, Image, Prepared

PAD_VALUE = 114  # the grey that YOLO detectors are trained with
SAMPLES = 4_000  # pixels from which brightness and colour cast are estimated
BILATERAL_COLOUR = 30.0  # intensity difference that the bilateral filter takes for noise
CAST_LIMITS = (0.5, 2.0)  # grey-world never changes a channel by more than this factor
# A detector finds signs of up to some 300 pixels. The largest that is plausible is 0.6 of the picture's height, so that
# one whose shorter side is over 500 needs further passes, each on a picture a third as large: of 100 to 900 pixels, ...
ENOUGH = 500
REDUCTION = 3.0
MOST_PASSES = 5


class Preprocess:
    """Turn a frame into the detector's input.

    With a region of interest, only the band is enhanced and searched; the rest of the picture stays as it is.
    At native size the picture is only padded, and not even copied if its size fits already. A large picture is given in
    reduced sizes too, for signs that are larger than those that the network knows, and one that is too large for the
    memory is reduced before anything is searched for.

    Args:
        settings: What to do to the picture.
        stride: The network's input sides must be multiples of this.
        shape: (height, width) of the network's input if that is fixed: the band is scaled to fit it. None keeps the
            native size.
        smallest: Sides of native size are padded to this at least.
    """

    def __init__(
        self, settings: PreprocessSettings, stride: int, shape: tuple[int, int] | None = None, smallest: int = 0
    ) -> None:
        self._settings = settings
        self._fixed = shape is not None
        self._letterboxes = [Letterbox(stride, shape, smallest) for _ in range(MOST_PASSES)]
        self._clahe = cv2.createCLAHE(settings.clahe_clip)
        self._steps = self._enabled_steps()

    def __call__(self, frame: Frame) -> Prepared:
        """Prepare one frame; its own image is never written to.

        `timings_ms` has `letterbox` and each enhancement that is on: `denoise`, `colour`, `contrast`.
        """
        height = frame.image.shape[0]
        top = min(round(height * self._settings.roi_top), height - 1)
        bottom = max(round(height * self._settings.roi_bottom), top + 1)
        source = frame.image[top:bottom]
        timings: dict[str, float] = {}
        band = source
        for name, step in self._steps:
            start = perf_counter()
            band = step(band)
            timings[name] = (perf_counter() - start) * 1e3
        start = perf_counter()
        picture = frame.image if band is source else _with_band(frame.image, band, top)
        passes = zip(self._letterboxes, self._factors(*band.shape[:2]), strict=False)
        (image, scale), *reduced = [letterbox(band, factor) for letterbox, factor in passes]
        timings["letterbox"] = (perf_counter() - start) * 1e3
        return Prepared(image, picture, scale, (0, top), timings, tuple(reduced))

    def _factors(self, height: int, width: int) -> list[float]:
        """Return by how much the band is scaled for each pass of the detector, the largest first."""
        if self._fixed:
            return [1.0]
        largest = self._settings.megapixels * 1e6
        factors = [min(1.0, (largest / (height * width)) ** 0.5)]
        if 0 < self._settings.reduce_from <= max(height, width):
            while min(height, width) * factors[-1] > ENOUGH:
                factors.append(factors[-1] / REDUCTION)
        return factors

    def _enabled_steps(self) -> list[tuple[str, Callable[[Image], Image]]]:
        steps: list[tuple[str, Callable[[Image], Image]]] = []
        if self._settings.denoise != "off":
            steps.append(("denoise", self._denoise))
        if self._settings.grey_world or self._settings.gamma != 1:
            steps.append(("colour", self._colour))
        if self._settings.contrast != "off":
            steps.append(("contrast", self._contrast))
        return steps

    def _denoise(self, image: Image) -> Image:
        size = self._settings.denoise_size
        match self._settings.denoise:
            case "gaussian":
                return _image(cv2.GaussianBlur(image, (size, size), 0))
            case "median":
                return _image(cv2.medianBlur(image, size))
            case _:
                return _image(cv2.bilateralFilter(image, size, BILATERAL_COLOUR, size))

    def _colour(self, image: Image) -> Image:
        """Correct a colour cast and apply gamma, both in one table look-up."""
        levels = np.arange(256, dtype=np.float32) / 255
        gains = _grey_world_gains(image) if self._settings.grey_world else np.ones(1, np.float32)
        table = np.minimum(levels[:, None] * gains, 1) ** self._settings.gamma
        return _image(cv2.LUT(image, np.rint(table * 255).astype(np.uint8)[None]))

    def _contrast(self, image: Image) -> Image:
        """Equalise luminance locally (CLAHE, Zuiderveld 1994), in `auto` only where the frame is dark or flat."""
        if self._settings.contrast == "auto" and not self._is_poor(image):
            return image
        height, width = image.shape[:2]
        tiles = self._settings.clahe_tiles
        self._clahe.setTilesGridSize((min(tiles, width), min(tiles, height)))
        # YCrCb costs a third of Lab, and its luminance serves the purpose as well.
        ycrcb = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)
        luminance = self._clahe.apply(cv2.extractChannel(ycrcb, 0))
        cv2.insertChannel(luminance, ycrcb, 0)
        return _image(cv2.cvtColor(ycrcb, cv2.COLOR_YCrCb2BGR, dst=ycrcb))

    def _is_poor(self, image: Image) -> bool:
        mean, spread = cv2.meanStdDev(cv2.cvtColor(_sample(image), cv2.COLOR_BGR2GRAY))
        return bool(mean.item() < self._settings.dark_below or spread.item() < self._settings.flat_below)


class Letterbox:
    """Fit a picture into the network's input at the top left, grey at the right and bottom.

    Args:
        stride: Sides are padded to multiples of this where the size is native.
        shape: Fixed (height, width) to scale to, or None for the native size.
        smallest: What sides are padded to at least where the size is native; a multiple of the stride.
    """

    def __init__(self, stride: int, shape: tuple[int, int] | None = None, smallest: int = 0) -> None:
        self._stride = stride
        self._shape = shape
        self._smallest = smallest
        self._buffer: Image = np.empty((0, 0, 3), np.uint8)
        self._content = (0, 0)

    def __call__(self, image: Image, factor: float = 1.0) -> tuple[Image, tuple[float, float]]:
        """Return the input and its (x, y) scale; the input is the picture itself, or a buffer that is reused.

        Args:
            image: The picture.
            factor: By which it is scaled where the network's input has no fixed shape.
        """
        height, width = image.shape[:2]
        content, shape = self._layout(height, width, factor)
        scale = (content[1] / width, content[0] / height)
        if content == (height, width) == shape:
            return np.ascontiguousarray(image), scale
        if self._buffer.shape[:2] != shape or self._content != content:
            self._buffer = np.full((*shape, 3), PAD_VALUE, np.uint8)
            self._content = content
        inside = self._buffer[: content[0], : content[1]]
        if content == (height, width):
            inside[:] = image
        else:
            shrinks = content[0] < height
            inside[:] = cv2.resize(image, content[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return self._buffer, scale

    def _layout(self, height: int, width: int, factor: float) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return (height, width) of the scaled picture and of the whole input."""
        if self._shape is None:
            content = max(round(height * factor), 1), max(round(width * factor), 1)
            rows, columns = (max(-(-side // self._stride) * self._stride, self._smallest) for side in content)
            return content, (rows, columns)
        scale = min(self._shape[0] / height, self._shape[1] / width)
        return (max(round(height * scale), 1), max(round(width * scale), 1)), self._shape


def _image(array: object) -> Image:
    """Tell the type checker that an OpenCV result of an uint8 picture is one."""
    assert isinstance(array, np.ndarray)
    return array


def _sample(image: Image) -> Image:
    """Return about `SAMPLES` evenly spread pixels."""
    step = max(int((image.shape[0] * image.shape[1] / SAMPLES) ** 0.5), 1)
    return np.ascontiguousarray(image[::step, ::step])


def _grey_world_gains(image: Image) -> FloatArray:
    """Return factors (3,) that make the channels' means equal (grey-world assumption, Buchsbaum 1980)."""
    means = np.maximum(np.array(cv2.mean(_sample(image))[:3], np.float32), 1)
    return np.asarray(np.clip(means.mean() / means, *CAST_LIMITS), np.float32)


def _with_band(image: Image, band: Image, top: int) -> Image:
    """Return the picture with an enhanced band put in."""
    if band.shape == image.shape:
        return band
    picture = image.copy()
    picture[top : top + len(band)] = band
    return picture
