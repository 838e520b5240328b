"""`signpipe evaluate country`: how well a country's signs are named on photographs."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.catalogue.countries import load_country
from signpipe.cli.measuring import measured, open_part, tell, with_progress
from signpipe.cli.options import ConfigOption, DataOption, DrawingsOption, JsonOption, ModelOption
from signpipe.lab.data import ClassMap, find_data
from signpipe.lab.data.uncatalogued import find_drawings
from signpipe.settings import load_settings


def country(
    country: Annotated[str, typer.Option(help="Whose signs are named: a code, or the path of a TOML file.")] = "be",
    data: DataOption = None,
    drawings: DrawingsOption = None,
    model: ModelOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well signs in photographs are named, and what is published that isn't there.

    Photographs are the validation parts of btsd (Belgium, by place), sy32 and signs877, and pieces of pictures without
    a sign. Prototypes are made of the country's drawings, and then of the training parts' photographs too.
    """
    from signpipe.lab.naming import evaluate_country

    settings, chosen = load_settings(config, {"classify.model": model}), load_country(country)
    dataset = open_part(data, "btsd", "val", ClassMap(one_class=True))
    metrics = with_progress(
        lambda progress: evaluate_country(find_data(data), chosen, settings, find_drawings(drawings), progress)
    )
    for made_of in ("drawings", "photographs"):
        _print(metrics[made_of], f"{chosen.name}, prototypes of {made_of}")
    metrics["country"] = chosen.code
    tell(measured("country", settings.embedder, "classifier", settings, dataset, "val", metrics), json_file)


def _print(metrics: dict[str, Any], title: str) -> None:
    table = Table(title=f"{title}; shares in %")
    for name in ("what", "n", "share"):
        table.add_column(name, justify="left" if name == "what" else "right")
    wrong = metrics["publishing"]["wrong"]
    lines = [(f"named right, {name}", one) for name, one in metrics["naming"].items()]
    lines += [(f"named right, {kind}", one) for kind, one in metrics["naming"]["btsd"]["by_shape"].items()]
    for what, one in [*lines, ("wrong of what is published", wrong), ("clutter published", metrics["clutter"])]:
        table.add_row(what, str(one["n"]), f"{100 * one['share']:.1f}")
    Console().print(table)
