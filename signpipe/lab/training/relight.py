"""Other light on training crops each time that they are shown, so that a pool of them isn't learned by heart."""

from __future__ import annotations

import torch

TOUCHED = 0.5  # share of the crops
VEILED = 0.4  # share of those that a veil lies over
GAMMA, GAIN, SLOPE, NOISE = 0.15, 0.1, 0.2, 0.015  # spreads, in log but for the noise
VEIL = 0.35  # of full brightness, what a veil adds at most in the middle, and more or less of it at the edges


def relit(crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return crops in another light: brighter or darker to one side, with another gamma, behind a veil, or noisier.

    Args:
        crops: BGR uint8 (N, S, S, 3).
        generator: Source of chance.

    Returns:
        The same, uint8 (N, S, S, 3); about half of them are as they were.
    """
    chosen = torch.rand(len(crops), generator=generator) < TOUCHED
    shown = crops[chosen].float() / 255
    count, side = shown.shape[:2]

    def drawn(spread: float) -> torch.Tensor:
        return spread * torch.randn(count, 1, 1, 1, generator=generator)

    along = torch.linspace(-1, 1, side)
    angle = 2 * torch.pi * torch.rand(count, 1, 1, generator=generator)
    across = (torch.cos(angle) * along + torch.sin(angle) * along[:, None])[..., None]
    lit = shown ** torch.exp(drawn(GAMMA)) * torch.exp(drawn(GAIN) + drawn(SLOPE) * across)
    # What is bright already isn't veiled until nothing is left of it.
    strength = VEIL * torch.rand(count, 1, 1, 1, generator=generator) * (1 - shown.mean((1, 2, 3), keepdim=True))
    strength = strength * (torch.rand(count, 1, 1, 1, generator=generator) < VEILED)
    colour = 1 - 0.15 * torch.rand(count, 1, 1, 3, generator=generator)
    lit = lit + strength * (1 + 0.8 * across).clamp(min=0) * colour
    lit = lit + drawn(NOISE) * torch.randn(lit.shape, generator=generator)
    result = crops.clone()
    result[chosen] = (lit.clamp(0, 1) * 255).round().to(torch.uint8)
    return result
