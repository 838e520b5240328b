"""`signpipe retrain`: what a person said goes into a candidate for the models."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signpipe.cli.options import ConfigOption
from signpipe.errors import SourceError
from signpipe.lab.data import ClassMap, Dataset, find_data, open_dataset
from signpipe.lab.evaluation.crops import CropSample, sample_crops
from signpipe.lab.evaluation.sample import sample_crops as drive_crops
from signpipe.lab.retraining.candidate import (
    ADDED,
    RESULT,
    Retrained,
    add_classes,
    copy_models,
    judge_known,
    labelled_signs,
    open_classifier,
)
from signpipe.lab.retraining.known import teach_known
from signpipe.review import ReviewQueue
from signpipe.runtime.manifest import models_folder
from signpipe.runtime.session import Session
from signpipe.settings import load_settings

_CROPS, _DRIVE_CROPS = 2000, 500  # of known signs, for either purpose: of GTSRB, of the shipped drive


def retrain(
    queue: Annotated[Path, typer.Argument(metavar="QUEUE", help="The review queue, with labels.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the candidate; it must not be there yet.")],
    models: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The models to start from; else runtime.models, else the shipped ones."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data sets with the old validation (GTSRB); else the shipped drive is taken.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Take the labels of a review queue into the classifier: minutes on two cores, and nothing that runs is changed.

    Signs of classes that it never learned become prototypes of its embedding; labels of its own classes are taught to
    its last layer (extra import). What was known before is read again on the old validation, and `signpipe models
    promote` refuses a candidate that reads it worse. Try it on recorded traffic with [bold]signpipe models canary[/].
    """
    settings = load_settings(config)
    if not queue.is_dir():
        raise SourceError(f"There is no review queue {queue}; `signpipe run --review {queue}` fills one as it goes.")
    start = models_folder(models or settings.runtime.models)
    (new, known), result = labelled_signs(ReviewQueue(queue)), Retrained()
    copy_models(start, out)
    before, session = open_classifier(start, settings), open_classifier(out, settings)
    replay, judging = _old(data, session)
    if known:
        session = teach_known(known, out, session, replay.images, settings, result)
    if new:
        add_classes(new, out, session, result)
    judge_known(judging.images, judging.labels, out, session, before, settings, result)
    result.write(out)
    _print(result, out)
    if result.problems:
        raise typer.Exit(1)


def _old(data: Path | None, session: Session) -> tuple[CropSample, CropSample]:
    """Return crops of known signs to go on saying the same of, and others to judge with.

    Of GTSRB's training and validation where they are, else of the shipped drive.
    """
    size, margin = int(session.entry.input.shape[1]), session.entry.margin
    if data is not None or os.environ.get("SIGNPIPE_DATA"):
        found = find_data(data)
        parts: list[Dataset] = [open_dataset(found, "gtsrb", part, ClassMap()) for part in ("train", "val")]
    else:
        drive = drive_crops(2 * _DRIVE_CROPS)
        parts = [replace(drive, images=drive.images[first::2]) for first in (0, 1)]
    replay, judging = (sample_crops(part, _CROPS, margin, size) for part in parts)
    return replay, judging


def _print(result: Retrained, out: Path) -> None:
    console = Console()
    for name, count in result.taken.items():
        console.print(f"{name}: {count} pictures taken", highlight=False)
    for name, why in result.left.items():
        console.print(f"{name}: left ({why})", highlight=False)
    for name, value in result.judged.items():
        console.print(f"{name.replace('_', ' ')}: {value:g}", highlight=False)
    for problem in result.problems:
        console.print(f"[bold red]{problem}[/]", highlight=False)
    state = "isn't to be promoted" if result.problems else "may be promoted"
    console.print(f"{out} {state}; see {out / RESULT}, and run it with", highlight=False, soft_wrap=True)
    console.print(
        f"  signpipe run SOURCE --set runtime.models={out} --set classify.few_shot={out / ADDED}", highlight=False,
        soft_wrap=True,
    )  # fmt: skip
