"""The network of the sign detector: a cut of YOLO26, and where its weights start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ultralytics.nn.tasks import DetectionModel

from signpipe.errors import SourceError
from signpipe.lab.training.device import mixed_precision
from signpipe.lab.training.recover import read_export, unfold
from signpipe.types import SHAPES

STRIDE = 32


@dataclass(frozen=True, slots=True)
class Preset:
    """A network.

    Attributes:
        architecture: Its description.
        starts_from: Layer of YOLO26n whose weights each layer starts from.
    """

    architecture: Path
    starts_from: dict[int, int]


PRESETS = {
    "fast": Preset(
        Path(__file__).with_name("yolo26-fast.yaml"),
        {0: 0, 1: 1, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 12: 13, 15: 16, 16: 17, 18: 19, 19: 23},
    ),
    "accurate": Preset(Path(__file__).with_name("yolo26-accurate.yaml"), {layer: layer for layer in range(24)}),
}


class SignDetector(DetectionModel):  # type: ignore[misc]  # ultralytics has no types
    """The network; in training its forward pass runs in bfloat16, where that is fast, and its loss in float32.

    Attributes:
        knows_signs: Whether it started from the weights of a detector of signs.
    """

    knows_signs = False

    def predict(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Run the network on pictures float32 (N, 3, H, W) in 0..1."""
        if not self.training:
            return super().predict(x, *args, **kwargs)
        with mixed_precision(x.device.type):
            return _to_float(super().predict(x, *args, **kwargs))


def _to_float(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _to_float(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_to_float(value) for value in values]
    return values.float()


def kinds(every_kind: bool) -> tuple[str, ...]:
    """Return the names of what a detector tells apart: outlines, or nothing."""
    return SHAPES if every_kind else ("sign",)


def build_detector(
    preset: str = "fast",
    start: Path | None = None,
    pictures: Iterable[torch.Tensor] = (),
    every_kind: bool = True,
) -> SignDetector:
    """Build a network, and start it from given weights.

    Args:
        preset: A key of `PRESETS`.
        start: YOLO26n's COCO weights, taken wherever a tensor of the same shape exists; a checkpoint of an earlier
            training of the same network; or its export in float32.
        pictures: Float32 (N, 3, H, W) in 0..1: what an export's normalisations are measured on.
        every_kind: Whether it tells outlines apart.

    Raises:
        SourceError: The weights are missing.
    """
    names = kinds(every_kind)
    model = SignDetector(str(PRESETS[preset].architecture), nc=len(names), verbose=False)
    model.names = dict(enumerate(names))
    if start is None:
        return model
    if not start.is_file():
        raise SourceError(f"There are no start weights {start}; give YOLO26n's state_dict with --weights.")
    if start.suffix == ".onnx":
        unfold(model, read_export(start), pictures)
        model.knows_signs = True
        return model
    given, own = torch.load(start, weights_only=True), model.state_dict()
    if "averaged" in given:
        model.load_state_dict(given["averaged"])
        model.knows_signs = True
        return model
    for name, tensor in own.items():
        _, layer, rest = name.split(".", 2)
        weights = given.get(f"model.{PRESETS[preset].starts_from.get(int(layer), -1)}.{rest}")
        if weights is not None and weights.shape == tensor.shape:
            tensor.copy_(weights)
    return model
