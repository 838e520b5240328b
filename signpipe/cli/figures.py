"""`signpipe evaluate figures`: how well the figures on signs are read."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.cli.measuring import measured, open_part, tell, with_progress
from signpipe.cli.options import ConfigOption, DataOption, JsonOption, ModelOption
from signpipe.lab.data import ClassMap, find_data
from signpipe.settings import load_settings


def figures(
    data: DataOption = None,
    times: Annotated[
        int, typer.Option(min=1, help="How often each number is drawn in each typeface at each size.")
    ] = 4,
    model: ModelOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well figures are read, on signs drawn in eight typefaces that training never saw and on photographs.

    The photographs are those of GTSRB's validation tracks, and those of signs877 and BTSD whose figures are known, as
    far as these sets are there. What the whole pipeline makes of limits and measures, each seen once, is told with its
    reader and without. Signs without figures and scenes without a sign have to be read as empty. The
    typefaces are font files of Debian packages; what is missing is named.
    """
    from signpipe.lab.evaluation.figures import evaluate_figures, figure_sets, summary, to_publish
    from signpipe.lab.evaluation.published_figures import published

    settings = load_settings(config, {"figures.model": model})
    dataset = open_part(data, "gtsrb", "val", ClassMap())
    sets = figure_sets(find_data(data), times)
    metrics = with_progress(lambda progress: evaluate_figures(sets, settings, progress))
    _print(metrics["sets"])
    metrics["published"] = {name: published(cases, settings) for name, cases in to_publish(sets).items()}
    metrics |= summary(metrics)
    _print_published(metrics["published"])
    tell(measured("figures", settings.figures.model, "reader", settings, dataset, "val", metrics), json_file)


def _print(sets: dict[str, Any]) -> None:
    """Print what each set came to; shares in %."""
    table = Table(title="figures read; shares in %, wrong of those read surely")
    for name in ("set", "n", "right", "surely right", "surely wrong", "as a speed", "most often"):
        table.add_column(name, justify="left" if name in ("set", "most often") else "right")
    for name, cell in sets.items():
        _row(table, name, cell)
        for side, part in cell.get("by_size", {}).items():
            _row(table, f"  about {side} px", part)
    Console().print(table)


def _print_published(sets: dict[str, Any]) -> None:
    """Print what the pipeline published of each set; shares in %."""
    table = Table(title="single looks published by the pipeline; shares in %, wrong of those published")
    for name in ("set", "reader", "n", "right", "wrong", "withheld", "most often"):
        table.add_column(name, justify="left" if name in ("set", "reader", "most often") else "right")
    for name, cell in sets.items():
        for way, part in cell.items():
            shares = [f"{100 * part[key]:.2f}" for key in ("right", "wrong", "withheld")]
            most = ", ".join(f"{one['true'] or 'none'} as {one['published']}" for one in part["confusions"][:2])
            table.add_row(name, "with" if way == "with_reader" else way, str(part["n"]), *shares, most)
    Console().print(table)


def _row(table: Table, name: str, cell: dict[str, Any]) -> None:
    if not cell["n"]:
        return
    shares = [f"{100 * cell[key]:.2f}" for key in ("right", "right_sure", "wrong_sure", "as_speed")]
    most = ", ".join(f"{one['true'] or 'none'} as {one['read'] or 'none'}" for one in cell["confusions"][:2])
    table.add_row(name, str(cell["n"]), *shares, most)
