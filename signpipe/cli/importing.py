"""`signpipe models import`: somebody's own ONNX export becomes a model of signpipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from rich.console import Console

from signpipe.errors import ModelError, SettingsError
from signpipe.lab.model_import import Import, import_model
from signpipe.runtime.manifest import known_models, own_models_folder
from signpipe.shipped import sample
from signpipe.sources import open_source
from signpipe.types import Image

PICTURES = 8  # on which the graphs are compared
EVERY = 60  # frames of the sample
ROLES = ("detector", "classifier")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="The export: one input float (N, 3, H, W).")],
    name: Annotated[str | None, typer.Option(help="What settings will call it; else the name of the file.")] = None,
    role: Annotated[str, typer.Option(metavar="|".join(ROLES), help="What it does.")] = "detector",
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES|FILE",
            help="Classes in the order of the output, with commas, or a file of one per line; "
            "else those that the export names.",
        ),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Folder of a manifest; else your own, where `detect.model` finds it by name.")
    ] = None,
    bgr: Annotated[bool, typer.Option("--bgr", help="The network wants blue first; most want red.")] = False,
    mean: Annotated[str, typer.Option(help="Taken off each channel in 0..1, in the network's order.")] = "0,0,0",
    std: Annotated[str, typer.Option(help="By which each channel is divided after that.")] = "1,1,1",
    pictures: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Pictures to compare on; else frames of the sample drive.")
    ] = None,
    licence: Annotated[str, typer.Option(help="SPDX expression of the weights' licence.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model of the same name.")] = False,
) -> None:
    """Take in your own YOLO export or classifier, so that the pipeline can run it.

    The order of axes and colours and the scaling become part of the graph, and the new graph is run beside the old one:
    it is taken only if both say the same. A detector may give raw rows, with classes of its own (every box counts as a
    sign), or finished boxes; a classifier gives logits or probabilities of the catalogue's classes in any order.

    [bold]signpipe models import yolo.onnx --name mine[/], then
    [bold]signpipe run drive.mp4 --set detect.model=mine[/].
    """
    if role not in ROLES:
        raise SettingsError(f"--role can't be '{role}'; it is detector or classifier.")
    folder = into or own_models_folder()
    plan = Import(
        file=file,
        name=name or file.stem,
        role=cast(Literal["detector", "classifier"], role),
        into=folder,
        classes=_names(classes),
        rgb=not bgr,
        mean=_three(mean, "--mean"),
        std=_three(std, "--std"),
        licence=licence,
    )
    taken = known_models(into if into and (into / "manifest.toml").is_file() else None)
    if plan.name in taken and not (overwrite and taken[plan.name].folder == folder):
        raise ModelError(f"There is a model '{plan.name}' already; give another --name, or --overwrite your own one.")
    difference = import_model(plan, _pictures(pictures))
    setting = "detect.model" if role == "detector" else "classify.model"
    where = f" --set runtime.models={into}" if into else ""
    Console().print(
        f"{plan.name}: imported into {folder}, largest difference {difference:.1e}; use it with  signpipe run SOURCE "
        f"--set {setting}={plan.name}{where}",
        highlight=False, soft_wrap=True, markup=False,
    )  # fmt: skip


def _names(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    path = Path(text)
    try:
        names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else text.split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The classes can't be read from {path}: {error}.") from None
    return tuple(stripped for name in names if (stripped := name.strip()))


def _three(text: str, option: str) -> tuple[float, float, float]:
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"{option} takes three numbers with commas, not '{text}'.") from None
    if option == "--std" and not min(first, second, third) > 0:
        raise SettingsError(f"--std must be over 0, not '{text}'.")
    return first, second, third


def _pictures(source: str | None) -> list[Image]:
    with open_source(source or sample()) as frames:
        return [frame.image for number, frame in zip(range(PICTURES * EVERY), frames, strict=False)
                if source is not None or number % EVERY == 0][:PICTURES]  # fmt: skip
