"""A metric of one's own: found by module or file, measured like the package's own, or refused in one sentence."""

from pathlib import Path

import pytest

from signpipe.errors import SettingsError
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.metric import find_metric
from signpipe.lab.evaluation.run import evaluate_risk
from signpipe.settings import Settings
from tests.lab.evaluation.drawn import drawn_dataset

SHARE = """
from dataclasses import dataclass

@dataclass
class Tally:
    seen: int = 0

def boxed(dataset, settings, progress):
    tally = Tally()
    for index, labelled in enumerate(dataset):
        tally.seen += len(labelled.boxes)
        progress(index + 1, len(dataset))
    return {"per_picture": tally.seen / len(dataset), "n": {"per_picture": len(dataset)}}

def lonely(dataset):
    return {}

def silent(dataset, settings, progress):
    return 0.5

number = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_metrics.py"
    path.write_text(SHARE)
    return path


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn_dataset(tmp_path_factory.mktemp("signs"))


def test_a_function_of_a_file_is_measured(file: Path, signs: Dataset) -> None:
    told: list[tuple[int, int]] = []
    numbers = find_metric(f"{file}:boxed")(signs, Settings(), lambda done, total: told.append((done, total)))
    assert numbers == {"per_picture": 1.0, "n": {"per_picture": len(signs)}}
    assert told[-1] == (len(signs), len(signs))


def test_the_packages_own_are_metrics_too(signs: Dataset) -> None:
    found = find_metric("signpipe.lab.evaluation.run:evaluate_risk")
    quiet = (signs, Settings(), lambda _done, _total: None)
    assert found(*quiet) == evaluate_risk(*quiet)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("boxed", "give MODULE:FUNCTION"),
        ("{file}:", "give MODULE:FUNCTION"),
        (":boxed", "give MODULE:FUNCTION"),
        ("{file}:nothing", "has no function 'nothing'"),
        ("{file}:number", "has no function 'number'"),
        ("{file}:lonely", "can't be called"),
        ("no_such_module:boxed", "can't be imported"),
        ("..:boxed", "can't be imported"),
        ("none.py:boxed", "There is no file"),
        ("{folder}/broken.py:boxed", "can't be read"),
    ],
)
def test_what_is_no_metric_is_one_sentence(file: Path, where: str, sentence: str) -> None:
    (file.parent / "broken.py").write_text("def boxed(:")
    with pytest.raises(SettingsError, match=sentence):
        find_metric(where.format(file=file, folder=file.parent))


def test_what_returns_no_numbers_by_name_is_one_sentence(file: Path, signs: Dataset) -> None:
    with pytest.raises(SettingsError, match="returned float, not a dict"):
        find_metric(f"{file}:silent")(signs, Settings(), lambda _done, _total: None)
