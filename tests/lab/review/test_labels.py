"""What a person may call a sign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError, SourceError
from signpipe.lab.data.formats.folder import OTHER_LAYOUTS
from signpipe.lab.review.labels import parse_label, read_labels
from signpipe.review import NOT_A_SIGN

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("stop", "stop"),
        (" Speed limit 80 km/h ", "speed_limit_80"),
        ("Speed-Limit 80", "speed_limit_80"),
        ("not-a-sign", NOT_A_SIGN),
        ("Not a sign", NOT_A_SIGN),
    ],
)
def test_classes_are_known_by_name_and_title(text: str, label: str) -> None:
    assert parse_label(text, CATALOGUE) == label
    assert parse_label(text, CATALOGUE, new=True) == label  # what is known needs no new name


def test_a_slip_is_no_new_class() -> None:
    with pytest.raises(SettingsError, match=r"did you mean speed_limit_80\?.*--new"):
        parse_label("sped_limit_80", CATALOGUE)
    assert parse_label("Level crossing", CATALOGUE, new=True) == "level_crossing"


@pytest.mark.parametrize("text", ["", "80", "../x", "a.b", "_", "sign", "Train", "images", "x" * 65, "<b>"])
def test_a_name_that_means_something_else_in_a_data_set_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="can't be the name"):
        parse_label(text, CATALOGUE, new=True)


@given(st.text(max_size=80))
def test_a_label_is_always_a_plain_file_name_and_means_itself(text: str) -> None:
    try:
        label = parse_label(text, CATALOGUE, new=True)
    except SettingsError:
        return
    assert label == NOT_A_SIGN or not set(label) & set("./\\- \n\0")
    assert label not in OTHER_LAYOUTS
    assert parse_label(label, CATALOGUE, new=True) == label


def test_labels_of_a_page_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    said = {"a": {"label": "stop"}, "b": {"label": "Level crossing", "new": True}, "c": {"label": "not-a-sign"}}
    file.write_text(json.dumps({"labels": said}))
    assert read_labels(file, CATALOGUE) == {"a": "stop", "b": "level_crossing", "c": NOT_A_SIGN}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"labels": 3}', b'{"labels": {"a": "stop"}}', b"\xff", b'{"labels": {"a": {}}}',
        b'{"labels": {"a": {"label": "level_crossing"}}}',
    ],
)  # fmt: skip
def test_a_file_without_usable_labels_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.json").write_bytes(content)
    with pytest.raises(SourceError, match=r"labels\.json"):
        read_labels(tmp_path / "labels.json", CATALOGUE)
    with pytest.raises(SourceError, match="missing"):
        read_labels(tmp_path / "none.json", CATALOGUE)
