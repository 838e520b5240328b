"""What the models have to reach, and whether they do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from signpipe.errors import SettingsError

BUDGETS = Path(__file__).with_name("budgets.toml")  # what the shipped models have to reach


class Budget(BaseModel):
    """A bound that a number must keep.

    Attributes:
        title: For people.
        metric: Task and name of the number, such as "classification.accuracy".
        at_least: Lowest value that passes, or None.
        at_most: Highest value that passes, or None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Budget:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give one of at_least and at_most")
        return self

    @property
    def bound(self) -> str:
        """The bound for people."""
        return f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A budget beside what was measured.

    Attributes:
        budget: The budget.
        value: What was measured, or None.
        count: Number of cases that it rests on, or None where it isn't told.
        passed: Whether it is kept, or None where nothing was measured.
    """

    budget: Budget
    value: float | None
    count: int | None
    passed: bool | None


def load_budgets(path: Path) -> list[Budget]:
    """Read budgets from TOML: a `[[budget]]` table each.

    Raises:
        SettingsError: The file can't be read, or an entry is none.
    """
    try:
        return [Budget.model_validate(entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["budget"]]
    except OSError as error:
        raise SettingsError(f"The budgets {path} can't be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "an entry"
        raise SettingsError(f"The budgets {path} have a bad {where}: {first['msg']}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise SettingsError(f"The budgets {path} aren't TOML tables [[budget]] ({error}).") from None


def judge(budgets: list[Budget], results: Mapping[str, Any]) -> list[Judged]:
    """Compare results, by task, with the budgets; a number that is no number fails."""
    judged = []
    for budget in budgets:
        task, _, name = budget.metric.partition(".")
        metrics = results.get(task, {}).get("metrics", {})
        value = metrics.get(name)
        passed = None
        if value is not None:
            passed = value >= budget.at_least if budget.at_least is not None else value <= (budget.at_most or 0.0)
        judged.append(Judged(budget, value, metrics.get("n", {}).get(name), passed))
    return judged
