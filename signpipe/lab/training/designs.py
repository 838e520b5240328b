"""Designs of what follows the classifier's residual blocks: how it finds out what is hidden and goes by the rest.

Each takes the same 6x6 features and is trained on the same crops, so that what differs is the design alone.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import framed_drawing
from signpipe.crops import MARGIN
from signpipe.lab.training.network import Block, SignNet
from signpipe.types import FloatArray

DRAWN_SIDE = 12  # pixels of the drawing that `Completed` fills in
COMPLETION_WEIGHT = 0.5  # of its loss beside the classes'

Outputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Gated(SignNet):
    """The shipped design: features of hidden places are faded out before they are pooled to 3x3 and weighed."""

    def auxiliary(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return what the design's own task costs beside the classes: nothing here."""
        return features.new_zeros(())


class Parts(Gated):
    """A bag of evidence: each place speaks for or against each class by itself, and visible places are added up.

    After bags of local features (Brendel and Bethge, ICLR 2019), but a place's word depends on where it is. As
    the evidence is a sum over places, looks can be fused place by place.
    """

    def __init__(self, classes: int = 43, dimensions: int = 128) -> None:
        super().__init__(classes, dimensions)
        large = self.gate.in_channels
        self.local = nn.Conv2d(large, dimensions, 1)
        self.place = nn.Parameter(torch.zeros(1, dimensions, 6, 6))
        self.scale = nn.Parameter(torch.ones(1, dimensions, 6, 6))
        self.embed = nn.Linear(dimensions, dimensions)
        self.prior = nn.Parameter(torch.zeros(classes + 1))

    def evidence(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map crops (N, 4, S, S) to evidence (N, 6, 6, C + 1) and logits (N, 6, 6) of what can be seen."""
        x = self.blocks(self.stem(x))
        seen = self.gate(x)[:, 0]
        local = F.relu(self.local(x) * self.scale + self.place)
        return self.head(self.dropout(F.relu(self.embed(local.permute(0, 2, 3, 1))))), seen

    def forward(self, x: torch.Tensor) -> Outputs:
        """Map crops (N, 4, S, S) to scores, features and what can be seen, as `SignNet` does."""
        evidence, seen = self.evidence(x)
        scores = (evidence * torch.sigmoid(seen)[..., None]).sum((1, 2)) / 6 + self.prior
        return scores, scores, seen


class Attended(Gated):
    """Masked attention: the places are tokens, one question attends to them, and hidden ones are hard to attend to.

    A layer of a transformer (Vaswani et al., NeurIPS 2017) whose keys are biased by what the gate takes for hidden.
    """

    def __init__(self, classes: int = 43, dimensions: int = 128) -> None:
        super().__init__(classes, dimensions)
        large = self.gate.in_channels
        self.heads = 5
        self.place = nn.Parameter(0.02 * torch.randn(1, 36, large))
        self.norm = nn.LayerNorm(large)
        self.project = nn.Linear(large, 3 * large)
        self.asked = nn.Parameter(0.02 * torch.randn(1, 8, large))
        self.keys = nn.Linear(large, 2 * large)
        self.embed = nn.Linear(8 * large, dimensions)

    def forward(self, x: torch.Tensor) -> Outputs:
        """Map crops (N, 4, S, S) to scores, features and what can be seen, as `SignNet` does."""
        x = self.blocks(self.stem(x))
        seen = self.gate(x)[:, 0]
        tokens = x.flatten(2).transpose(1, 2) + self.place
        bias = F.logsigmoid(seen).flatten(1)[:, None, None]
        asked, keys, values = self.project(self.norm(tokens)).chunk(3, 2)
        tokens = tokens + self._attend(asked, keys, values, bias)
        keys, values = self.keys(self.norm(tokens)).chunk(2, 2)
        asked = self.asked.expand(len(x), -1, -1)
        features = self.embed(self._attend(asked, keys, values, bias).flatten(1))
        return self.head(self.dropout(F.relu(features))), features, seen

    def _attend(
        self, asked: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        q, k, v = (one.unflatten(2, (self.heads, -1)).transpose(1, 2) for one in (asked, keys, values))
        weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + bias, 3)
        return (weights @ v).transpose(1, 2).flatten(2)


class EarlyGated(Gated):
    """The gate sits at 12x12 places, before the last blocks, which see what is hidden faded out and that it is."""

    def __init__(self, classes: int = 43, dimensions: int = 128) -> None:
        super().__init__(classes, dimensions)
        middle = self.blocks[3].first.in_channels
        self.look = Block(middle, 32)
        self.early = nn.Conv2d(32, 1, 1)
        self.fill = nn.Parameter(torch.zeros(1, middle, 1, 1))

    def forward(self, x: torch.Tensor) -> Outputs:
        """Map crops (N, 4, S, S) to scores, features and what can be seen, as `SignNet` does."""
        x = self.blocks[:3](self.stem(x))
        seen = self.early(self.look(x))
        visible = torch.sigmoid(seen)
        x = self.blocks[3:](x * visible + self.fill * (1 - visible))
        grid = F.avg_pool2d(x * F.avg_pool2d(visible, 2), 2).flatten(1)
        features = self.embed(grid)
        return self.head(self.dropout(F.relu(features))), features, F.avg_pool2d(seen, 2)[:, 0]


class Completed(Gated):
    """The gated design, with a further task in training: to draw the whole sign from what is seen of it."""

    def __init__(self, classes: int = 43, dimensions: int = 128) -> None:
        super().__init__(classes, dimensions)
        self.draw = nn.Sequential(nn.Linear(dimensions, 256), nn.ReLU(), nn.Linear(256, 4 * DRAWN_SIDE**2))
        self.register_buffer("drawings", torch.from_numpy(drawings()), persistent=False)

    def auxiliary(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error of the drawing, against what the target's classes look like on average."""
        shares = targets[:, :-1]
        wanted = (shares @ self.drawings) / shares.sum(1, keepdim=True).clamp(min=1e-3)
        error = ((self.draw(F.relu(features)) - wanted) ** 2).mean(1)
        return COMPLETION_WEIGHT * (error * shares.sum(1)).sum() / shares.sum().clamp(min=1)


def drawings() -> FloatArray:
    """Return the classes' drawings in the frame of a crop, float32 (C, 4 * DRAWN_SIDE²), BGRA of -1 to 1."""
    pictures = [
        cv2.resize(framed_drawing(name, 48, MARGIN), (DRAWN_SIDE, DRAWN_SIDE), interpolation=cv2.INTER_AREA)
        for name in load_catalogue().names
    ]
    return np.stack(pictures).reshape(len(pictures), -1).astype(np.float32) / np.float32(127.5) - 1


DESIGNS: dict[str, Callable[[], Gated]] = {
    "gated": Gated,
    "early gate": EarlyGated,
    "parts": Parts,
    "attention": Attended,
    "completion": Completed,
}


def take_trunk(net: SignNet, averaged: dict[str, torch.Tensor]) -> None:
    """Give a network the stem and the blocks of a trained one; all that comes after starts from chance."""
    trunk = {name: tensor for name, tensor in averaged.items() if name.startswith(("stem.", "blocks."))}
    missing = net.load_state_dict(trunk, strict=False)
    if missing.unexpected_keys:
        raise ValueError(f"The trained network has other blocks: {missing.unexpected_keys[0]}.")
