"""The real public sets have the numbers that are known of them."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from signpipe.lab.data import Dataset, open_dataset
from signpipe.lab.data.check import check_dataset

DATA = Path(os.environ.get("SIGNPIPE_DATA") or Path(__file__).parents[4] / "shared" / "data")


def opened(format_: str, folder: str) -> Dataset:
    if not (DATA / folder).is_dir():
        pytest.skip(f"needs the data set {folder} in SIGNPIPE_DATA or ../shared/data")
    return open_dataset(DATA, format_)


@pytest.fixture(scope="module")
def gtsrb() -> Dataset:
    return opened("gtsrb", "gtsrb/Final_Training")


@pytest.mark.slow
def test_gtsrb_has_its_crops_tracks_and_classes(gtsrb: Dataset) -> None:
    assert len(gtsrb) == 39_209
    assert len({image.track for image in gtsrb}) == 1307
    assert set(gtsrb.class_counts()) == set(range(43))
    assert gtsrb.problems == ()


@pytest.mark.slow
def test_no_track_of_gtsrb_is_in_two_splits_and_every_class_is_in_both(gtsrb: Dataset) -> None:
    train, val = gtsrb.part("train"), gtsrb.part("val")
    assert len(train) + len(val) == len(gtsrb)
    assert not {image.track for image in train} & {image.track for image in val}
    assert set(train.class_counts()) == set(val.class_counts())
    held_out = {str(image.track) for image in val}
    tracks = Counter(track.split("/")[0] for track in {str(image.track) for image in gtsrb})
    assert Counter(track.split("/")[0] for track in held_out) == {name: count // 5 for name, count in tracks.items()}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_boxes_of_gtsrb_lie_inside_crops_of_both_kinds(gtsrb: Dataset, suffix: str) -> None:
    some = [image for image in gtsrb if image.path.suffix == suffix][::800]
    if not some:
        pytest.skip(f"this copy of GTSRB has no {suffix}")
    for image in some:
        height, width = image.read().shape[:2]
        left, top, right, bottom = image.boxes_in((height, width))[0]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        # The official border is a tenth of the sign, and at least 5 pixels of the original.
        assert right - left > 0.5 * width


def test_gtsdb_has_its_scenes() -> None:
    gtsdb = opened("gtsdb", "gtsdb").part("all")
    official = [image for image in gtsdb if int(image.path.stem) < 600]
    assert len(official) == 600
    assert sum((~image.ignore).any() for image in official) == 506
    assert sum(image.split == "val" for image in official) == 120
    every = np.concatenate([image.boxes[~image.ignore] for image in official])
    assert every.min() >= 0
    assert every[:, 2].max() <= 1360
    assert every[:, 3].max() <= 800


def test_sy32_has_its_streets() -> None:
    sy32 = opened("sy32", "sy32")
    assert (len(sy32.part("train")), len(sy32.part("val"))) == (348, 87)
    counts = Counter(name for image in sy32 for name in image.names)
    assert counts == {"interdiction": 236, "danger": 90, "ceder": 82, "obligation": 70, "stop": 61}


def test_sy32_has_no_picture_of_validation_in_training() -> None:
    opened("sy32", "sy32")
    check = check_dataset(DATA, "sy32")
    assert [finding for finding in check.findings if finding.kind == "leak"] == []
    assert sum(finding.kind == "duplicate" for finding in check.findings) == 1


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["gtsdb", "gtsrb"])
def test_nothing_in_the_other_sets_spoils_training(format_: str) -> None:
    opened(format_, format_)
    assert check_dataset(DATA, format_).findings == ()
