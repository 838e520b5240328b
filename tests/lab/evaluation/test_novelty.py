"""What the numbers on novelty mean, and that the sets show what they say."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.data.uncatalogued import UncataloguedSign
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.evaluation.ceiling import drawing_crop
from signpipe.lab.evaluation.novelty import Answers, Unseen, fused_novelty, judge, judge_tracks, judge_unseen
from signpipe.lab.evaluation.observations import read_crops
from signpipe.lab.evaluation.uncatalogued import approach_sides, boxed_crops, unboxed_crops, uncatalogued_views
from signpipe.runtime.session import open_session
from signpipe.settings import FallbackSettings, RuntimeSettings, Settings
from signpipe.types import Classifications, FloatArray
from tests.lab.evaluation.drawn import NAMES, drawn_tracks

CATALOGUE = load_catalogue()
RNG = np.random.default_rng(0)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="10" cy="10" r="10" fill="#0f0"/></svg>'


def track(novelty: FloatArray, confidence: float = 0.99) -> Approach:
    """Return a track whose observations all say "stop" with this certainty."""
    count = len(novelty)
    probability = np.full((count, 43), (1 - confidence) / 42, np.float32)
    probability[:, 14] = confidence
    sizes = np.repeat(np.linspace(20, 60, count, dtype=np.float32)[:, None], 2, 1)
    return Approach("made", 14, sizes, Classifications(probability, np.zeros((count, 0), np.float32), novelty))


def steady(novelty: float) -> Approach:
    return track(np.full(12, novelty, np.float32))


def test_what_passes_and_what_would_be_published() -> None:
    known = Answers(np.ones(1000), np.linspace(0, 1, 1000))
    unknown = Answers(np.array([0.99, 0.99, 0.5, 0.99]), np.array([0.2, 0.97, 0.3, 0.7]))
    sets = judge({"known": known, "unknown": unknown}, FallbackSettings(accept=0.95, novelty=0.6))
    assert sets["bound_at_95"] == pytest.approx(0.95, abs=0.001)
    assert sets["known"]["published_at_95"] == pytest.approx(0.95, abs=0.001)
    cell = sets["unknown"]
    assert (cell["n"], cell["flagged"], cell["published"]) == (4, 0.5, 0.25)
    assert (cell["passed_at_95"], cell["published_at_95"]) == (0.75, 0.5)
    low, high = cell["published_at_95_interval"]
    assert low < 0.5 < high
    assert cell["auroc"] == pytest.approx(np.mean(unknown.novelty), abs=0.002)


def test_a_track_is_as_new_as_its_looks_and_the_large_ones_count_most() -> None:
    assert fused_novelty(steady(0.3), Settings()) == pytest.approx(0.3, abs=0.01)
    rising = track(np.linspace(0, 1, 12, dtype=np.float32))
    assert 0.5 < fused_novelty(rising, Settings()) < 1


def test_tracks_of_new_signs_are_not_published_however_sure_they_look() -> None:
    known = [steady(level) for level in np.linspace(0.02, 0.3, 20)]
    sets = judge_tracks({"known": known, "new": [steady(0.9), steady(0.1)]}, Settings(), CATALOGUE)
    assert (sets["known"]["published"], sets["known"]["flagged"]) == (1.0, 0.0)
    assert sets["new"]["published"] == 0.5
    assert sets["new"]["published_at_95"] == 0.5
    assert sets["known"]["passed_at_95"] == pytest.approx(0.95, abs=0.01)


def test_a_class_that_was_left_out_is_compared_with_the_others(tmp_path: Path) -> None:
    drawn_tracks(tmp_path / "gtsrb")
    result = judge_unseen(Unseen("classifier", ("stop", "speed_limit_80")), tmp_path, Settings(), CATALOGUE)
    assert result["tracks"]["known"]["n"] == len(NAMES) - 2  # one track a class is validation
    assert result["tracks"]["left_out"]["n"] == 2 * 5  # of what was left out, all are new
    assert result["observations"]["left_out"]["n"] == 2 * 5 * 4
    by_class = result["by_class"]
    assert list(by_class) == ["speed_limit_80", "stop"]
    assert sum(cell["n"] for cell in by_class.values()) == 2 * 5 * 4
    shares = [cell["published"] * cell["n"] for cell in by_class.values()]
    assert sum(shares) == pytest.approx(result["observations"]["left_out"]["published"] * 2 * 5 * 4)
    assert all(sum(cell["taken_for"].values()) <= cell["n"] for cell in by_class.values())
    whole = result["whole"]
    # Of the limit only the validation track, as the reader has seen the others.
    assert (whole["looks"]["n"], whole["tracks"]["n"]) == ((5 + 1) * 4, 5 + 1)
    # The shipped classifier knows these classes: what it publishes is no other class.
    assert whole["looks"]["published"] == whole["tracks"]["published"] == 0
    assert {name: cell["n"] for name, cell in whole["by_class"].items()} == {"speed_limit_80": 4, "stop": 20}


def test_what_was_left_out_is_written_as_model_and_classes() -> None:
    assert Unseen.parse("runs/a=b.onnx=stop,keep_right") == Unseen("runs/a=b.onnx", ("stop", "keep_right"))
    for text in ("stop", "=stop", "model.onnx=halt", "model.onnx="):
        with pytest.raises(SettingsError, match="--unseen takes MODEL=CLASS,CLASS"):
            Unseen.parse(text)


def test_a_drawing_looks_the_same_whatever_else_is_shown() -> None:
    signs = [UncataloguedSign(f"warning--{name}--g1", SVG, True) for name in "ab"]
    behind = RNG.integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    both, alone = uncatalogued_views(signs, behind, 3, 48), uncatalogued_views(signs[1:], behind, 3, 48)
    assert both.shape == (2, 3, 48, 48, 3)
    np.testing.assert_array_equal(both[1], alone[0])
    assert (both[0] != both[1]).any()
    assert (np.diff(approach_sides(3)) > 0).all()


def scene(folder: Path, boxed: bool) -> Dataset:
    """Return one street with two signs, one of them boxed or none."""
    image = np.full((720, 1280, 3), (190, 150, 120), np.uint8)
    for name, left in (("stop", 300), ("speed_limit_80", 800)):
        image[300:380, left : left + 80] = drawing_crop(name, 80, 0.1)
    cv2.imwrite(str(folder / "street.png"), image)
    boxes = np.array([[305, 305, 375, 375]], np.float32)[: int(boxed)]
    ids = np.full(len(boxes), -1, np.int64)
    names, ignore = ("sign",) * len(boxes), np.zeros(len(boxes), bool)
    return Dataset("made", folder, (LabelledImage(folder / "street.png", boxes, ids, names, ignore, "val"),))


def test_what_is_found_beside_the_boxes_is_cut_out(tmp_path: Path) -> None:
    settings = Settings()
    every = unboxed_crops(scene(tmp_path, boxed=False), settings, 48, lambda *_: None)
    beside = unboxed_crops(scene(tmp_path, boxed=True), settings, 48, lambda *_: None)
    assert len(every) == len(beside) + 1
    assert len(beside) >= 1
    assert boxed_crops(scene(tmp_path, boxed=True), 48).shape == (1, 48, 48, 3)
    assert boxed_crops(scene(tmp_path, boxed=False), 48).shape == (0, 48, 48, 3)


def test_the_shipped_classifier_finds_a_drawing_of_its_own_familiar_and_noise_new() -> None:
    crops = np.stack([drawing_crop("stop", 48, 0.1), RNG.integers(0, 256, (48, 48, 3), dtype=np.uint8)])
    novelty = read_crops(open_session("classifier", RuntimeSettings(), "classifier"), crops).novelty
    assert novelty[0] < 0.5 < novelty[1]
