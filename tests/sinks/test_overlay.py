"""What is drawn on a picture, and that it tells a driver nothing wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.sinks.draw import Canvas, Colour, Rect, overlap, place
from signpipe.sinks.overlay import Overlay
from signpipe.types import (
    Advisory,
    AdvisoryStatus,
    Certainty,
    Detections,
    Frame,
    Gap,
    Image,
    SignTrack,
    TrackState,
)
from tests.sinks.results import CATALOGUE, advisory, frame_result, picture, track

BOX = (600, 300, 640, 340)
OVERLAY = Overlay(CATALOGUE)
GREEN, AMBER = (106, 200, 60), (40, 176, 255)


def draw(*tracks: SignTrack, advisories: list[Advisory] | None = None, size: tuple[int, int] = (1280, 720)) -> Image:
    return OVERLAY(frame_result(image=picture(*size), tracks=list(tracks), advisories=advisories))


def count(image: Image, colour: Colour) -> int:
    """Count the pixels of (nearly) one colour."""
    return int((np.abs(image.astype(int) - np.array(colour)).max(axis=2) < 12).sum())


def around(image: Image, box: Rect = BOX, margin: int = 8) -> Image:
    return image[box[1] - margin : box[3] + margin, box[0] - margin : box[2] + margin]


def test_the_result_is_a_new_picture_of_the_same_size() -> None:
    image = picture(640, 480)
    drawn = OVERLAY(frame_result(image=image, tracks=[track()]))

    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert not np.shares_memory(drawn, image)
    assert (image == picture(640, 480)).all()


@pytest.mark.parametrize("certainty", list(Certainty))
def test_the_colour_of_a_box_says_how_sure_it_is(certainty: Certainty) -> None:
    drawn = around(draw(track(xyxy=BOX, certainty=certainty)))

    assert (count(drawn, GREEN) > 200) is (certainty is Certainty.CONFIRMED)
    assert (count(drawn, AMBER) > 200) is (certainty is Certainty.UNCERTAIN)


def test_what_lies_inside_a_box_stays_visible() -> None:
    drawn = draw(track(xyxy=BOX))
    assert (drawn[BOX[1] : BOX[3], BOX[0] : BOX[2]] == picture()[0, 0]).mean() > 0.95


def test_the_box_of_a_coasting_track_is_dashed() -> None:
    seen = count(around(draw(track(xyxy=BOX))), GREEN)
    coasting = count(around(draw(track(xyxy=BOX, state=TrackState.COASTING))), GREEN)

    assert 0.3 * seen < coasting < 0.8 * seen


@pytest.mark.parametrize("certainty", [Certainty.UNCERTAIN, Certainty.UNKNOWN])
def test_the_guess_behind_an_unsure_verdict_is_not_shown(certainty: Certainty) -> None:
    one, other = (
        draw(track(xyxy=BOX, certainty=certainty, category=None, name=name, probability=probability))
        for name, probability in [("stop", 0.5), ("speed_limit_30", 0.7)]
    )
    sure, sure_of_another = (draw(track(xyxy=BOX, name=name)) for name in ("stop", "speed_limit_30"))

    assert (one == other).all()
    assert (sure != sure_of_another).any()


def test_a_tentative_track_gets_a_box_without_words() -> None:
    nothing, tentative, confirmed = (
        draw(*tracks) for tracks in ([], [track(xyxy=BOX, state=TrackState.TENTATIVE)], [track(xyxy=BOX)])
    )
    assert (around(tentative) != around(nothing)).any()
    around(tentative)[:] = around(nothing)
    assert (tentative == nothing).all()
    around(confirmed)[:] = around(nothing)
    assert (confirmed != nothing).any()


def test_a_detection_without_a_track_gets_a_box() -> None:
    result = frame_result(image=picture(1280, 720))
    bare = OVERLAY(result)
    result.detections = Detections(np.array([BOX], np.float32), np.array([0.5], np.float32))
    result.track_ids = [-1]

    assert (around(OVERLAY(result)) != around(bare)).any()


def red(image: Image) -> int:
    return int(((image[..., 2] > 150) & (image[..., 1] < 90) & (image[..., 0] < 90)).sum())


def test_only_a_limit_in_force_is_drawn_as_a_sign_with_a_red_ring() -> None:
    def panel(*advisories: Advisory) -> int:
        return red(draw(advisories=list(advisories)))

    assert panel(advisory()) > 500
    assert panel(advisory(status=AdvisoryStatus.STALE)) == 0
    assert panel(advisory("speed_limit", "limit ended", None)) == 0
    assert panel() == 0


def test_a_stale_advisory_looks_different_and_more_lines_than_fit_are_summed_up() -> None:
    stop = advisory("stop", "stop ahead", None)
    stale = advisory("stop", "stop ahead", None, AdvisoryStatus.STALE)
    assert (draw(advisories=[stop]) != draw(advisories=[stale])).any()

    many = [advisory(f"danger:{n}", f"danger {n}", None) for n in range(40)]
    assert draw(advisories=many, size=(1280, 360)).shape == (360, 1280, 3)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (64, 48), (201, 201), (320, 240), (1280, 300), (3840, 2160)])
def test_every_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    width, height = size
    signs = [track(n, (0, 0, width * n / 5, height * n / 5), certainty=v) for n, v in enumerate(Certainty, 1)]
    assert draw(*signs, advisories=[advisory()], size=size).shape == (height, width, 3)


coordinate = st.floats(width=32)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=4))
def test_no_box_is_too_wild_to_draw(boxes: list[tuple[float, float, float, float]]) -> None:
    drawn = draw(*(track(n, box, state=TrackState.COASTING) for n, box in enumerate(boxes)), size=(320, 240))
    assert drawn.shape == (240, 320, 3)


side = st.integers(1, 200)
corner = st.integers(-300, 900)


@given(st.tuples(side, side), st.tuples(corner, corner, side, side))
def test_a_label_stays_inside_the_picture(size: tuple[int, int], where: tuple[int, int, int, int]) -> None:
    x, y, width, height = where
    left, top, right, bottom = place(size, (x, y, x + width, y + height), (640, 480), 4, [])

    assert 0 <= left < right <= 640
    assert 0 <= top < bottom <= 480
    assert (right - left, bottom - top) == size


def test_the_labels_of_stacked_signs_do_not_cover_each_other_or_the_signs() -> None:
    boxes: list[Rect] = [(600, 300 + 32 * n, 630, 330 + 32 * n) for n in range(3)]
    taken = list(boxes)
    for box in boxes:
        label = place((160, 40), box, (1280, 720), 4, taken)
        assert all(overlap(label, other) == 0 for other in taken)
        taken.append(label)


def test_without_signal_the_last_picture_cannot_be_taken_for_a_live_one() -> None:
    rng = np.random.default_rng(2)
    last = rng.integers(0, 255, (720, 1280, 3), np.uint8)
    before = last.copy()
    marked = OVERLAY.no_signal(last, Gap(0.0, 9.0, "drive.mp4", "no frame for 2.0 s", 2.0))

    assert (last == before).all()
    assert marked.shape == last.shape
    assert marked[:200].max() < 100  # dimmed
    assert (marked[:200].max(axis=2) == marked[:200].min(axis=2)).all()  # grey
    assert red(marked) > 1000  # and NO SIGNAL across it


def test_text_is_shortened_to_its_room() -> None:
    canvas = Canvas(picture(1280, 720))
    assert canvas.fit_text("short", 300, 15) == "short"
    shortened = canvas.fit_text("an explanation that is far too long for a label", 120, 15)
    assert shortened.endswith("…")
    assert canvas.text_width(shortened, 15) <= 120


def test_a_still_picture_is_called_by_its_name() -> None:
    result = frame_result(image=picture(1280, 720))
    numbered = OVERLAY(result)
    assert isinstance(result.frame, Frame)
    result.frame.name = "00073.jpg"

    assert (OVERLAY(result) != numbered).any()
