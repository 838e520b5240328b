"""How the documents show numbers of result files: percentages and tables; see benchmarks/readme.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def shares(several: Iterable[float], digits: int = 1) -> str:
    """Return shares as percentages with one sign for all of them, such as 89.4 / 72.2 %."""
    return f"{' / '.join(f'{100 * share:.{digits}f}' for share in several)} %"


def spoken(name: str) -> str:
    """Return a name of the code or of a result as words."""
    return name.replace("_", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """Return a Markdown table.

    Args:
        head: What the columns are.
        rows: What stands in them.
        numbers: How many of the last columns are numbers, which are set to the right.
    """
    sides = [*["---"] * (len(head) - numbers), *["---:"] * numbers]
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(sides)}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"
