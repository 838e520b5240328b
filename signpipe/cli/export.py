"""`signpipe export`: from a training's checkpoint to an ONNX model with an entry in the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signpipe.cli.train import DataOption, require_train_extra
from signpipe.errors import SettingsError


def export(
    model: Annotated[str, typer.Argument(help="What to export: detector, classifier or reader.")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="Checkpoint; else last.pt of the training's usual folder under runs/.")
    ] = None,
    average: Annotated[
        list[Path] | None,
        typer.Option(help="For a classifier: another checkpoint, or export in float32, to be averaged with it; again."),
    ] = None,
    data: DataOption = None,
    models: Annotated[Path, typer.Option(help="Folder of the models and their manifest.")] = Path("models"),
    result: Annotated[Path | None, typer.Option(help="Also write the metrics as JSON here.")] = None,
    preset: Annotated[str, typer.Option(help="Whose usual checkpoint, for a detector: fast or accurate.")] = "fast",
    name: Annotated[
        str | None, typer.Option(help="Call a detector detector-NAME in the manifest; else after its preset.")
    ] = None,
) -> None:
    """Make a checkpoint a model: ONNX, quantised, judged on validation, entered into the manifest."""
    if model not in {"detector", "classifier", "reader"}:
        raise SettingsError(f"There is no model kind '{model}' to export; choose detector, classifier or reader.")
    if average and model != "classifier":
        raise SettingsError("--average is for a classifier.")
    require_train_extra("Export")
    from signpipe.lab.data import find_data
    from signpipe.lab.training.export import write_result
    from signpipe.lab.training.export_classifier import export_classifier
    from signpipe.lab.training.export_detector import export_detector
    from signpipe.lab.training.export_reader import export_reader

    folder = find_data(data)
    if model == "detector":
        outcome = export_detector(checkpoint or Path("runs") / f"detector-{preset}" / "last.pt", folder, models, name)
    elif model == "reader":
        outcome = export_reader(checkpoint or Path("runs/reader/last.pt"), folder, models)
    else:
        outcome = export_classifier(checkpoint or Path("runs/classifier/last.pt"), folder, models, others=average or ())
    Console().print_json(data=outcome["metrics"])
    if result is not None:
        write_result(result, outcome)
