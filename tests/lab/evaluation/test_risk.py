"""Risk against coverage, and budgets, against cases worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SettingsError
from signpipe.lab.evaluation.budgets import BUDGETS, judge, load_budgets
from signpipe.lab.evaluation.risk import risk_coverage
from signpipe.settings import FallbackSettings


def test_the_operating_point_counts_what_is_published() -> None:
    confidence = np.array([0.99, 0.98, 0.95, 0.95, 0.6])
    right = np.array([True, True, False, True, False])
    novelty = np.array([0.1, 0.1, 0.1, 0.99, 0.1])  # the fourth is too unfamiliar
    result = risk_coverage(confidence, novelty, right, FallbackSettings())
    assert (result["published"], result["published_wrong"]) == (3, 1)
    assert result["coverage"] == pytest.approx(0.6)
    assert result["risk"] == pytest.approx(1 / 3)
    low, high = result["risk_interval_95_clopper_pearson"]
    assert low < 1 / 3 < high
    assert high > result["risk_interval_95_wilson"][1]
    assert [point["risk"] for point in result["curve"]] == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])
    assert result["coverage_at_risk_0.001"] == pytest.approx(0.4)


def test_nothing_published_is_no_risk() -> None:
    result = risk_coverage(np.array([0.5]), np.array([0.0]), np.array([False]), FallbackSettings())
    assert (result["coverage"], result["risk"]) == (0.0, 0.0)
    assert result["risk_interval_95_clopper_pearson"] == [0.0, 1.0]


def test_budgets_pass_fail_or_were_not_measured(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        '[[budget]]\ntitle = "a"\nmetric = "classification.accuracy"\nat_least = 0.9\n'
        '[[budget]]\ntitle = "b"\nmetric = "classification.ece"\nat_most = 0.02\n'
        '[[budget]]\ntitle = "c"\nmetric = "detection.ap50"\nat_least = 0.9\n'
    )
    results = {"classification": {"metrics": {"accuracy": 0.9, "ece": float("nan"), "n": {"accuracy": 7}}}}
    judged = judge(load_budgets(tmp_path / "b.toml"), results)
    assert [one.passed for one in judged] == [True, False, None]
    assert judged[0].count == 7


def test_the_shipped_budgets_name_numbers_that_are_measured() -> None:
    names = {budget.metric.split(".", 1)[0] for budget in load_budgets(BUDGETS)}
    assert names == {"detection", "classification", "robustness", "fallback", "figures"}


@pytest.mark.parametrize("text", ["no toml", '[[budget]]\ntitle = "a"\nmetric = "b.c"\n', "x = 1", "budget = 3"])
def test_bad_budgets_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"The budgets .* (have a bad|aren't)"):
        load_budgets(tmp_path / "b.toml")
    with pytest.raises(SettingsError, match="can't be read"):
        load_budgets(tmp_path / "none.toml")
