"""A trained network made wider or deeper without changing what it says, and distillation from a large one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.errors import SettingsError
from signpipe.lab.training.device import Device
from signpipe.lab.training.export import load_checkpoint
from signpipe.lab.training.network import WIDTHS, SignNet, restored

TAUGHT = 0.5  # share of the classes' loss that goes by the teacher, the rest by the targets
TEMPERATURE = 2.0  # by which both soften their scores
EMBEDDING_WEIGHT = 0.5  # of the loss by which the embedding follows the teacher's
NOISE = 0.05  # spread of what tells a channel from its copy, as a share of the spread of the weights


def widths_of(wider: int) -> tuple[int, int, int]:
    """Return the channels of a network that is `wider` times as wide as the shipped one."""
    small, middle, large = WIDTHS
    return small * wider, middle * wider, large * wider


def grow(net: SignNet, widths: tuple[int, int, int], depth: int, seed: int = 0) -> SignNet:
    """Return a wider or deeper network that says what a trained one says, but for a little noise.

    Each new channel is a copy of an old one, and whoever reads them reads each for its share: Net2WiderNet (Chen,
    Goodfellow and Shlens, ICLR 2016). The noise lets copies learn to differ. A new block adds nothing at first, as the
    scale of its last normalisation is 0 (Goyal et al., 2017).

    Args:
        net: The trained network.
        widths: Channels at 24, 12 and 6 pixels, none fewer than it has.
        depth: Blocks at 6 pixels, no fewer than it has.
        seed: Seed of the noise.

    Raises:
        SettingsError: A width or the depth is smaller than it was.
    """
    if depth < net.depth or any(wanted < had for wanted, had in zip(widths, net.widths, strict=True)):
        raise SettingsError(
            f"A network with {net.widths} channels and {net.depth} blocks at 6 pixels can't be made {widths} wide and "
            f"{depth} deep; give no fewer."
        )
    net = _deepened(net, depth)
    if widths == net.widths:
        return net
    wide = SignNet(net.head.out_features - 1, net.embed.out_features, widths, depth)
    rng = torch.Generator().manual_seed(seed)
    sources, targets = dict(net.named_modules()), dict(wide.named_modules())
    with torch.no_grad():
        for name, target in targets.items():
            source = sources[name]
            if isinstance(target, nn.Conv2d):
                target.weight.copy_(_widened(source.weight, tuple(target.weight.shape), rng))
                if target.bias is not None:
                    target.bias.copy_(source.bias)
            elif isinstance(target, nn.BatchNorm2d):
                for part in ("weight", "bias", "running_mean", "running_var"):
                    getattr(target, part).copy_(getattr(source, part)[_copies(source.weight, target.num_features)])
        wide.head.load_state_dict(net.head.state_dict())
        # The embedding reads a 3x3 grid of each channel.
        grid = net.embed.weight.unflatten(1, (net.widths[2], 9))
        shape = (net.embed.out_features, widths[2], 9)
        wide.embed.weight.copy_(_widened(grid, shape, rng).flatten(1))
        wide.embed.bias.copy_(net.embed.bias)
    return wide


def _deepened(net: SignNet, depth: int) -> SignNet:
    deep = SignNet(net.head.out_features - 1, net.embed.out_features, net.widths, depth)
    deep.load_state_dict(net.state_dict(), strict=False)
    for block in deep.blocks[len(net.blocks) :]:
        nn.init.zeros_(block.norm2.weight)
    return deep


def _copies(old: torch.Tensor, count: int) -> torch.Tensor:
    """Return which of the old channels each of `count` is a copy of."""
    return torch.arange(count) % len(old)


def _widened(weight: torch.Tensor, shape: tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
    """Return weights (out, in, ...) for more channels, in which copies of what is read share its weight."""
    out, read = _copies(weight, shape[0]), _copies(weight[0], shape[1])
    share = torch.bincount(read, minlength=weight.shape[1])[read].to(weight)
    wide = weight[out][:, read] / share.reshape(1, -1, *[1] * (weight.dim() - 2))
    return wide + NOISE * wide.std() * torch.randn(wide.shape, generator=rng)


class Teacher:
    """What a large network makes of the crops that a small one learns from.

    Args:
        checkpoint: `last.pt` of the teacher's training.
        device: Where torch computes.

    Raises:
        SourceError: There is no such checkpoint.
    """

    def __init__(self, checkpoint: Path, device: Device) -> None:
        self.net = restored(load_checkpoint(checkpoint)["averaged"]).to(device, memory_format=torch.channels_last)
        self.net.eval().requires_grad_(False)

    def loss(
        self, crops: torch.Tensor, logits: torch.Tensor, features: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far a pupil is from the teacher: in what it says, "cannot tell" included, and in the embedding.

        The first is the cross entropy of softened scores (Hinton, Vinyals and Dean, 2015), the second 1 less the
        cosine, at equal lengths of both embeddings.

        Args:
            crops: float32 (N, 4, S, S), as from `normalise`.
            logits: The pupil's scores (N, C + 1).
            features: Its features (N, D).
        """
        with torch.no_grad():
            told, known, _ = self.net(crops)
        soft = torch.softmax(told.float() / TEMPERATURE, 1)
        said = F.cross_entropy(logits / TEMPERATURE, soft) * TEMPERATURE**2
        return said, (1 - F.cosine_similarity(features, known.float())).mean()
