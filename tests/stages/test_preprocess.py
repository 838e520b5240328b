"""Preprocess: boxes map back exactly, nothing is touched without need, and each correction does what it says."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.settings import PreprocessSettings
from signpipe.stages.preprocess import PAD_VALUE, Preprocess
from signpipe.types import Frame, Image
from tests.runtime.graphs import f32

RNG = np.random.default_rng(0)


def frame(image: Image) -> Frame:
    return Frame(image, 0, 0.0, 0.0, "test")


def road(height: int = 96, width: int = 128, low: int = 60, high: int = 200) -> Image:
    """Return a picture that is neither dark nor flat by default."""
    return RNG.integers(low, high, (height, width, 3), dtype=np.uint8)


def preprocess(stride: int = 16, shape: tuple[int, int] | None = None, **changes: Any) -> Preprocess:
    return Preprocess(PreprocessSettings(**changes), stride, shape)


bands = st.tuples(st.floats(0, 0.45), st.floats(0.55, 1))
sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))
# Boxes on quarter pixels have exact sums in float32, so that equality can be asked for.
boxes = st.lists(st.lists(st.integers(0, 1200), min_size=4, max_size=4), min_size=1, max_size=5)


@given(size=sizes, stride=st.sampled_from([1, 16, 32]), band=bands, corners=boxes)
@settings(deadline=None, max_examples=60)
def test_boxes_map_back_exactly_at_native_size(
    size: tuple[int, int], stride: int, band: tuple[float, float], corners: list[list[int]]
) -> None:
    height, width = size
    step = preprocess(stride, roi_top=band[0], roi_bottom=band[1], contrast="off")
    prepared = step(frame(np.zeros((height, width, 3), np.uint8)))
    x, y = prepared.origin
    source = f32(np.mod(f32(corners) / 4, [width, height] * 2))
    network = f32(source - np.tile([x, y], 2))
    np.testing.assert_array_equal(prepared.to_source(network), source)
    assert all(side % stride == 0 for side in prepared.image.shape[:2])
    assert 0 <= prepared.image.shape[1] - width < stride


@given(size=sizes, shape=st.sampled_from([(64, 96), (96, 64), (320, 320)]), band=bands, corners=boxes)
@settings(deadline=None, max_examples=60)
def test_boxes_map_back_when_scaled(
    size: tuple[int, int], shape: tuple[int, int], band: tuple[float, float], corners: list[list[int]]
) -> None:
    height, width = size
    step = preprocess(32, shape, roi_top=band[0], roi_bottom=band[1], contrast="off")
    prepared = step(frame(np.zeros((height, width, 3), np.uint8)))
    assert prepared.image.shape == (*shape, 3)
    source = f32(np.mod(f32(corners) / 4, [width, height] * 2))
    network = f32((source - np.tile(prepared.origin, 2)) * np.tile(prepared.scale, 2))
    np.testing.assert_allclose(prepared.to_source(network), source, atol=1e-3)


@given(size=sizes, corners=st.lists(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4), max_size=5))
@settings(deadline=None, max_examples=40)
def test_boxes_never_leave_the_picture(size: tuple[int, int], corners: list[list[float]]) -> None:
    height, width = size
    prepared = preprocess(16, (64, 64))(frame(np.zeros((height, width, 3), np.uint8)))
    source = prepared.to_source(f32(corners).reshape(-1, 4))
    assert (source >= 0).all()
    assert (source <= f32([width, height] * 2)).all()


def test_a_pixel_lies_where_its_box_says_in_a_scaled_band() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[120:140, 60:90] = 255
    prepared = preprocess(32, (96, 160), roi_top=0.25, roi_bottom=0.9, contrast="off")(frame(image))
    rows, columns = np.nonzero(prepared.image[..., 0] > 200)
    found = f32([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
    np.testing.assert_allclose(prepared.to_source(found), [[60, 120, 90, 140]], atol=2.5)


def test_a_picture_that_fits_is_not_copied() -> None:
    image = road(96, 128)
    prepared = preprocess(16)(frame(image))
    assert prepared.picture is image
    assert np.shares_memory(prepared.image, image)
    assert prepared.image.shape == image.shape


def test_a_band_that_fits_is_not_copied() -> None:
    image = road(128, 128)
    prepared = preprocess(16, roi_top=0.25, roi_bottom=0.75)(frame(image))
    assert np.shares_memory(prepared.image, image)
    np.testing.assert_array_equal(prepared.image, image[32:96])


def test_padding_is_grey_at_the_right_and_bottom_and_its_buffer_is_kept() -> None:
    step = preprocess(32)
    first, second = road(50, 70), road(50, 70)
    one = step(frame(first)).image
    two = step(frame(second)).image
    assert one is two
    np.testing.assert_array_equal(two[:50, :70], second)
    assert (two[50:] == PAD_VALUE).all()
    assert (two[:, 70:] == PAD_VALUE).all()


def test_a_smaller_picture_leaves_nothing_of_the_larger_one_before_it() -> None:
    step = preprocess(32)
    step(frame(road(60, 90)))
    image = step(frame(road(40, 70))).image
    assert image.shape == (64, 96, 3)
    assert (image[40:] == PAD_VALUE).all()
    assert (image[:, 70:] == PAD_VALUE).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (15, 700), (2160, 3840)])
@pytest.mark.parametrize("target", [None, (64, 96)])
def test_any_size_works_with_everything_on(shape: tuple[int, int], target: tuple[int, int] | None) -> None:
    step = preprocess(32, target, contrast="on", gamma=0.7, grey_world=True, denoise="gaussian", roi_bottom=0.9)
    image = road(*shape)
    before = image.copy()
    prepared = step(frame(image))
    assert prepared.picture.shape == image.shape
    np.testing.assert_array_equal(image, before)
    assert set(prepared.timings_ms) == {"denoise", "colour", "contrast", "letterbox"}
    assert all(milliseconds >= 0 for milliseconds in prepared.timings_ms.values())


def test_what_is_off_is_not_timed() -> None:
    assert set(preprocess(contrast="off")(frame(road())).timings_ms) == {"letterbox"}


@pytest.mark.parametrize("denoise", ["gaussian", "median", "bilateral"])
def test_noise_gets_less(denoise: str) -> None:
    clean = np.full((96, 128, 3), 128, np.uint8)
    noisy = np.clip(clean + RNG.normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    picture = preprocess(denoise=denoise, denoise_size=5, contrast="off")(frame(noisy)).picture
    assert picture.astype(float).std() < 0.6 * noisy.astype(float).std()
    assert abs(picture.mean() - 128) < 2


def test_a_bilateral_filter_keeps_edges_that_a_gaussian_blurs() -> None:
    image = np.full((32, 32, 3), 40, np.uint8)
    image[:, 16:] = 220
    kept = preprocess(denoise="bilateral", denoise_size=7, contrast="off")(frame(image)).picture
    blurred = preprocess(denoise="gaussian", denoise_size=7, contrast="off")(frame(image)).picture
    np.testing.assert_array_equal(kept, image)
    assert 60 < blurred[16, 16, 0] < 200


def test_auto_leaves_a_good_frame_alone_and_lifts_dark_and_flat_ones() -> None:
    step = preprocess(contrast="auto")
    good, dark, flat = road(), road(low=5, high=40), road(low=120, high=140)
    assert step(frame(good)).picture is good
    assert step(frame(dark)).picture.mean() > dark.mean() + 5
    lifted = step(frame(flat)).picture
    assert lifted.astype(float).std() > 1.5 * flat.astype(float).std()


def test_contrast_changes_luminance_and_not_colour() -> None:
    flat = road(low=100, high=130)
    flat[..., 2] += 40
    lifted = preprocess(contrast="on")(frame(flat)).picture
    before, after = (cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb).astype(float) for image in (flat, lifted))
    assert after[..., 0].std() > 1.3 * before[..., 0].std()
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=4)


@pytest.mark.parametrize(("gamma", "value", "expected"), [(0.5, 64, 128), (2.0, 128, 64), (0.5, 0, 0), (2.0, 255, 255)])
def test_gamma_is_the_power_of_the_value(gamma: float, value: int, expected: int) -> None:
    image = np.full((8, 8, 3), value, np.uint8)
    assert np.unique(preprocess(gamma=gamma, contrast="off")(frame(image)).picture) == pytest.approx(expected, abs=1)


def test_grey_world_removes_a_cast_and_keeps_the_brightness() -> None:
    image = road()
    cast = (image * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
    means = preprocess(grey_world=True, contrast="off")(frame(cast)).picture.mean(axis=(0, 1))
    np.testing.assert_allclose(means, cast.mean(), atol=2)


def test_grey_world_does_not_turn_a_red_picture_grey() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 2] = 200
    picture = preprocess(grey_world=True, contrast="off")(frame(image)).picture
    assert picture[0, 0].tolist() == [0, 0, 100]


def test_only_the_band_is_enhanced() -> None:
    image = road(low=5, high=40)
    prepared = preprocess(contrast="on", roi_top=0.25, roi_bottom=0.75)(frame(image))
    top, bottom = 24, 72
    np.testing.assert_array_equal(prepared.picture[:top], image[:top])
    np.testing.assert_array_equal(prepared.picture[bottom:], image[bottom:])
    np.testing.assert_array_equal(prepared.picture[top:bottom], prepared.image)
    assert prepared.image.mean() > image.mean() + 5


def test_a_picture_too_small_for_the_head_is_padded() -> None:
    image = road()[:40, :70]
    prepared = Preprocess(PreprocessSettings(), 32, None, smallest=160)(frame(image))
    assert prepared.image.shape == (160, 160, 3)
    np.testing.assert_array_equal(prepared.image[:40, :70], image)


@pytest.mark.parametrize(
    ("shape", "inputs"),
    [
        ((720, 1280), [(736, 1280)]),
        ((900, 1599), [(928, 1600)]),
        ((1080, 1920), [(1088, 1920), (384, 640)]),
        ((480, 1920), [(480, 1920)]),  # no plausible sign in it is too large
        ((3000, 4000), [(3008, 4000), (1024, 1344), (352, 448)]),
    ],
)
def test_large_pictures_come_in_thirds_too(shape: tuple[int, int], inputs: list[tuple[int, int]]) -> None:
    prepared = Preprocess(PreprocessSettings(contrast="off"), 32)(frame(np.zeros((*shape, 3), np.uint8)))
    assert [image.shape[:2] for image, _ in prepared.inputs] == inputs
    for image, (x, y) in prepared.inputs:
        assert 0 <= image.shape[0] - round(shape[0] * y) < 32
        assert 0 <= image.shape[1] - round(shape[1] * x) < 32


def test_what_is_searched_is_bounded_whatever_the_picture() -> None:
    for shape in ((9000, 12000), (200, 60000), (60000, 200), (5000, 5000)):
        prepared = Preprocess(PreprocessSettings(contrast="off", megapixels=2), 32)(
            frame(np.zeros((*shape, 3), np.uint8))
        )
        (largest, scale), *reduced = prepared.inputs
        content = shape[0] * scale[1] * shape[1] * scale[0]
        assert content <= 2.01e6
        assert largest.size / 3 <= content + 32 * sum(largest.shape[:2])
        assert sum(image.size for image, _ in reduced) < 0.2 * largest.size
        corner = prepared.to_source(np.array([[0, 0, 1e6, 1e6]], np.float32), scale)
        np.testing.assert_array_equal(corner, [[0, 0, shape[1], shape[0]]])


def test_reduced_passes_can_be_switched_off_and_a_fixed_input_has_none() -> None:
    picture = frame(np.zeros((1080, 1920, 3), np.uint8))
    assert not Preprocess(PreprocessSettings(reduce_from=0), 32)(picture).reduced
    assert not Preprocess(PreprocessSettings(), 32, (384, 640))(picture).reduced
