"""Plates are put on the sign that they stand under, and what they said stays with it."""

from __future__ import annotations

import numpy as np
import pytest

from signpipe.catalogue.countries import load_country
from signpipe.stages.plates import PLATE_SHAPE, Plates
from signpipe.types import Certainty, FiguresRead, SignTrack, TrackState, Verdict

CATALOGUE = load_country("de").catalogue
SIGN, UNDER, FURTHER = (600, 200, 640, 240), (600, 242, 640, 264), (600, 266, 640, 288)


def track(
    name: str, id_: int, box: tuple[float, ...], sure: bool = True, text: str | None = None, hits: int = 5
) -> SignTrack:
    class_id = CATALOGUE.by_name(name).id
    probability = np.zeros(len(CATALOGUE), np.float32)
    probability[class_id] = 1.0
    return SignTrack(
        id_, np.array(box, np.float32), TrackState.CONFIRMED, 0.9, 1.0, 0.0, hits, probability, probability, class_id,
        detection=id_ - 1, verdict=Verdict(Certainty.CONFIRMED if sure else Certainty.UNKNOWN),
        figures=None if text is None else FiguresRead(text, "", 0.95),
    )  # fmt: skip


def said(tracks: list[SignTrack], id_: int = 1) -> list[str]:
    sign = next(one for one in tracks if one.id == id_)
    return [" ".join(map(str, plate.conditions)) for plate in sign.plates]


def test_a_plate_belongs_to_the_sign_right_above_it_once_it_was_seen_so_twice() -> None:
    link = Plates(CATALOGUE, ["de"])
    frame = [track("speed_limit_80", 1, SIGN), track("plate_when_wet", 2, UNDER)]
    assert said(link(frame)) == []
    assert said(link(frame)) == ["when wet"]
    plate = link(frame)[0].plates[0]
    assert (plate.track_id, plate.kind, plate.is_read) == (2, "plate_when_wet", True)
    assert plate.probability == pytest.approx(1.0)


def test_a_single_picture_is_enough_where_there_is_only_one() -> None:
    frame = [track("speed_limit_80", 1, SIGN, hits=1), track("plate_when_wet", 2, UNDER, hits=1)]
    assert said(Plates(CATALOGUE)(frame)) == ["when wet"]


def test_a_plate_that_isnt_read_counts_by_its_outline_and_is_unread() -> None:
    link = Plates(CATALOGUE)
    frame = [track("speed_limit_80", 1, SIGN), track("speed_limit_30", 2, UNDER, sure=False)]
    shapes = np.array([0, PLATE_SHAPE], np.uint8)
    link(frame, shapes)
    assert said(link(frame, shapes)) == ["with a condition that could not be read"]
    assert said(link(frame, shapes)) == ["with a condition that could not be read"]
    assert said(Plates(CATALOGUE)(frame)) == []  # without outlines it isn't known for a plate


def test_two_plates_hang_under_one_sign_and_each_sign_of_a_pole_has_its_own() -> None:
    link = Plates(CATALOGUE, ["de"])
    frame = [
        track("speed_limit_80", 1, SIGN), track("plate_when_wet", 2, UNDER),
        track("plate_time", 3, FURTHER, text="22-6h"), track("no_overtaking", 4, (600, 150, 640, 190)),
    ]  # fmt: skip
    link(frame)
    assert said(link(frame)) == ["when wet", "from 22:00 to 6:00"]
    assert said(link(frame), 4) == []


@pytest.mark.parametrize(
    "box", [(700, 242, 740, 264), (600, 330, 640, 352), (600, 100, 640, 122), (560, 242, 760, 264)]
)
def test_what_hangs_elsewhere_belongs_to_no_sign(box: tuple[float, ...]) -> None:
    link = Plates(CATALOGUE)
    frame = [track("speed_limit_80", 1, SIGN), track("plate_when_wet", 2, box)]
    for _ in range(4):
        assert said(link(frame)) == []


def test_what_was_read_stays_when_the_plate_is_lost_or_found_again_unread() -> None:
    link = Plates(CATALOGUE)
    sign = track("speed_limit_80", 1, SIGN)
    for _ in range(3):
        link([sign, track("plate_when_wet", 2, UNDER)])
    assert said(link([sign])) == ["when wet"]
    for _ in range(3):
        frame = link([sign, track("plate_text", 3, UNDER)])
    assert said(frame) == ["when wet"]
    link.reset()
    assert said(link([sign])) == []
