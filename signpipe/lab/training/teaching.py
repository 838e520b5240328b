"""A trained network made wider or deeper without changing what it says, and distillation from trained ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.errors import SettingsError
from signpipe.lab.training.device import Device, mixed_precision
from signpipe.lab.training.network import WIDTHS, SignNet

TAUGHT = 0.5  # share of the classes' loss that goes by the teachers, the rest by the targets
SURE, RULED_OUT = 0.5, 0.05  # teachers that are surer of a class than the one are mistaken if it has less in the target
TEMPERATURE = 2.0  # by which both soften their scores
TURN, SCALE, SHIFT = 0.06, 0.04, 0.04  # spreads of a view: radians, log of the size, share of half a crop's side
EMBEDDING_WEIGHT = 0.5  # of the loss by which the embedding follows the teachers'
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


class Together(nn.Module):  # type: ignore[misc]  # torch counts as untyped
    """Trained networks as one: the mean of what they say of some views of a crop, which is what `Teacher` passes on.

    Args:
        nets: The networks.
        views: Views that each of them takes.
    """

    def __init__(self, nets: Sequence[SignNet], views: int) -> None:
        super().__init__()
        self.nets, self._views = nn.ModuleList(nets), views

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map crops (N, 4, S, S) to scores, features and what can be seen, as `SignNet` does."""
        logits, features, seen = _told(self.nets, crops, torch.Generator().manual_seed(0), self._views)
        return torch.softmax(logits, 2).mean(0).log(), features.mean(0), seen.mean(0)


def _told(
    nets: Iterable[SignNet], crops: torch.Tensor, chance: torch.Generator, views: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what networks say of some views of each crop, stacked: scores, features and what can be seen."""
    told = [net(viewed(crops, chance)) for net in nets for _ in range(views)]
    logits, features, seen = (torch.stack(part) for part in zip(*told, strict=True))
    return logits, features, seen


def viewed(crops: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return each crop from a slightly other view.

    Args:
        crops: float32 (N, 4, S, S).
        generator: Source of chance.

    Returns:
        The same, each shifted, turned and scaled by chance; what wasn't in it is as at its edge.
    """
    drawn = torch.randn(4, len(crops), generator=generator).to(crops.device)
    turn, scale, shift = TURN * drawn[0], torch.exp(SCALE * drawn[1]), SHIFT * drawn[2:].T
    matrix = torch.stack([torch.cos(turn), -torch.sin(turn), torch.sin(turn), torch.cos(turn)], 1).unflatten(1, (2, 2))
    grid = F.affine_grid(torch.cat([scale[:, None, None] * matrix, shift[..., None]], 2), crops.shape, False)
    return F.grid_sample(crops, grid, padding_mode="border", align_corners=False)


class Teacher:
    """What trained networks, together, make of the crops that another learns from.

    Args:
        nets: The networks.
        device: Where torch computes.
    """

    def __init__(self, nets: Iterable[SignNet], device: Device) -> None:
        self.nets = [net.to(device, memory_format=torch.channels_last).eval().requires_grad_(False) for net in nets]
        self._device = device
        self._views = torch.Generator().manual_seed(0)

    def losses(
        self, crops: torch.Tensor, logits: torch.Tensor, features: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far a pupil is from targets and teachers in what it says, and from the teachers in the embedding.

        The first is the cross entropy, for one half with the targets and for the other with the mean of what the
        teachers say, "cannot tell" included, both softened (Hinton, Vinyals and Dean, 2015). Where the teachers are
        rather sure of what the targets rule out, it goes by the targets alone. The second is 1 less the cosine to
        each teacher's embedding. Each teacher sees each crop a little shifted, turned and scaled, as what many such
        views say together is right more often than what one says (Radosavovic et al., CVPR 2018).

        Args:
            crops: float32 (N, 4, S, S), as from `normalise`.
            logits: The pupil's scores (N, C + 1).
            features: Its features (N, D).
            targets: float32 (N, C + 1), what the crops should be read as.

        Returns:
            float32 (N,) and float32 (N,).
        """
        with torch.no_grad(), mixed_precision(self._device):
            told, known, _ = _told(self.nets, crops, self._views, 1)
        scores, embeddings = told.float(), known.float()
        soft = torch.softmax(scores / TEMPERATURE, 2).mean(0)
        said = F.cross_entropy(logits / TEMPERATURE, soft, reduction="none") * TEMPERATURE**2
        sure, likeliest = torch.softmax(scores, 2).mean(0).max(1)
        mistaken = (sure > SURE) & (targets.gather(1, likeliest[:, None])[:, 0] < RULED_OUT)
        share = torch.where(mistaken, 0.0, TAUGHT)
        wrong = F.cross_entropy(logits, targets, reduction="none")
        return (1 - share) * wrong + share * said, (1 - F.cosine_similarity(features, embeddings, 2)).mean(0)
