"""The page of `signpipe evaluate robustness --html`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from signpipe.html.page import Section
from signpipe.lab.evaluation.examples import Example
from signpipe.lab.evaluation.pages.quality import draw_figures, encode, quality_sections


def robustness_sections(result: dict[str, Any], examples: Sequence[Example]) -> list[Section]:
    """Return the parts of the page: figures, examples and all numbers.

    Args:
        result: The content of the result file.
        examples: Successes and failures.

    Raises:
        ExtraMissingError: The extra "report" isn't installed.
    """
    results = {"robustness": result}
    return quality_sections(results, [], encode(draw_figures(results)), examples)[1:]
