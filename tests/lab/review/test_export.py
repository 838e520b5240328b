"""What was labelled comes back through the readers of `signpipe.lab.data`, box for box."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.data import ClassMap, open_dataset
from signpipe.lab.data.check import check_dataset
from signpipe.lab.data.labelled import SIGN
from signpipe.lab.review.export import export_queue, reviewed_signs
from signpipe.review import NOT_A_SIGN, ReviewQueue
from signpipe.review.item import Neighbour
from tests.review.items import filled, item, put

CATALOGUE = load_catalogue()
LEVEL_CROSSING = ClassMap({"level_crossing": "sign"})


@pytest.fixture
def labelled(tmp_path: Path) -> ReviewQueue:
    """Return a queue with a known sign beside others, a new one, a mistake, and one that is open."""
    queue = ReviewQueue(tmp_path / "queue")
    beside = (
        Neighbour(xyxy=(400, 200, 440, 240), name="stop"),
        Neighbour(xyxy=(500, 200, 540, 240)),
        Neighbour(xyxy=(60, 300, 140, 380), name="keep_right"),  # reaches out of the context
    )
    known, new, mistake = (put(queue, item(neighbours=beside)), put(queue, item()), put(queue, item()))
    put(queue, item())
    queue.label(known, "speed_limit_80", "ada")
    queue.label(new, "level_crossing", "ada")
    queue.label(mistake, NOT_A_SIGN, "ada")
    return queue


@pytest.mark.parametrize("format_", ["coco", "yolo"])
def test_a_detection_set_reads_back(labelled: ReviewQueue, tmp_path: Path, format_: str) -> None:
    counts = export_queue(labelled, tmp_path / "out", format_, CATALOGUE)
    assert counts == {"speed_limit_80": 1, "level_crossing": 1, NOT_A_SIGN: 1}
    dataset = open_dataset(tmp_path / "out", format_, classes=LEVEL_CROSSING)
    assert not dataset.problems
    known, new, mistake = sorted(
        dataset, key=lambda image: [e.item.id for e in labelled.items()].index(image.path.stem)
    )
    boxes = known.boxes_in(known.read().shape)
    wanted = [(200.25, 100.5, 240, 139), (300, 100, 340, 140), (0, 200, 40, 280)]
    counted = ~known.ignore
    np.testing.assert_allclose(boxes[counted], wanted, atol=0.01)
    assert [CATALOGUE[i].name for i in known.class_ids[counted]] == ["speed_limit_80", "stop", "keep_right"]
    assert list(new.class_ids) == [SIGN]
    assert new.names == ("level_crossing",)
    assert len(mistake.boxes) == 0
    assert known.split in ("train", "val")


def test_a_sign_that_nobody_is_sure_of_is_neither_taught_nor_forbidden(labelled: ReviewQueue, tmp_path: Path) -> None:
    export_queue(labelled, tmp_path / "coco", "coco", CATALOGUE)
    known = open_dataset(tmp_path / "coco", "coco", classes=LEVEL_CROSSING)[0]
    np.testing.assert_allclose(known.boxes[known.ignore], [(400, 100, 440, 140)])
    export_queue(labelled, tmp_path / "yolo", "yolo", CATALOGUE)
    painted = next(i for i in open_dataset(tmp_path / "yolo", "yolo", classes=LEVEL_CROSSING) if len(i.boxes) == 3)
    assert painted.read()[110:130, 410:430].std() < 2
    assert abs(painted.read()[120, 420].astype(int) - 114).max() < 4
    assert abs(painted.read()[120, 220].astype(int) - (90, 120, 80)).max() < 12  # the named sign isn't painted over


@pytest.mark.parametrize("format_", ["coco", "yolo"])
def test_an_export_has_nothing_that_the_check_of_data_sets_would_find(
    labelled: ReviewQueue, tmp_path: Path, format_: str
) -> None:
    export_queue(labelled, tmp_path / "out", format_, CATALOGUE)
    check = check_dataset(tmp_path / "out", format_, LEVEL_CROSSING)
    assert not {finding.kind for finding in check.findings} & {
        "malformed", "box-outside", "unknown-class", "label-without-picture", "picture-without-label", "unreadable"
    }  # fmt: skip


def test_crops_read_back_and_are_the_cameras_own_pixels(labelled: ReviewQueue, tmp_path: Path) -> None:
    counts = export_queue(labelled, tmp_path / "out", "crops", CATALOGUE)
    assert counts == {"speed_limit_80": 1, "level_crossing": 1}
    dataset = open_dataset(tmp_path / "out", "folder", classes=LEVEL_CROSSING)
    assert [list(image.class_ids) for image in dataset] == [[SIGN], [CATALOGUE.by_name("speed_limit_80").id]]
    entry = labelled.items()[0]
    crop = cv2.imread(str(entry.crop))
    assert crop is not None
    sign = dataset[1].read()
    assert sign.shape == (39, 40, 3)
    np.testing.assert_array_equal(sign, crop[20:59, 20:60])


def test_the_classifier_is_taught_what_is_in_the_catalogue(labelled: ReviewQueue) -> None:
    (sign,) = reviewed_signs(labelled, CATALOGUE)
    assert list(sign.class_ids) == [CATALOGUE.by_name("speed_limit_80").id]
    np.testing.assert_allclose(sign.boxes_in(sign.read().shape), [(20.25, 20.5, 60, 59)])
    assert sign.split == "train"


def test_coco_is_what_other_tools_read(labelled: ReviewQueue, tmp_path: Path) -> None:
    faster_coco_eval = pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed (extra dev)")

    export_queue(labelled, tmp_path / "out", "coco", CATALOGUE)
    table = faster_coco_eval.COCO(str(tmp_path / "out" / "annotations.json"))
    assert len(table.getImgIds()) == 3
    assert len(table.getAnnIds(iscrowd=False)) == 4
    content = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [c["name"] for c in content["categories"]] == [*CATALOGUE.names, "level_crossing", "sign"]


def test_what_cannot_be_exported_is_one_sentence(labelled: ReviewQueue, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="coco, yolo, crops"):
        export_queue(labelled, tmp_path / "out", "voc", CATALOGUE)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    with pytest.raises(OutputError, match="isn't empty"):
        export_queue(labelled, tmp_path / "full", "coco", CATALOGUE)
    with pytest.raises(OutputError, match="Not a directory"):
        export_queue(labelled, tmp_path / "full" / "precious" / "x", "coco", CATALOGUE)
    queue, _ = filled(tmp_path / "open")
    with pytest.raises(SourceError, match="labelled yet"):
        export_queue(queue, tmp_path / "out", "coco", CATALOGUE)
    labelled.items()[0].context.write_bytes(b"no picture")
    with pytest.raises(SourceError, match="damaged"):
        export_queue(labelled, tmp_path / "out", "coco", CATALOGUE)
