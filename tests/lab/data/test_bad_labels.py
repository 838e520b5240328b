"""Labels that can't be used end in one clear sentence that says where."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signpipe.errors import SettingsError, SignpipeError, SourceError
from signpipe.lab.data import ClassMap, open_dataset
from signpipe.lab.data.classes import parse_mapping
from signpipe.lab.data.opening import FORMATS, find_data, guess_format, read_dataset
from tests.lab.data.conftest import (
    WRITERS,
    Written,
    coco_content,
    write_coco,
    write_gtsdb,
    write_gtsrb,
    write_picture,
    write_sy32,
    write_text,
    write_voc,
    write_yolo,
)


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def edit_coco(root: Path, change: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
    write_coco(root)
    content = coco_content()
    change(content)
    write_text(root / "annotations.json", json.dumps(content))


def gtsdb_row(root: Path) -> None:
    write_gtsdb(root)
    append(root / "gt.txt", "00003.ppm;1;2;x;40;14\n")


def gtsdb_short(root: Path) -> None:
    write_gtsdb(root)
    append(root / "gt.txt", "00003.ppm;1;2\n")


def gtsdb_class(root: Path) -> None:
    write_gtsdb(root)
    append(root / "gt.txt", "00003.ppm;1;2;30;40;43\n")


def gtsdb_infinite(root: Path) -> None:
    write_gtsdb(root)
    append(root / "gt.txt", "00003.ppm;1;2;inf;40;14\n")


def gtsrb_row(root: Path) -> None:
    write_gtsrb(root, tracks=1, frames=2)
    append(next(root.rglob("GT-*.csv")), "00000_00001.ppm;0;44;4;5;35;38;14\n")


def sy32_row(root: Path) -> None:
    write_sy32(root)
    append(root / "00003.csv", "\n1,2,3,4")


def yolo_fields(root: Path) -> None:
    write_yolo(root)
    append(root / "labels" / "00007.txt", "0 0.5 0.5 0.1 0.1 0.9\n")


def yolo_pixels(root: Path) -> None:
    write_yolo(root)
    append(root / "labels" / "00007.txt", "0 80 60 32 32\n")


def yolo_class(root: Path) -> None:
    write_yolo(root)
    append(root / "labels" / "00007.txt", "3 0.5 0.5 0.1 0.1\n")


def yolo_binary(root: Path) -> None:
    write_yolo(root)
    (root / "labels" / "00007.txt").write_bytes(b"\xff\xfe\x00")


def yolo_folder(root: Path) -> None:
    write_yolo(root)
    append(root / "data.yaml", "train: images\nval: nowhere\n")


def yolo_names(root: Path) -> None:
    write_yolo(root)
    write_text(root / "data.yaml", "train: images\n")


def yolo_yaml(root: Path) -> None:
    write_yolo(root)
    write_text(root / "data.yaml", "names: [stop\ntrain: images\n")


def coco_bbox(root: Path) -> None:
    edit_coco(root, lambda content: content["annotations"][1].update(bbox=[1, 2, 3]))


def coco_category(root: Path) -> None:
    edit_coco(root, lambda content: content["annotations"][1].update(category_id=99))


def coco_image(root: Path) -> None:
    edit_coco(root, lambda content: content["annotations"][2].update(image_id=99))


def coco_keys(root: Path) -> None:
    edit_coco(root, lambda content: content.pop("categories"))


def coco_json(root: Path) -> None:
    write_coco(root)
    write_text(root / "annotations.json", '{"images": [],\n"annotations": [],,')


def voc_number(root: Path) -> None:
    write_voc(root)
    file = root / "Annotations" / "00003.xml"
    file.write_text(file.read_text().replace("<xmin>100", "<xmin>left"))


def voc_xml(root: Path) -> None:
    write_voc(root)
    write_text(root / "Annotations" / "00003.xml", "<annotation>\n<object>\n</annotation>")


def folder_class(root: Path) -> None:
    write_picture(root / "stopp" / "a.jpg", 0)


BAD = [
    (gtsdb_row, "gtsdb", "gt.txt, line 4: 'x' is not a number"),
    (gtsdb_short, "gtsdb", "gt.txt, line 4: 3 fields where 6 are needed"),
    (gtsdb_class, "gtsdb", "gt.txt, line 4: the class '43' isn't in the catalogue"),
    (gtsdb_infinite, "gtsdb", "gt.txt, line 4: a number is not finite"),
    (gtsrb_row, "gtsrb", "GT-00014.csv, line 4: width and height must be above 0"),
    (sy32_row, "sy32", "00003.csv, line 3: 4 fields where 5 are needed"),
    (yolo_fields, "yolo", "00007.txt, line 2: 6 fields; a row is `class x y width height`"),
    (yolo_pixels, "yolo", "00007.txt, line 2: coordinates must be fractions"),
    (yolo_class, "yolo", "00007.txt, line 2: class 3 has no name"),
    (yolo_binary, "yolo", "00007.txt: the labels can't be read, it is no UTF-8 text"),
    (yolo_folder, "yolo", "data.yaml: it names 'nowhere', which isn't there"),
    (yolo_names, "yolo", "data.yaml needs 'names'"),
    (yolo_yaml, "yolo", "data.yaml is no YAML"),
    (coco_bbox, "coco", "annotations.json: annotation 1 needs 'image_id', 'category_id' and a 'bbox'"),
    (coco_category, "coco", "annotations.json: annotation 1 has the category 99, which isn't listed"),
    (coco_image, "coco", "annotations.json: annotation 2 belongs to the image 99, which isn't listed"),
    (coco_keys, "coco", "annotations.json is no COCO JSON: it has no list 'categories'"),
    (coco_json, "coco", "annotations.json, line 2: it is no JSON"),
    (voc_number, "voc", "00003.xml: object 2 has no bndbox of four numbers"),
    (voc_xml, "voc", "00003.xml, line 3: it is no XML"),
    (folder_class, "folder", "the class 'stopp' isn't in the catalogue (did you mean stop?); map it with --map"),
]


@pytest.mark.parametrize(("spoil", "format_", "says"), BAD, ids=[spoil.__name__ for spoil, _, _ in BAD])
def test_the_error_says_which_file_and_line(
    tmp_path: Path, spoil: Callable[[Path], None], format_: str, says: str
) -> None:
    spoil(tmp_path)
    with pytest.raises(SourceError) as error:
        open_dataset(tmp_path, format_)
    message = str(error.value)
    assert says in message
    assert "\n" not in message
    assert message.endswith(".")


NUMBERS = ["nan", "-inf", "1e400", "null", "{}", "[]", "-1", "99999999999", "", ";", '"', "\0", "x", "\n", "<", "\\"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_labels_is_read_over_or_one_sentence(written: Written, data: st.DataObject) -> None:
    labels = [p for p in sorted(written.root.rglob("*")) if p.suffix in {".txt", ".csv", ".xml", ".json", ".yaml"}]
    file = data.draw(st.sampled_from(labels))
    text = file.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 6)))
    file.write_text(text[:start] + data.draw(st.sampled_from(NUMBERS)) + text[end:])
    message = ""
    try:
        read_dataset(written.root, written.format)
        open_dataset(written.root, written.format)
    except SignpipeError as error:
        message = str(error)
    finally:
        file.write_text(text)
    assert "\n" not in message


def test_an_external_entity_in_xml_is_not_followed(tmp_path: Path) -> None:
    write_voc(tmp_path)
    write_text(tmp_path / "secret.txt", "stop")
    file = tmp_path / "Annotations" / "00007.xml"
    entity = f'<!DOCTYPE annotation [<!ENTITY e SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
    file.write_text(entity + file.read_text().replace("speed_limit_80", "&e;"))
    with pytest.raises(SourceError, match=r"00007\.xml"):
        open_dataset(tmp_path, "voc")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no data set .*nowhere; `signpipe data fetch`"):
        open_dataset(tmp_path / "nowhere", "gtsdb")


def test_an_unknown_format_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="format 'pascal'; it is one of gtsrb"):
        open_dataset(tmp_path, "pascal")


def test_the_right_format_is_told(written: Written) -> None:
    assert guess_format(written.root) == written.format
    for other in WRITERS.keys() - {written.format, "sy32"}:
        with pytest.raises(SourceError, match=f"no data set of the format {other}.*looks like {written.format}"):
            open_dataset(written.root, other)


def test_an_empty_folder_looks_like_nothing(tmp_path: Path) -> None:
    for format_ in FORMATS:
        with pytest.raises(SourceError, match="no format that is known"):
            open_dataset(tmp_path, format_)


def test_a_part_that_is_empty_is_an_error(tmp_path: Path) -> None:
    write_picture(tmp_path / "train" / "stop" / "a.jpg", 0)
    with pytest.raises(SourceError, match="no part 'val', only train"):
        open_dataset(tmp_path, "folder", "val")


def test_pictures_that_are_missing_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_gtsdb(tmp_path)
    (tmp_path / "images" / "00003.ppm").unlink()
    with caplog.at_level(logging.WARNING):
        dataset = open_dataset(tmp_path, "gtsdb")
    assert len(dataset) == 2
    assert "2 labels have no picture" in caplog.text


def test_a_set_without_its_pictures_is_an_error(tmp_path: Path) -> None:
    write_coco(tmp_path)
    for picture in tmp_path.rglob("*.png"):
        picture.unlink()
    with pytest.raises(SourceError, match="no picture that its labels name"):
        open_dataset(tmp_path, "coco")


def test_a_mapping_to_nothing_known_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"'x' can't be mapped to 'give_wy'.*did you mean give_way"):
        ClassMap({"x": "give_wy"})


@pytest.mark.parametrize("text", ["stop", "=stop", "stop=", ""])
def test_a_mapping_needs_both_sides(text: str) -> None:
    with pytest.raises(SettingsError, match="--map takes OLD=NEW"):
        parse_mapping([text])


def test_a_mapping_may_have_an_equals_sign_in_the_old_name() -> None:
    assert parse_mapping(["a=b=stop", "c = give_way"]) == {"a=b": "stop", "c": "give_way"}


def test_the_data_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNPIPE_DATA", str(tmp_path))
    assert find_data() == tmp_path
    monkeypatch.setenv("SIGNPIPE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match=r"no data folder .*nowhere; give one with --data"):
        find_data()
