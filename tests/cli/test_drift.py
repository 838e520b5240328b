"""From a run's samples to the verdict: the command, the page and the metrics."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from signpipe import watch
from signpipe.drift import Sample, make_reference, read_samples
from signpipe.drift.features import PICTURE, SIGN
from signpipe.drift.samples import SCHEMA
from tests.cli.conftest import Outcome
from tests.drift.streams import samples
from tests.support.clip import cut_sample

Cli = Callable[..., Outcome]


def write(path: Path, made: list[Sample]) -> Path:
    path.write_text("".join(json.dumps(sample.record()) + "\n" for sample in made))
    return path


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("days") / "days.jsonl", samples(1, 5400))


def test_a_reference_is_made_and_compared_with(signpipe: Cli, days: Path, tmp_path: Path) -> None:
    reference = tmp_path / "reference.json"
    assert "features of 5400 pictures and signs" in signpipe("drift", reference, days, "--make").out
    signpipe("drift", reference, days, "--make").assert_one_sentence("there already", "--overwrite")
    same = write(tmp_path / "same.jsonl", samples(2, 600))
    other = write(tmp_path / "other.jsonl", samples(3, 600, shift=3))
    assert "none: No feature differs" in signpipe("drift", reference, same, "--strict").out
    page, result = tmp_path / "drift.html", tmp_path / "drift.json"
    done = signpipe("drift", reference, other, "--html", page, "--json", result, "--strict")
    assert (done.code, "drift: This isn't what the reference was made on." in done.out) == (1, True)
    report = json.loads(result.read_text())
    assert report["verdict"] == "drift"
    assert report["features"][0]["feature"] in ("brightness", "sharpness")
    assert "sharpness" in page.read_text()


@pytest.mark.slow
def test_a_run_writes_samples_and_compares_while_it_goes_on(days: Path, tmp_path: Path) -> None:
    reference, written = tmp_path / "reference.json", tmp_path / "samples.jsonl"
    make_reference(read_samples([days])).write(reference)
    film = cut_sample(tmp_path / "drive.mp4", 32, start=60)
    drift = {"samples": written, "reference": reference, "every": 1}
    with watch(film, output={"status": False}, drift=drift) as watching:
        for _ in watching:
            pass
    found = list(read_samples([written]))
    scenes = [sample for sample in found if sample.kind == "picture"]
    signs = [sample for sample in found if sample.kind == "sign"]
    assert len(scenes) == int(scenes[-1].at) + 1
    assert set(scenes[0].values) == set(PICTURE)
    assert scenes[0].picture is not None
    assert signs
    for sign in signs:
        assert set(sign.values) == set(SIGN)
        assert np.isclose(np.linalg.norm(sign.embedding), 1, atol=0.02)
    families = {name for name, _, _ in watching.snapshot()["values"]}
    assert "signpipe_drift_verdict" in families


def test_what_is_no_reference_and_no_sample_is_told_in_one_sentence(signpipe: Cli, days: Path, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.jsonl"
    nonsense.write_text('{"schema":"signpipe/1","type":"run"}\n')
    signpipe("drift", days, days).assert_one_sentence("is no reference", "--make")
    signpipe("drift", tmp_path / "none.json", days).assert_one_sentence("can't be read")
    signpipe("drift", tmp_path / "new.json", nonsense, "--make").assert_one_sentence("Line 1", "--samples")
    signpipe("drift", tmp_path / "new.json", tmp_path / "gone", "--make").assert_one_sentence("can't be read")
    few = write(tmp_path / "few.jsonl", samples(1, 30))
    signpipe("drift", tmp_path / "new.json", few, "--make").assert_one_sentence("run for longer")
    signpipe("run", "drive.mp4", "--drift", nonsense).assert_one_sentence()


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    whole = write(tmp_path / "cut.jsonl", samples(1, 10))
    lines = len(list(read_samples([whole])))
    with whole.open("a") as file:
        file.write(f'{{"schema":"{SCHEMA}","kind":"pic')
    assert len(list(read_samples([whole]))) == lines
