"""What is measured of a picture and of a sign: numbers that move when the camera, the weather or the country does."""

from __future__ import annotations

import cv2
import numpy as np

from signpipe.types import FloatArray, Image

PICTURE = ("brightness", "contrast", "sharpness", "noise", "haze", "blind", "edge_row", "edge_column", "tilt")
SIGN = ("side", "x", "y", "score", "probability", "novelty")
DISTANCE = "distance"  # of a sign's embedding to the mean of its class in the reference
LABELS = ("class", "sure")
EMBEDDING = "embedding"
FEATURES = (*PICTURE, *SIGN, DISTANCE, *LABELS, EMBEDDING)

_WIDTH = 320  # pixels to which a picture is brought for what doesn't depend on its finest detail
_PATCH = (384, 512)  # rows and columns of the middle of a picture, at its own scale, for sharpness and noise
_BLOCK = 20  # pixels of the small picture; a block without any gradient sees nothing
_FAINT = 4.0  # grey levels a pixel, under which there is no gradient
_UPRIGHT = np.deg2rad(20)  # edges within this of the vertical tell how the camera is turned
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # Immerkaer 1996


def picture_values(image: Image) -> dict[str, float]:
    """Measure a picture, in about a millisecond.

    Args:
        image: BGR uint8 (H, W, 3).

    Returns:
        `brightness` and `contrast` in grey levels; `sharpness`: the logarithm (base 10) of the share of detail in all
        contrast, and `noise` in grey levels, both at the picture's own scale; `haze`: mean of the dark channel, grey
        levels; `blind`: share of blocks without any edge; `edge_row` and `edge_column`: where the edges lie on the
        average, in parts of height and width; `tilt`: degrees by which upright edges lean.
    """
    small = cv2.resize(image, (_WIDTH, max(_WIDTH * image.shape[0] // image.shape[1], 1)), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
    dark = cv2.erode(small.min(axis=2), np.ones((9, 9), np.uint8))
    return {
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "haze": float(dark.mean()),
        **_edges(grey),
        **_detail(image),
    }


def _edges(grey: FloatArray) -> dict[str, float]:
    across = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    down = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    size = np.hypot(across, down)
    height, width = grey.shape
    total = float(size.sum()) + 1e-6
    blocks = cv2.resize(size, (max(width // _BLOCK, 1), max(height // _BLOCK, 1)), interpolation=cv2.INTER_AREA)
    lean = np.arctan2(down, np.where(across == 0, 1e-6, across) * np.sign(across + 1e-9))
    lean *= np.sign(across + 1e-9)
    upright = size * (np.abs(lean) < _UPRIGHT) * (size > _FAINT)
    return {
        "blind": float((blocks < _FAINT / 2).mean()),
        "edge_row": float(size.sum(axis=1) @ np.arange(height)) / total / height,
        "edge_column": float(size.sum(axis=0) @ np.arange(width)) / total / width,
        "tilt": float(np.rad2deg((upright * lean).sum() / (upright.sum() + 1e-6))),
    }


def _detail(image: Image) -> dict[str, float]:
    rows, columns = (max((whole - part) // 2, 0) for whole, part in zip(image.shape[:2], _PATCH, strict=True))
    patch = image[rows : rows + _PATCH[0], columns : columns + _PATCH[1]]
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(patch), cv2.COLOR_BGR2GRAY), np.float32)
    laplacian = np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32)
    share = float((laplacian**2).mean()) / (float(grey.var()) + 1.0)
    return {
        "sharpness": float(np.log10(share + 1e-6)),
        "noise": float(np.median(np.abs(cv2.filter2D(grey, -1, _NOISE)))) * 1.4826 / 6,
    }
