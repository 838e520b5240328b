"""`signpipe classes`: what a person adds is kept, read by a run, and refused in one sentence where it can't be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest

import signpipe.sinks.jsonl as jsonl
from signpipe import Pipeline, Settings
from signpipe.catalogue import Category, Effect, Shape, SignClass, load_catalogue
from signpipe.few_shot.folder import CATALOGUE, PROTOTYPES, read_prototypes, write_few_shot
from signpipe.lab.few_shot.change import open_or_start, with_class
from signpipe.lab.few_shot.examples import read_examples, render, save_examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import Frame
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture
from tests.lab.few_shot.ten import CROP_MARGIN, drawing_of, write_examples

Run = Callable[..., Outcome]
ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("SIGNPIPE_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNPIPE_DATA", raising=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two added classes; the known prototypes are dear, so it is made once."""
    folder = tmp_path_factory.mktemp("added")
    session = open_session("classifier", RuntimeSettings(provider="cpu", threads=1), "classifier")
    maker = PrototypeMaker(session)
    head = open_or_start(folder, session, load_catalogue(), maker)
    for name in ("no_stopping", "parking"):
        examples = read_examples(None, drawing_of(name))
        sign = SignClass(0, name, name, "", Category.INFORMATION, Shape.CIRCLE, 0.6, 0.6, Effect.INFORMATION, name)
        head = with_class(head, sign, maker(name, examples))
        save_examples(folder, name, examples)
    write_few_shot(folder, head, session)
    return folder


@pytest.fixture
def two(shared: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder that a test may change."""
    return Path(shutil.copytree(shared, tmp_path / "added"))


@pytest.mark.slow
def test_a_class_is_added_from_five_pictures_and_listed(signpipe: Run, two: Path, tmp_path: Path) -> None:
    pictures = write_examples(tmp_path / "pictures", "dead_end")
    result = tmp_path / "report.json"
    outcome = signpipe(
        "classes", "add", "dead_end", "--examples", pictures, "--margin", CROP_MARGIN, "--title", "Dead end",
        "--into", two, "--json", result,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "class 45" in outcome.out
    added = json.loads(result.read_text())["added"][0]
    assert added["name"] == "dead_end"
    assert added["pictures"] == 5
    assert 2 <= added["recognised"] <= 5
    assert added["too_close"] is None
    assert "dead_end" in signpipe("classes", "list", "--into", two).out
    assert len(list((two / "dead_end").glob("*.png"))) == 5


@pytest.mark.slow
def test_a_run_reads_an_added_class(shared: Path) -> None:
    scene = np.full((480, 640, 3), (150, 140, 130), np.uint8)
    scene[300:] = (90, 95, 95)
    sign = cv2.resize(render(drawing_of("no_stopping").read_text(), drawing_of("no_stopping")), (72, 72))
    place, alpha = scene[180:252, 420:492], sign[..., 3:] / 255
    place[:] = (place * (1 - alpha) + sign[..., :3] * 0.85 * alpha).astype(np.uint8)
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), 0.7), np.uint8)
    verdicts = {}
    for added in (None, shared):
        settings = Settings()
        settings.classify.few_shot = added
        settings.runtime.provider = "cpu"
        with Pipeline(settings) as pipeline:
            result = pipeline.process(Frame(scene, 0, 0.0, 0.0, "test", independent=True))
            record = jsonl.result_record(result, pipeline.catalogue)
        jsonschema.validate(record, json.loads((ROOT / "signpipe/sinks/detections.schema.json").read_text()))
        verdicts[added] = {
            pipeline.catalogue[track.class_id].name: track.is_sure for track in result.tracks if track.is_sure
        }
        topics = [advisory.topic for advisory in result.advisories]
        assert ("information:no_stopping" in topics) == (added is not None)
    assert verdicts == {None: {}, shared: {"no_stopping": True}}


@pytest.mark.slow
def test_what_another_sign_is_already_needs_force(signpipe: Run, two: Path) -> None:
    before = (two / CATALOGUE).read_text()
    again = ("classes", "add", "halt", "--drawing", ROOT / "signpipe/catalogue/drawings/stop.svg", "--into", two)
    signpipe(*again).assert_one_sentence("'halt' is too close to 'stop'", "--force")
    assert (two / CATALOGUE).read_text() == before
    assert not (two / "halt.svg").exists()
    assert signpipe(*again, "--force").code == 0
    assert read_prototypes(two).names == ("no_stopping", "parking", "halt")


@pytest.mark.slow
def test_a_class_can_be_taken_out_and_prototypes_made_again(signpipe: Run, two: Path) -> None:
    parking = read_prototypes(two).few_shot[1]
    assert signpipe("classes", "remove", "no_stopping", "--into", two).code == 0
    assert not (two / "no_stopping.svg").exists()
    (two / PROTOTYPES).unlink()
    signpipe("classes", "list", "--into", two).assert_one_sentence("prototypes.npz", "signpipe classes rebuild")
    assert signpipe("classes", "rebuild", "--into", two).code == 0
    made = read_prototypes(two)
    assert made.names == ("parking",)
    np.testing.assert_allclose(made.few_shot[0], parking, atol=1e-5)
    assert "id = 43" in (two / CATALOGUE).read_text()


@pytest.mark.slow
def test_prototypes_of_another_classifier_are_refused(signpipe: Run, two: Path) -> None:
    run = ("run", ROOT / "samples/drive.mp4", "--frames", "1", "--quiet", "--set", f"classify.few_shot='{two}'")
    assert signpipe(*run).code == 0
    signpipe(*run, "--set", "classify.model='classifier-fp32'").assert_one_sentence(
        "made with another classifier", "signpipe classes rebuild"
    )


@pytest.mark.slow
def test_the_catalogue_may_be_edited_by_hand(signpipe: Run, two: Path) -> None:
    file = two / CATALOGUE
    file.write_text(file.read_text().replace('title = "parking"', 'title = "Parkplatz"'))
    assert signpipe("classes", "list", "--into", two).code == 0
    file.write_text(file.read_text().replace('name = "parking"', 'name = "parkplatz"'))
    signpipe("classes", "list", "--into", two).assert_one_sentence("lists classes that prototypes.npz hasn't")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Bad-Name", "--drawing", "SIGN"), "can't name a class"),
        (("stop", "--drawing", "SIGN"), "There is a class 'stop' already"),
        (("town",), "--examples, --drawing or both"),
        (("town", "--examples", "EMPTY"), "has no picture"),
        (("town", "--examples", "BROKEN"), "is damaged or no picture"),
        (("town", "--drawing", "MISSING"), "can't be read"),
        (("town", "--drawing", "NONSENSE"), "is no SVG that can be rendered"),
        (("town", "--drawing", "NOTHING"), "is empty"),
        (("town", "--drawing", "SIGN", "--effect", "limit"), "needs its km/h"),
        (("town", "--drawing", "SIGN", "--category", "end_of"), "say it with --effect"),
        (("town", "--drawing", "SIGN", "--data", "MISSING"), "There is no data folder"),
    ],
)
def test_bad_input_is_one_sentence(
    signpipe: Run, shared: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "a.png").write_bytes(b"no picture")
    (tmp_path / "NONSENSE").write_text("<svg")
    (tmp_path / "NOTHING").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    places = {"SIGN": drawing_of("town")} | {
        word: tmp_path / word for word in ("EMPTY", "BROKEN", "MISSING", "NONSENSE", "NOTHING")
    }
    outcome = signpipe("classes", "add", *(places.get(word, word) for word in arguments), "--into", shared)
    outcome.assert_one_sentence(says)
    assert read_prototypes(shared).names == ("no_stopping", "parking")


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "gtsrb").is_dir(), reason=f"no GTSRB in {DATA}")
def test_what_changes_for_known_signs_is_measured(signpipe: Run, two: Path, tmp_path: Path) -> None:
    result = tmp_path / "report.json"
    outcome = signpipe("classes", "check", "--into", two, "--data", DATA, "--json", result)
    assert outcome.code == 0, outcome.err
    assert "validation crops of known signs" in outcome.out
    known = json.loads(result.read_text())["known"]
    assert len(known) == 43
    assert sum(one["as_added"] for one in known) == 0
    assert sum(one["right"] for one in known) >= sum(one["right_before"] for one in known) - 2
