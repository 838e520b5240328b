"""Every format is read into the same form."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.lab.data import ClassMap, Dataset, LabelledImage, open_dataset
from signpipe.lab.data.formats import btsd, gtsdb
from signpipe.lab.data.labelled import SIGN
from signpipe.lab.data.reading import split_by_name
from signpipe.types import SHAPES
from tests.lab.data.conftest import (
    HEIGHT,
    NAMES,
    NUMBERS,
    SCENES,
    WIDTH,
    Written,
    coco_content,
    voc_text,
    write_btsd,
    write_coco,
    write_gtsdb,
    write_gtsrb,
    write_picture,
    write_scenes,
    write_sy32,
    write_text,
    write_voc,
    write_yolo,
    yolo_row,
)


def stems(dataset: Dataset) -> list[str]:
    return sorted(image.path.stem for image in dataset)


def only(dataset: Dataset) -> LabelledImage:
    assert len(dataset) == 1
    return dataset[0]


def test_the_same_scenes_come_out_of_every_format_alike(written: Written) -> None:
    dataset = open_dataset(written.root, written.format)
    assert stems(dataset) == sorted(SCENES)
    assert dataset.problems == ()
    for image in dataset:
        truth = SCENES[image.path.stem]
        shape = image.read().shape
        assert shape == (HEIGHT, WIDTH, 3)
        boxes = image.boxes_in(shape)
        assert boxes.dtype == np.float32
        assert boxes.shape == (len(truth), 4)
        np.testing.assert_allclose(boxes, np.reshape([box for _, box in truth], (-1, 4)), atol=0.01)
        assert image.class_ids.tolist() == [NUMBERS[name] for name, _ in truth]
        assert not image.ignore.any()


def test_labels_may_have_a_byte_order_mark_windows_line_ends_and_blank_lines(written: Written) -> None:
    before = open_dataset(written.root, written.format)
    for file in written.root.rglob("*"):
        if file.suffix in {".txt", ".csv", ".xml", ".json", ".yaml"}:
            text = file.read_text().replace("\n", "\r\n")
            file.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    after = open_dataset(written.root, written.format)
    assert [image.boxes.tolist() for image in after] == [image.boxes.tolist() for image in before]


def test_the_digest_follows_pictures_labels_and_splits(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    before = open_dataset(tmp_path, "yolo").digest()
    assert open_dataset(tmp_path, "yolo").digest() == before
    write_text(tmp_path / "labels" / "00010.txt", yolo_row("stop", (10, 10, 50, 50)))
    relabelled = open_dataset(tmp_path, "yolo").digest()
    (tmp_path / "images" / "00010.jpg").write_bytes(b"other")
    assert len({before, relabelled, open_dataset(tmp_path, "yolo").digest()}) == 3


class TestGtsrb:
    def test_every_fifth_track_of_each_class_is_validation(self, tmp_path: Path) -> None:
        write_gtsrb(tmp_path, tracks=12, frames=2, classes=(1, 14))
        validation = open_dataset(tmp_path, "gtsrb", "val")
        assert {image.track for image in validation} == {"00001/00004", "00001/00009", "00014/00004", "00014/00009"}
        assert len(validation) == 8
        assert len(open_dataset(tmp_path, "gtsrb", "train")) == 40

    @pytest.mark.parametrize("suffix", [".ppm", ".png", ".jpg"])
    def test_the_box_includes_its_last_row_and_column_in_every_picture_format(
        self, tmp_path: Path, suffix: str
    ) -> None:
        write_gtsrb(tmp_path, tracks=1, frames=1, suffix=suffix)
        crop = only(open_dataset(tmp_path, "gtsrb"))
        np.testing.assert_allclose(crop.boxes_in(crop.read().shape), [[4, 5, 36, 39]], atol=1e-4)

    def test_the_box_follows_a_picture_that_is_kept_at_32_by_32(self, tmp_path: Path) -> None:
        write_gtsrb(tmp_path, tracks=1, frames=1)
        folder = tmp_path / "Final_Training" / "Images" / "00014"
        (folder / "00000_00000.ppm").unlink()
        write_picture(folder / "00000_00000.png", 0, 32, 32)
        crop = only(open_dataset(tmp_path, "gtsrb"))
        expected = np.array([4 / 40, 5 / 44, 36 / 40, 39 / 44]) * 32
        np.testing.assert_allclose(crop.boxes_in(crop.read().shape)[0], expected, atol=1e-4)

    @pytest.mark.parametrize("home", ["", "Final_Training", "Final_Training/Images"])
    def test_any_folder_of_the_layout_will_do(self, tmp_path: Path, home: str) -> None:
        write_gtsrb(tmp_path / "gtsrb", tracks=1)
        assert len(open_dataset(tmp_path / "gtsrb" / home, "gtsrb")) == 3
        assert len(open_dataset(tmp_path, "gtsrb")) == 3


class TestGtsrbTest:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        write_picture(tmp_path / "GTSRB" / "Final_Test" / "Images" / "00000.ppm", 0, 53, 54)
        write_picture(tmp_path / "GTSRB" / "Final_Test" / "Images" / "00001.ppm", 1, 42, 45)
        rows = [
            "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId",
            "00000.ppm;53;54;6;5;48;49;16",
            "00001.ppm;42;45;5;5;36;40;1",
        ]
        write_text(tmp_path / "GT-final_test.csv", "\n".join(rows))
        return tmp_path

    def test_is_read_from_where_the_archives_put_it(self, root: Path) -> None:
        first, second = open_dataset(root, "gtsrb-test")
        np.testing.assert_allclose(first.boxes_in(first.read().shape), [[6, 5, 49, 50]], atol=1e-4)
        assert (first.class_ids.tolist(), second.class_ids.tolist()) == ([16], [1])

    def test_is_read_with_the_table_beside_the_pictures(self, root: Path) -> None:
        shutil.move(root / "GT-final_test.csv", root / "GTSRB" / "Final_Test" / "Images" / "GT-final_test.csv")
        assert len(open_dataset(root, "gtsrb-test")) == 2

    def test_is_held_out_as_a_whole(self, root: Path) -> None:
        assert len(open_dataset(root, "gtsrb-test", "val")) == 2
        with pytest.raises(SourceError, match="no part 'train', only test"):
            open_dataset(root, "gtsrb-test", "train")


class TestGtsdb:
    def test_numbers_that_end_in_7_or_9_are_validation_and_600_and_up_are_test(self, tmp_path: Path) -> None:
        numbers = (0, 7, 19, 27, 31, 599, 600, 607, 899)
        for seed, number in enumerate(numbers):
            write_picture(tmp_path / f"{number:05}.ppm", seed)
        write_text(tmp_path / "gt.txt", "")
        assert stems(open_dataset(tmp_path, "gtsdb", "val")) == ["00007", "00019", "00027", "00599"]
        assert stems(open_dataset(tmp_path, "gtsdb", "train")) == ["00000", "00031"]
        assert stems(open_dataset(tmp_path, "gtsdb", "test")) == ["00600", "00607", "00899"]
        assert len(open_dataset(tmp_path, "gtsdb", "all")) == len(numbers)

    @pytest.mark.parametrize("suffix", [".ppm", ".png", ".jpg"])
    def test_pictures_may_be_in_another_format_than_the_table_says(self, tmp_path: Path, suffix: str) -> None:
        write_gtsdb(tmp_path, suffix)
        assert sum(len(image.boxes) for image in open_dataset(tmp_path, "gtsdb")) == 3


class TestSy32:
    def test_traffic_lights_are_no_signs_and_kinds_of_sign_have_no_class(self, tmp_path: Path) -> None:
        for split in ("train", "val"):
            write_picture(tmp_path / split / "0001.jpg", 1)
        write_text(tmp_path / "train" / "0001.csv", "1.5,2,20,30,danger\n5,5,30,30,frouge\n50,5,80,30,ceder\n")
        write_text(tmp_path / "val" / "0001.csv", "")
        dataset = open_dataset(tmp_path, "sy32")
        assert not dataset.complete
        assert [(image.split, image.class_ids.tolist()) for image in dataset] == [("train", [SIGN, 13]), ("val", [])]
        assert dataset[0].names == ("danger", "ceder")

    def test_another_set_keeps_the_numbers_that_leak_in_the_published_one(self, tmp_path: Path) -> None:
        for split in ("train", "val"):
            write_picture(tmp_path / split / "0144.jpg", 1)
            write_text(tmp_path / split / "0144.csv", "")
        assert [image.path.stem for image in open_dataset(tmp_path, "sy32")] == ["0144", "0144"]


class TestYolo:
    def test_the_splits_are_those_of_data_yaml(self, tmp_path: Path) -> None:
        for seed, split in enumerate(("train", "valid", "test")):
            write_picture(tmp_path / split / "images" / f"{split}.jpg", seed)
            write_text(tmp_path / split / "labels" / f"{split}.txt", yolo_row("stop", (10, 10, 50, 50)))
        # As exports write it: relative to a folder that isn't there.
        entries = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
        write_text(tmp_path / "data.yaml", f"{entries}names:\n  0: speed_limit_80\n  1: give_way\n  2: stop\n")
        for split, stem in (("train", "train"), ("val", "valid"), ("test", "test")):
            assert only(open_dataset(tmp_path, "yolo", split)).path.stem == stem  # type: ignore[arg-type]
        assert all(image.class_ids.tolist() == [14] for image in open_dataset(tmp_path, "yolo"))

    def test_a_split_may_be_a_text_file_that_lists_pictures(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        write_text(tmp_path / "train.txt", "./images/00003.jpg\n")
        write_text(tmp_path / "val.txt", "images/00007.jpg\nimages/00010.jpg\n")
        write_text(tmp_path / "data.yaml", f"path: .\ntrain: train.txt\nval: [val.txt]\nnames: {NAMES}\n")
        assert stems(open_dataset(tmp_path, "yolo", "val")) == ["00007", "00010"]

    def test_a_polygon_becomes_the_box_around_it(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        write_text(tmp_path / "labels" / "00010.txt", "2 0.25 0.5 0.5 0.25 0.75 0.5 0.5 0.75\n")
        image = next(image for image in open_dataset(tmp_path, "yolo") if image.path.stem == "00010")
        np.testing.assert_allclose(image.boxes_in((HEIGHT, WIDTH)), [[40, 30, 120, 90]], atol=0.01)

    def test_a_picture_without_a_label_file_has_no_signs(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "labels" / "00003.txt").unlink()
        dataset = open_dataset(tmp_path, "yolo")
        assert [len(image.boxes) for image in dataset] == [0, 1, 0]
        assert [problem.kind for problem in dataset.problems] == ["picture-without-label"]

    def test_classes_txt_does_in_place_of_data_yaml(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "data.yaml").unlink()
        write_text(tmp_path / "classes.txt", "\n".join(NAMES))
        assert open_dataset(tmp_path, "yolo").class_counts() == {5: 1, 13: 1, 14: 1}

    boxes = st.tuples(*[st.integers(0, WIDTH)] * 2, *[st.integers(0, HEIGHT)] * 2).map(
        lambda v: (min(v[:2]), min(v[2:]), max(v[:2]), max(v[2:]))
    )

    @given(st.lists(boxes, max_size=5))
    def test_any_box_survives_being_written_as_fractions(
        self, tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[int, int, int, int]]
    ) -> None:
        root = tmp_path_factory.mktemp("yolo")
        write_text(root / "images" / "a.jpg", "never read here")
        write_text(root / "labels" / "a.txt", "\n".join(yolo_row("stop", box) for box in boxes))
        write_text(root / "data.yaml", f"names: {NAMES}")
        image = only(open_dataset(root, "yolo"))
        np.testing.assert_allclose(image.boxes_in((HEIGHT, WIDTH, 3)), np.reshape(boxes, (-1, 4)), atol=1e-3)


class TestCoco:
    @pytest.mark.parametrize(
        ("table", "pictures"),
        [
            ("annotations/instances_{}2017.json", "{}2017"),
            ("annotations/instances_{}.json", "images/{}"),
            ("{}/_annotations.coco.json", "{}"),
        ],
    )
    def test_the_splits_are_those_of_the_usual_layouts(self, tmp_path: Path, table: str, pictures: str) -> None:
        for split in ("train", "val"):
            write_scenes(tmp_path / pictures.format(split), ".png")
            write_text(tmp_path / table.format(split), json.dumps(coco_content()))
        for split in ("train", "val"):
            dataset = open_dataset(tmp_path, "coco", split)  # type: ignore[arg-type]
            assert len(dataset) == 3
            assert all(f"{split}" in str(image.path) for image in dataset)

    def test_crowds_are_ignored(self, tmp_path: Path) -> None:
        write_coco(tmp_path)
        content = coco_content()
        content["annotations"][0]["iscrowd"] = 1
        write_text(tmp_path / "annotations.json", json.dumps(content))
        dataset = open_dataset(tmp_path, "coco")
        assert [image.ignore.tolist() for image in dataset] == [[True, False], [False], []]
        assert dataset.class_counts() == {5: 1, 13: 1}

    def test_the_json_file_itself_may_be_given(self, tmp_path: Path) -> None:
        write_coco(tmp_path)
        assert len(open_dataset(tmp_path / "annotations.json", "coco")) == 3


class TestVoc:
    def test_the_splits_are_those_of_image_sets(self, tmp_path: Path) -> None:
        write_voc(tmp_path)
        write_text(tmp_path / "ImageSets" / "Main" / "train.txt", "00003\n00010\n")
        write_text(tmp_path / "ImageSets" / "Main" / "val.txt", "00007\n")
        assert stems(open_dataset(tmp_path, "voc", "val")) == ["00007"]
        assert stems(open_dataset(tmp_path, "voc", "train")) == ["00003", "00010"]

    def test_the_splits_are_those_of_folders(self, tmp_path: Path) -> None:
        for split in ("train", "valid"):
            write_scenes(tmp_path / split, ".jpg")
            for stem, signs in SCENES.items():
                write_text(tmp_path / split / f"{stem}.xml", voc_text(stem, signs))
        dataset = open_dataset(tmp_path, "voc", "val")
        assert len(dataset) == 3
        assert {image.path.parent.name for image in dataset} == {"valid"}

    def test_difficult_signs_are_ignored(self, tmp_path: Path) -> None:
        write_voc(tmp_path)
        table = tmp_path / "Annotations" / "00007.xml"
        table.write_text(table.read_text().replace("<difficult>0", "<difficult>1"))
        assert [image.ignore.tolist() for image in open_dataset(tmp_path, "voc")] == [[False, False], [True], []]


class TestFolder:
    def test_the_class_is_the_folder_and_the_sign_fills_the_picture(self, tmp_path: Path) -> None:
        write_picture(tmp_path / "stop" / "a.jpg", 0, 50, 40)
        write_picture(tmp_path / "00005" / "b.png", 1, 50, 40)
        dataset = open_dataset(tmp_path, "folder")
        assert {image.path.name: image.class_ids.tolist() for image in dataset} == {"a.jpg": [14], "b.png": [5]}
        np.testing.assert_array_equal(dataset[0].boxes_in((40, 50, 3)), [[0, 0, 50, 40]])

    def test_folders_of_splits_are_the_split(self, tmp_path: Path) -> None:
        for seed, split in enumerate(("train", "val", "test")):
            write_picture(tmp_path / split / "stop" / f"{split}.jpg", seed)
        assert stems(open_dataset(tmp_path, "folder", "val")) == ["val"]

    def test_frames_of_a_track_stay_in_one_split(self, tmp_path: Path) -> None:
        for track in range(12):
            for frame in range(3):
                write_picture(tmp_path / "stop" / f"00014_{track:05}_{frame:05}.png", track * 10 + frame, 16, 16)
        dataset = open_dataset(tmp_path, "folder")
        splits: dict[str | None, set[str]] = {}
        for image in dataset:
            splits.setdefault(image.track, set()).add(image.split)
        assert len(splits) == 12
        assert all(len(found) == 1 for found in splits.values())


class TestSplitByName:
    def test_holds_out_about_a_fifth(self) -> None:
        held_out = sum(split_by_name(f"picture{n}") == "val" for n in range(5000))
        assert 900 < held_out < 1100

    def test_is_the_same_on_every_machine_and_in_every_version(self) -> None:
        assert [n for n in range(30) if split_by_name(str(n)) == "val"] == [0, 7, 8, 9, 10, 19, 22, 29]

    def test_pictures_that_come_move_no_other(self, tmp_path: Path) -> None:
        for n in range(30):
            write_picture(tmp_path / f"a{n}.jpg", n, 16, 16)
            write_text(tmp_path / f"a{n}.csv", "")
        before = {image.path: image.split for image in open_dataset(tmp_path, "sy32")}
        assert set(before.values()) == {"train", "val"}
        write_picture(tmp_path / "00.jpg", 99, 16, 16)
        write_text(tmp_path / "00.csv", "")
        after = {image.path: image.split for image in open_dataset(tmp_path, "sy32")}
        assert len(after) == 31
        assert before.items() <= after.items()


class TestClassNames:
    def test_every_name_title_and_number_of_the_catalogue_is_understood(self) -> None:
        for sign in load_catalogue():
            for name in (sign.name, sign.title, sign.name.upper(), sign.name.replace("_", "-"), f"{sign.id:05}"):
                label = ClassMap().resolve(name)
                assert label is not None
                assert label.class_id == sign.id

    def test_mapped_names_come_before_everything_else(self) -> None:
        classes = ClassMap({"Stop Sign": "stop", "stop": "no_entry", "plate": "none", "back": "ignore", "x": "sign"})
        resolved = {name: classes.resolve(name) for name in ("stop sign", "stop", "plate", "back", "x")}
        assert resolved["plate"] is None
        facts = {name: (label.class_id, label.ignore) for name, label in resolved.items() if label}
        assert facts == {"stop sign": (14, False), "stop": (17, False), "back": (SIGN, True), "x": (SIGN, False)}

    def test_what_a_user_maps_wins_over_the_format(self, tmp_path: Path) -> None:
        write_sy32(tmp_path)
        write_text(tmp_path / "00010.csv", "5,5,30,30,frouge\n40,5,70,30,danger")
        dataset = open_dataset(tmp_path, "sy32", classes=ClassMap({"frouge": "sign"}))
        assert dataset[-1].class_ids.tolist() == [SIGN, SIGN]

    def test_one_class_takes_all_as_signs_but_knows_the_ones_it_knows(self) -> None:
        classes = ClassMap(one_class=True)
        unknown, known = classes.resolve("panneau"), classes.resolve("stop")
        assert unknown is not None
        assert known is not None
        assert (unknown.class_id, known.class_id) == (SIGN, 14)


def test_a_picture_that_is_damaged_is_an_error_only_when_it_is_read(tmp_path: Path) -> None:
    write_gtsdb(tmp_path)
    (tmp_path / "images" / "00003.ppm").write_bytes(b"P6\n160 120\n255\nshort")
    damaged = open_dataset(tmp_path, "gtsdb")[0]
    with pytest.raises(SourceError, match=r"00003\.ppm is missing or damaged"):
        damaged.read()
    assert cv2.imread(str(tmp_path / "images" / "00007.ppm")) is not None


def test_pictures_of_one_place_are_on_one_side_of_the_split_whichever_camera_took_them(tmp_path: Path) -> None:
    write_btsd(tmp_path)
    for camera in ("00", "01"):
        for frame in (948, 977, 1110, 1199, 1200):
            write_picture(tmp_path / "images" / f"{camera}.{frame:06}.jpg", frame)
    split = {image.path.stem: image.split for image in open_dataset(tmp_path, "btsd")}
    for camera in ("00", "01"):
        sides = [split[f"{camera}.{frame:06}"] for frame in (948, 977, 1110, 1199, 1200)]
        assert sides == ["train", "train", "val", "val", "train"]


def test_cut_outs_of_one_moment_stay_together(tmp_path: Path) -> None:
    for moment in range(12):
        for part in range(3):
            stem = f"2022-04-07T06.03.{moment:02}.frame1_1_2_{part}"
            write_picture(tmp_path / "images" / f"{stem}.jpg", 10 * moment + part)
            write_text(tmp_path / "labels" / f"{stem}.txt", "0 0.5 0.5 0.25 0.5\n")
    dataset = open_dataset(tmp_path, "boards")
    assert len(dataset) == 36
    assert {image.split for image in dataset} == {"train", "val"}
    for track in {image.track for image in dataset}:
        assert len({image.split for image in dataset if image.track == track}) == 1
    assert dataset[0].class_ids.tolist() == [SIGN]
    np.testing.assert_allclose(
        dataset[0].boxes_in((HEIGHT, WIDTH))[0], [0.375 * WIDTH, 0.25 * HEIGHT, 0.625 * WIDTH, 0.75 * HEIGHT]
    )


@pytest.mark.parametrize(
    ("format_", "others", "table", "first", "another"),
    [
        ("gtsdb", gtsdb.OTHERS, "gt.txt", "00000.jpg;774;411;815;446;11", "00000.jpg;1;2;30;40;11"),
        ("btsd", btsd.OTHERS, "gt.csv", "00.000948.jpg,230,208,263,242,D7", "00.000948.jpg,1,2,30,40,D7"),
    ],
)
def test_what_a_set_does_not_box_is_ignored_unless_it_is_asked_for(
    format_: str, others: Path, table: str, first: str, another: str, tmp_path: Path
) -> None:
    # the row by which the set is known, and a scene of it in which our own table boxes signs
    header = "file,x1,y1,x2,y2,label\n" * (format_ == "btsd")
    known = re.split("[;,]", first)[0]
    own = re.split(";", others.read_text(encoding="utf-8").splitlines()[-1])[0]
    for number, name in enumerate((known, own)):
        write_picture(tmp_path / "images" / name, number, 1360, 800)
    write_text(tmp_path / table, f"{header}{first}\n")
    anything = ClassMap(one_class=True)
    plain = {image.path.name: image for image in open_dataset(tmp_path, format_, classes=anything)}
    assert len(plain[own].boxes) > 0
    assert plain[own].ignore.all()
    assert not plain[known].ignore[0]
    every = ClassMap(dict.fromkeys(SHAPES, "sign"), one_class=True)
    asked = {image.path.name: image for image in open_dataset(tmp_path, format_, classes=every)}
    assert len(asked[own].boxes) == len(plain[own].boxes)
    assert not asked[own].ignore.any()
    write_text(tmp_path / table, f"{header}{another}\n")  # another set in the same layout
    others_boxed = open_dataset(tmp_path, format_, classes=anything)
    assert all(len(image.boxes) == (image.path.name == known) for image in others_boxed)
