"""Designs of the classifier's head, compared at equal cost: which finds out best what is hidden, and goes by the rest.

    .venv-train/bin/python benchmarks/designs.py --data DATA --start models/classifier-fp32.onnx --out runs/designs \
        --json benchmarks/results/designs.json

Each design starts from the same trained residual blocks, everything after them from chance, and sees the same crops in
an order of its own seed, once. Judged on GTSRB's validation tracks: in plain view, hidden by the occluders of training,
by which a design is chosen, and by leaves and branches, which training never saw and by which nothing is chosen. Runs
that are done are kept in the folder and not done again.

`--trained` judges classifiers that `signpipe train classifier` made on the same crops, such as wider ones, and exports
in float32:

    .venv-train/bin/python benchmarks/designs.py --data DATA --designs --trained shipped=models/classifier-fp32.onnx \
        wider=runs/wider/last.pt both=runs/wider/last.pt+models/classifier-fp32.onnx \
        --json benchmarks/results/teaching.json

Several with a + between them are judged together, as they teach: by the mean of what they say of 6 views.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.catalogue import load_catalogue
from signpipe.crops import MARGIN
from signpipe.html.figures import new_figure, png
from signpipe.lab.augmentation import OCCLUDERS, TRAINING_OCCLUDERS, face_mask, framing
from signpipe.lab.augmentation.occluder import Occluder
from signpipe.lab.data import find_data
from signpipe.lab.evaluation.ceiling import DIFFERENCE, Ceiling
from signpipe.lab.evaluation.classification import ClassificationEvaluation
from signpipe.lab.evaluation.crop_sets import CropSet, hide_behind, load_crops
from signpipe.lab.training.calibration import calibrate
from signpipe.lab.training.classifier import ACCEPT, GATE_WEIGHT, gate_loss, outputs_of
from signpipe.lab.training.classifier_data import TrainingCrops, parts_of
from signpipe.lab.training.designs import DESIGNS, Gated, take_trunk
from signpipe.lab.training.device import mixed_precision
from signpipe.lab.training.export import load_checkpoint
from signpipe.lab.training.network import SignNet, normalise
from signpipe.lab.training.recover import MEASURED_BATCHES, trained_classifier
from signpipe.lab.training.teaching import Together
from signpipe.runtime.machine import describe_machine
from signpipe.types import FloatArray, Image
from signpipe.version import VERSION

BATCH, RATE, DECAY, WARMING = 128, 1.5e-3, 0.05, 0.05
Sets = dict[str, tuple[Image, npt.NDArray[np.int64], FloatArray]]
SIZE, OCCLUSION, SEED = 48, 0.8, 11
VIEWS = 6  # of each crop that several networks judge together
THIN = 3  # every so many validation crops
LEVELS = (0.3, 0.5, 0.7)
HELD_OUT = ("leaves", "branches")
HIDING = 3  # seed of what hides the crops that are judged
TOLD = {  # what is told of each set, by its name in a classifier's evaluation
    "right": "accuracy", "category": "category_accuracy", "wrong and sure": "sure_and_wrong", "sure": "sure",
    "calibration error": "ece",
}  # fmt: skip


def main() -> None:
    """Train, judge, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data sets; else SIGNPIPE_DATA, else ../shared/data")
    parser.add_argument("--start", type=Path, help="a trained classifier, for its blocks: checkpoint or float32 export")
    parser.add_argument("--crops", type=int, default=48_000, help="that each design sees once")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--designs", nargs="*", default=list(DESIGNS), help=f"of {', '.join(DESIGNS)}")
    parser.add_argument("--trained", nargs="+", default=[], metavar="NAME=FILE[+...]", help="judge these, too")
    parser.add_argument("--out", type=Path, default=Path("runs/designs"), help="folder of networks and of what is done")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--figure", type=Path, help="show ten signs here: what is hidden, and what each design says")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = find_data(arguments.data)
    sets = judging_sets(load_crops(data, "val", SIZE, MARGIN))
    done = compare(arguments, data, sets) if arguments.designs else {}
    trained = {
        name: judge_trained([Path(file) for file in files.split("+")], sets)
        for name, files in (one.split("=", 1) for one in arguments.trained)
    }
    if arguments.json:
        told = {
            "task": "designs", "version": VERSION, "crops": arguments.crops, "seeds": arguments.seeds,
            "designs": {name: summarise([done[f"{name}/{seed}"] for seed in arguments.seeds]) | cost(name)
                        for name in arguments.designs},
            "trained": trained,
            "machine": asdict(describe_machine()),
        }  # fmt: skip
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if arguments.figure:
        draw(
            arguments.figure, {name: load(name, arguments.seeds[0], arguments.out) for name in arguments.designs}, sets
        )


def compare(arguments: argparse.Namespace, data: Path, sets: Sets) -> dict[str, Any]:
    """Train and judge each design by each seed, unless it was done before; return what they are worth by name/seed."""
    if arguments.start is None or set(arguments.designs) - set(DESIGNS):
        raise SystemExit(f"Give --start a trained classifier, and --designs some of {', '.join(DESIGNS)}.")
    arguments.out.mkdir(parents=True, exist_ok=True)
    pool = training_pool(data, arguments.crops, arguments.out / "pool.npz")
    shown = pool[0][: MEASURED_BATCHES * BATCH].numpy()
    trunk = trained_classifier(arguments.start, np.array_split(shown, MEASURED_BATCHES)).state_dict()
    done_file = arguments.out / "done.json"
    done: dict[str, Any] = json.loads(done_file.read_text(encoding="utf-8")) if done_file.exists() else {}
    for seed in arguments.seeds:
        for name in arguments.designs:
            key = f"{name}/{seed}"
            if key not in done:
                net, seconds = train(name, seed, trunk, pool)
                torch.save(net.state_dict(), arguments.out / f"{name.replace(' ', '-')}-{seed}.pt")
                done[key] = judge(net, sets) | {"seconds": seconds}
                done_file.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
            print(key, json.dumps(done[key]), flush=True)
    return done


def judge_trained(files: Sequence[Path], sets: Sets) -> dict[str, Any]:
    """Return what a classifier is worth that was trained whole, or several together, their parameters and plans."""
    # What an export's normalisations are measured on changes nothing of what it says.
    nets = [trained_classifier(one, [sets["clean"][0][:BATCH]]) for one in files]
    kept = ("epochs", "minutes", "pictures", "rate", "occlusion", "wider")
    plans = [load_checkpoint(one)["plan"] for one in files if one.suffix != ".onnx"]
    judged = judge(nets[0] if len(nets) == 1 else Together(nets, VIEWS), sets)
    return judged | {
        "parameters": sum(p.numel() for net in nets for p in net.parameters()),
        "plans": [{key: plan.get(key) for key in kept} for plan in plans],
    }


def load(name: str, seed: int, out: Path) -> Gated:
    """Return a design that was trained before."""
    net = DESIGNS[name]()
    net.load_state_dict(torch.load(out / f"{name.replace(' ', '-')}-{seed}.pt", weights_only=True))
    net.eval()
    return net


def draw(path: Path, nets: dict[str, Gated], sets: Sets) -> None:
    """Draw ten signs that are half hidden: picture, what is hidden, what is taken for it, and what each design reads.

    What could be told is the share of the classes that the visible part of the drawing leaves, see `Ceiling`.
    """
    catalogue, ceiling = load_catalogue(), Ceiling(load_catalogue(), SIZE, MARGIN)
    rng = np.random.default_rng(4)
    picked = [
        (name, int(i)) for name in ("leaves 50%", "branches 50%") for i in rng.choice(len(sets[name][0]), 5, False)
    ]
    figure = new_figure(8, 1.3 * len(picked))
    axes = figure.subplots(len(picked), 4, width_ratios=(1, 1, 1, 3))
    for row, (name, index) in zip(axes, picked, strict=True):
        image, label, parts = sets[name][0][index], int(sets[name][1][index]), sets[name][2][index]
        visible = cv2.resize(parts[0] / np.maximum(parts[1], 1e-3), (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
        face = face_mask(catalogue[label].shape, SIZE, SIZE, MARGIN)
        told = {design: outputs_of(net, image[None]) for design, net in nets.items()}
        taken = told["gated"][2][0]
        for axis, shown in zip(row, (image[..., ::-1], np.where(face > 0, visible, 0.5), taken), strict=False):
            axis.imshow(shown, cmap="gray", vmin=0, vmax=255 if shown.dtype == np.uint8 else 1)
            axis.axis("off")
        apart = ceiling.differences(label, (visible * face)[None])[0]
        open_ = [catalogue[int(other)].name for other in np.flatnonzero(apart < DIFFERENCE)]
        lines = [f"{catalogue[label].name}; could be told" + (f" but for {', '.join(open_[:4])}" if open_ else "")]
        for design, (logits, _, _) in told.items():
            probability = np.exp(logits[0] - np.logaddexp.reduce(logits[0].astype(np.float64)))
            best = int(probability[:-1].argmax())
            lines.append(
                f"{design}: {catalogue[best].name} at {probability[best]:.2f}, cannot tell {probability[-1]:.2f}"
            )
        row[3].text(0, 0.5, "\n".join(lines), fontsize=8, va="center")
        row[3].axis("off")
    for axis, title in zip(axes[0], ("hidden", "what can be seen", "what the gate takes for it", ""), strict=True):
        axis.set_title(title, fontsize=8)
    path.write_bytes(png(figure, dpi=72))


def training_pool(data: Path, count: int, kept: Path) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the crops that all designs see, their targets and what can be seen of them, drawn once and kept."""
    if not kept.exists():
        sources = load_crops(data, "train", framing.SOURCE_SIZE, framing.SOURCE_MARGIN)
        crops = TrainingCrops(sources, count, SEED, SIZE, OCCLUSION)
        images = np.empty((count, SIZE, SIZE, 3), np.uint8)
        targets = np.empty((count, len(load_catalogue()) + 1), np.float32)
        parts = np.empty((count, 2, SIZE // 8, SIZE // 8), np.float32)
        for index in track(range(count), description="crops"):
            images[index], targets[index], parts[index] = crops[index]
        np.savez(kept, images=images, targets=targets, parts=parts)
    with np.load(kept) as pool:
        if len(pool["images"]) != count:
            raise SystemExit(f"{kept} has {len(pool['images'])} crops and not {count}; delete it or ask for as many.")
        return tuple(torch.from_numpy(pool[name]) for name in ("images", "targets", "parts"))


def train(
    name: str, seed: int, trunk: dict[str, torch.Tensor], pool: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> tuple[Gated, float]:
    """Show a design the crops once, and return it with the seconds that it took."""
    torch.manual_seed(seed)
    net = DESIGNS[name]()
    take_trunk(net, trunk)
    net = net.to(memory_format=torch.channels_last)
    for part in (net.stem, net.blocks[0]):
        part.requires_grad_(False)
    optimizer = torch.optim.AdamW((p for p in net.parameters() if p.requires_grad), RATE, weight_decay=DECAY)
    images, targets, parts = pool
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    steps = len(order) // BATCH
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, WARMING, div_factor=100)
    began = time.monotonic()
    for step in track(range(steps), description=f"{name} {seed}"):
        net.train()
        net.stem.eval()
        net.blocks[0].eval()
        chosen = order[step * BATCH : (step + 1) * BATCH]
        crops = normalise(images[chosen]).to(memory_format=torch.channels_last)
        with mixed_precision("cpu"):
            logits, features, seen = net(crops)
        loss = F.cross_entropy(logits.float(), targets[chosen]) + GATE_WEIGHT * gate_loss(seen.float(), parts[chosen])
        loss = loss + net.auxiliary(features.float(), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        rate.step()
    return net.eval(), round(time.monotonic() - began)


def judging_sets(val: CropSet) -> Sets:
    """Return crops, their classes and what can be seen of them (N, 2, 6, 6), by the name of the set."""
    some = CropSet(val.images[::THIN], val.labels[::THIN], val.backgrounds)
    nothing = np.zeros((0, 2, 6, 6), np.float32)
    sets = {"clean": (some.images, some.labels, nothing)}
    sets |= {f"training {level:.0%}": hidden(some, TRAINING_OCCLUDERS, level) for level in LEVELS}
    sets |= {f"{name} {level:.0%}": hidden(some, [OCCLUDERS[name]], level) for name in HELD_OUT for level in LEVELS}
    return sets | {"backgrounds": (val.backgrounds, np.full(len(val.backgrounds), -1, np.int64), nothing)}


def hidden(
    crops: CropSet, occluders: Sequence[Occluder], share: float
) -> tuple[Image, npt.NDArray[np.int64], FloatArray]:
    """Hide a share of each crop behind one occluder after the other."""
    catalogue = load_catalogue()
    images, visible = zip(*hide_behind(crops, occluders, share, seed=HIDING), strict=True)
    faces = [face_mask(catalogue[int(label)].shape, SIZE, SIZE, MARGIN) for label in crops.labels]
    parts = [np.stack([parts_of(seen), parts_of(face)]) for seen, face in zip(visible, faces, strict=True)]
    return np.stack(images), crops.labels, np.stack(parts)


def judge(net: SignNet | Together, sets: Sets) -> dict[str, float]:
    """Return how a design reads each set, calibrated as the shipped classifier is, and how it knows what is hidden."""
    told = {name: outputs_of(net, images) for name, (images, _, _) in sets.items()}
    training = [name for name in sets if name.startswith("training")]
    labels = np.concatenate([sets[name][1] for name in training])
    calibration = calibrate(
        told["clean"][0], sets["clean"][1], np.concatenate([told[name][0] for name in training]), labels,
        told["backgrounds"][0],
    )  # fmt: skip
    result: dict[str, float] = {}
    for name, (_, truth, parts) in sets.items():
        if name == "backgrounds":
            continue
        logits, _, visible = told[name]
        worth = ClassificationEvaluation(calibration.probability(logits), truth, load_catalogue()).summary(ACCEPT)
        result |= {f"{name} {what}": float(worth[key]) for what, key in TOLD.items()}
        if name != "clean":
            result[f"{name} hidden IoU"] = hidden_iou(visible, parts)
    return {name: round(value, 5) for name, value in result.items()}


def hidden_iou(told: FloatArray, parts: FloatArray) -> float:
    """Return the IoU of the places that are taken for hidden with those that are, weighted by the face in each."""
    visible, face = parts[:, 0], parts[:, 1]
    truth, said = visible < face / 2, told < 0.5
    return float(((truth & said) * face).sum() / max(((truth | said) * face).sum(), 1e-6))


def summarise(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the mean over seeds and the largest difference between two of them."""
    return {
        "mean": {name: round(float(np.mean([run[name] for run in runs])), 5) for name in runs[0]},
        "spread": {name: round(float(np.ptp([run[name] for run in runs])), 5) for name in runs[0]},
    }


def cost(name: str, rounds: int = 40) -> dict[str, float]:
    """Return parameters, and the median time of eight crops against that of the shipped design in the same run."""
    nets = {kind: DESIGNS[kind]().eval() for kind in ("gated", name)}
    crops = torch.zeros((8, SIZE, SIZE, 3), dtype=torch.uint8)
    times: dict[str, list[float]] = {kind: [] for kind in nets}
    with torch.no_grad():
        for _ in range(rounds):
            for kind, net in nets.items():
                began = time.perf_counter()
                net(normalise(crops))
                times[kind].append(time.perf_counter() - began)
    ratio = float(np.median(times[name]) / np.median(times["gated"]))
    return {"parameters": sum(p.numel() for p in nets[name].parameters()), "time": round(ratio, 3)}


if __name__ == "__main__":
    main()
