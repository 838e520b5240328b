"""`signpipe evaluate rules`: whether the right limit is told where plates, zones and kinds of road decide it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.cli.measuring import with_progress, write_json
from signpipe.cli.options import ConfigOption, JsonOption
from signpipe.settings import load_settings
from signpipe.version import VERSION


def rules(
    scenes: Annotated[int, typer.Option(min=1, max=10_000, help="Drives of each kind.")] = 24,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure the speed limit told on simulated drives: in rain, by time, vehicle, lane, distance, town and zone.

    The drives are at the level of tracks: some signs are misread at first, some looks are missed, and a fifth of the
    plates can't be read. No model runs.
    """
    from signpipe.lab.evaluation.rules import evaluate_rules

    settings = load_settings(config)
    metrics = with_progress(lambda progress: evaluate_rules(scenes, settings.decide, progress))
    _print(metrics)
    if json_file is not None:
        write_json(json_file, {"task": "rules", "version": VERSION, "metrics": metrics})
        Console().print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)


def _print(metrics: dict[str, Any]) -> None:
    table = Table(title="speed limits under conditions, per cent")
    for column in ("kind", "drives", "places right", "drives right", "told too high"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for name, kind in metrics["kinds"].items():
        shares = [f"{100 * kind[key]:.1f}" for key in ("right", "scenes_right", "higher")]
        table.add_row(name, str(kind["scenes"]), *shares)
    Console().print(table)
