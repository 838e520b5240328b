"""The settings: their layers, and what a bad one says."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.errors import SettingsError
from signpipe.settings import Settings, load_settings, renamed


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "signpipe.toml"
    path.write_text("[detect]\nscore = 0.4\niou = 0.5\nmaximum = 7\n")
    return path


def test_command_line_beats_environment_beats_file_beats_default(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNPIPE_DETECT__SCORE", "0.6")
    monkeypatch.setenv("SIGNPIPE_DETECT__IOU", "0.55")
    detect = load_settings(toml, {"detect.score": 0.7}).detect
    assert (detect.score, detect.iou, detect.maximum) == (0.7, 0.55, 7)
    assert detect.model == Settings().detect.model


def test_none_on_the_command_line_leaves_the_layer_below(toml: Path) -> None:
    assert load_settings(toml, {"detect.score": None}).detect.score == 0.4


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"detect.scor": 1}, "There is no setting 'detect.scor'"),
        ({"nonsense": 1}, "There is no setting 'nonsense'"),
        ({"nonsense.score": 1}, "There is no setting 'nonsense.score'"),
        ({"detect.score": 7}, "'detect.score' can't be 7"),
        ({"detect.score": "high"}, "'detect.score' can't be 'high'"),
        ({"fallback.accept": 0.6, "fallback.release": 0.9}, "release must not be over accept"),
        ({"preprocess.roi_top": 0.5, "preprocess.roi_bottom": 0.51}, "region of interest"),
        ({"preprocess.denoise_size": 4}, "odd"),
    ],
)
def test_bad_setting_is_one_sentence(overrides: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, overrides)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[detect\n", "no valid TOML"),
        ("[detect]\nscore = 3\n", "'detect.score' can't be 3"),
        ("[nope]\n", "no setting 'nope'"),
    ],
)
def test_bad_file_is_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=says):
        load_settings(path)


def test_missing_file_and_bad_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings(tmp_path / "none.toml")
    monkeypatch.setenv("SIGNPIPE_TRACK__GATE", "wide")
    with pytest.raises(SettingsError, match=r"track\.gate"):
        load_settings()


def test_output_folder_names_the_files(tmp_path: Path) -> None:
    output = load_settings(None, {"output.folder": tmp_path, "output.jsonl": tmp_path / "mine.jsonl"}).output
    assert output.video_path == tmp_path / "annotated.mp4"
    assert output.jsonl_path == tmp_path / "mine.jsonl"
    assert output.events_path == tmp_path / "events.jsonl"
    assert Settings().output.video_path is None


def test_values_that_dont_fit_together_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(None, {"lidar.sweeps": tmp_path})
    assert str(error.value) == (
        "The settings of 'lidar' don't fit together: sweeps are of no use without a calibration: "
        "give lidar.calibration (--calibration) too; `signpipe settings` lists them all."
    )


OLD_NAMES = {
    "fallback.joint": ("fallback.accept_fused", 0.97),
    "fallback.again": ("fallback.rematch_growth", 1.5),
    "decide.together": ("decide.conflict_window", 3.0),
    "classify.added": ("classify.few_shot", Path("signs")),
}


def value_of(settings: Settings, name: str) -> object:
    section, key = name.split(".")
    return getattr(getattr(settings, section), key)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    renamed.warn_of.cache_clear()
    yield caplog
    renamed.warn_of.cache_clear()


@pytest.mark.parametrize("old", OLD_NAMES)
@pytest.mark.parametrize("layer", ["file", "environment", "command line"])
def test_old_names_are_read_with_one_warning_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: pytest.LogCaptureFixture, old: str, layer: str
) -> None:
    new, value = OLD_NAMES[old]
    section, key = old.split(".")
    path, overrides = tmp_path / "old.toml", {}
    written = f"'{value}'" if isinstance(value, Path) else value
    path.write_text(f"[{section}]\n{key} = {written}\n" if layer == "file" else "")
    if layer == "environment":
        monkeypatch.setenv(f"SIGNPIPE_{section}__{key}".upper(), str(value))
        assert value_of(Settings(), new) == value
    if layer == "command line":
        overrides[old] = value
    for _ in range(3):
        assert value_of(load_settings(path, overrides), new) == value
    assert warnings.messages == [f"The setting '{old}' is called '{new}' now; the old name will go."]


def test_of_an_old_and_a_new_name_the_stronger_layer_counts_and_in_one_layer_the_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "both.toml"
    path.write_text("[fallback]\njoint = 0.96\naccept_fused = 0.97\n")
    assert load_settings(path).fallback.accept_fused == 0.97
    monkeypatch.setenv("SIGNPIPE_FALLBACK__JOINT", "0.98")
    assert load_settings(path).fallback.accept_fused == 0.98
    assert load_settings(path, {"fallback.joint": 0.99}).fallback.accept_fused == 0.99
    assert load_settings(path, {"fallback.accept_fused": 0.955}).fallback.accept_fused == 0.955


def test_an_old_name_with_a_bad_value_is_one_sentence_with_the_new_name() -> None:
    with pytest.raises(SettingsError, match=r"'fallback\.accept_fused' can't be 7"):
        load_settings(None, {"fallback.joint": 7})


def test_the_margin_that_the_classifier_has_itself_is_no_longer_read(warnings: pytest.LogCaptureFixture) -> None:
    load_settings(None, {"classify.margin": 0.2})
    assert warnings.messages == [
        "The setting 'classify.margin' is no longer read: the margin around a sign is the classifier's own, in the "
        "model manifest."
    ]


BAD_VARIABLES = [
    ("SIGNPIPE_DETECT", "abc", "SIGNPIPE_DETECT can't be read; .*SIGNPIPE_DETECT__NAME"),
    ("SIGNPIPE_FALLBACK", "[1", "SIGNPIPE_FALLBACK can't be read; .*SIGNPIPE_FALLBACK__NAME"),
    ("SIGNPIPE_DETECT", "{", "SIGNPIPE_DETECT can't be read"),
    ("SIGNPIPE_DETECT", "null", "SIGNPIPE_DETECT can't be read"),
    ("SIGNPIPE_DETECT", "7", "SIGNPIPE_DETECT can't be read"),
    ("SIGNPIPE_DETECT", "[" * 100_000, "SIGNPIPE_DETECT can't be read"),
    ("SIGNPIPE_DETECT", '{"scor": 1}', r"no setting 'detect\.scor'"),
    ("SIGNPIPE_DETECT", '{"score": NaN}', r"'detect\.score' can't be nan: Input should be a finite number"),
    ("SIGNPIPE_DETECT", '{"score": [0.5]}', r"'detect\.score' can't be \[0\.5\]"),
    ("SIGNPIPE_DETCT__SCORE", "0.5", "SIGNPIPE_DETCT__SCORE is no setting: there is no section 'detct'"),
    ("SIGNPIPE___SCORE", "0.5", "SIGNPIPE___SCORE is no setting"),
    ("SIGNPIPE_DETECT__SCOR", "0.5", r"no setting 'detect\.scor' \(environment variable SIGNPIPE_DETECT__SCOR\)"),
    ("SIGNPIPE_DETECT__", "0.5", r"no setting 'detect\.'"),
    ("SIGNPIPE_DETECT__SCORE__X", "0.5", r"'detect\.score' has no settings below it, but is given 'x'"),
    ("SIGNPIPE_DETECT_SCORE", "0.5", "SIGNPIPE_DETECT_SCORE is no setting; .*SIGNPIPE_DETECT__SCORE, it is"),
    ("SIGNPIPE_DETECT__SCORE", "high", r"'detect\.score' can't be 'high'.*variable SIGNPIPE_DETECT__SCORE\)"),
    ("SIGNPIPE_DETECT__SCORE", "nan", "finite"),
    ("SIGNPIPE_DETECT__SCORE", '{"a":', r"'detect\.score' can't be"),
    ("SIGNPIPE_DETECT__MAXIMUM", "2.5", r"'detect\.maximum' can't be '2\.5'"),
    ("SIGNPIPE_CAPTURE__POLICY", "hurry", r"'capture\.policy' can't be 'hurry'"),
    ("SIGNPIPE_CAPTURE__RECONNECT", "perhaps", r"'capture\.reconnect' can't be 'perhaps'"),
]


@pytest.mark.parametrize(("variable", "value", "says"), BAD_VARIABLES)
def test_a_bad_variable_is_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=says) as caught:
        load_settings()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@given(
    st.sampled_from(
        ["DETECT", "DETECT__SCORE", "DETECT__", "detect__model", "__", "OUTPUT__FOLDER__X", "X__Y", "_", ""]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
)
def test_no_variable_however_malformed_is_a_traceback(name: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch, suppress(SettingsError):
        patch.setenv(f"SIGNPIPE_{name}", value)
        load_settings()


def test_variables_in_any_capitals_and_whole_sections_in_json_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNPIPE_DETECT", '{"score": 0.3, "maximum": 9}')
    monkeypatch.setenv("signpipe_detect__iou", "0.55")
    monkeypatch.setenv("SIGNPIPE_DETECT__MAXIMUM", "8")
    detect = load_settings().detect
    assert (detect.score, detect.iou, detect.maximum) == (0.3, 0.55, 8)


@pytest.mark.parametrize("name", ["SIGNPIPE_DATA", "SIGNPIPE_PORT", "SIGNPIPE_SERVICE_HOST", "SIGNPIPE_PORT_80_TCP"])
def test_variables_for_other_things_are_let_pass(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:80")
    assert load_settings().model_dump() == Settings().model_dump()


def test_an_empty_variable_is_none(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DETECT", "DETECT__SCORE", "OUTPUT__FOLDER", "DETCT__X"):
        monkeypatch.setenv(f"SIGNPIPE_{name}", "")
    settings = load_settings(toml)
    assert (settings.detect.score, settings.output.folder) == (0.4, None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"detect = 3\n", "'detect' is a section of settings and can't be 3"),
        (b"[[detect]]\nscore = 0.5\n", "'detect' is a section of settings and can't be"),
        (b"score = 0.5\n", "There is no setting 'score' \\(in "),
        (b"[detect.score]\nlowest = 0.5\n", r"'detect\.score' has no settings below it, but is given 'lowest'"),
        (b"[detect]\nscore = 2026-01-01\n", r"'detect\.score' can't be datetime"),
        (b"[detect]\nscore = nan\n", r"'detect\.score' can't be nan: Input should be a finite number \(in "),
        (b"[detect]\nscore = [[[", "no valid TOML"),
        (b"score = " + b"[" * 100_000, "no valid TOML"),
        (b"score = " + b"9" * 10_000, "no valid TOML"),
        (b"\xff\xfe", "no valid TOML"),
    ],
)
def test_a_file_of_another_structure_is_one_sentence_that_names_it(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=says) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "notepad.toml").write_bytes(b"\xef\xbb\xbf[detect]\r\nscore = 0.4\r\n")
    assert load_settings(tmp_path / "notepad.toml").detect.score == 0.4


def test_a_section_on_the_command_line_is_one_sentence() -> None:
    for value in (0.5, {"score": 0.5}):
        with pytest.raises(SettingsError, match=r"no setting 'detect', but a section: .* detect\.NAME"):
            load_settings(None, {"detect": value})


NUMBERS = [
    f"{name}.{key}"
    for name, section in Settings()
    for key, field in type(section).model_fields.items()
    if field.annotation in (float, float | None)
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", 1e400])
def test_every_number_is_finite(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        load_settings(None, {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capture.open_timeout", 1e12),
        ("capture.stall_timeout", 1e6),
        ("capture.fps", 0.0003),
        ("position.offset", 1e12),
    ],
)
def test_what_no_clock_can_count_is_refused(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        load_settings(None, {name: value})
