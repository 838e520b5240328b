"""`signpipe evaluate fallback|publishing`: what the witnesses besides vision win, and at which level to publish."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from signpipe.cli.measuring import kept_beside, measured, open_part, tell, with_progress
from signpipe.cli.options import (
    ConfigOption,
    DataOption,
    DrawingsOption,
    FormatOption,
    JsonOption,
    ModelOption,
    ResumeOption,
    SplitOption,
)
from signpipe.lab.data import ClassMap, find_data
from signpipe.lab.data.uncatalogued import find_drawings
from signpipe.settings import load_settings

ObservationsOption = Annotated[int, typer.Option(min=3, help="Frames of each track, evenly over it.")]


def fallback(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    signs: Annotated[int, typer.Option(min=1, help="How many tracks; all if there are no more.")] = 120,
    observations: ObservationsOption = 8,
    drawings: DrawingsOption = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SET", help="Only sets whose names begin so; may be repeated.")
    ] = None,
    model: ModelOption = None,
    json_file: JsonOption = None,
    resume: ResumeOption = False,
    config: ConfigOption = None,
) -> None:
    """Measure what each witness wins: vision alone, with drawings, shape, map or LiDAR, and all together.

    Tracks are driven up to in plain view, hidden, damaged, with maps that are right, stale, wrong, shifted, reversed or
    empty, and as pictures printed on a lorry. Poses, maps and sweeps are those of a virtual road. A track counts as
    wrong if a class was ever published that it doesn't have, as right if its class stood published at the end. It
    takes an hour or two on a CPU; with --json, an interrupted run goes on with --resume.
    """
    from signpipe.lab.evaluation.fallback import evaluate_fallback, uncatalogued_signs

    settings, drawings = load_settings(config, {"classify.model": model}), find_drawings(drawings)
    dataset = open_part(data, format, split, ClassMap())
    uncatalogued = uncatalogued_signs(drawings, find_data(data), signs, observations) if drawings else []
    keep = kept_beside(json_file, resume)
    metrics = with_progress(
        lambda progress: evaluate_fallback(
            dataset, settings, progress, signs, observations, uncatalogued, only or (), keep, resume
        )
    )
    _print_sets(metrics["sets"])
    tell(measured("fallback", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)


def _print_sets(sets: dict[str, Any]) -> None:
    """Print right / wrong / withheld of each set and column, in %."""
    maps = {name: cells for name, cells in sets.items() if name.startswith("map ")}
    main = {name: cells for name, cells in sets.items() if name not in maps}
    for title, part in (("each witness", main), ("under every kind of map", maps)):
        if not part:
            continue
        table = Table(title=f"published right / wrong in % of approaches, {title}")
        table.add_column("set")
        for column in next(iter(part.values())):
            table.add_column(column, justify="right")
        table.add_column("n", justify="right")
        for name, cells in part.items():
            texts = [f"{100 * cell['right']:.1f} / {100 * cell['wrong']:.2f}" for cell in cells.values()]
            table.add_row(name, *texts, str(next(iter(cells.values()))["n"]))
        Console().print(table)


def publishing(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    allowed: Annotated[
        float, typer.Option(help="Share of signs that may be published wrongly; the level for it is printed.")
    ] = 0.001,
    observations: ObservationsOption = 8,
    model: ModelOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Choose the level from which to publish, so that no more than an allowed share of signs is published wrongly.

    Conformal risk control on the tracks of a data set that nothing was trained on: the promise holds for signs like
    those, whatever the network does. It is checked on random halves of the tracks, and under occlusion, which it
    doesn't cover. Use the level with --set fallback.accept=LEVEL.
    """
    from signpipe.lab.evaluation.publishing import evaluate_publishing

    settings = load_settings(config, {"classify.model": model})
    dataset = open_part(data, format, split, ClassMap())
    metrics = with_progress(lambda progress: evaluate_publishing(dataset, settings, progress, allowed, observations))
    _print_rates(metrics)
    tell(measured("publishing", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)


def _print_rates(metrics: dict[str, Any]) -> None:
    title = "accept levels for allowed rates of wrong publications; published wrong / right in %"
    console, table = Console(), Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    hidden = list(next(iter(metrics["rates"].values()))["hidden"])
    headers = ["rate", "promised", "accept", "seen", "unseen"]
    headers += [f"{100 * float(share):.0f}% hid" for share in hidden]
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for rate, worth in metrics["rates"].items():
        verified = worth["verified"] or {"wrong": float("nan"), "coverage": float("nan")}
        table.add_row(
            f"{100 * float(rate):g}",
            "yes" if worth["promised"] else "no",
            f"{math.ceil(worth['accept'] * 1e6) / 1e6:.6f}",
            f"{100 * worth['wrong']:.2f}/{100 * worth['coverage']:.0f}",
            f"{100 * verified['wrong']:.2f}/{100 * verified['coverage']:.0f}",
            *(f"{100 * cell['wrong']:.2f}/{100 * cell['coverage']:.0f}" for cell in worth["hidden"].values()),
        )
    console.print(table)
    if not metrics["promised"]:
        console.print(
            f"{metrics['n']['accept']} tracks can't promise {100 * metrics['allowed']:g} %: the lowest rate that they "
            f"can is {100 * metrics['lowest_rate']:.2f} %. At the level given, none of them is published wrongly.",
            highlight=False,
        )
