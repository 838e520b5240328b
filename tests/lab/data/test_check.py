"""The check finds what was planted, and nothing in a clean set."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from signpipe.cli.data import data_app
from signpipe.errors import SourceError
from signpipe.lab.data.check import Check, check_dataset
from signpipe.lab.data.classes import ClassMap
from signpipe.lab.data.duplicates import near_duplicates, thumbnail
from signpipe.types import Image
from tests.lab.data.conftest import (
    HEIGHT,
    SCENES,
    WIDTH,
    Written,
    coco_content,
    picture,
    voc_text,
    write_coco,
    write_gtsrb,
    write_picture,
    write_scenes,
    write_sy32,
    write_text,
    write_voc,
    write_yolo,
    yolo_row,
)

CHANGES: list[Callable[[Image], object]] = [
    lambda image: image,
    lambda image: cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
    lambda image: cv2.GaussianBlur(image, (5, 5), 1.0),
    lambda image: cv2.convertScaleAbs(image, alpha=1.0, beta=2),
]


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def kinds(check: Check) -> list[str]:
    return [finding.kind for finding in check.findings]


def yolo_with(root: Path, row: str) -> Check:
    """Write the scenes and one row of labels more."""
    write_yolo(root)
    write_text(root / "labels" / "00010.txt", row)
    return check_dataset(root, "yolo")


def test_a_clean_set_has_no_findings(written: Written) -> None:
    check = check_dataset(written.root, written.format)
    assert check.findings == ()
    assert check.splits.total() == len(SCENES)
    assert {name: counts.total() for name, counts in check.classes.items()} == {
        "stop": 1,
        "give_way": 1,
        "speed_limit_80": 1,
    }


class TestPictures:
    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".ppm"])
    @pytest.mark.parametrize("kept", [0.5, 0.98])
    def test_one_that_is_cut_off(self, tmp_path: Path, suffix: str, kept: float) -> None:
        write_picture(tmp_path / "stop" / "whole.jpg", 0)
        cut = write_picture(tmp_path / "stop" / f"cut{suffix}", 1)
        cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * kept)])
        (finding,) = check_dataset(tmp_path, "folder").findings
        assert (finding.kind, finding.path) == ("truncated", cut)

    @pytest.mark.parametrize(("data", "says"), [(b"", "empty"), (b"<html>not found</html>", "no picture")])
    def test_one_that_is_none(self, tmp_path: Path, data: bytes, says: str) -> None:
        write_picture(tmp_path / "stop" / "whole.jpg", 0)
        (tmp_path / "stop" / "none.jpg").write_bytes(data)
        (finding,) = check_dataset(tmp_path, "folder").findings
        assert finding.kind == "unreadable"
        assert says in finding.message

    @pytest.mark.parametrize("format_", ["coco", "voc"])
    def test_one_of_another_size_than_its_labels_say(self, tmp_path: Path, format_: str) -> None:
        {"coco": write_coco, "voc": write_voc}[format_](tmp_path)
        path = write_picture(next(tmp_path.rglob("00003.[pj]*g")), 0, WIDTH * 2, HEIGHT * 2)
        (finding,) = check_dataset(tmp_path, format_).findings
        assert (finding.kind, finding.path) == ("size", path)
        assert "it is 320x240, but its labels are for 160x120" in finding.message


class TestBoxes:
    @pytest.mark.parametrize("box", [(-20, 10, 30, 40), (10, -9, 30, 40), (140, 10, 170, 40), (10, 90, 30, 130)])
    def test_one_that_reaches_outside(self, tmp_path: Path, box: tuple[int, int, int, int]) -> None:
        assert kinds(yolo_with(tmp_path, yolo_row("stop", box))) == ["box-outside"]

    @pytest.mark.parametrize("box", [(30, 10, 30, 40), (30, 10, 50, 10)])
    def test_one_without_an_area(self, tmp_path: Path, box: tuple[int, int, int, int]) -> None:
        assert kinds(yolo_with(tmp_path, yolo_row("stop", box))) == ["box-degenerate"]

    def test_one_with_its_corners_swapped(self, tmp_path: Path) -> None:
        write_voc(tmp_path)
        write_text(tmp_path / "Annotations" / "00010.xml", voc_text("00010", [("stop", (50, 10, 20, 40))]))
        assert kinds(check_dataset(tmp_path, "voc")) == ["box-degenerate"]

    def test_one_that_is_tiny(self, tmp_path: Path) -> None:
        assert kinds(yolo_with(tmp_path, yolo_row("stop", (30, 10, 34, 40)))) == ["box-tiny"]

    @pytest.mark.parametrize("box", [(0, 0, WIDTH, HEIGHT), (-1, 0, 30, 40), (130, 90, 161, 121), (10, 10, 16, 16)])
    def test_one_at_the_edge_or_just_large_enough_is_fine(self, tmp_path: Path, box: tuple[int, int, int, int]) -> None:
        assert kinds(yolo_with(tmp_path, yolo_row("stop", box))) == []


class TestLabels:
    def test_all_that_cannot_be_read_are_listed_and_the_rest_is_checked(self, tmp_path: Path) -> None:
        rows = ["0 0.5 0.5 x 0.1", "7 0.5 0.5 0.2 0.2", "0 0.5 0.5", yolo_row("stop", (10, 10, 50, 50))]
        check = yolo_with(tmp_path, "\n".join(rows))
        assert [(f.kind, f.line) for f in check.findings] == [("malformed", 1), ("malformed", 3), ("unknown-class", 2)]
        assert check.classes["stop"].total() == 2

    def test_classes_that_are_unknown_can_be_mapped(self, tmp_path: Path) -> None:
        write_sy32(tmp_path)
        write_text(tmp_path / "00010.csv", "10,10,50,50,parking\n")
        assert kinds(check_dataset(tmp_path, "sy32")) == ["unknown-class"]
        assert kinds(check_dataset(tmp_path, "sy32", ClassMap({"parking": "none"}))) == []
        assert check_dataset(tmp_path, "sy32", ClassMap(one_class=True)).classes["sign"].total() == 1

    @pytest.mark.parametrize("format_", ["gtsrb", "yolo", "coco", "voc", "sy32"])
    def test_labels_without_picture_and_pictures_without_labels(self, tmp_path: Path, format_: str) -> None:
        write: dict[str, Callable[[Path], None]] = {
            "gtsrb": write_gtsrb, "yolo": write_yolo, "coco": write_coco, "voc": write_voc, "sy32": write_sy32
        }  # fmt: skip
        write[format_](tmp_path)
        known = next(p for p in sorted(tmp_path.rglob("*")) if p.suffix in {".ppm", ".jpg", ".png"})
        shape = read(known).shape
        known.unlink()
        extra = write_picture(known.with_name(f"00099_00099{known.suffix}"), 99, shape[1], shape[0])
        check = check_dataset(tmp_path, format_)
        assert kinds(check) == ["label-without-picture", "picture-without-label"]
        assert check.findings[1].path == extra

    def test_a_set_where_nothing_can_be_used_is_bad_input(self, tmp_path: Path) -> None:
        write_picture(tmp_path / "panneau" / "a.jpg", 0)
        with pytest.raises(SourceError, match=r"first of 1 problems: .*the class 'panneau' isn't in the catalogue"):
            check_dataset(tmp_path, "folder")


class TestRepetitions:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for split in ("train", "val"):
            for n in range(6):
                write_picture(tmp_path / split / "stop" / f"{split}{n}.jpg", n + 100 * (split == "val"))
        assert check_dataset(tmp_path, "folder").findings == ()
        return tmp_path

    def copy(self, root: Path, target: str, change: Callable[[Image], object] | None = None) -> Path:
        """Put a copy of the first training picture somewhere, as it is or changed."""
        source, path = root / "train" / "stop" / "train0.jpg", root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if change is None:
            path.write_bytes(source.read_bytes())
        else:
            cv2.imwrite(str(path), np.asarray(change(read(source)), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
        return path

    def test_the_same_picture_twice_in_a_split(self, root: Path) -> None:
        path = self.copy(root, "train/stop/zz.jpg")
        (finding,) = check_dataset(root, "folder").findings
        assert (finding.kind, finding.path) == ("duplicate", path)
        assert finding.message.endswith("train0.jpg")

    def test_the_same_picture_with_two_labels_says_so(self, root: Path) -> None:
        self.copy(root, "train/yield/zz.jpg")
        (finding,) = check_dataset(root, "folder", ClassMap({"yield": "give_way"})).findings
        assert finding.message.endswith("with other labels")

    def test_the_same_picture_in_two_splits(self, root: Path) -> None:
        path = self.copy(root, "val/stop/zz.jpg")
        (finding,) = check_dataset(root, "folder").findings
        assert (finding.kind, finding.path) == ("leak", path)
        assert "this is val, that is train" in finding.message

    @pytest.mark.parametrize("change", CHANGES, ids=["compressed", "scaled", "blurred", "brighter"])
    @pytest.mark.parametrize(("target", "kind"), [("train/stop/zz.jpg", "near-duplicate"), ("val/stop/zz.jpg", "leak")])
    def test_nearly_the_same_picture(
        self, root: Path, change: Callable[[Image], object], target: str, kind: str
    ) -> None:
        path = self.copy(root, target, change)
        (finding,) = check_dataset(root, "folder").findings
        assert finding.kind == kind
        assert path.name in str(finding)

    def test_frames_of_one_track_are_alike_and_that_is_fine(self, tmp_path: Path) -> None:
        write_gtsrb(tmp_path, tracks=2, frames=1)
        folder = tmp_path / "Final_Training" / "Images" / "00014"
        table = folder / "GT-00014.csv"
        image = read(folder / "00000_00000.ppm")
        cv2.imwrite(str(folder / "00000_00001.ppm"), cv2.GaussianBlur(image, (3, 3), 0.7))
        table.write_text(table.read_text() + "00000_00001.ppm;40;44;4;5;35;38;14\n")
        assert check_dataset(tmp_path, "gtsrb").findings == ()
        # The same two pictures as different tracks are not.
        (folder / "00000_00001.ppm").rename(folder / "00002_00000.ppm")
        table.write_text(table.read_text().replace("00000_00001", "00002_00000"))
        assert kinds(check_dataset(tmp_path, "gtsrb")) == ["near-duplicate"]

    def test_a_track_in_two_splits(self, tmp_path: Path) -> None:
        for split, frame in (("train", 0), ("val", 1)):
            write_picture(tmp_path / split / "stop" / f"00001_0000{frame}.png", frame)
        (finding,) = check_dataset(tmp_path, "folder").findings
        assert finding.kind == "leak-track"
        assert "stop/00001" in finding.message

    @pytest.mark.slow
    @settings(max_examples=20, deadline=None)
    @given(st.integers(2, 300), st.integers(0, 1000))
    def test_unlike_pictures_are_never_paired_and_planted_pairs_always(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        small = np.stack([thumbnail(picture(seed * 1000 + n)) for n in range(count)])
        assert list(near_duplicates(small, np.arange(count))) == []
        i, j = sorted(rng.choice(count, 2, replace=False))
        noise = rng.integers(-2, 3, small[i].shape)
        small[j] = np.clip(small[i].astype(int) + noise, 0, 255).astype(np.uint8)
        assert list(near_duplicates(small, np.arange(count))) == [(i, j)]
        assert list(near_duplicates(small, np.zeros(count, np.int64))) == []


def test_remarks_tell_of_imbalance_and_of_classes_missing_from_a_split(tmp_path: Path) -> None:
    seed = 0
    for split, name, count in (("train", "stop", 12), ("train", "give_way", 3), ("val", "stop", 2)):
        for _ in range(count):
            write_picture(tmp_path / split / name / f"{seed}.jpg", seed)
            seed += 1
    check = check_dataset(tmp_path, "folder")
    assert check.findings == ()
    assert check.remarks == (
        "imbalance 5 : 1, stop (14) to give_way (3)",
        "under 10 boxes in train: give_way (3)",
        "not in val: give_way",
    )


def test_progress_reaches_the_number_of_pictures(tmp_path: Path) -> None:
    write_coco(tmp_path)
    seen: list[tuple[int, int]] = []
    check_dataset(tmp_path, "coco", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


class TestCommand:
    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(data_app, ["check", *map(str, arguments)])

    def test_ends_with_0_on_a_clean_set(self, written: Written) -> None:
        result = self.run(written.root, "--format", written.format)
        assert result.exit_code == 0
        assert "Nothing found that would spoil training" in result.output

    def test_ends_with_1_on_findings_and_lists_them(self, tmp_path: Path) -> None:
        write_coco(tmp_path)
        content = coco_content()
        for _ in range(7):
            content["annotations"].append({"id": 9, "image_id": 2, "category_id": 10, "bbox": [150, 10, 40, 40]})
        write_text(tmp_path / "annotations.json", json.dumps(content))
        result = self.run(tmp_path, "--format", "coco")
        assert result.exit_code == 1
        assert "boxes that reach outside the picture: 7 (box-outside)" in result.output
        assert "and 2 more" in result.output

    def test_json_has_everything(self, tmp_path: Path) -> None:
        write_scenes(tmp_path / "train" / "stop", ".jpg")
        (tmp_path / "train" / "stop" / "bad.jpg").write_bytes(b"x")
        result = self.run(tmp_path, "--format", "folder", "--json")
        assert result.exit_code == 1
        report = json.loads(result.stdout)
        assert report["pictures"] == 4
        assert report["splits"] == {"train": 4}
        assert report["classes"] == {"stop": {"train": 4}}
        assert report["counts"] == {"unreadable": 1}
        assert report["findings"][0]["path"].endswith("bad.jpg")
        assert report["findings"][0]["line"] is None

    def test_names_with_brackets_are_printed_as_they_are(self, tmp_path: Path) -> None:
        write_picture(tmp_path / "stop" / "whole.jpg", 0)
        (tmp_path / "stop" / "[bold]odd[red].jpg").write_bytes(b"")
        result = self.run(tmp_path, "--format", "folder")
        assert "[bold]odd[red].jpg" in result.output

    def test_maps_classes(self, tmp_path: Path) -> None:
        write_picture(tmp_path / "panneau" / "a.jpg", 0)
        assert self.run(tmp_path, "--format", "folder", "--map", "panneau=stop").exit_code == 0
        assert self.run(tmp_path, "--format", "folder", "--one-class").exit_code == 0
        assert isinstance(self.run(tmp_path, "--format", "folder").exception, SourceError)
