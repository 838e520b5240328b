"""The set of really hard signs: by track, and only of signs that there are."""

import numpy as np
import pytest

from signpipe.lab.evaluation.real_hard import by_cause, read_hardships


def test_each_track_is_named_once_and_hides_no_more_than_the_sign() -> None:
    hardships = read_hardships()
    assert all(len(track) == 11 and track[5] == "/" for track in hardships)
    assert all(0 <= hardship.hidden < 1 for hardship in hardships.values())
    assert hardships["00012/00029"] == ("sticker", 0.4)


def test_hard_signs_are_counted_by_what_makes_them_hard() -> None:
    tracks = ["00012/00029", "00012/00029", "00003/00019", "00000/00000", None]
    probability = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 2]] * np.float32(0.97)
    found = by_cause(tracks, probability, np.array([0, 0, 2, 0, 0]), accept=0.95)
    assert list(found) == ["all", "sticker", "typeface"]
    assert (found["all"]["tracks"], found["all"]["n"]) == (2, 3)
    assert found["all"]["accuracy"] == pytest.approx(2 / 3)
    assert found["sticker"]["sure_and_wrong"] == 0.5
    assert found["typeface"]["accuracy"] == 1


def test_other_sets_have_no_hard_tracks() -> None:
    assert by_cause([None, "00000/00000"], np.ones((2, 1), np.float32), np.zeros(2, np.int64), 0.9) == {}
