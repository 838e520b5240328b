"""`signpipe evaluate shadow`: whether shadow mode finds what is planted, and how often it cries wolf."""

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


def shadow(
    kilometres: Annotated[float, typer.Option(min=1, max=1e6, help="How far is driven, ten a drive.")] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help="Other roads and drivers.")] = 1,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Plant faults in simulated drives, and count which of them shadow mode finds, and its false alarms.

    The drives are at the level of tracks: signs, a driver with habits and slower traffic, a receiver with errors; a
    third of the signs has a fault (a phantom limit, a misread or unseen sign, a driver who is too fast or doesn't
    stop). No model runs.
    """
    from signpipe.lab.shadow.planted import evaluate_shadow

    settings = load_settings(config)
    metrics = with_progress(lambda progress: evaluate_shadow(kilometres, seed, settings, progress))
    _print(metrics)
    if json_file is not None:
        write_json(json_file, {"task": "shadow", "version": VERSION, "seed": seed, "metrics": metrics})
        Console().print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)


def _print(metrics: dict[str, Any]) -> None:
    table = Table(title=f"planted in {metrics['kilometres']:.0f} km", title_justify="left")
    for column in ("fault", "planted", "found"):
        table.add_column(column, justify="left" if column == "fault" else "right")
    for name, count in metrics["planted"].items():
        table.add_row(name, str(count), str(metrics["found"][name]))
    Console().print(table)
    low, high = metrics["interval"]
    Console().print(
        f"{metrics['false_alarms']} false alarms on the {metrics['clear_kilometres']:.0f} km without faults: "
        f"{metrics['false_alarms_per_100_km']:.1f} a 100 km (95 % interval {low:.1f} to {high:.1f})",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
