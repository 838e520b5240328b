"""`signpipe train detector` and `signpipe train classifier`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from signpipe.errors import ExtraMissingError, SettingsError

train_app = typer.Typer(help="Train the models (needs the extra 'train').", no_args_is_help=True)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the data sets; else SIGNPIPE_DATA, else ../shared/data.")
]
ThreadsOption = Annotated[int, typer.Option(min=1, max=256, help="Threads of torch.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of every choice.")]
DeviceOption = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda", help="Where torch trains; auto takes a GPU where there is one.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")]


def require_train_extra(feature: str) -> None:
    """Raise where torch, ultralytics or onnx is missing.

    Raises:
        ExtraMissingError: One of them isn't installed.
    """
    if any(importlib.util.find_spec(name) is None for name in ("torch", "ultralytics", "onnx", "matplotlib")):
        raise ExtraMissingError(feature, "train")
    # ultralytics would otherwise install what it misses by itself, a second ONNX Runtime among it.
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")


@train_app.command("classifier")
def classifier(
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, result and curves.")] = Path("runs/classifier"),
    epochs: Annotated[int, typer.Option(min=1, help="Rounds of training.")] = 24,
    pictures: Annotated[int, typer.Option(min=128, help="Crops per round.")] = 40960,
    occlusion: Annotated[float, typer.Option(min=0, max=1, help="Share of the signs that are partly hidden.")] = 0.6,
    reviewed: Annotated[
        Path | None, typer.Option(help="Review queue, or crops exported from it: learn what a person labelled too.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Start from this checkpoint of an earlier training, or from a shipped model in float32 "
            "(models/classifier-fp32.onnx); else from chance."
        ),
    ] = None,
    wider: Annotated[
        int,
        typer.Option(
            min=1,
            max=8,
            help="Times the channels of the shipped network, for a teacher: 2 has 6 M parameters, 3 has 13.",
        ),
    ] = 1,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="Learn from this checkpoint of another classifier too, a larger one, or from a shipped model in "
            "float32 (distillation); again, to learn from several together."
        ),
    ] = None,
    rate: Annotated[float, typer.Option(min=1e-5, max=0.1, help="Peak learning rate.")] = 3e-3,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="Keep this class out of training, to judge what is new (signpipe evaluate novelty); again."),
    ] = None,
    drawings: Annotated[
        Path | None,
        typer.Option(
            help="Folder of drawings of the world's signs, else those of `signpipe data fetch drawings`: the embedding "
            "learns to tell them, and the photographs of btsd, sy32 and signs877, apart."
        ),
    ] = None,
    beside: Annotated[
        float, typer.Option(min=0, max=1, help="With drawings, share of the crops that show other than the 43 classes.")
    ] = 0.6,
    embedding: Annotated[
        float,
        typer.Option(
            min=0,
            max=10,
            help="With drawings, weight of the loss by which the embedding tells them apart; 0 learns only that they "
            "are none of the 43 classes.",
        ),
    ] = 0.4,
    pool: Annotated[
        int,
        typer.Option(
            min=0,
            help="Make so many crops once, in --out (8 KB each), and learn from them in many passes; 0 makes new ones "
            "all the time, which takes longer than learning from them.",
        ),
    ] = 0,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Train for so long instead of --epochs.")] = None,
    batch: Annotated[int, typer.Option(min=2, max=4096, help="Crops per step.")] = 128,
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
    device: DeviceOption = "auto",
    limit: Annotated[int | None, typer.Option(min=100, help="Read about so many crops only; for a trial.")] = None,
    resume: ResumeOption = False,
) -> None:
    """Train the sign classifier on GTSRB; the checkpoint is made a model by `signpipe export classifier`."""
    from signpipe.catalogue import load_catalogue
    from signpipe.lab.data import find_data
    from signpipe.lab.data.uncatalogued import find_drawings

    unknown = set(leave_out or ()) - set(load_catalogue().names)
    if unknown:
        raise SettingsError(
            f"--leave-out: there is no class '{min(unknown)}'; signpipe/catalogue/de.toml names them all."
        )
    require_train_extra("Training")
    from signpipe.lab.training.classifier import ClassifierPlan, train_classifier
    from signpipe.lab.training.device import choose_device

    drawings = find_drawings(drawings)
    plan = ClassifierPlan(
        epochs=epochs,
        pictures=pictures,
        rate=rate,
        seed=seed,
        threads=threads,
        device=choose_device(device),
        occlusion=occlusion,
        reviewed=None if reviewed is None else str(reviewed),
        start=None if weights is None else str(weights),
        wider=wider,
        teachers=tuple(str(one) for one in teacher or ()),
        limit=limit,
        leave_out=tuple(leave_out or ()),
        drawings=None if drawings is None else str(drawings),
        beside=beside,
        embedding=embedding,
        pool=pool,
        minutes=minutes,
        batch=batch,
    )
    result = train_classifier(plan, find_data(data), out, resume)
    metrics = result["metrics"]
    Console().print(
        f"accuracy {metrics['accuracy']:.4%} of {metrics['n']:.0f} crops of unseen signs; see {escape(str(out))}"
    )


@train_app.command("reader")
def reader(
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, result and curves.")] = Path("runs/reader"),
    epochs: Annotated[int, typer.Option(min=1, help="Rounds of training.")] = 40,
    pictures: Annotated[int, typer.Option(min=128, help="Crops per round.")] = 8192,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Start from this checkpoint of an earlier training, or from a shipped model in float32 "
            "(models/reader-fp32.onnx); else from chance."
        ),
    ] = None,
    rate: Annotated[float, typer.Option(min=1e-5, max=0.1, help="Peak learning rate.")] = 4e-3,
    uncatalogued: Annotated[
        Path | None,
        typer.Option(
            help="Folder of drawings of the world's signs, else those of `signpipe data fetch drawings`; those "
            "without figures are learned as empty."
        ),
    ] = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = 1,
    device: DeviceOption = "auto",
    limit: Annotated[int | None, typer.Option(min=100, help="Read about so many crops only; for a trial.")] = None,
    resume: ResumeOption = False,
) -> None:
    """Train the reader of figures on signs drawn in many typefaces and on GTSRB.

    The typefaces are font files of Debian packages; what is missing is named.
    """
    require_train_extra("Training")
    from signpipe.lab.data import find_data
    from signpipe.lab.data.uncatalogued import find_drawings
    from signpipe.lab.training.device import choose_device
    from signpipe.lab.training.reader import ReaderPlan, train_reader

    drawings = find_drawings(uncatalogued)
    plan = ReaderPlan(
        epochs=epochs,
        pictures=pictures,
        rate=rate,
        seed=seed,
        threads=threads,
        device=choose_device(device),
        uncatalogued=None if drawings is None else str(drawings),
        start=None if weights is None else str(weights),
        limit=limit,
    )
    metrics = train_reader(plan, find_data(data), out, resume)["metrics"]
    Console().print(
        f"read right: {metrics['drawn']:.2%} of {metrics['drawn_n']:.0f} crops drawn in unseen typefaces, "
        f"{metrics['photographed']:.2%} of {metrics['photographed_n']:.0f} unseen photographs; see {escape(str(out))}"
    )


@train_app.command("detector")
def detector(
    data: DataOption = None,
    preset: Annotated[str, typer.Option(help="Which network: fast, for CPUs, or accurate, for GPUs.")] = "fast",
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Where to start: state dict of YOLO26n, or an earlier checkpoint of the same network; else "
            "yolo26n_coco.state_dict.pt in weights/ beside the data."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoint, result and curves; else runs/detector-PRESET.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Rounds of training.")] = 30,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Train for so long instead of --epochs.")] = None,
    tiles: Annotated[int, typer.Option(min=16, help="Tiles per round.")] = 320,
    rate: Annotated[float, typer.Option(min=1e-5, max=0.1, help="Peak learning rate.")] = 1.5e-3,
    mine_every: Annotated[
        int, typer.Option(min=1, help="Rounds between looks for hard negatives beside those that are known.")
    ] = 10,
    drawings: Annotated[
        Path | None,
        typer.Option(
            help="Folder of drawings of the world's signs to paste into scenes, else those of `signpipe data fetch "
            "drawings`."
        ),
    ] = None,
    every_kind: Annotated[
        bool,
        typer.Option(
            "--every-kind/--catalogue",
            help="Find signs of every kind and tell their outlines apart, as detector-world does, or only signs of the "
            "catalogue's classes, as detector-fast.",
        ),
    ] = True,
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
    device: DeviceOption = "auto",
    limit: Annotated[int | None, typer.Option(min=8, help="Read only so many scenes of each set; for a trial.")] = None,
    resume: ResumeOption = False,
) -> None:
    """Train the sign detector on street scenes with signs of every kind.

    The checkpoint is made a model by `signpipe export detector`.
    """
    require_train_extra("Training")
    if resume and minutes is not None:
        raise SettingsError("A training can't be resumed by --minutes; give --epochs, the number of rounds altogether.")
    from signpipe.lab.data import find_data
    from signpipe.lab.data.uncatalogued import find_drawings
    from signpipe.lab.training.detector import DetectorPlan, train_detector
    from signpipe.lab.training.detector_network import PRESETS
    from signpipe.lab.training.device import choose_device

    if preset not in PRESETS:
        raise SettingsError(f"There is no detector preset '{preset}'; choose {' or '.join(PRESETS)}.")
    folder = find_data(data)
    out = out or Path("runs") / f"detector-{preset}"
    weights = weights or folder.parent / "weights" / "yolo26n_coco.state_dict.pt"
    others = find_drawings(drawings)
    plan = DetectorPlan(
        preset=preset, epochs=epochs, minutes=minutes, tiles=tiles, rate=rate, seed=seed, threads=threads,
        device=choose_device(device), mine_every=mine_every, limit=limit,
        drawings=None if others is None else str(others), every_kind=every_kind,
    )  # fmt: skip
    metrics = train_detector(plan, folder, weights, out, resume)["metrics"]
    Console().print(
        f"AP50 {metrics['ap50']:.4f}, AP50-95 {metrics['ap50_95']:.4f} on validation scenes; see {escape(str(out))}"
    )
