"""Training the sign classifier: AdamW on one cycle, averaged weights, soft targets where a sign is hidden."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.nn import functional as F  # noqa: N812  # torch's own convention
from torch.utils.data import DataLoader, Subset

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN
from signpipe.lab.augmentation import framing
from signpipe.lab.augmentation.lettering import TRAINING, open_typefaces
from signpipe.lab.evaluation.classification import expected_calibration_error, roc_auc
from signpipe.lab.evaluation.crop_sets import CropSet, crops, hide_crops, load_crops, without
from signpipe.lab.training.averaged_run import AveragedRun
from signpipe.lab.training.calibration import calibrate, energy_of
from signpipe.lab.training.classifier_data import FOLLOWED, LETTERED, TrainingCrops
from signpipe.lab.training.device import Device, mixed_precision
from signpipe.lab.training.embedding import Proxies
from signpipe.lab.training.embedding_data import BESIDE, EmbeddingCrops
from signpipe.lab.training.embedding_sources import read_sources
from signpipe.lab.training.network import SignNet, normalise
from signpipe.lab.training.pool import Pool
from signpipe.lab.training.recover import MEASURED_BATCHES, trained_classifier
from signpipe.lab.training.relight import relit
from signpipe.lab.training.report import describe_machine, plot_curves
from signpipe.lab.training.reviewed import with_reviewed
from signpipe.lab.training.teaching import EMBEDDING_WEIGHT, Teacher, Together, grow, widths_of
from signpipe.settings import FallbackSettings
from signpipe.types import FloatArray, Image

ACCEPT = FallbackSettings().accept
GATE_WEIGHT = 0.3  # of the gate's loss beside the classes'
LOOK_WEIGHT = 0.4  # usual weight of the embedding's loss beside the classes'
PROXY_RATE = 4.0  # rate of the proxies beside that of the network
THIN = 3  # only every so many validation crops are looked at after a round; `signpipe export` looks at all
POOLED = ("seed", "size", "occlusion", "reviewed", "limit", "leave_out", "drawings", "beside")  # what crops depend on
WARMING = 0.05  # share of the training in which the rate rises


@dataclass(frozen=True, slots=True)
class ClassifierPlan:
    """How a classifier is trained.

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
        size: Side of the crops in pixels.
        occlusion: Share of the signs that are partly hidden.
        reviewed: Review queue, or crops exported from it, whose labelled signs are learned too, never validated with.
        start: Earlier checkpoint whose averaged weights the network starts from, or an export in float32; else chance.
        wider: How many times as wide the network is as the shipped one, to be a teacher; it starts from what
            `start` says whatever the width of that.
        teachers: Checkpoints of other classifiers, larger or several, that the network learns from beside the targets;
            or their exports in float32.
        limit: Read only about so many crops; for a trial.
        leave_out: Names of classes that the network may learn nothing of; its outputs for them stay.
        drawings: Folder of drawings of the world's signs, see `signpipe.lab.training.looks`. With it the embedding
            learns to tell all of them and the photographs of other sets apart, and what is no sign from them.
        beside: Share of the crops that show something else than the base classes, where there are drawings.
        embedding: Weight of the embedding's loss beside the classes', where there are drawings. Without it, what is
            shown beside the base classes is learned as "cannot tell" alone.
        pool: Make so many crops once and learn from them in one pass after another, see `Pool`; 0 makes new ones all
            the time.
        minutes: Train for so long, however many rounds that makes; the rate falls with the time.
    """

    epochs: int = 24
    pictures: int = 40960
    batch: int = 128
    rate: float = 3e-3
    decay: float = 0.05
    average: float = 0.998
    seed: int = 0
    threads: int = 2
    device: Device = "cpu"
    size: int = 48
    occlusion: float = 0.6
    reviewed: str | None = None
    start: str | None = None
    wider: int = 1
    teachers: tuple[str, ...] = ()
    limit: int | None = None
    leave_out: tuple[str, ...] = ()
    drawings: str | None = None
    beside: float = BESIDE
    embedding: float = LOOK_WEIGHT
    pool: int = 0
    minutes: float | None = None


def plan_of(state: dict[str, Any]) -> ClassifierPlan:
    """Return the plan that a checkpoint was trained by; it had the defaults of settings that came up later."""
    dropped = ("outside", "uncatalogued", "teacher")  # the last in favour of `teachers`; nothing shipped had one
    plan = {name: value for name, value in state["plan"].items() if name not in dropped}
    return ClassifierPlan(**plan | {name: tuple(plan.get(name, ())) for name in ("leave_out", "teachers")})


class ClassifierTraining(AveragedRun[SignNet]):
    """One training run of the classifier, with the proxies of its embedding."""

    def __init__(
        self,
        plan: ClassifierPlan,
        out: Path,
        shared: npt.NDArray[np.bool_] | None = None,
        crops: Iterable[Image] = (),
    ) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan = plan
        net = SignNet(widths=widths_of(plan.wider))
        shown, *to_teachers = tee(crops, 1 + len(plan.teachers))  # nothing is made of them until an export needs it
        if plan.start is not None:
            net = grow(trained_classifier(Path(plan.start), shown), net.widths, net.depth)
        net = net.to(plan.device, memory_format=torch.channels_last)
        super().__init__(net, plan.average, plan.pictures // plan.batch, out)
        teachers = [trained_classifier(Path(one), seen) for one, seen in zip(plan.teachers, to_teachers, strict=True)]
        self.teacher = Teacher(teachers, plan.device) if teachers else None
        self.light = torch.Generator().manual_seed(plan.seed)
        self.proxies = Proxies(np.zeros((0, 0), bool) if shared is None else shared, self.net.embed.out_features).to(
            plan.device
        )
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.net.parameters(), "weight_decay": plan.decay, "share": 1.0},
                {"params": self.proxies.parameters(), "weight_decay": 0.0, "share": PROXY_RATE},
            ]
        )
        # What the first layers see in a sign is the same for any sign: what a start brings is kept, which saves time.
        keep = plan.start is not None and plan.drawings and plan.embedding
        self.frozen = [self.net.stem, self.net.blocks[0]] if keep else []
        for part in self.frozen:
            part.requires_grad_(False)
        self.seconds = 0.0

    def _set_rate(self, done: float) -> None:
        """Set the learning rate where a share of the training is done: up in a straight line, then down a cosine."""
        rate = self.plan.rate * min(done / WARMING, 1.0) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 1e-7) * group["share"]

    @property
    def done(self) -> float:
        """The share of the training that is done, by time where the plan says how long, else by rounds."""
        minutes = self.plan.minutes
        return self.seconds / (60 * minutes) if minutes else self.epoch / self.plan.epochs

    def resume(self) -> None:
        """Continue from the last checkpoint.

        Raises:
            SourceError: There is no checkpoint, or it was trained by another plan.
        """
        # These may change: the rest of the cycle is fitted to the new length.
        free = {"threads": 0, "epochs": 0, "minutes": 0.0}
        state = self.take_up(asdict(self.plan) | free, lambda state: asdict(plan_of(state)) | free)
        self.proxies.load_state_dict(state["proxies"])
        self.seconds = state["seconds"]

    def place_proxies(self, pictures: EmbeddingCrops) -> None:
        """Put each look's proxy where the network sees its pictures before it is trained."""
        images, looks = pictures.first_views()
        features = torch.from_numpy(outputs_of(self.net, images)[1]).to(self.plan.device)
        with torch.no_grad():
            for look in np.unique(looks):
                of_look = torch.nn.functional.normalize(features[looks == look], dim=1)
                self.proxies.points[look] = torch.nn.functional.normalize(of_look.mean(0), dim=0)

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        self.write(asdict(self.plan), proxies=self.proxies.state_dict(), seconds=self.seconds)

    def run_epoch(self, data: TrainingCrops | EmbeddingCrops | Pool, progress: Progress) -> float:
        """Train one round and return its mean loss."""
        self.net.train()
        for part in self.frozen:
            part.eval()
        start = self.epoch * self.plan.pictures
        chosen = Subset(data, range(start, start + self.steps * self.plan.batch))
        task = progress.add_task(f"epoch {self.epoch + 1}", total=self.steps)
        total, before, began = 0.0, self.done, time.monotonic()
        seconds = self.seconds
        for step, (images, targets, parts, *looks) in enumerate(
            DataLoader(chosen, self.plan.batch, num_workers=1, prefetch_factor=4)
        ):
            self.seconds = seconds + time.monotonic() - began
            self._set_rate(self.done if self.plan.minutes else before + step / self.steps / self.plan.epochs)
            total += self._step(images, targets, parts, looks[0] if looks else None)
            progress.update(task, advance=1)
            if self.plan.minutes and self.done >= 1:
                break
        progress.remove_task(task)
        self.epoch += 1
        return total / (step + 1)

    def _step(
        self, images: torch.Tensor, targets: torch.Tensor, parts: torch.Tensor, looks: torch.Tensor | None
    ) -> float:
        """Take one step and return its loss."""
        device = self.plan.device
        crops = normalise(relit(images, self.light).to(device)).to(memory_format=torch.channels_last)
        with mixed_precision(device):
            logits, features, seen = self.net(crops)
        if self.teacher is None:
            loss = F.cross_entropy(logits.float(), targets.to(device))
        else:
            said, known = self.teacher.losses(crops, logits.float(), features.float(), targets.to(device))
            loss = said.mean() + EMBEDDING_WEIGHT * known.mean()
        loss = loss + GATE_WEIGHT * gate_loss(seen.float(), parts.to(device))
        if looks is not None and self.plan.embedding:
            loss = loss + self.plan.embedding * self.proxies(features.float(), looks.to(device))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.averages.update_parameters(self.net)
        return float(loss.item())


def first_crops(pictures: TrainingCrops | EmbeddingCrops, batch: int) -> Iterator[Image]:
    """Yield the first batches of training pictures, BGR uint8 (B, S, S, 3), which an export is measured on."""
    for start in range(0, min(MEASURED_BATCHES * batch, len(pictures)), batch):
        yield np.stack([pictures[index][0] for index in range(start, start + batch)])


def gate_loss(seen: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    """Return how badly the gate knows what is hidden: cross entropy over the parts of the crops that show the face.

    Args:
        seen: Logits (N, H, W) of the gate.
        parts: Shares (N, 2, H, W): of the visible face, and of the face, in each part.
    """
    visible, face = parts[:, 0], parts[:, 1]
    share = (visible / face.clamp(min=1e-3)).clamp(max=1)
    return (F.binary_cross_entropy_with_logits(seen, share, reduction="none") * face).sum() / face.sum().clamp(min=1)


def logits_of(net: SignNet, images: Image, batch: int = 256) -> FloatArray:
    """Return float32 (N, C + 1) scores of crops BGR uint8 (N, S, S, 3)."""
    return outputs_of(net, images, batch)[0]


def outputs_of(net: SignNet | Together, images: Image, batch: int = 256) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return scores (N, C + 1), features (N, D) and visible shares (N, P, P), float32, of crops uint8 (N, S, S, 3)."""
    net.eval()
    device = next(net.parameters()).device
    pieces = (torch.from_numpy(images[i : i + batch]).to(device) for i in range(0, len(images), batch))
    with torch.no_grad():
        parts = [net(normalise(piece)) for piece in pieces]
    logits, features, seen = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
    return logits.float().numpy(), features.float().numpy(), torch.sigmoid(seen.float()).numpy()


def evaluate(net: SignNet, val: CropSet, hidden: CropSet) -> dict[str, float]:
    """Return metrics on validation, calibrated on it.

    Args:
        net: The network.
        val: Clean crops, and crops without a sign.
        hidden: Crops that are partly hidden.
    """
    logits, backgrounds = logits_of(net, val.images), logits_of(net, val.backgrounds)
    hidden_logits = logits_of(net, hidden.images)
    calibration = calibrate(logits, val.labels, hidden_logits, hidden.labels, backgrounds)
    energy, background_energy = energy_of(logits), energy_of(backgrounds)
    sure_backgrounds = calibration.probability(backgrounds).max(1) >= ACCEPT
    metrics = _of_crops(calibration.probability(logits), val.labels)
    metrics |= {f"hidden_{k}": v for k, v in _of_crops(calibration.probability(hidden_logits), hidden.labels).items()}
    return metrics | {
        "background_n": float(len(backgrounds)),
        "background_auroc": roc_auc(background_energy, energy),
        "background_accepted": float(sure_backgrounds.mean()),
    }


def _of_crops(probability: FloatArray, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    right, sure = probability.argmax(1) == labels, probability.max(1) >= ACCEPT
    return {
        "n": float(len(labels)),
        "accuracy": float(right.mean()),
        "mean_recall": float(np.mean([right[labels == c].mean() for c in np.unique(labels)])),
        "ece": expected_calibration_error(probability, labels),
        "accepted": float(sure.mean()),
        "wrong_though_accepted": float((sure & ~right).mean()),
    }


def train_classifier(plan: ClassifierPlan, data: Path, out: Path, resume: bool = False) -> dict[str, Any]:
    """Train the classifier and return its result: plan, metrics and history.

    Args:
        plan: How.
        data: Folder of the data sets.
        out: Folder for the checkpoint `last.pt`, `result.json` and `curves.png`.
        resume: Continue from `last.pt`.

    Raises:
        SourceError: Data or the checkpoint is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures, shared = _training_pictures(plan, data, out)
    val = without(load_crops(data, "val", plan.size, MARGIN, plan.limit), _ids(plan.leave_out))
    if plan.drawings:
        val = CropSet(val.images[::THIN], val.labels[::THIN], val.backgrounds[::THIN])
    hidden = hide_crops(val, every=4)
    training = ClassifierTraining(plan, out, shared, first_crops(pictures, plan.batch))
    if resume:
        training.resume()
    elif isinstance(pictures, EmbeddingCrops):
        training.place_proxies(pictures)
    shown = _pool_of(plan, pictures, out) if plan.pool else pictures
    started = time.monotonic()
    metrics: dict[str, float] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        while training.done < 1:
            loss = training.run_epoch(shown, progress)
            metrics = evaluate(training.averaged, val, hidden)
            training.history.append({"epoch": training.epoch, "loss": loss, **metrics})
            training.save()
            progress.console.print(
                f"epoch {training.epoch}: loss {loss:.4f}, accuracy {metrics['accuracy']:.4%}, partly hidden "
                f"{metrics['hidden_accuracy']:.2%}, AUROC {metrics['background_auroc']:.4f}"
            )
    if not metrics:
        metrics = evaluate(training.averaged, val, hidden)
    result = {
        "machine": describe_machine(plan.threads),
        "data": {"gtsrb": crops(data, "train").digest()},
        "plan": asdict(plan),
        "seconds": round(time.monotonic() - started),
        "parameters": sum(p.numel() for p in training.net.parameters()),
        "metrics": metrics,
        "history": training.history,
    }
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    plot_curves(
        training.history,
        {"loss": ["loss"], "accuracy": ["accuracy", "mean_recall", "hidden_accuracy"]},
        out / "curves.png",
    )
    return result


def _training_pictures(
    plan: ClassifierPlan, data: Path, out: Path
) -> tuple[TrainingCrops | EmbeddingCrops, npt.NDArray[np.bool_] | None]:
    """Return what is learned from, and which looks of the embedding share a meaning, if there are drawings."""
    sources = load_crops(data, "train", framing.SOURCE_SIZE, framing.SOURCE_MARGIN, plan.limit)
    if plan.reviewed:
        sources = with_reviewed(sources, Path(plan.reviewed), framing.SOURCE_MARGIN)
    length = plan.epochs * plan.pictures if plan.minutes is None else 10**9
    left_out = _ids(plan.leave_out)
    if not plan.drawings:
        return TrainingCrops(sources, length, plan.seed, plan.size, plan.occlusion, left_out), None
    typefaces = open_typefaces(TRAINING)
    pictures = TrainingCrops(sources, length, plan.seed, plan.size, plan.occlusion, left_out, typefaces)
    beside = read_sources(Path(plan.drawings), data, out, typefaces)
    return EmbeddingCrops(pictures, beside, plan.beside), beside.looks.shared


def _pool_of(plan: ClassifierPlan, pictures: TrainingCrops | EmbeddingCrops, out: Path) -> Pool:
    """Return the pool of a training, made by whatever its pictures depend on."""
    identity = {name: getattr(plan, name) for name in POOLED} | {"followed": FOLLOWED, "lettered": LETTERED}
    return Pool(out / "pool", pictures, plan.pool, identity, plan.seed)


def _ids(names: tuple[str, ...]) -> list[int]:
    return [load_catalogue().names.index(name) for name in names]
