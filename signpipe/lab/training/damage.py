"""Training the generator of damage: it must pass for damaged signs, and a classifier must still read them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN, crop_signs
from signpipe.errors import SourceError
from signpipe.lab.augmentation.worn import KINDS, wear
from signpipe.lab.data import LabelledImage
from signpipe.lab.evaluation.crop_sets import crops
from signpipe.lab.evaluation.real_hard import read_hardships
from signpipe.lab.training.averaged_run import load_same_run
from signpipe.lab.training.damage_network import Critic, DamageNet, noise_for
from signpipe.lab.training.device import mixed_precision
from signpipe.lab.training.export import load_checkpoint, save_checkpoint
from signpipe.lab.training.network import SignNet, normalise, restored
from signpipe.types import Image

REAL = {"faded": "faded", "stickered": "sticker"}  # kinds of which there are photographs, and what the table calls them
CLASS_WEIGHT = 1.0  # of reading the class beside passing for damaged
COVER_WEIGHT, MOST_COVER = 4.0, 0.3  # of covering more than so much of the crop
HARDEST = 5.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DamagePlan:
    """How the generator is trained.

    Attributes:
        steps: Of generator and critic.
        batch: Crops a step.
        rate: Of Adam, for both.
        size: Side of the crops in pixels.
        clean: Clean crops that are damaged, at most.
        seed: Of every choice.
        threads: Threads of torch.
    """

    steps: int = 1500
    batch: int = 32
    rate: float = 4e-4
    size: int = 48
    clean: int = 4000
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class DamageData:
    """What is learned from.

    Attributes:
        clean: BGR uint8 (N, S, S, 3), of training tracks that nobody found hard.
        labels: int64 (N,).
        damaged: Photographs of damaged signs by kind, of training tracks; none of the kinds that have none.
    """

    clean: Image
    labels: npt.NDArray[np.int64]
    damaged: dict[str, Image]


def load_damage_data(data: Path, plan: DamagePlan) -> DamageData:
    """Read clean and damaged crops of GTSRB's training part.

    Raises:
        SourceError: The set is missing, or has none of the damaged tracks.
    """
    hardships = read_hardships()
    plain: list[LabelledImage] = []
    damaged: dict[str, list[LabelledImage]] = {kind: [] for kind in REAL}
    for sign in crops(data, "train").images:
        hardship = hardships.get(sign.track or "")
        if hardship is None:
            plain.append(sign)
        for kind, cause in REAL.items():
            if hardship is not None and hardship.cause == cause:
                damaged[kind].append(sign)
    if not all(damaged.values()):
        raise SourceError(
            f"There are no damaged signs among the crops in {data}: the tracks of real-hard.csv are needed."
        )
    plain = plain[:: max(len(plain) // plan.clean, 1)][: plan.clean]
    labels = np.array([sign.class_ids[0] for sign in plain], np.int64)
    return DamageData(cut(plain, plan.size), labels, {kind: cut(ones, plan.size) for kind, ones in damaged.items()})


def cut(signs: list[LabelledImage], size: int) -> Image:
    """Return the crops (N, S, S, 3) of signs."""
    pictures = ((sign, sign.read()) for sign in signs)
    return np.concatenate([crop_signs(image, sign.boxes_in(image.shape), MARGIN, size) for sign, image in pictures])


class DamageTraining:
    """One training run of generator and critic.

    Args:
        plan: How.
        data: From what.
        judge: Reads signs, and stays as it is.
        out: Folder of the checkpoint.
    """

    def __init__(self, plan: DamagePlan, data: DamageData, judge: SignNet, out: Path) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.data, self.out, self.step = plan, data, out, 0
        self.judge = judge.eval().requires_grad_(False)
        self.judge.to(memory_format=torch.channels_last)
        self.generator = DamageNet().to(memory_format=torch.channels_last)
        self.critic = Critic().to(memory_format=torch.channels_last)
        self.history: list[dict[str, float]] = []
        self._optimizers = [
            torch.optim.Adam(net.parameters(), lr=plan.rate, betas=(0.5, 0.99)) for net in (self.generator, self.critic)
        ]
        self._shapes = [sign.shape for sign in load_catalogue()]

    def resume(self) -> None:
        """Go on from the last checkpoint.

        Raises:
            SourceError: There is none, or it was trained by another plan.
        """
        free = {"steps": 0, "threads": 0}  # these may change
        state = load_same_run(self.out / "last.pt", asdict(self.plan) | free, lambda state: state["plan"] | free)
        self.generator.load_state_dict(state["generator"])
        self.critic.load_state_dict(state["critic"])
        for optimizer, kept in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.history = state["step"], state["history"]

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        save_checkpoint(self.out / "last.pt", {
            "plan": asdict(self.plan), "generator": self.generator.state_dict(), "critic": self.critic.state_dict(),
            "optimizers": [one.state_dict() for one in self._optimizers], "step": self.step, "history": self.history,
        })  # fmt: skip

    def run_step(self) -> dict[str, float]:
        """Train the critic, then the generator, on one batch; return the losses."""
        rng = np.random.default_rng([self.plan.seed, self.step])
        chance = torch.Generator().manual_seed(int(rng.integers(2**31)))
        kinds = rng.integers(len(KINDS), size=self.plan.batch)
        told = F.one_hot(torch.from_numpy(kinds), len(KINDS)).float()
        severity = torch.from_numpy(rng.uniform(0.4, 1.0, self.plan.batch).astype(np.float32))
        picked = rng.integers(len(self.data.clean), size=self.plan.batch)
        clean = _tensor(self.data.clean[picked])
        labels = torch.from_numpy(self.data.labels[picked])
        real = _tensor(self._damaged(kinds, rng))
        with mixed_precision("cpu"):
            fake, cover = self.generator(clean, told, severity, noise_for(len(kinds), chance))
            on_real, on_fake = self.critic(real, told), self.critic(fake.detach(), told)
        critic_loss = (F.relu(1 - on_real.float()) + F.relu(1 + on_fake.float())).mean()
        self._take(1, critic_loss)
        with mixed_precision("cpu"):
            read = self.judge(_normalised(fake.float()).to(memory_format=torch.channels_last))[0].float()
            passes = -self.critic(fake, told).float().mean()
        class_loss = F.cross_entropy(read, labels)
        too_much = F.relu(cover.float().mean((1, 2, 3)) - MOST_COVER).mean()
        self._take(0, passes + CLASS_WEIGHT * class_loss + COVER_WEIGHT * too_much)
        self.step += 1
        right = float((read.argmax(1) == labels).float().mean())
        return {"critic": critic_loss.item(), "passes": passes.item(), "class": class_loss.item(), "right": right}

    def _take(self, which: int, loss: torch.Tensor) -> None:
        self._optimizers[which].zero_grad()
        loss.backward()
        self._optimizers[which].step()

    def _damaged(self, kinds: npt.NDArray[np.int64], rng: np.random.Generator) -> Image:
        """Return damaged signs of some kinds: photographs where there are some, else clean ones that are drawn on."""
        found = []
        for number in kinds.tolist():
            kind = KINDS[number]
            if kind in self.data.damaged:
                of_kind = self.data.damaged[kind]
                found.append(of_kind[rng.integers(len(of_kind))])
            else:
                one = int(rng.integers(len(self.data.clean)))
                shape = self._shapes[int(self.data.labels[one])]
                found.append(wear(self.data.clean[one], kind, float(rng.uniform(2, HARDEST)), rng, shape))
        return np.stack(found)


def train_damage(
    plan: DamagePlan, data: Path, weights: Path, out: Path, resume: bool, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Train the generator and return its result.

    Args:
        plan: How.
        data: Folder of the data sets.
        weights: Checkpoint of a classifier, which must go on reading the signs.
        out: Folder for the checkpoint `last.pt` and `result.json`.
        resume: Continue from `last.pt`.
        progress: Told how many steps are done, and how many there are.

    Raises:
        SourceError: Data or a checkpoint is missing.
    """
    judge = restored(load_checkpoint(weights)["averaged"])
    out.mkdir(parents=True, exist_ok=True)
    training = DamageTraining(plan, load_damage_data(data, plan), judge, out)
    if resume:
        training.resume()
    started, every = time.process_time(), max(plan.steps // 20, 1)
    while training.step < plan.steps:
        losses = training.run_step()
        if training.step % every == 0 or training.step == plan.steps:
            training.history.append({"step": training.step, **losses})
            training.save()
        progress(training.step, plan.steps)
    result = {
        "plan": asdict(plan), "seconds_of_processor": round(time.process_time() - started),
        "clean": len(training.data.clean), "damaged": {kind: len(one) for kind, one in training.data.damaged.items()},
        "parameters": sum(one.numel() for one in training.generator.parameters()), "history": training.history,
    }  # fmt: skip
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def damage_crops(net: DamageNet, images: Image, kind: str, severity: float, seed: int) -> Image:
    """Return damaged crops.

    Args:
        net: The generator.
        images: BGR uint8 (N, S, S, 3).
        kind: One of `KINDS`.
        severity: 0 (as they were) to 5.
        seed: Of the chance.
    """
    told = F.one_hot(torch.full((len(images),), KINDS.index(kind)), len(KINDS)).float()
    strength = torch.full((len(images),), severity / HARDEST)
    with torch.no_grad():
        made, _ = net.eval()(
            _tensor(images), told, strength, noise_for(len(images), torch.Generator().manual_seed(seed))
        )
    return np.asarray((made.permute(0, 2, 3, 1) * 255).round().byte().numpy(), np.uint8)


def read_generator(checkpoint: Path) -> DamageNet:
    """Return the generator of a checkpoint.

    Raises:
        SourceError: There is no such checkpoint, or it is none of a generator.
    """
    state = load_checkpoint(checkpoint)
    if "generator" not in state:
        raise SourceError(f"The checkpoint {checkpoint} is none of `signpipe train damage`.")
    net = DamageNet()
    net.load_state_dict(state["generator"])
    return net


def _tensor(images: Image) -> torch.Tensor:
    colours = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return colours.contiguous(memory_format=torch.channels_last)


def _normalised(crops_: torch.Tensor) -> torch.Tensor:
    """Return crops (N, 3, S, S) in 0..1 as the classifier takes them."""
    return normalise(crops_.permute(0, 2, 3, 1) * 255)
