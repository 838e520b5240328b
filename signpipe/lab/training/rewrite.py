"""Exact rewrites of a detector: the same numbers, in shapes that int8 kernels compute several times faster.

Two places of a YOLO waste most of their time on a CPU. The first convolutions see 3 and 16 channels, far fewer than a
vector holds; here neighbouring pixels of a row become the channels of one, which in NHWC memory moves nothing. And
where levels meet, a coarse map is enlarged and joined to a fine one only to be mixed by a 1x1 convolution; here each
side is convolved on its own, and the smaller result is enlarged and added.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention
from ultralytics.nn.modules import Concat

PIXELS = 4  # of a row of the picture that become one


class GroupedStem(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """The first two 3x3 convolutions of stride 2, on groups of four pixels of a row.

    Args:
        first: Convolution from the picture, its normalisation folded in.
        second: The next one.
        activation: What follows each.
    """

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.first = _grouped(first, PIXELS)
        self.second = _grouped(second, PIXELS // 2)
        self.activation = activation

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map pictures uint8 (N, H, W, 3), W a multiple of 4, to float32 (N, C, H / 4, W / 4)."""
        groups = images.reshape(images.shape[0], images.shape[1], -1, PIXELS * images.shape[3])
        half = self.activation(self.first(F.pad(groups.permute(0, 3, 1, 2).float(), (1, 0, 1, 0))))
        quarter: torch.Tensor = self.activation(self.second(F.pad(half, (1, 0, 1, 0))))
        return quarter


def _grouped(conv: nn.Conv2d, pixels: int) -> nn.Conv2d:
    """Return a 3x3 convolution of stride 2 as one from groups of `pixels` columns to groups of half as many.

    Its input is to be padded by one row above and one group to the left.
    """
    weight = conv.weight.detach()
    out, channels = weight.shape[:2]
    wide = torch.zeros(pixels // 2, out, pixels, channels, 3, 2)
    for column in range(pixels // 2):
        for offset in range(3):
            source = 2 * column - 1 + offset  # -1 is the last column of the group to the left
            wide[column, :, source % pixels, :, :, int(source >= 0)] = weight[..., offset]
    grouped = nn.Conv2d(pixels * channels, pixels // 2 * out, (3, 2), (2, 1))
    grouped.weight.data = wide.flatten(2, 3).flatten(0, 1)
    assert conv.bias is not None
    grouped.bias = nn.Parameter(conv.bias.detach().repeat(pixels // 2))
    return grouped


class MixedLevels(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """A 1x1 convolution over a coarse map, enlarged twice, joined to a fine one, without joining them.

    Args:
        conv: The convolution, its normalisation folded in.
        coarse: How many of its input channels come from the coarse map; they are the first.
        activation: What follows it.
    """

    def __init__(self, conv: nn.Conv2d, coarse: int, activation: nn.Module) -> None:
        super().__init__()
        weight = conv.weight.detach()
        self.coarse = nn.Conv2d(coarse, len(weight), 1, bias=False)
        self.coarse.weight.data = weight[:, :coarse].clone()
        self.fine = nn.Conv2d(weight.shape[1] - coarse, len(weight), 1)
        self.fine.weight.data = weight[:, coarse:].clone()
        assert conv.bias is not None
        self.fine.bias = nn.Parameter(conv.bias.detach().clone())
        self.activation = activation

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Map the coarse (N, C1, H, W) and the fine (N, C2, 2H, 2W) to (N, C, 2H, 2W)."""
        enlarged = F.interpolate(self.coarse(maps[0]), scale_factor=2.0, mode="nearest")
        mixed: torch.Tensor = self.activation(enlarged + self.fine(maps[1]))
        return mixed


class _Pair(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Hands on two maps as they are."""

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        return maps


def mix_levels_early(layers: nn.Sequential) -> None:
    """Rewrite every upsampling that is joined and then mixed by the first convolution of a C3k2 block, in place."""
    for upsample, join, block in zip(layers[:-2], layers[1:-1], layers[2:], strict=True):
        if not (isinstance(upsample, nn.Upsample) and isinstance(join, Concat)):
            continue
        conv = block.cv1.conv
        coarse = conv.in_channels - _channels_of(layers[join.f[1]])
        mixed = MixedLevels(conv, coarse, block.cv1.act)
        block.cv1 = mixed
        for layer, new in ((upsample, nn.Identity()), (join, _Pair())):
            new.f, new.i, new.type = layer.f, layer.i, layer.type
            layers[layer.i] = new


def _channels_of(layer: nn.Module) -> int:
    """Return how many channels a block of ultralytics puts out."""
    conv = layer.cv2 if hasattr(layer, "cv2") else layer
    return int(conv.conv.out_channels)


class _Taken(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Stands where a layer was whose work the stem has done."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def group_stem(layers: nn.Sequential) -> None:
    """Put a `GroupedStem` in the place of the first two layers; the model then takes NHWC pictures."""
    first, second = layers[0], layers[1]
    stem = GroupedStem(first.conv, second.conv, first.act)
    for layer, new in ((first, stem), (second, _Taken())):
        new.f, new.i, new.type = layer.f, layer.i, layer.type
        layers[layer.i] = new
