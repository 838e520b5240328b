"""Each feature of a picture follows what it is named after."""

import cv2
import numpy as np
import pytest

from signpipe.drift.features import PICTURE, picture_values
from signpipe.types import Image


@pytest.fixture(scope="module")
def scene() -> Image:
    """Return a street of sorts: sky, ground, upright poles and texture."""
    rng = np.random.default_rng(5)
    image = np.full((480, 800, 3), 90, np.uint8)
    image[:200] = (200, 170, 140)
    for x in range(40, 800, 90):
        cv2.rectangle(image, (x, 120), (x + 12, 420), (30, 40, 50), -1)
    texture = rng.integers(-25, 25, (120, 200), np.int16)
    image = np.clip(image + cv2.resize(texture, (800, 480))[..., None], 0, 255).astype(np.uint8)
    return np.asarray(image)


def turned(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))


def change(scene: Image, other: Image, feature: str) -> float:
    return picture_values(other)[feature] - picture_values(scene)[feature]


def test_all_features_are_there_for_pictures_of_any_size() -> None:
    for shape in ((1, 1, 3), (7, 900, 3), (900, 7, 3), (480, 640, 3)):
        values = picture_values(np.zeros(shape, np.uint8))
        assert set(values) == set(PICTURE)
        assert np.isfinite(list(values.values())).all()


def test_light_fog_blur_and_noise(scene: Image) -> None:
    rng = np.random.default_rng(1)
    foggy = np.asarray(cv2.addWeighted(scene, 0.4, np.full_like(scene, 210), 0.6, 0), np.uint8)
    noisy = np.clip(scene + rng.normal(0, 12, scene.shape), 0, 255).astype(np.uint8)
    assert change(scene, scene // 2, "brightness") < -20
    assert change(scene, foggy, "contrast") < -10
    assert change(scene, foggy, "haze") > 50
    assert change(scene, np.asarray(cv2.GaussianBlur(scene, (0, 0), 2), np.uint8), "sharpness") < -0.3
    assert change(scene, noisy, "noise") > 3
    smeared = scene.copy()
    smeared[100:400, 100:700] = 128
    assert change(scene, smeared, "blind") > 0.2


def test_a_camera_that_was_knocked(scene: Image) -> None:
    assert abs(change(scene, turned(scene, 5), "tilt")) > 1
    assert np.sign(change(scene, turned(scene, 5), "tilt")) == -np.sign(change(scene, turned(scene, -5), "tilt"))
    moved = np.roll(scene, 60, axis=0)
    assert abs(change(scene, moved, "edge_row")) > 0.01
