"""The questions of docs/how-to/sql.md, asked of a batch of the sample drive's first signs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signpipe.batch.cells import Cell, merge_cell
from signpipe.batch.run import Batch
from signpipe.settings import load_settings
from tests.batch.conftest import work
from tests.support.clip import SAMPLE, cut_sample

duckdb = pytest.importorskip("duckdb", reason="needs DuckDB, extra 'dev'")
pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "sql.md"
QUESTIONS = re.findall(
    r"^\*\*(\d+)\. .*?^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
ANSWERED = {"1", "2", "4", "6", "7", "9", "10"}  # by the first seconds of the sample drive


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Any]]:
    """Return a function that asks a question in a folder that has the tables."""
    folder = tmp_path_factory.mktemp("sql")
    cut_sample(folder / "drive.mp4", 110)
    shutil.copy(SAMPLE.with_suffix(".gpx"), folder / "drive.gpx")
    cut_sample(folder / "lost.mp4", 6)
    batch = Batch([str(folder)], str(folder / "tables"), load_settings(None, {"runtime.threads": 1}), 600.0)
    for job in batch.jobs:
        outcome = work(job)
        assert outcome.error is None
        for cell in outcome.cells:
            merge_cell(Cell(cell, job.out, ((job.recording.name, outcome.placed),)))

    def ask(query: str) -> list[Any]:
        with duckdb.connect() as database:
            answer: list[Any] = database.execute(query.replace("'tables/", f"'{folder}/tables/")).fetchall()
        return answer

    return ask


def test_there_are_ten_questions() -> None:
    assert [number for number, _ in QUESTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(("number", "query"), QUESTIONS, ids=[number for number, _ in QUESTIONS])
def test_a_question_has_an_answer(number: str, query: str, asked: Callable[[str], list[Any]]) -> None:
    assert bool(asked(query)) == (number in ANSWERED)
