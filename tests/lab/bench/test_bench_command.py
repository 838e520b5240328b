"""The command: what it writes, what it prints, and what it says of bad input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signpipe.lab.bench.compare import compare_results
from signpipe.lab.bench.result import SCHEMA, new_result, read_result, write_result
from signpipe.lab.bench.scenarios import Plan, single
from signpipe.settings import Settings
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture

Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def measured(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the result file of a short run."""
    path = tmp_path_factory.mktemp("result") / "a.json"
    result = new_result(str(recording), Settings())
    result.scenarios["single"] = {"metrics": single(Plan(str(recording), frames=10), Settings(), lambda _: None)}
    write_result(result, path)
    return path


@pytest.mark.slow
def test_command_measures_prints_and_writes(signpipe: Run, recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    outcome = signpipe("bench", "single", "--source", recording, "--frames", 10, "--json", path)
    assert outcome.code == 0, outcome.err
    assert "overhead ratio" in outcome.out
    assert "p99 needs 368" in outcome.out
    assert read_result(path).scenarios["single"]["metrics"]["frames"] == 10


def test_result_has_what_it_depends_on(measured: Path) -> None:
    content: dict[str, Any] = json.loads(measured.read_text())
    assert content["schema"] == SCHEMA
    metrics = content["scenarios"]["single"]["metrics"]
    assert metrics["fps"] > 0
    assert metrics["latency_ms"]["p50"] > 0
    assert metrics["overhead_ratio"] > 1
    assert content["machine"]["cpu"]
    assert content["machine"]["packages"]["numpy"]
    assert content["settings"]["detect"]["score"] == 0.25
    assert content["source"] == "short.mp4"
    nodes = content["models"]["detector"]["nodes"]
    assert nodes["CPUExecutionProvider"]["nodes"] > 0
    assert sum(share["time_share"] for share in nodes.values()) == pytest.approx(1, abs=0.01)


def test_result_against_itself_differs_in_nothing(measured: Path, signpipe: Run) -> None:
    result = read_result(measured)
    differences = compare_results(result, result)
    assert {"fps", "latency_ms.p50", "overhead_ratio"} <= {difference.metric for difference in differences}
    assert all(difference.ratio == 1 and not difference.clear for difference in differences)
    outcome = signpipe("bench", "compare", measured, measured)
    assert outcome.code == 0
    assert "latency_ms.p50" in outcome.out


def test_clear_differences_and_other_machines_are_told(measured: Path, tmp_path: Path, signpipe: Run) -> None:
    content = json.loads(measured.read_text())
    latency = content["scenarios"]["single"]["metrics"]["latency_ms"]
    latency["p50"] *= 10
    latency["interval_95"]["p50"] = [value * 10 for value in latency["interval_95"]["p50"]]
    content["machine"]["cpu"] = "another processor"
    (slower := tmp_path / "b.json").write_text(json.dumps(content))
    row = next(
        difference
        for difference in compare_results(read_result(measured), read_result(slower))
        if difference.metric == "latency_ms.p50"
    )
    assert row.ratio == pytest.approx(10)
    assert row.clear
    assert not row.better
    outcome = signpipe("bench", "compare", measured, slower)
    assert "another processor" in outcome.out
    assert "worse" in outcome.out


def test_other_work_beside_a_measurement_is_told(measured: Path, tmp_path: Path, signpipe: Run) -> None:
    content = json.loads(measured.read_text())
    content["machine"]["cores"] = 2
    for name, cores in (("quiet", 0.01), ("busy", 1.4)):
        content["scenarios"]["single"]["metrics"]["other_work_cores"] = cores
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    quiet, busy = tmp_path / "quiet.json", tmp_path / "busy.json"
    assert "other work" not in signpipe("bench", "compare", quiet, quiet).out
    assert "B, single: other work took 1.4 of 2 cores" in signpipe("bench", "compare", quiet, busy).out


@pytest.mark.slow
def test_page_holds_its_figures(signpipe: Run, recording: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra report isn't installed")
    page = tmp_path / "bench.html"
    arguments = ("single", "--source", recording, "--frames", 7, "--html", page)
    assert signpipe("bench", *arguments).code == 0
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    assert "http" not in text.replace("http-equiv", "")


def test_results_of_another_version_are_refused(signpipe: Run, measured: Path, tmp_path: Path) -> None:
    content = json.loads(measured.read_text()) | {"schema": "signpipe.bench/0"}
    (old := tmp_path / "old.json").write_text(json.dumps(content))
    signpipe("bench", "compare", old, measured).assert_one_sentence("old.json", "signpipe.bench/0", SCHEMA)


@pytest.mark.parametrize("content", ["[1, 2]", "{}", '{"speed": 3}', "no json", f'{{"schema": "{SCHEMA}", "x": 1}}'])
def test_files_that_are_no_results(signpipe: Run, measured: Path, tmp_path: Path, content: str) -> None:
    (other := tmp_path / "other.json").write_text(content)
    signpipe("bench", "compare", measured, other).assert_one_sentence("other.json")


def test_missing_result(signpipe: Run, measured: Path, tmp_path: Path) -> None:
    signpipe("bench", "compare", measured, tmp_path / "none.json").assert_one_sentence("none.json")


def test_results_with_nothing_in_common(signpipe: Run, measured: Path, tmp_path: Path) -> None:
    content = json.loads(measured.read_text()) | {"scenarios": {}}
    (empty := tmp_path / "empty.json").write_text(json.dumps(content))
    signpipe("bench", "compare", measured, empty).assert_one_sentence("in common")


@pytest.mark.slow
def test_missing_source(signpipe: Run) -> None:
    signpipe("bench", "single", "--source", "nothing.mp4", "--frames", 1).assert_one_sentence("nothing.mp4")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("flying",), "throughput"), (("--preset", "slow"), "fast"), (("sweep", "--over", "colour"), "precision")],
)
def test_unknown_names(signpipe: Run, arguments: tuple[str, ...], says: str) -> None:
    signpipe("bench", *arguments).assert_one_sentence(says)


def test_result_that_cant_be_written_is_told_before_measuring(signpipe: Run, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "a.json"
    signpipe("bench", "single", "--source", recording, "--frames", 2, "--json", where).assert_one_sentence("a.json")


def test_help_explains_scenarios(signpipe: Run) -> None:
    outcome = signpipe("bench", "--help")
    assert outcome.code == 0
    assert "compare" in outcome.out
    assert all(name in signpipe("bench", "run", "--help").out for name in ("single", "live", "throughput", "soak"))
