"""Keeping classes out of training, and showing signs outside the catalogue."""

import numpy as np
import pytest
from typer.testing import CliRunner

from signpipe.catalogue import load_catalogue
from signpipe.cli.main import app
from signpipe.lab.evaluation.crop_sets import CropSet, without
from signpipe.lab.training.classifier_data import TrainingCrops

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")

from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.augmentation.variants import place_drawing

NAMES = load_catalogue().names
RNG = np.random.default_rng(0)
CROPS = CropSet(
    RNG.integers(0, 256, (86, 80, 80, 3), dtype=np.uint8),
    np.repeat(np.arange(43), 2),
    RNG.integers(0, 256, (8, 80, 80, 3), dtype=np.uint8),
)


def targets(training: TrainingCrops, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.stack([training[index][1] for index in range(count)])


@pytest.mark.slow
def test_nothing_is_learned_of_a_class_that_is_left_out() -> None:
    left = [NAMES.index(name) for name in ("turn_left", "speed_limit_120")]  # turn_right mirrored is turn_left
    all_classes = targets(TrainingCrops(CROPS, 250, 0, 48, 0.6), 250)
    some = targets(TrainingCrops(CROPS, 250, 0, 48, 0.6, left), 250)
    assert (all_classes[:, left].max(0) > 0.5).all()
    assert not some[:, left].any()
    np.testing.assert_allclose(some.sum(1), 1, rtol=1e-5)


def test_backgrounds_stay_when_classes_are_left_out() -> None:
    kept = without(CROPS, [0, 5])
    assert len(kept.images) == 82
    assert not np.isin(kept.labels, [0, 5]).any()
    assert kept.backgrounds is CROPS.backgrounds


def test_a_drawing_is_framed_by_what_it_shows() -> None:
    drawing = np.zeros((40, 60, 4), np.uint8)
    drawing[10:30, 20:40] = 255
    assert trim(drawing).shape == (20, 20, 4)
    placed = place_drawing(trim(drawing), np.zeros((80, 80, 3), np.uint8), np.random.default_rng(0))
    rows = np.flatnonzero(placed.max((1, 2)) > 20)
    assert rows[0] == pytest.approx(16, abs=1)
    assert rows[-1] == pytest.approx(63, abs=1)


def test_a_class_that_is_not_there_cannot_be_left_out() -> None:
    result = CliRunner().invoke(app, ["train", "classifier", "--leave-out", "speed_limit_25"])
    assert result.exit_code != 0
    assert "there is no class 'speed_limit_25'" in " ".join((result.output + str(result.exception)).split())
