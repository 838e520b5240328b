"""The sign classifier: a small residual network (He et al., 2016) with a gate for what is hidden."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.lab.training.calibration import Calibration
from signpipe.lab.training.convolution import Conv3x3
from signpipe.lab.training.familiarity import DOUBT, HIDDEN, Familiarity

WIDTHS = (32, 64, 160)  # channels of the shipped network at 24, 12 and 6 pixels
DEPTH = 3  # blocks of the shipped network at 6 pixels; those before are three


class Block(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Two 3x3 convolutions with a shortcut; a stride of 2 halves the resolution."""

    def __init__(self, channels_in: int, channels: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__()
        self.first = Conv3x3(channels_in, channels, stride)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = Conv3x3(channels, channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        y = F.relu(self.norm1(self.first(x)))
        return F.relu(self.norm2(self.second(y)) + self.shortcut(x))


class SignNet(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Class scores and an embedding from normalised crops.

    A gate judges from the features at 6x6 places how much of the sign can be seen there, and features of hidden places
    are faded out before they are pooled. It is trained on what the occluders really hid.

    Args:
        classes: Number of classes; one more score says "cannot tell".
        dimensions: Length of the embedding.
        widths: Channels at 24, 12 and 6 pixels; multiples of 32, others train many times slower in bfloat16.
        depth: Blocks at 6 pixels.
    """

    def __init__(
        self, classes: int = 43, dimensions: int = 128, widths: tuple[int, int, int] = WIDTHS, depth: int = DEPTH
    ) -> None:
        super().__init__()
        self.widths, self.depth = widths, depth
        small, middle, large = widths
        self.stem = nn.Sequential(nn.Conv2d(4, small, 5, 2, 2, bias=False), nn.BatchNorm2d(small), nn.ReLU())
        self.blocks = nn.Sequential(
            Block(small, small),
            Block(small, middle, 2),
            Block(middle, middle),
            Block(middle, large, 2),
            *(Block(large, large) for _ in range(depth - 1)),
        )
        self.gate = nn.Conv2d(large, 1, 1)
        self.embed = nn.Linear(large * 9, dimensions)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(dimensions, classes + 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map crops (N, 4, S, S) as from `normalise` to scores, features and what can be seen.

        Returns:
            Logits (N, classes + 1), the last for "cannot tell"; features (N, dimensions); and logits (N, S/8, S/8) of
            how visible the sign is in each part of the crop.
        """
        x = self.blocks(self.stem(x))
        seen = self.gate(x)
        # A 3x3 grid is kept, not one average: where a digit or an arrow stands in the sign tells classes apart.
        grid = F.avg_pool2d(x * torch.sigmoid(seen), 2).flatten(1)
        features = self.embed(grid)
        return self.head(self.dropout(F.relu(features))), features, seen[:, 0]


def restored(state: dict[str, torch.Tensor]) -> SignNet:
    """Return the network whose weights these are, however wide and deep it is.

    Args:
        state: Weights and statistics by name, as a checkpoint keeps them.
    """
    widths = (len(state["stem.1.weight"]), len(state["blocks.1.norm1.weight"]), len(state["blocks.3.norm1.weight"]))
    dimensions, scores = len(state["embed.weight"]), len(state["head.weight"])
    net = SignNet(scores - 1, dimensions, widths, depth_of(state))
    net.load_state_dict(state)
    return net


def depth_of(weights: Collection[str]) -> int:
    """Return how many blocks at 6 pixels a network has, by the names of its weights."""
    return len({name.split(".")[1] for name in weights if name.startswith("blocks.")}) - 3


class Deployed(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """What is exported: pictures in, calibrated probabilities, embedding, novelty and what can be seen out.

    The probabilities of a crop sum to less than 1: the rest is "cannot tell". Novelty grows with the distance of
    the embedding to the nearest of the signs that were learned and with "cannot tell", see `Familiarity`.
    """

    def __init__(self, net: SignNet, calibration: Calibration, familiarity: Familiarity) -> None:
        super().__init__()
        self.net = net
        self.calibration = calibration
        self.familiarity = familiarity
        self.register_buffer("prototypes", torch.from_numpy(familiarity.prototypes.T.copy()))
        self.register_buffer("last", torch.eye(net.head.out_features)[-1])

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map BGR uint8 (N, S, S, 3) to probabilities (N, C), unit embeddings (N, D), novelty (N,) and visible shares.

        The last are float32 (N, S/8, S/8), 0..1: how much of the sign can be seen in each part of the crop.
        """
        logits, features, seen = self.net(normalise(crops))
        visible = torch.sigmoid(seen)
        embedding = F.normalize(features, dim=1)
        cosine = (embedding @ self.prototypes).amax(1)
        doubt = (logits * self.last).sum(1) - torch.logsumexp(logits[:, :-1], 1)
        hidden = 1 - visible[:, 1:-1, 1:-1].mean((1, 2))
        familiar = cosine - DOUBT * doubt + HIDDEN * hidden
        novelty = torch.sigmoid((self.familiarity.limit - familiar) / self.familiarity.scale)
        scaled = logits / self.calibration.temperature + self.calibration.doubt * self.last
        return torch.softmax(scaled, 1)[:, :-1], embedding, novelty, visible


def normalise(crops: torch.Tensor) -> torch.Tensor:
    """Take the light out of crops.

    Args:
        crops: BGR uint8 (N, S, S, 3).

    Returns:
        float32 (N, 4, S, S): the colours at mean 0 and spread 1 over the crop, and the grey picture at mean 0 and
        spread 1 around each place. The first keeps what colours say; the second sees a dark sign before a bright sky,
        and through a veil that isn't the same everywhere.
    """
    colour = crops.permute(0, 3, 1, 2).float() / 255
    grey = colour.mean(1, keepdim=True)
    mean, square = _around(torch.cat([grey, grey * grey], 1)).split(1, 1)
    variance = torch.relu(square - mean * mean)
    local = (grey - mean) / torch.sqrt(variance + 4e-4)
    colour = colour - colour.mean((1, 2, 3), keepdim=True)
    colour = colour / torch.sqrt((colour * colour).mean((1, 2, 3), keepdim=True) + 1e-3)
    return torch.cat([colour, local], 1)


def _around(x: torch.Tensor) -> torch.Tensor:
    """Average over about 12x12 pixels around each place."""
    means = F.avg_pool2d(F.avg_pool2d(x, 4), 3, 1, 1, count_include_pad=False)
    return F.interpolate(means, scale_factor=4, mode="bilinear")
