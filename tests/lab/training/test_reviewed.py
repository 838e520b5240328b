"""What a person labelled in the review queue is learned: only what is in the catalogue, with its surroundings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.lab.evaluation.crop_sets import CropSet
from signpipe.lab.review.export import export_queue
from signpipe.lab.training.reviewed import with_reviewed
from signpipe.review import NOT_A_SIGN
from tests.review.items import filled

CATALOGUE = load_catalogue()
STOP = CATALOGUE.by_name("stop").id


def crops() -> CropSet:
    return CropSet(np.zeros((2, 80, 80, 3), np.uint8), np.array([1, 2], np.int64), np.zeros((1, 80, 80, 3), np.uint8))


def test_labels_of_the_catalogue_join_the_training_crops(tmp_path: Path) -> None:
    queue, (first, second, third, _) = filled(tmp_path / "queue", 4)
    queue.label(first, "stop", "ada")
    queue.label(second, "level_crossing", "ada")
    queue.label(third, NOT_A_SIGN, "ada")
    export_queue(queue, tmp_path / "crops", "crops", CATALOGUE)
    for folder in ("queue", "crops"):
        more = with_reviewed(crops(), tmp_path / folder, 0.35)
        assert list(more.labels) == [1, 2, STOP]
        assert more.images.shape == (3, 80, 80, 3)
        assert tuple(more.images[2, 40, 40]) == (40, 60, 200)
        assert len(more.backgrounds) == 1


def test_a_folder_without_such_a_label_is_one_sentence(tmp_path: Path) -> None:
    filled(tmp_path / "queue")
    with pytest.raises(SourceError, match="holds no sign"):
        with_reviewed(crops(), tmp_path / "queue", 0.35)
    with pytest.raises(SourceError, match="There is no data set"):
        with_reviewed(crops(), tmp_path / "none", 0.35)
