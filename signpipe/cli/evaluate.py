"""`signpipe evaluate`: how good the models are on labelled pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from signpipe.data import FORMATS, ClassMap, Dataset, find_data, open_dataset
from signpipe.data.classes import parse_mapping
from signpipe.errors import OutputError, SettingsError
from signpipe.evaluation.run import evaluate_classifier, evaluate_detector
from signpipe.machine import describe_machine
from signpipe.runtime.manifest import find_model
from signpipe.settings import Settings, load_settings

evaluate_app = typer.Typer(help="Measure the models on labelled pictures.", no_args_is_help=True)

Split = Literal["train", "val", "test", "all"]
PRESETS = ("fast",)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data set, or the folder it lies in; else SIGNPIPE_DATA.")
]
FormatOption = Annotated[str, typer.Option("--format", "-f", metavar="|".join(FORMATS), help="Format of the data set.")]
SplitOption = Annotated[str, typer.Option(metavar="|".join(get_args(Split)), help="The part of it to measure on.")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="A class of the set is one of the catalogue, or sign, ignore, none."),
]
ModelOption = Annotated[str | None, typer.Option(help="Name in the manifest, or an ONNX file.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write everything here.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="TOML file of settings.")]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on what.

    Attributes:
        task: "detection" or "classification".
        model: Name of the model.
        sha256: Checksum of the model, if the manifest knows it.
        data: Format and part of the data set.
        data_digest: Checksum over the names and labels of its pictures.
        pictures: Number of its pictures.
        metrics: The numbers.
    """

    task: str
    model: str
    sha256: str | None
    data: str
    data_digest: str
    pictures: int
    metrics: dict[str, Any]


@evaluate_app.command("detection")
def detection(
    data: DataOption = None,
    format: FormatOption = "gtsdb",  # noqa: A002
    split: SplitOption = "val",
    preset: Annotated[str, typer.Option(metavar="|".join(PRESETS), help="Which shipped detector.")] = "fast",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well signs are found, whatever their class: average precision, recall by size, false alarms.

    The detector sees each picture at the one scale that the pipeline runs it at.
    """
    if preset not in PRESETS:
        raise SettingsError(f"There is no preset '{preset}'; choose {' or '.join(PRESETS)}, or give a --model.")
    settings = load_settings(config, {"detect.model": model or f"detector-{preset}"})
    dataset = _open(data, format, split, ClassMap(parse_mapping(mapping or []), one_class=True))
    metrics = _with_progress(evaluate_detector, dataset, settings)
    _tell(_measured("detection", settings.detect.model, "detector", settings, dataset, split, metrics), json_file)


@evaluate_app.command("classification")
def classification(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well boxed signs are told apart: accuracy, F1, calibration, confusions, sure mistakes."""
    settings = load_settings(config, {"classify.model": model})
    dataset = _open(data, format, split, ClassMap(parse_mapping(mapping or [])))
    metrics = _with_progress(evaluate_classifier, dataset, settings)
    _tell(
        _measured("classification", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file
    )


def _open(data: Path | None, format: str, split: str, classes: ClassMap) -> Dataset:  # noqa: A002
    splits: dict[str, Split] = {name: name for name in get_args(Split)}
    if split not in splits:
        raise SettingsError(f"There is no split '{split}'; choose {', '.join(splits)}.")
    return open_dataset(find_data(data), format, splits[split], classes)


def _with_progress(
    evaluate: Callable[[Dataset, Settings, Callable[[int, int], None]], dict[str, Any]],
    dataset: Dataset,
    settings: Settings,
) -> dict[str, Any]:
    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("measuring", total=len(dataset))
        return evaluate(dataset, settings, lambda done, total: bars.update(task, completed=done, total=total))


def _measured(
    task: str, model: str, role: str, settings: Settings, dataset: Dataset, split: str, metrics: dict[str, Any]
) -> Measured:
    entry = find_model(model, role, settings.runtime.models)
    sha256 = None if isinstance(entry, Path) else entry.sha256
    return Measured(task, model, sha256, f"{dataset.format} {split}", dataset.digest(), len(dataset), metrics)


def _tell(measured: Measured, json_file: Path | None) -> None:
    """Print the numbers, and write them where a file is asked for."""
    console = Console()
    table = Table(title=f"{measured.task} of {measured.model} on {measured.data} ({measured.pictures} pictures)")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("n", justify="right")
    counts = measured.metrics.get("n", {})
    for name, value in measured.metrics.items():
        if isinstance(value, int | float):
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            table.add_row(name, text, str(counts.get(name, "")))
        elif name == "recall_by_size":
            for band, cell in value.items():
                table.add_row(f"recall {band} px", f"{cell['recall']:.4f}", str(cell["n"]))
    console.print(table)
    for mistake in measured.metrics.get("confusions", [])[:5]:
        console.print(f"{mistake['true']} read as {mistake['predicted']}: {mistake['n']}", highlight=False)
    if json_file is not None:
        try:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(
                json.dumps(asdict(measured) | {"machine": asdict(describe_machine())}, indent=1) + "\n"
            )
        except OSError as error:
            raise OutputError(f"{json_file} can't be written: {error.strerror}.") from None
        console.print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)
