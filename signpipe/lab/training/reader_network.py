"""The reader of figures: a small residual network over a wide crop, read column by column."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.figures.crops import HEIGHT
from signpipe.figures.ctc import ALPHABET
from signpipe.lab.training.network import Block, normalise


class ReaderNet(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Scores of characters in each column of a crop, and whether the sign is struck through.

    There is no recurrent layer: a column sees as far as the convolutions reach, which is half of the crop.

    Args:
        widths: Channels at strides 2, 4 and 8 of the height.
        wide: Channels of a column once the height is gone.
    """

    def __init__(self, widths: tuple[int, int, int] = (24, 40, 64), wide: int = 128) -> None:
        super().__init__()
        small, middle, large = widths
        self.stem = nn.Sequential(nn.Conv2d(4, small, 3, 2, 1, bias=False), nn.BatchNorm2d(small), nn.ReLU())
        self.blocks = nn.Sequential(Block(small, middle, 2), Block(middle, large, (2, 1)), Block(large, large))
        self.collapse = nn.Sequential(
            nn.Conv2d(large, wide, (HEIGHT // 8, 1), bias=False), nn.BatchNorm2d(wide), nn.ReLU()
        )
        self.context = nn.Sequential(nn.Conv2d(wide, wide, (1, 3), 1, (0, 1), bias=False), nn.BatchNorm2d(wide))
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Conv2d(wide, len(ALPHABET) + 1, 1)
        self.struck = nn.Linear(wide, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map crops (N, 4, 40, 96) as from `normalise` to scores.

        Returns:
            Logits (N, 24, A) of the blank and the alphabet's characters in each column; and (N,) of "struck through".
        """
        x = self.collapse(self.blocks(self.stem(x)))
        x = F.relu(x + self.context(x))
        columns = self.head(self.dropout(x))[:, :, 0].transpose(1, 2)
        return columns, self.struck(x.mean((2, 3)))[:, 0]


class DeployedReader(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """What is exported: pictures in, calibrated log-probabilities and the probability of "struck through" out."""

    def __init__(self, net: ReaderNet, temperature: float, struck_temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature
        self.struck_temperature = struck_temperature

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map BGR uint8 (N, 40, 96, 3) to log-probabilities (N, 24, A) and probabilities (N,)."""
        columns, struck = self.net(normalise(crops))
        return torch.log_softmax(columns / self.temperature, 2), torch.sigmoid(struck / self.struck_temperature)
