"""A small conditional generator of damage, and the critic that compares it with damaged signs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.lab.augmentation.worn import KINDS

NOISE = 14  # maps of chance
ANSWERS = 8  # a pixel: a gain a colour, how much is covered, and the cover's colours; the last is for even numbers
COARSE = 6  # places to a side of each


class DamageNet(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Says where a sign is worn, and what is seen there: never a new sign, but what lies over the old one.

    Its answer is a light that falls differently on the face (a gain a colour) and a layer of colour over it; at a
    severity of 0 both are nothing, so that the crop stays as it is.

    Squares of four pixels are its places, and channels come in multiples of 32: others are many times slower on a CPU.

    Args:
        width: Channels.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.take = nn.Conv2d(4 * 3 + len(KINDS) + 1 + NOISE, width, 3, 1, 1)
        self.down = nn.Conv2d(width, width, 4, 2, 1)
        self.middle = nn.ModuleList(nn.Conv2d(width, width, 3, 1, d, d) for d in (1, 2))
        self.up = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.give = nn.Conv2d(width, 4 * ANSWERS, 3, 1, 1)
        nn.init.zeros_(self.give.weight)
        with torch.no_grad():  # nothing is covered at first
            self.give.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -2.5, 0.0, 0.0, 0.0, 0.0]).repeat_interleave(4))

    def forward(
        self, crops: torch.Tensor, kinds: torch.Tensor, severity: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Damage crops.

        Args:
            crops: float32 (N, 3, S, S) in 0..1.
            kinds: float32 (N, len(KINDS)), one of them 1.
            severity: float32 (N,), 0..1.
            noise: float32 (N, NOISE, COARSE, COARSE).

        Returns:
            The damaged crops, like `crops`; and float32 (N, 1, S, S), how much of each place is covered.
        """
        places = F.pixel_unshuffle(2 * crops - 1, 2)
        size = places.shape[-1]
        told = torch.cat([kinds, severity[:, None]], 1)[:, :, None, None].expand(-1, -1, size, size)
        chance = F.interpolate(noise, size=(size, size), mode="bilinear")
        full = F.leaky_relu(self.take(torch.cat([places, told, chance], 1)), 0.2)
        half = F.leaky_relu(self.down(full), 0.2)
        for layer in self.middle:
            half = half + F.leaky_relu(layer(half), 0.2)
        wide = F.interpolate(half, size=(size, size), mode="bilinear")
        answer = F.pixel_shuffle(self.give(F.leaky_relu(self.up(torch.cat([full, wide], 1)), 0.2)), 2)
        strength = severity[:, None, None, None]
        gain = 1 + strength * (torch.exp(torch.tanh(answer[:, :3])) - 1)
        cover = strength * torch.sigmoid(answer[:, 3:4])
        colour = torch.sigmoid(answer[:, 4:7])
        return (crops * gain * (1 - cover) + colour * cover).clamp(0, 1), cover


class Critic(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Judges parts of crops: do they look like signs with this kind of damage (Isola et al., 2017; hinge loss)?

    Args:
        width: Channels of the first layer.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        normed = nn.utils.parametrizations.spectral_norm
        self.layers = nn.ModuleList([
            normed(nn.Conv2d(3 + len(KINDS), width, 4, 2, 1)),
            normed(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            normed(nn.Conv2d(2 * width, 2 * width, 3, 1, 1)),
        ])  # fmt: skip
        self.score = normed(nn.Conv2d(2 * width, 1, 3, 1, 1))

    def forward(self, crops: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """Return scores (N, 1, S / 4, S / 4) of crops (N, 3, S, S) in 0..1 with kinds (N, len(KINDS))."""
        told = kinds[:, :, None, None].expand(-1, -1, *crops.shape[2:])
        x = torch.cat([2 * crops - 1, told], 1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.score(x)


def noise_for(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return chance for so many crops."""
    return torch.randn(count, NOISE, COARSE, COARSE, generator=generator)
