"""Reading the data sets, and above all: splitting them without leaks."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.training.data import MIRROR, data_hash, find_data, gtsdb, gtsrb, read_image, sy32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A tiny copy of the layouts: 6 tracks of 2 frames, 10 scenes, 1 French scene."""
    crops = tmp_path / "gtsrb" / "Final_Training" / "Images" / "00007"
    crops.mkdir(parents=True)
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    rows += [f"{t:05d}_{f:05d}.jpg;50;40;5;4;44;35;7" for t in range(6) for f in range(2)]
    (crops / "GT-00007.csv").write_text("\n".join(rows))
    (tmp_path / "gtsdb" / "images").mkdir(parents=True)
    for i in range(10):
        (tmp_path / "gtsdb" / "images" / f"{i:05d}.jpg").write_bytes(b"")
    (tmp_path / "gtsdb" / "gt.txt").write_text("00003.jpg;10;20;29;39;7\n00003.jpg;50;60;69;79;1\n")
    (tmp_path / "sy32" / "train").mkdir(parents=True)
    (tmp_path / "sy32" / "train" / "0001.csv").write_text("1.0,2.0,3.0,4.0,frouge\n5.0,6.0,7.0,8.0,stop\n")
    return tmp_path


def test_the_fifth_track_of_a_class_is_held_out_whole(data: Path) -> None:
    train, val = gtsrb(data, "train"), gtsrb(data, "val")
    assert {c.track for c in val} == {"00007/00004"}
    assert {c.track for c in train}.isdisjoint(c.track for c in val)
    assert (len(train), len(val)) == (10, 2)


def test_boxes_of_crops_are_fractions_so_that_a_stored_size_does_not_matter(data: Path) -> None:
    assert gtsrb(data, "train")[0].box == pytest.approx((0.1, 0.1, 0.9, 0.9))


def test_scenes_ending_in_7_and_9_are_held_out(data: Path) -> None:
    assert [s.path.stem for s in gtsdb(data, "val")] == ["00007", "00009"]
    assert len(gtsdb(data, "train")) == 8


def test_a_scene_has_all_its_boxes_with_the_last_pixel_inside(data: Path) -> None:
    scene = gtsdb(data, "train")[3]
    np.testing.assert_array_equal(scene.boxes, [[10, 20, 30, 40], [50, 60, 70, 80]])


def test_traffic_lights_are_no_signs(data: Path) -> None:
    np.testing.assert_array_equal(sy32(data, "train")[0].boxes, [[5, 6, 7, 8]])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for read in (lambda: gtsrb(tmp_path, "train"), lambda: gtsdb(tmp_path, "val"), lambda: sy32(tmp_path, "val")):
        with pytest.raises(SourceError, match=str(tmp_path)):
            read()
    with pytest.raises(SourceError, match="--data"):
        find_data(tmp_path / "nowhere")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"broken\.jpg"):
        read_image(tmp_path / "broken.jpg")


def test_the_hash_changes_with_the_set(tmp_path: Path) -> None:
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    cv2.imwrite(str(first), np.zeros((4, 4, 3), np.uint8))
    cv2.imwrite(str(second), np.full((4, 4, 3), 9, np.uint8))
    assert data_hash([first, second]) == data_hash([second, first])
    assert data_hash([first, second]) != data_hash([first])


def test_mirroring_is_an_involution_that_keeps_shape_and_category() -> None:
    signs = load_catalogue()
    for here, there in MIRROR.items():
        assert MIRROR[there] == here
        assert (signs[here].shape, signs[here].category) == (signs[there].shape, signs[there].category)


def test_the_real_splits_share_no_track() -> None:
    try:
        data = find_data()
        train, val = gtsrb(data, "train"), gtsrb(data, "val")
    except SourceError as error:
        pytest.skip(str(error))
    assert {c.track for c in train}.isdisjoint(c.track for c in val)
    assert {c.class_id for c in val} == set(range(43))
    assert len(train) + len(val) == 39209
