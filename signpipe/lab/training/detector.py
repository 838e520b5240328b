"""Training the sign detector through ultralytics, on tiles of many scales.

Left to itself, ultralytics trains on a CPU in float32 and in the slow memory format, on whole pictures, and stores
pickled models. Here the forward pass runs in bfloat16 and channels-last (4 times as fast), the pictures are `Tiles`,
validation is on whole scenes at full resolution, and checkpoints hold nothing but tensors and numbers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.data import DataLoader
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER

from signpipe.errors import SourceError
from signpipe.lab.augmentation.pasting import Drawings
from signpipe.lab.data.uncatalogued import read_drawings
from signpipe.lab.evaluation.crop_sets import scenes
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.training.detector_data import Piece, Source, Tiles, known_mistakes, load_training, training_sets
from signpipe.lab.training.detector_network import PRESETS, STRIDE, SignDetector, build_detector, kinds
from signpipe.lab.training.device import Device
from signpipe.lab.training.export import save_checkpoint
from signpipe.lab.training.judge import LOWEST_SCORE, Detector, judge, pad_to_stride
from signpipe.lab.training.report import describe_machine, plot_curves
from signpipe.types import Detections, Image

HARD = 0.25  # score from which a false alarm in a training scene is a hard negative


@dataclass(frozen=True, slots=True)
class DetectorPlan:
    """How a detector is trained.

    Attributes:
        preset: Which network, a key of `PRESETS`.
        epochs: Rounds of `tiles` tiles each; a checkpoint follows every round.
        minutes: Time to train; overrides `epochs`, and makes the result depend on the machine's speed.
        tiles: Tiles per round.
        batch: Tiles per step.
        size: Side of a tile in pixels.
        rate: Peak learning rate of AdamW.
        seed: Seed of every choice.
        threads: Threads of torch.
        device: Where torch computes.
        validate_every: Rounds between validations.
        mine_every: Rounds between looks for hard negatives in the training scenes; a detector that is trained on is
            looked at first of all.
        limit: Read only so many scenes of each set; for a trial.
        drawings: Folder of drawings of the world's signs to paste into scenes, see `signpipe.lab.data.uncatalogued`.
        every_kind: Whether it learns to find signs of every kind and to tell their outlines, or only to find those of
            the catalogue's classes.
    """

    preset: str = "fast"
    epochs: int = 30
    minutes: float | None = None
    tiles: int = 320
    batch: int = 8
    size: int = 640
    rate: float = 1.5e-3
    seed: int = 0
    threads: int = 2
    device: Device = "cpu"
    validate_every: int = 10
    mine_every: int = 10
    limit: int | None = None
    drawings: str | None = None
    every_kind: bool = True


def collate(items: list[Piece]) -> dict[str, Any]:
    """Put tiles into the batch that ultralytics' loss expects: RGB, and boxes as fractions, centre and size."""
    images = np.stack([item.image for item in items])
    size = images.shape[1]
    boxes = np.concatenate([item.boxes for item in items]) / size
    centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
    index = np.concatenate([np.full(len(item.boxes), i, np.float32) for i, item in enumerate(items)])
    shapes = np.concatenate([item.shapes for item in items]).astype(np.float32)
    return {
        "img": torch.from_numpy(images).flip(3).permute(0, 3, 1, 2),
        "bboxes": torch.from_numpy(centred.astype(np.float32)),
        "cls": torch.from_numpy(shapes)[:, None],
        "batch_idx": torch.from_numpy(index),
    }


class TileTraining(DetectionTrainer):  # type: ignore[misc]  # ultralytics has no types
    """ultralytics' training loop with our data, validation and checkpoints."""

    def __init__(self, plan: DetectorPlan, data: Path, coco: Path, out: Path, resume: bool) -> None:
        self.plan = plan
        self.coco = coco
        self.history: list[dict[str, float]] = []
        self.checkpoint = torch.load(out / "last.pt", map_location=plan.device, weights_only=True) if resume else None
        limit = plan.limit
        self.val_scenes = scenes(data, "gtsdb", "val").images[:limit]
        self.sources = load_training(data, limit, plan.every_kind)
        others = read_drawings(Path(plan.drawings)) if plan.drawings else {}
        self.tiles = Tiles(self.sources, 10**9, plan.seed, plan.size, Drawings(others))
        self.mined = [source for source in self.sources if source.mined]
        self.tiles.mistakes = known_mistakes(self.mined)
        super().__init__(
            overrides={
                "model": str(PRESETS[plan.preset].architecture), "task": "detect", "device": plan.device,
                "seed": plan.seed,
                "epochs": plan.epochs, "time": plan.minutes and plan.minutes / 60, "imgsz": plan.size,
                "batch": plan.batch, "nbs": plan.batch, "optimizer": "AdamW", "lr0": plan.rate, "lrf": 0.02,
                "cos_lr": True, "momentum": 0.9, "weight_decay": 0.01, "warmup_epochs": 1.5, "warmup_bias_lr": 0.0,
                "close_mosaic": 0, "deterministic": False, "amp": False, "plots": False, "patience": 0,
                "verbose": False, "project": str(out.parent.resolve()), "name": out.name, "exist_ok": True,
            }
        )  # fmt: skip
        torch.set_num_threads(plan.threads)
        self.out = out
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.add_callback("on_train_start", lambda trainer: trainer._mine_first())
        self.add_callback("on_train_start", lambda trainer: trainer._start_progress())
        self.add_callback("on_train_batch_end", lambda trainer: trainer.progress.advance(trainer.task))

    def _mine_first(self) -> None:
        if self.checkpoint is None and self.model.knows_signs:
            self._mine()

    def _mine(self) -> None:
        """Look for what the detector, as it is now, takes for signs in the training scenes."""
        self.tiles.mistakes = known_mistakes(self.mined) + mine(torch_detector(self.ema.ema), self.mined)

    def _start_progress(self) -> None:
        done = self.start_epoch * len(self.train_loader)
        self.task = self.progress.add_task("detector", total=self.epochs * len(self.train_loader), completed=done)

    def get_dataset(self) -> dict[str, Any]:
        """Describe the data to ultralytics."""
        names = kinds(self.plan.every_kind)
        return {"nc": len(names), "names": dict(enumerate(names)), "channels": 3, "train": "train", "val": "val"}

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:  # noqa: ARG002
        """Return the tiles; each round draws new ones."""
        if mode == "val":
            return DataLoader(self.val_scenes, collate_fn=list)
        return _Rounds(self)

    def _build_train_pipeline(self) -> None:
        # The direct base wants to count the boxes of a labelled data set; tiles have none until they are drawn.
        super(DetectionTrainer, self)._build_train_pipeline()

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> SignDetector:  # noqa: ARG002
        """Return the network in the fast memory format."""
        pictures = self._first_tiles(16) if self.coco.suffix == ".onnx" else ()
        model: SignDetector = build_detector(self.plan.preset, self.coco, pictures, self.plan.every_kind).to(
            memory_format=torch.channels_last
        )
        return model

    def _first_tiles(self, batches: int) -> Iterator[torch.Tensor]:
        """Yield some batches of tiles, float32 (B, 3, S, S)."""
        size = self.plan.batch
        for start in range(0, batches * size, size):
            yield collate([self.tiles[index] for index in range(start, start + size)])["img"].float() / 255

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Scale pictures to 0..1 in the fast memory format."""
        batch = {key: value.to(self.device) for key, value in batch.items()}
        batch["img"] = (batch["img"].float() / 255).to(memory_format=torch.channels_last)
        if not self.plan.every_kind:
            batch["cls"] = torch.zeros_like(batch["cls"])
        return batch

    def validate(self) -> tuple[dict[str, float], float]:
        """Measure on the whole validation scenes, now and then; the last round's weights are the result."""
        row = {"epoch": self.epoch + 1, **{key: float(value) for key, value in self.tloss.items()}}
        final = self.stop or self.epoch + 1 >= self.epochs
        if final or (self.epoch + 1) % self.plan.validate_every == 0:
            result = judge(torch_detector(self.ema.ema), self.val_scenes)
            row |= {"ap50": result.ap50, "ap50_95": result.ap50_95, "recall": result.recall(result.score_at(0.1))}
        if not final and (self.epoch + 1) % self.plan.mine_every == 0:
            self._mine()
            row["mistakes"] = len(self.tiles.mistakes)
        self.history.append(row)
        self.progress.console.print(", ".join(f"{key} {value:.4g}" for key, value in row.items()))
        return {}, row.get("ap50", 0.0)

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Leave the history to `result.json`."""

    def save_model(self) -> bool:
        """Write the checkpoint; the old one stays until the new one is whole."""
        state = {
            "plan": asdict(self.plan),
            "model": self.model.state_dict(),
            "averaged": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch + 1,
            "history": self.history,
            "mistakes": self.tiles.mistakes,
        }
        save_checkpoint(self.out / "last.pt", state)
        return True

    def resume_training(self, ckpt: Any) -> None:  # noqa: ARG002
        """Take up weights, averages, optimiser and epoch from our own checkpoint."""
        if self.checkpoint is None:
            return
        self.model.load_state_dict(self.checkpoint["model"])
        self.ema.ema.load_state_dict(self.checkpoint["averaged"])
        self.ema.updates = self.checkpoint["updates"]
        self.optimizer.load_state_dict(self.checkpoint["optimizer"])
        self.start_epoch, self.history = self.checkpoint["epoch"], self.checkpoint["history"]
        self.tiles.mistakes = self.checkpoint["mistakes"]
        self.model.criterion = self.model.init_criterion()
        self.model.criterion.updates = self.start_epoch - 1
        self.model.criterion.update()

    def final_eval(self) -> None:
        """Nothing is left to do: the last round was validated."""


class _Rounds:
    """The tiles of one round as ultralytics sees them: every pass over it starts where the last one ended."""

    def __init__(self, trainer: TileTraining) -> None:
        self.dataset = range(trainer.plan.tiles)
        self.num_workers = 1
        self._trainer = trainer

    def __len__(self) -> int:
        return self._trainer.plan.tiles // self._trainer.plan.batch

    def __iter__(self) -> Any:
        plan = self._trainer.plan
        start = self._trainer.epoch * plan.tiles
        part = torch.utils.data.Subset(self._trainer.tiles, range(start, start + len(self) * plan.batch))
        return iter(DataLoader(part, plan.batch, num_workers=1, prefetch_factor=3, collate_fn=collate))

    @property
    def sampler(self) -> range:
        return self.dataset

    @property
    def batch_size(self) -> int:
        return self._trainer.plan.batch

    @property
    def drop_last(self) -> bool:
        return True


def torch_detector(model: SignDetector) -> Detector:
    """Return a function that detects in a BGR picture with the network as it is, in float32."""
    model.eval()
    model.end2end = True
    device = next(model.parameters()).device

    def detect(image: Image) -> Detections:
        rgb = torch.from_numpy(np.ascontiguousarray(pad_to_stride(image, STRIDE)[..., ::-1]))
        pictures = (rgb.permute(2, 0, 1)[None].to(device).float() / 255).to(memory_format=torch.channels_last)
        with torch.no_grad():
            rows = model(pictures)[0][0].cpu().numpy()
        rows = rows[rows[:, 4] >= LOWEST_SCORE]
        return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.uint8))

    return detect


def mine(detect: Detector, sources: Sequence[Source]) -> list[tuple[int, float, float]]:
    """Return where the detector sees signs in training scenes and none are: source, and middle of the box as x, y."""
    mistakes = []
    for index, source in enumerate(sources):
        found = detect(source.image)
        found = found[np.flatnonzero(found.score >= HARD)]
        middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
        on_sign = box_iou(found.xyxy, source.boxes).max(1, initial=0.0) > 0.1
        mistakes += [(index, float(x), float(y)) for x, y in middle[~on_sign]]
    return mistakes


def train_detector(plan: DetectorPlan, data: Path, coco: Path, out: Path, resume: bool = False) -> dict[str, Any]:
    """Train the detector and return its result: plan, metrics and history.

    Args:
        plan: How.
        data: Folder of the data sets.
        coco: YOLO26n's weights as a state dict.
        out: Folder for the checkpoint `last.pt`, `result.json` and `curves.png`.
        resume: Continue from `last.pt`.

    Raises:
        SourceError: Data, weights or the checkpoint is missing.
    """
    LOGGER.setLevel("WARNING")
    out.mkdir(parents=True, exist_ok=True)
    if resume and not (out / "last.pt").is_file():
        raise SourceError(f"There is no checkpoint {out / 'last.pt'} to resume from; train without --resume.")
    started = time.monotonic()
    training = TileTraining(plan, data, coco, out, resume)
    with training.progress:
        training.train()
    result = {
        "machine": describe_machine(plan.threads),
        "data": {
            **{name: part.digest() for name, part in training_sets(data, plan.every_kind).items()},
            "start_weights": coco.name,
        },
        "plan": asdict(plan),
        "seconds": round(time.monotonic() - started),
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "metrics": training.history[-1],
        "history": training.history,
    }
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    losses = [key for key in training.history[0] if key.endswith("loss")]
    plot_curves(training.history, {"loss": losses, "validation": ["ap50", "ap50_95", "recall"]}, out / "curves.png")
    return result
