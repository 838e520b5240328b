"""How the documents show numbers of result files: percentages and tables; see benchmarks/readme.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def shares(several: Iterable[float], digits: int = 1) -> str:
    """Return shares as percentages without a sign, such as 89.4 / 72.2."""
    return " / ".join(f"{100 * share:.{digits}f}" for share in several)


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{shares([share], digits)} %"


def spoken(name: str) -> str:
    """Return a name of the code or of a result as words."""
    return name.replace("_", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """Return a Markdown table.

    Args:
        head: What the columns are.
        rows: What stands in them.
        right: How many of the last columns are set to the right, as numbers are.
    """
    sides = "|---" * (len(head) - right) + "|---:" * right + "|"
    return "\n".join([_line(head), sides, *map(_line, rows)]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
