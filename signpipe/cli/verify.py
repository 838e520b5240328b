"""`signpipe models verify`: checksums, shapes, and whether each variant agrees with its reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from signpipe.cli.models import FolderOption, check_models, print_models
from signpipe.cli.options import ConfigOption, JsonOption, Split, SplitOption
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.data import FORMATS, ClassMap, Dataset, find_data, open_dataset
from signpipe.lab.evaluation.parity import Parity, compare_classifiers, compare_detectors, compare_readers
from signpipe.lab.evaluation.sample import evenly, sample_crops, sample_scenes
from signpipe.runtime.machine import describe_machine
from signpipe.runtime.manifest import ModelEntry, load_manifest, models_folder, reference_of
from signpipe.settings import Settings, load_settings

# Enough for a look at everything; a small set keeps this a matter of a minute on two cores.
SAMPLE_IMAGES = 60
SAMPLE_CROPS = 2000
COMPARE = {"detector": compare_detectors, "classifier": compare_classifiers, "reader": compare_readers}
PUBLIC = {"detector": "gtsdb", "classifier": "gtsrb", "reader": "gtsrb"}
EXACT = ("", "fp32")  # a model of another precision stands for one of these
CROP_FORMATS = ("gtsrb", "gtsrb-test", "folder")  # their pictures are signs, in which no detector has to find one


def verify(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option(help="A data set, or the folder it lies in, in place of the shipped sample.")
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option("--format", "-f", metavar="|".join(FORMATS), help="Its format; else GTSDB and GTSRB are taken."),
    ] = None,
    split: SplitOption = "val",
    images: Annotated[int | None, typer.Option(min=1, help="Most pictures for the detectors.")] = None,
    crops: Annotated[
        int | None, typer.Option(min=1, help="Most pictures of signs for classifiers and readers.")
    ] = None,
    json_file: JsonOption = None,
    folder: FolderOption = None,
    config: ConfigOption = None,
) -> None:
    """Check files and shapes, and run each variant and its reference on the same pictures.

    Ends with exit code 1 if a variant doesn't agree with its reference or names none, and 2 if a model or the pictures
    can't be used.
    """
    settings = load_settings(config, {"runtime.models": folder or context.obj, "runtime.variant": "named"})
    if data is None and format is not None:
        raise SettingsError("A --format goes with --data; without it the shipped sample is taken.")
    checked = check_models(settings.runtime, thoroughly=True)
    if any(model.problem for model in checked):
        print_models(checked, models_folder(settings.runtime.models))
        raise typer.Exit(2)
    entries = load_manifest(settings.runtime.models)
    pairs = [(entry, other) for entry in entries.values() if (other := reference_of(entry, entries)) is not None]

    def pictures(role: str) -> Dataset | None:
        return (
            _sample(role, images, crops)
            if data is None
            else _public(data, format, split, role, images if role == "detector" else crops)
        )

    results = _compare(pairs, pictures, settings)
    _print(len(entries), pairs, results)
    orphans = [entry.name for entry in entries.values() if entry.precision not in EXACT and not entry.reference]
    for name in orphans:
        Console().print(f"[bold red]{escape(name)} names no reference to compare it with.[/]", highlight=False)
    if json_file is not None:
        _write(json_file, results, orphans)
    if orphans or not all(result.passed for result in results):
        raise typer.Exit(1)


def _sample(role: str, images: int | None, crops: int | None) -> Dataset:
    return sample_scenes(images or SAMPLE_IMAGES) if role == "detector" else sample_crops(crops or SAMPLE_CROPS)


def _public(data: Path, format: str | None, split: str, role: str, most: int | None) -> Dataset | None:  # noqa: A002
    """Open the data set for the models of a role, or return None if it says nothing of them."""
    if role == "detector" and format in CROP_FORMATS:
        return None
    splits: dict[str, Split] = {name: name for name in get_args(Split)}
    if split not in splits:
        raise SettingsError(f"There is no split '{split}'; choose {', '.join(splits)}.")
    dataset = open_dataset(find_data(data), format or PUBLIC[role], splits[split], ClassMap(one_class=True))
    images = [image for image in dataset if role == "detector" or not image.ignore.all()]
    return replace(dataset, images=tuple(evenly(images, most or len(images))))


def _compare(
    pairs: list[tuple[ModelEntry, ModelEntry]],
    pictures: Callable[[str], Dataset | None],
    settings: Settings,
) -> list[Parity]:
    """Compare all variants, as far as there are pictures for them."""
    results = []
    for role in COMPARE:
        ours = [(entry.name, reference.name) for entry, reference in pairs if entry.role == role]
        dataset = pictures(role) if ours else None
        if dataset is None:
            continue
        for variant, reference in ours:
            with _progress(variant) as progress:
                results.append(COMPARE[role](variant, reference, dataset, settings, progress))
    return results


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _print(models: int, pairs: list[tuple[ModelEntry, ModelEntry]], results: list[Parity]) -> None:
    console = Console()
    console.print(f"{models} models: files and shapes are as the manifest says.", highlight=False)
    if not pairs:
        console.print("No model names a reference, so there is nothing to compare.")
    for result in results:
        state = "[green]passed[/]" if result.passed else "[bold red]failed[/]"
        table = Table(title=f"{result.variant} against {result.reference} ({result.data}): {state}")
        table.title_justify = "left"
        for column in ("measured", "value", "limit", "n", "state"):
            table.add_column(column, justify="left" if column in ("measured", "state") else "right")
        for check in result.checks:
            state = "" if check.limit == "" else "[green]ok[/]" if check.passed else "[bold red]failed[/]"
            table.add_row(check.name, f"{check.value:.4f}", check.limit, str(check.n), state)
        console.print(table)
    compared = {result.variant for result in results}
    for entry, reference in pairs:
        if entry.name not in compared:
            console.print(
                f"{escape(entry.name)} isn't compared with {escape(reference.name)}: these pictures are single signs.",
                highlight=False,
            )


def _write(path: Path, results: list[Parity], orphans: list[str]) -> None:
    content: dict[str, Any] = {
        "passed": not orphans and all(result.passed for result in results),
        "without_reference": orphans,
        "variants": [result.as_json() for result in results],
        "machine": asdict(describe_machine()),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None
