"""`signpipe evaluate novelty`: whether the classifier notices what it has never seen."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from signpipe.cli.measuring import measured, open_part, tell, with_progress
from signpipe.cli.options import ConfigOption, DataOption, DrawingsOption, JsonOption, ModelOption
from signpipe.lab.data import ClassMap, find_data
from signpipe.lab.data.uncatalogued import find_drawings
from signpipe.settings import load_settings

COLUMNS = ("auroc", "passed_at_95", "published_at_95", "flagged", "published")


def novelty(
    data: DataOption = None,
    drawings: DrawingsOption = None,
    unseen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL=CLASS,CLASS",
            help="An exported classifier, and the classes it was trained without (train classifier --leave-out).",
        ),
    ] = None,
    model: ModelOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well signs are told that nobody has seen before, and how many would be published all the same.

    Known are the signs of GTSRB's validation tracks: in plain view, hidden, and drawn. Unknown are drawings of other
    signs, what the detector finds beside the boxes of GTSDB and sy32, traffic lights, backgrounds, and the classes that
    a classifier was trained without.
    """
    from signpipe.lab.evaluation.novelty import Unseen, evaluate_novelty

    settings, drawings = load_settings(config, {"classify.model": model}), find_drawings(drawings)
    classifiers = [Unseen.parse(text) for text in unseen or ()]
    dataset = open_part(data, "gtsrb", "val", ClassMap())
    metrics = with_progress(
        lambda progress: evaluate_novelty(find_data(data), settings, progress, drawings, classifiers)
    )
    _print_sets(metrics["observations"], "single observations")
    _print_sets(metrics["tracks"], "tracks")
    for classes, sets in metrics["left_out"].items():
        for kind in ("observations", "tracks"):
            _print_sets(sets[kind], f"{kind}, trained without {classes}")
        for name, cell in sets["by_class"].items():
            taken = ", ".join(f"{other} ({count})" for other, count in cell["taken_for"].items())
            Console().print(
                f"{name}: {cell['published']:.1%} of {cell['n']} looks and {cell['tracks_published']:.1%} of "
                f"{cell['tracks']} tracks published" + (f", as {taken}" if taken else "")
            )
        for kind, without in (("looks", "without the reader"), ("tracks", "by vision alone")):
            cell = sets["whole"][kind]
            Console().print(
                f"through the whole pipeline: {cell['published']:.1%} of {cell['n']} {kind} published as another "
                f"class, {cell['without']:.1%} {without}"
            )
    tell(measured("novelty", settings.classify.model, "classifier", settings, dataset, "val", metrics), json_file)


def _print_sets(sets: dict[str, Any], what: str) -> None:
    """Print what each set came to; shares in %."""
    table = Table(title=f"novelty of {what}; shares in %")
    for name in ("set", "n", *COLUMNS):
        table.add_column(name, justify="left" if name == "set" else "right")
    for name, cell in sets.items():
        if isinstance(cell, dict):
            shares = [f"{100 * cell[column]:.1f}" for column in COLUMNS[1:]]
            table.add_row(name, str(cell["n"]), f"{cell['auroc']:.4f}" if "auroc" in cell else "", *shares)
    Console().print(table)
