"""`signpipe evaluate map`: how good a map of signs is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.cli.measuring import with_progress, write_json
from signpipe.cli.options import JsonOption
from signpipe.runtime.machine import describe_machine
from signpipe.version import VERSION

SHARES = ("in_95_ellipse", "right_class", "told", "doubled", "missed", "stray", "gone_wrong", "gone_found")


def map_(
    streets: Annotated[int, typer.Option(min=1, max=10_000, help="Streets, each with signs of its own.")] = 10,
    drives: Annotated[int, typer.Option(min=1, max=50, help="Drives along each.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the first street.")] = 1,
    lidar: Annotated[
        bool, typer.Option("--lidar", help="Place the signs of each drive with the ranges of a LiDAR, and without.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Add each street's numbers to this file, and go on where it ends.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Measure `signpipe map` on simulated drives there and back along streets, by one drive and by several.

    Places, classes, doubled and missed signs, and what is called gone are compared with the exact truth; "alone" is
    what a sign is off besides what its neighbours are. No model runs: boxes, classes and positions have the errors that
    docs/mapping.md lists.
    """
    from signpipe.lab.evaluation.mapping import evaluate_map

    metrics = with_progress(lambda progress: evaluate_map(streets, drives, progress, seed, keep, lidar), "drives")
    _print(metrics)
    if json_file is not None:
        write_json(
            json_file,
            {
                "task": "map",
                "version": VERSION,
                "seed": seed,
                "metrics": metrics,
                "machine": asdict(describe_machine()),
            },
        )
        Console().print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)


def _print(metrics: dict[str, Any]) -> None:
    table = Table(title=f"maps of {metrics['streets']} streets; metres, and per cent of the signs")
    columns = (
        "drives",
        "signs",
        "median",
        "95 %",
        "alone",
        "in ellipse",
        "right class",
        "told",
        "doubled",
        "missed",
        "stray",
        "gone wrong",
        "gone found",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "drives" else "right")
    for name, numbers in metrics["maps"].items():
        shares = ["" if numbers[key] is None else f"{100 * numbers[key]:.1f}" for key in SHARES]
        table.add_row(
            name, str(numbers["n"]["signs"]), _metres(numbers["error_median"]), _metres(numbers["error_p95"]),
            _metres(numbers["own_error_median"]), *shares
        )  # fmt: skip
    Console().print(table)


def _metres(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
