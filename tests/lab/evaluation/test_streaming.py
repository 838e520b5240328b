"""Approaches frame by frame: what fusion and dropped frames do, on observations made by hand and on drawings."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.errors import ExtraMissingError, SettingsError, SourceError
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.evaluation.streaming import BURST, dropped_frames, evaluate_streaming, play
from signpipe.settings import Settings
from signpipe.types import Classifications
from tests.lab.evaluation.drawn import NAMES, drawn_dataset

CATALOGUE = load_catalogue()
FRAMES = 30


def approach(*read: int) -> Approach:
    """Return an approach to a limit of 30 whose frames are read as these classes, in turn, with some certainty."""
    probability = np.full((FRAMES, 43), 0.1 / 42, np.float32)
    for frame in range(FRAMES):
        probability[frame, read[frame % len(read)]] = 0.9
    sizes = np.repeat(np.linspace(20, 120, FRAMES, dtype=np.float32)[:, None], 2, 1)
    observations = Classifications(probability, np.zeros((FRAMES, 0), np.float32), np.full(FRAMES, 0.1, np.float32))
    return Approach("made", 1, sizes, observations)


def test_a_sign_read_rightly_is_confirmed_early_and_stays() -> None:
    played = play(approach(1), Settings(), CATALOGUE, 10.0, 0.0, "random")
    assert played.confirmed is not None
    assert 1 < played.confirmed < 12
    assert played.published == {1}
    assert played.final_right


def test_flicker_ends_in_the_fused_label() -> None:
    played = play(approach(1, 1, 5), Settings(), CATALOGUE, 10.0, 0.0, "random")
    assert np.count_nonzero(np.diff(played.single)) > 15
    assert np.count_nonzero(np.diff(played.fused)) <= 1
    assert played.final_right


@settings(deadline=None)
@given(st.integers(2, 60), st.floats(0, 0.9), st.sampled_from(["random", "bursts"]), st.text(max_size=5))
def test_the_asked_share_is_dropped_and_more_with_more(count: int, share: float, pattern: str, name: str) -> None:
    lost = dropped_frames(count, share, pattern, name)
    assert lost.sum() == min(round(share * count), count - 1)
    assert (lost <= dropped_frames(count, min(share + 0.1, 1.0), pattern, name)).all()


def test_bursts_are_several_frames_in_a_row() -> None:
    lost = dropped_frames(30, 0.5, "bursts", "a").reshape(-1, BURST)
    assert lost.all(1).sum() == 3


@pytest.mark.slow
def test_tracks_of_drawings(tmp_path: Path) -> None:
    metrics = evaluate_streaming(drawn_dataset(tmp_path), Settings(), lambda *_: None, rates=(10.0,))
    assert metrics["tracks"] == len(NAMES)
    as_run = metrics["rates"]["10"]
    assert as_run["tracks"] == as_run["vision_alone"]["tracks"] == len(NAMES)
    assert as_run["vision_alone"]["final_accuracy"] == metrics["final_accuracy"]
    assert set(metrics["dropped"]) == {"random", "bursts"}
    assert set(metrics["dropped"]["bursts"]) == {"0.1", "0.2", "0.3", "0.4", "0.5"}
    assert metrics["n"]["fused_accuracy"] == 4 * len(NAMES)
    assert 0 <= metrics["confirmed"] <= 1


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        evaluate_streaming(Dataset("gtsrb", tmp_path, ()), Settings(), lambda *_: None, fps=0)
    with pytest.raises(SourceError, match="has no tracks"):
        evaluate_streaming(Dataset("gtsrb", tmp_path, ()), Settings(), lambda *_: None)
    with pytest.raises(SettingsError, match="name some"):
        evaluate_streaming(Dataset("gtsrb", tmp_path, ()), Settings(), lambda *_: None, drives=1)


def test_a_missing_extra_is_told_of_before_anything_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(ExtraMissingError, match="bench"):
        evaluate_streaming(Dataset("gtsrb", tmp_path, ()), Settings(), lambda *_: None, rates=(1.0,), drives=1)
