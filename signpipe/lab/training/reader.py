"""Training the reader of figures: connectionist temporal classification on drawn and photographed signs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.figures.ctc import best_text
from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.lettering import TRAINING, VALIDATION, open_typefaces
from signpipe.lab.augmentation.placing import fitted, reframed
from signpipe.lab.training.averaged_run import AveragedRun
from signpipe.lab.training.device import Device
from signpipe.lab.training.network import normalise
from signpipe.lab.training.reader_data import POOL, FigureCrops, Photographs
from signpipe.lab.training.reader_network import ReaderNet
from signpipe.lab.training.reader_sources import photographs, plain_drawings
from signpipe.lab.training.recover import MEASURED_BATCHES, trained_reader
from signpipe.lab.training.report import describe_machine, plot_curves
from signpipe.types import FloatArray, Image

STRUCK_WEIGHT = 0.3  # of "struck through" in the loss, beside the text


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """How a reader is trained.

    Attributes:
        epochs: Rounds of `pictures` crops each; validation and a checkpoint follow every round.
        pictures: Crops per round.
        batch: Crops per step.
        rate: Peak learning rate.
        decay: Weight decay.
        average: Share of the averaged weights that a step keeps.
        seed: Seed of every choice.
        threads: Threads of torch.
        device: Where torch computes.
        uncatalogued: Folder of drawings of the world's signs, of which those without figures are shown as empty.
        start: Earlier checkpoint whose averaged weights the network starts from, or an export in float32; else chance.
        limit: Read only about so many photographs, and draw few signs; for a trial.
    """

    epochs: int = 40
    pictures: int = 8192
    batch: int = 128
    rate: float = 4e-3
    decay: float = 0.03
    average: float = 0.998
    seed: int = 0
    threads: int = 1
    device: Device = "cpu"
    uncatalogued: str | None = None
    start: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class FigureSet:
    """Crops that stay the same, to judge and calibrate with.

    Attributes:
        images: BGR uint8 (N, 40, 96, 3).
        texts: What is written on each.
        struck: bool (N,).
    """

    images: Image
    texts: list[str]
    struck: npt.NDArray[np.bool_]


class ReaderTraining(AveragedRun[ReaderNet]):
    """One training run of the reader."""

    def __init__(self, plan: ReaderPlan, out: Path, crops: Iterable[Image] = ()) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan = plan
        net = ReaderNet()
        if plan.start is not None:
            net = trained_reader(Path(plan.start), crops)
        net = net.to(plan.device, memory_format=torch.channels_last)
        super().__init__(net, plan.average, plan.pictures // plan.batch, out)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), weight_decay=plan.decay)
        self.schedule = self._schedule()

    def _schedule(self, done: int = -1) -> torch.optim.lr_scheduler.OneCycleLR:
        total = self.plan.epochs * self.steps
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, self.plan.rate, total, pct_start=0.1, last_epoch=done
        )

    def resume(self) -> None:
        """Continue from the last checkpoint.

        Raises:
            SourceError: There is no checkpoint, or it was trained by another plan.
        """
        free = {"threads": 0, "epochs": 0}  # these may change
        self.take_up(asdict(self.plan) | free, lambda state: state["plan"] | free)
        self.schedule = self._schedule(self.epoch * self.steps - 1)

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        self.write(asdict(self.plan))

    def run_epoch(self, data: FigureCrops) -> float:
        """Train one round and return its mean loss."""
        self.net.train()
        total = 0.0
        for step in range(self.steps):
            images, texts, struck = data.batch(self.epoch * self.steps + step, self.plan.batch)
            device = self.plan.device
            crops = normalise(torch.from_numpy(images).to(device)).to(memory_format=torch.channels_last)
            columns, through = self.net(crops)
            loss = text_loss(columns, texts)
            loss = loss + STRUCK_WEIGHT * F.binary_cross_entropy_with_logits(
                through, torch.from_numpy(struck).to(device)
            )
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimizer.step()
            self.schedule.step()
            self.averages.update_parameters(self.net)
            total += loss.item()
        self.epoch += 1
        return total / self.steps


def text_loss(columns: torch.Tensor, texts: list[list[int]]) -> torch.Tensor:
    """Return the mean of minus the log-probability of each text.

    Args:
        columns: Logits (N, T, A).
        texts: The characters of each, as numbers.
    """
    log_probability = columns.float().log_softmax(2).transpose(0, 1)
    wanted = torch.tensor([number for text in texts for number in text], dtype=torch.long)
    lengths = torch.tensor([len(text) for text in texts], dtype=torch.long)
    columns_each = torch.full((len(texts),), columns.shape[1], dtype=torch.long)
    loss: torch.Tensor = F.ctc_loss(log_probability, wanted, columns_each, lengths, reduction="sum", zero_infinity=True)
    return loss / len(texts)


def outputs_of(net: ReaderNet, images: Image, batch: int = 256) -> tuple[FloatArray, FloatArray]:
    """Return logits float32 (N, T, A) of the columns and (N,) of "struck through" of crops BGR uint8 (N, 40, 96, 3)."""
    net.eval()
    device = next(net.parameters()).device
    with torch.no_grad():
        parts = [
            net(normalise(torch.from_numpy(images[i : i + batch]).to(device))) for i in range(0, len(images), batch)
        ]
    columns, struck = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
    return columns, struck


def read_right(net: ReaderNet, wanted: FigureSet) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which crops a network reads right, and of which it knows whether they are struck through: bool (N,)."""
    columns, struck = outputs_of(net, wanted.images)
    texts = [best_text(one) for one in columns]
    return np.array([a == b for a, b in zip(texts, wanted.texts, strict=True)]), (struck > 0) == wanted.struck


def drawn_set(training: FigureCrops, count: int, seed: int) -> FigureSet:
    """Return drawn crops, signs without figures and clutter among them."""
    rows = [training.drawn(np.random.default_rng((seed, i))) for i in range(count)]
    return FigureSet(
        np.stack([row[0] for row in rows]), [row[1] for row in rows], np.array([row[2] for row in rows], bool)
    )


def photographed_set(found: Photographs, count: int = 1500, seed: int = 0) -> FigureSet:
    """Return photographed crops as a detector might frame them."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(found.images), min(count, len(found.images)), False, found.share / found.share.sum())
    images = [fitted(reframed(found.images[i], found.margin, rng)) for i in chosen]
    return FigureSet(np.stack(images), [found.texts[i] for i in chosen], np.array([found.struck[i] for i in chosen]))


def train_reader(plan: ReaderPlan, data: Path, out: Path, resume: bool = False) -> dict[str, Any]:
    """Train the reader and return its result: plan, metrics and history.

    Args:
        plan: How.
        data: Folder of the data sets.
        out: Folder for the checkpoint `last.pt`, `result.json` and `curves.png`.
        resume: Continue from `last.pt`.

    Raises:
        SourceError: Data, a typeface or the checkpoint is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    plain = plain_drawings(None if plan.uncatalogued is None else Path(plan.uncatalogued))
    pool = POOL if plan.limit is None else 200
    seen, clutter = photographs(data, "train", plan.limit)
    pictures = FigureCrops(FiguredSigns(open_typefaces(TRAINING)), plain, seen, clutter, plan.seed, pool)
    training = ReaderTraining(plan, out, (pictures.batch(index, plan.batch)[0] for index in range(MEASURED_BATCHES)))
    if resume:
        training.resume()
    other, other_clutter = photographs(data, "val", plan.limit)
    photographed = photographed_set(other)
    unseen = FigureCrops(
        FiguredSigns(open_typefaces(VALIDATION)), plain, seen, other_clutter, plan.seed + 1, pool // 6, strongest=2.0
    )
    drawn = drawn_set(unseen, 2000 if plan.limit is None else 100, plan.seed)
    started = time.monotonic()
    metrics: dict[str, float] = {}
    console = Console()
    while training.epoch < plan.epochs:
        loss = training.run_epoch(pictures)
        pictures.renew()
        metrics = evaluate(training.averaged, drawn, photographed)
        training.history.append({"epoch": training.epoch, "loss": loss, **metrics})
        training.save()
        console.print(
            f"epoch {training.epoch}: loss {loss:.4f}, drawn {metrics['drawn']:.2%}, photographed "
            f"{metrics['photographed']:.2%}, struck {metrics['struck']:.2%}, {time.monotonic() - started:.0f} s"
        )
    result = {
        "machine": describe_machine(plan.threads),
        "plan": asdict(plan),
        "seconds": round(time.monotonic() - started),
        "parameters": sum(p.numel() for p in training.net.parameters()),
        "metrics": metrics or evaluate(training.averaged, drawn, photographed),
        "history": training.history,
    }
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    plot_curves(
        training.history, {"loss": ["loss"], "read right": ["drawn", "photographed", "struck"]}, out / "curves.png"
    )
    return result


def evaluate(net: ReaderNet, drawn: FigureSet, photographed: FigureSet) -> dict[str, float]:
    """Return the shares that are read right, of drawings in unseen typefaces and of unseen photographs."""
    right, struck = read_right(net, drawn)
    right_photographed, struck_photographed = read_right(net, photographed)
    return {
        "drawn": float(right.mean()),
        "drawn_n": float(len(right)),
        "photographed": float(right_photographed.mean()),
        "photographed_n": float(len(right_photographed)),
        "struck": float(np.concatenate([struck, struck_photographed]).mean()),
    }
