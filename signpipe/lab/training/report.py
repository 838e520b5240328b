"""What a training run leaves behind for a reader: where it ran, and its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from signpipe.runtime import machine


def describe_machine(threads: int) -> dict[str, Any]:
    """Return what a training depends on besides its plan and data, with the threads that it used."""
    return asdict(machine.describe_machine()) | {"threads": threads}


def plot_curves(history: Sequence[dict[str, float]], panels: dict[str, list[str]], path: Path) -> None:
    """Draw one panel per title with the named columns of `history` over the epochs, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(panels), 3.5), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name in names:
            points = [(row["epoch"], row[name]) for row in history if name in row]
            axes.plot(*zip(*points, strict=True), marker=".", label=name)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
