"""What the commands of `signpipe evaluate` share: opening the data, the progress bar, and the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from signpipe.cli.options import (
    ConfigOption,
    DataOption,
    FormatOption,
    JsonOption,
    MapOption,
    ModelOption,
    Split,
    SplitOption,
)
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.data import ClassMap, Dataset, find_data, open_dataset
from signpipe.lab.data.classes import parse_mapping
from signpipe.lab.data.formats.btsd_names import belgian_classes
from signpipe.lab.evaluation.metric import Metric
from signpipe.lab.evaluation.metric import Progress as Advance
from signpipe.lab.evaluation.resume import file_sha256
from signpipe.runtime.machine import describe_machine
from signpipe.runtime.manifest import find_model
from signpipe.settings import Settings, load_settings

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on what.

    Attributes:
        task: Such as "detection", "classification" or "robustness".
        model: Name of the model.
        sha256: Checksum of the model.
        data: Format and part of the data set.
        data_digest: Checksum over the names and labels of its pictures.
        pictures: Number of its pictures.
        metrics: The numbers.
    """

    task: str
    model: str
    sha256: str
    data: str
    data_digest: str
    pictures: int
    metrics: dict[str, Any]


def open_part(data: Path | None, format: str, split: str, classes: ClassMap) -> Dataset:  # noqa: A002
    """Open the part of a data set that is measured on.

    Raises:
        SettingsError: There is no such split or format.
        SourceError: There is no such data set, or its labels can't be used.
    """
    splits: dict[str, Split] = {name: name for name in get_args(Split)}
    if split not in splits:
        raise SettingsError(f"There is no split '{split}'; choose {', '.join(splits)}.")
    return open_dataset(find_data(data), format, splits[split], classes)


def with_progress(work: Callable[[Advance], Result], what: str = "measuring") -> Result:
    """Do some work that tells how much of it is done, and show a bar meanwhile."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        return work(lambda done, total: bars.update(task, completed=done, total=total))


def measured(
    task: str, model: str, role: str, settings: Settings, dataset: Dataset, split: str, metrics: dict[str, Any]
) -> Measured:
    """Return the metrics with what they were measured on."""
    entry = find_model(model, role, settings.runtime.models)
    file = entry if isinstance(entry, Path) else entry.path
    name = file.name if isinstance(entry, Path) else entry.name
    return Measured(task, name, file_sha256(file), f"{dataset.format} {split}", dataset.digest(), len(dataset), metrics)


def tell(measured: Measured, json_file: Path | None) -> None:
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
        elif name == "real_hard":
            for cause, cell in value.items():
                table.add_row(f"accuracy, really hard, {cause}", f"{cell['accuracy']:.4f}", str(cell["n"]))
    console.print(table)
    for mistake in measured.metrics.get("confusions", [])[:5]:
        console.print(f"{mistake['true']} read as {mistake['predicted']}: {mistake['n']}", highlight=False)
    if json_file is not None:
        write_json(json_file, asdict(measured) | {"machine": asdict(describe_machine())})
        console.print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)


def kept_beside(json_file: Path | None, resume: bool) -> Path | None:
    """Return the file beside a result that keeps what is done of it, or None without a result.

    Raises:
        SettingsError: A run is to go on whose result isn't named.
    """
    if json_file is None:
        if resume:
            raise SettingsError(
                "--resume goes on with the run that writes --json; give the file of the interrupted run."
            )
        return None
    return json_file.with_name(json_file.name + ".part")


def measure_signs(
    task: str,
    evaluate: Metric,
    data: Path | None,
    format: str,  # noqa: A002
    split: str,
    model: str | None,
    mapping: list[str] | None,
    json_file: Path | None,
    config: Path | None,
) -> None:
    """Run a command whose classes and classifier are of the catalogue: open, measure, tell.

    Raises:
        SignpipeError: The options, the data, the model or the result file can't be used.
    """
    settings = load_settings(config, {"classify.model": model})
    known = belgian_classes() if format == "btsd" else {}  # whose names are not the catalogue's
    dataset = open_part(data, format, split, ClassMap(known | parse_mapping(mapping or [])))
    metrics = with_progress(lambda progress: evaluate(dataset, settings, progress))
    tell(measured(task, settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)


def command(task: str, metric: Metric, usual: str, text: str) -> Callable[..., None]:
    """Return the command that measures a metric of the classifier or the pipeline.

    Args:
        task: Its name.
        metric: What is measured.
        usual: Format of the data set where none is given.
        text: Its help.
    """

    def measure(
        data: DataOption = None,
        format: FormatOption = usual,  # noqa: A002
        split: SplitOption = "val",
        model: ModelOption = None,
        mapping: MapOption = None,
        json_file: JsonOption = None,
        config: ConfigOption = None,
    ) -> None:
        measure_signs(task, metric, data, format, split, model, mapping, json_file, config)

    measure.__name__, measure.__doc__ = task, text
    return measure


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a result file.

    Raises:
        OutputError: It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None
