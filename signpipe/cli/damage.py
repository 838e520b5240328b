"""`signpipe damage` and `signpipe train damage`: what age, weather and vandals make of a sign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from signpipe.cli.measuring import with_progress
from signpipe.cli.train import DataOption, ResumeOption, SeedOption, ThreadsOption, require_train_extra, train_app
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.augmentation.worn import KINDS, wear
from signpipe.sinks.files import refuse_existing
from signpipe.types import Image

SIZE = 48  # pixels of the crops that the generator was trained on


def damage(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A sign, cut out with a small margin.")],
    severity: Annotated[float, typer.Option(min=0, max=5, help="How bad: 0 leaves it as it is.")] = 3.0,
    kind: Annotated[str, typer.Option(metavar="|".join(KINDS), help="What happened to it.")] = "faded",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture to write; else PICTURE-KIND.png.")] = None,
    generator: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint of `signpipe train damage` (extra `train`); else the damage is drawn by procedure."
        ),
    ] = None,
    seed: SeedOption = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture if it is there already.")] = False,
) -> None:
    """Damage the picture of a sign: faded, stickered, rusted, dirty or covered by snow."""
    if kind not in KINDS:
        raise SettingsError(f"There is no damage '{kind}'; choose {', '.join(KINDS)}.")
    image = _read(picture)
    target = out or picture.with_name(f"{picture.stem}-{kind}.png")
    if not overwrite:
        refuse_existing(target, "picture")
    if generator is None:
        made = wear(image, kind, severity, np.random.default_rng(seed))
    else:
        made = _generated(image, kind, severity, seed, generator)
    if not cv2.haveImageWriter(str(target)):
        raise OutputError(f"{target} can't be written as {target.suffix or 'a picture'}; end its name in .png or .jpg.")
    try:
        target.write_bytes(cv2.imencode(target.suffix, made)[1].tobytes())
    except OSError as error:
        raise OutputError(f"{target} can't be written: {error.strerror}.") from None
    print(target)


def _read(picture: Path) -> Image:
    image = cv2.imread(str(picture), cv2.IMREAD_COLOR) if picture.is_file() else None
    if image is None:
        raise SourceError(f"{picture} is no picture that can be read.")
    return np.asarray(image, np.uint8)


def _generated(image: Image, kind: str, severity: float, seed: int, checkpoint: Path) -> Image:
    """Return what the generator makes of a picture, at the generator's size of crops."""
    require_train_extra("Generated damage")
    from signpipe.lab.training.damage import damage_crops, read_generator

    crop = np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(damage_crops(read_generator(checkpoint), crop[None], kind, severity, seed)[0], np.uint8)


@train_app.command("damage")
def train_damage(
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and result.")] = Path("runs/damage"),
    weights: Annotated[
        Path,
        typer.Option(help="Checkpoint of a classifier (`signpipe train classifier`), which must still read the signs."),
    ] = Path("runs/classifier/last.pt"),
    steps: Annotated[int, typer.Option(min=1, help="Steps of training altogether.")] = 1500,
    batch: Annotated[int, typer.Option(min=2, max=512, help="Crops a step.")] = 32,
    compare: Annotated[
        int,
        typer.Option(min=0, help="Then train the classifier on for so many steps with each kind of damage, and judge."),
    ] = 0,
    seed: SeedOption = 0,
    threads: ThreadsOption = 1,
    resume: ResumeOption = False,
) -> None:
    """Train a small generator that damages signs as real ones are damaged, while a classifier still reads them.

    Faded and stickered signs are learned from photographs (the tracks of `real-hard` in GTSRB's training part), the
    other kinds from damage drawn by procedure. The checkpoint serves `signpipe damage --generator`.
    """
    require_train_extra("Training")
    from signpipe.lab.data import find_data
    from signpipe.lab.training.damage import DamagePlan, load_damage_data, read_generator
    from signpipe.lab.training.damage import train_damage as train
    from signpipe.lab.training.damage_comparison import compare as compared

    if not weights.is_file():
        raise SourceError(f"There is no checkpoint {weights}; train a classifier first, or name one by --weights.")
    plan = DamagePlan(steps=steps, batch=batch, seed=seed, threads=threads)
    folder = find_data(data)
    result = with_progress(lambda progress: train(plan, folder, weights, out, resume, progress), "training")
    console = Console()
    last = result["history"][-1]
    console.print(f"read right although damaged: {last['right']:.0%} of the last batch; see {escape(str(out))}")
    if compare:
        content = load_damage_data(folder, plan)
        generator = read_generator(out / "last.pt")
        found = with_progress(
            lambda progress: compared(weights, generator, content, folder, compare, plan.size, progress), "comparing"
        )
        (out / "comparison.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for way, groups in found.items():
            told = ", ".join(f"{name} {one['right']:.2%} of {one['n']}" for name, one in groups.items())
            console.print(f"{way}: {told}", highlight=False)
