"""A metric is one function: from labelled pictures and the settings to numbers. Anyone's counts like the package's own.

    def wrong_limits(dataset, settings, progress):
        seen = classify_signs(dataset, settings, progress)  # of signpipe.lab.evaluation.run
        limits = seen.labels < 9
        wrong = seen.probability.argmax(1)[limits] != seen.labels[limits]
        return {"wrong": float(wrong.mean()), "n": {"wrong": int(limits.sum())}}

`signpipe evaluate metric my_metrics.py:wrong_limits` measures it, `evaluate report --metric` puts it into the report,
and a budget may name it as `wrong_limits.wrong`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from signpipe.errors import SettingsError
from signpipe.lab.data import Dataset
from signpipe.settings import Settings

Progress = Callable[[int, int], None]  # told how much is done, and of how much
# Numbers by name; those under "n" say how many cases the number of the same name rests on.
Metric = Callable[[Dataset, Settings, Progress], dict[str, Any]]


def find_metric(where: str) -> Metric:
    """Return a metric that stands outside the package.

    Args:
        where: `module:function`, or `file.py:function`.

    Raises:
        SettingsError: There is no such module, file or function, or it doesn't take what a metric takes.
    """
    place, _, name = where.rpartition(":")
    if not place or not name:
        raise SettingsError(f"'{where}' is no metric; give MODULE:FUNCTION or FILE.py:FUNCTION.")
    found = getattr(_load(place), name, None)
    if not callable(found):
        raise SettingsError(f"{place} has no function '{name}'.")
    try:
        inspect.signature(found).bind(None, None, None)
    except TypeError as error:
        raise SettingsError(
            f"The metric {where} can't be called with a data set, settings and a progress ({error})."
        ) from None
    return _checked(found, where)


def _load(place: str) -> ModuleType:
    """Return a module by its name, or from its file."""
    path = Path(place)
    if path.suffix != ".py":
        try:
            return importlib.import_module(place)
        except (ImportError, ValueError, TypeError) as error:
            raise SettingsError(f"The module {place} of a metric can't be imported: {error}.") from None
    if not path.is_file():
        raise SettingsError(f"There is no file {path} of a metric.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # what is defined there may ask for its module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, OSError, ValueError) as error:
        raise SettingsError(f"The file {path} of a metric can't be read: {error}.") from None
    return module


def _checked(metric: Metric, where: str) -> Metric:
    """Return a metric that makes sure that numbers by name come out."""

    def measure(dataset: Dataset, settings: Settings, progress: Progress) -> dict[str, Any]:
        numbers = metric(dataset, settings, progress)
        if not isinstance(numbers, dict):
            raise SettingsError(f"The metric {where} returned {type(numbers).__name__}, not a dict of numbers by name.")
        return numbers

    return measure
