"""`signpipe evaluate realism`: whether the models say of rendered signs what they say of real ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from signpipe.catalogue import load_catalogue
from signpipe.cli.measuring import open_part, with_progress, write_json
from signpipe.cli.options import ConfigOption, DataOption, FormatOption, JsonOption, SplitOption
from signpipe.cli.perception import models_of
from signpipe.lab.data import ClassMap
from signpipe.settings import load_settings
from signpipe.version import VERSION


def realism(
    data: DataOption = None,
    format: FormatOption = "gtsdb",  # noqa: A002
    split: SplitOption = "val",
    pictures: Annotated[int | None, typer.Option(min=1, help="Look at the first so many; else at all.")] = None,
    table: Annotated[Path | None, typer.Option(help="Table of rendered signs; else the one that ships.")] = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Compare detector scores, classifier confidences, novelty and box errors of rendered and real signs, size by size.

    The statistic of Kolmogorov and Smirnov is 0 for the same distribution and 1 for two that don't overlap.
    """
    from signpipe.lab.evaluation.realism import compare, real_looks
    from signpipe.lab.simulation.perception import SHIPPED, read_table

    settings = load_settings(config)
    looks = read_table(table or SHIPPED)
    dataset = open_part(data, format, split, ClassMap())
    chosen = dataset if pictures is None else replace(dataset, images=dataset.images[:pictures])
    real = with_progress(lambda progress: real_looks(chosen, settings, progress))
    metrics = compare(real, looks, load_catalogue().names)
    printed = Printed(title=f"{metrics['real']} real signs beside {metrics['rendered']} looks at rendered ones")
    for column in ("feature", "KS", "p", "mean, real", "mean, rendered", "n"):
        printed.add_column(column, justify="left" if column == "feature" else "right")
    for name, one in metrics["features"].items():
        means = [f"{mean:.3f}" for mean in one.get("means", ())] or ["", ""]
        printed.add_row(name, str(one["ks"]), str(one["p"]), *means, " and ".join(map(str, one["n"])))
    Console().print(printed)
    if json_file is not None:
        content = {"task": "realism", "version": VERSION, "data": f"{format} {split}", "pictures": len(chosen),
                   **models_of(settings), "metrics": metrics}  # fmt: skip
        write_json(json_file, content)
        Console().print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)
