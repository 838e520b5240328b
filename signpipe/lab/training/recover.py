"""The weights of an exported network, to train on from: an export has them folded, renamed and reordered.

Exporting folds each normalisation into its convolution. It is unfolded by what training would have made of it: the mean
and the spread that each convolution puts out on real pictures become the statistics of its normalisation, and scale
and offset give back what was folded. So the network computes the same as the export does, and trains on from there.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from signpipe.errors import SourceError
from signpipe.lab.training.export import load_checkpoint
from signpipe.lab.training.network import SignNet, depth_of, normalise, restored
from signpipe.lab.training.reader_network import ReaderNet
from signpipe.lab.training.rewrite import PIXELS
from signpipe.types import Image

MEASURED_BATCHES = 16  # batches of training pictures on which an export's normalisations are measured
Weights = dict[str, torch.Tensor]
_HEAD = re.compile(r"model\.19\.cv[23]\.")  # the branches that only training uses


def read_export(file: Path) -> Weights:
    """Return the weights of a detector exported in float32, with the names and the layout of the network.

    Raises:
        SourceError: It is no such export.
    """
    given = {
        name.removeprefix("model."): tensor
        for name, tensor in _tensors(_graph(file)).items()
        if name.startswith("model.model.")
    }
    if "model.0.first.weight" not in given or "model.2.conv.bias" not in given:
        raise SourceError(f"The model {file} isn't signpipe's fast detector in float32; start from its -fp32 export.")
    first = _ungrouped(given.pop("model.0.first.weight"), PIXELS)
    second = _ungrouped(given.pop("model.0.second.weight"), PIXELS // 2)
    weights: Weights = {
        "model.0.conv.weight": first[:, [2, 1, 0]] * 255,  # as `DeployedDetector` folded colours and scale in
        "model.0.conv.bias": given.pop("model.0.first.bias")[: len(first)],
        "model.1.conv.weight": second,
        "model.1.conv.bias": given.pop("model.0.second.bias"),
    }
    for name in [name for name in given if ".coarse.weight" in name]:
        coarse, fine = given.pop(name), given.pop(name.replace("coarse", "fine"))
        weights[name.replace("coarse", "conv")] = torch.cat([coarse, fine], 1)
    return weights | {name.replace(".fine.", ".conv."): tensor for name, tensor in given.items()}


def trained_classifier(start: Path, crops: Iterable[Image]) -> SignNet:
    """Return a classifier that was trained before.

    Args:
        start: The checkpoint of its training, of which the averaged weights are taken, or its export in float32.
        crops: Batches of BGR uint8 (N, S, S, 3), on which an export's normalisations are measured.

    Raises:
        SourceError: There is no such file, or it is of another network.
    """
    if start.suffix != ".onnx":
        return restored(load_checkpoint(start)["averaged"])
    weights = _named_weights(start)
    small, middle, large = (
        len(_given(weights, f"{name}.weight")) for name in ("stem.0", "blocks.1.first", "blocks.3.first")
    )
    dimensions, scores = (len(_given(weights, f"{name}.weight")) for name in ("embed", "head"))
    net = SignNet(scores - 1, dimensions, (small, middle, large), depth_of(weights))
    unfold(net, weights, (normalise(torch.from_numpy(batch)) for batch in crops))
    return net


def trained_reader(start: Path, crops: Iterable[Image]) -> ReaderNet:
    """Return a reader that was trained before; arguments and errors are those of `trained_classifier`."""
    net = ReaderNet()
    if start.suffix == ".onnx":
        unfold(net, _named_weights(start), (normalise(torch.from_numpy(batch)) for batch in crops))
    else:
        net.load_state_dict(load_checkpoint(start)["averaged"])
    return net


def _named_weights(export: Path) -> Weights:
    """Return the weights of an exported classifier or reader, by the names of the network."""
    graph = _graph(export)
    tensors = _tensors(graph)
    weights = {name.removeprefix("net."): tensor for name, tensor in tensors.items() if name.startswith("net.")}
    for node in graph.node:  # what was folded has lost its name, but not the one of its place
        if node.op_type == "Conv" and node.name.startswith("/net/") and len(node.input) == 3:
            weights |= {
                f"{_place(node.name)}.{kind}": tensors[name]
                for kind, name in zip(("weight", "bias"), node.input[1:], strict=True)
                if name in tensors
            }
    return weights


def _place(node: str) -> str:
    """Return the module of a node: blocks.1.shortcut.0 of /net/blocks/blocks.1/shortcut/shortcut.0/Conv."""
    parts = node.split("/")[2:-1]
    return ".".join(part for part, inner in pairwise([*parts, ""]) if not inner.startswith(f"{part}."))


def _graph(file: Path) -> onnx.GraphProto:
    try:
        return onnx.load(file).graph
    except FileNotFoundError:
        raise SourceError(f"There is no model {file}.") from None
    except Exception as error:  # onnx raises whatever its parser does
        raise SourceError(f"The model {file} can't be read as ONNX ({type(error).__name__}).") from None


def _tensors(graph: onnx.GraphProto) -> Weights:
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}


def _ungrouped(wide: torch.Tensor, pixels: int) -> torch.Tensor:
    """Return the 3x3 convolution that `rewrite` has spread over groups of `pixels` columns."""
    out, channels = len(wide) // (pixels // 2), wide.shape[1] // pixels
    column = wide[:out].reshape(out, pixels, channels, 3, 2)
    return torch.stack([column[:, offset % pixels, :, :, int(offset >= 0)] for offset in (-1, 0, 1)], -1)


def unfold(model: nn.Module, weights: Weights, pictures: Iterable[torch.Tensor]) -> None:
    """Put folded weights into a network with normalisations, which then computes the same, and trains on.

    The branches of the head that only training uses start like those that the export has, and where the export tells
    fewer outlines apart, all of them start as its one class.

    Args:
        model: The network, as `signpipe.lab.training.detector_network.build_detector` returns it, or a `SignNet`.
        weights: By the names of the network, a normalised convolution's bias among them.
        pictures: What the network takes, in batches, on which the convolutions' means and spreads are measured.

    Raises:
        SourceError: The weights are of another network.
    """
    layers = _normalised(model)
    for name, (conv, norm) in layers.items():
        weight, bias = (_given(weights, f"{name}.{kind}") for kind in ("weight", "bias"))
        if weight.shape != conv.weight.shape:
            raise SourceError(f"The weights are of another network: {name} has the shape {tuple(weight.shape)}.")
        conv.weight.data.copy_(weight)
        norm.bias.data.copy_(bias)
        _only_offset(norm)
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            module.weight.data.copy_(_given(weights, f"{name}.weight").expand_as(module.weight))
            module.bias.data.copy_(_given(weights, f"{name}.bias").expand_as(module.bias))
    moments = {name: _Moments(conv) for name, (conv, _) in layers.items()}
    model.eval()
    with torch.no_grad():
        for batch in pictures:
            model(batch)
    for name, (_, norm) in layers.items():
        mean, variance = moments[name].close()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.data.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.data.add_(mean)


def mean_of(nets: Sequence[SignNet]) -> SignNet:
    """Return the mean of trained classifiers, each normalisation folded into its convolution, as exporting does.

    Networks that were trained on from the same weights, each in its own way, lie in one valley, and their mean is at
    least as good at home and often better elsewhere (Wortsman et al., Model soups, ICML 2022). Folded, it doesn't
    matter by which statistics each is normalised.

    Args:
        nets: The networks, which stay as they are.

    Raises:
        SourceError: They differ in design or width.
    """
    weights = [_folded(net).state_dict() for net in nets]
    shapes = [{name: weight.shape for name, weight in one.items()} for one in weights]
    if any(one != shapes[0] for one in shapes):
        raise SourceError("Different networks can't be averaged; give those of one design and width.")
    return restored(
        {
            name: torch.stack([one[name] for one in weights]).mean(0) if weight.is_floating_point() else weight
            for name, weight in weights[0].items()
        }
    )


def _folded(net: SignNet) -> SignNet:
    net = copy.deepcopy(net)
    with torch.no_grad():
        for conv, norm in _normalised(net).values():
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            conv.weight.mul_(scale[:, None, None, None])
            norm.bias.sub_(norm.running_mean * scale)
            _only_offset(norm)
    return net


def _only_offset(norm: nn.BatchNorm2d) -> None:
    """Let a normalisation do no more than add its offset."""
    norm.weight.data.fill_(1)
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)


def _normalised(model: nn.Module) -> dict[str, tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return each convolution that a normalisation follows, and that, by the convolution's name."""
    layers = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    return {
        name: (conv, norm)
        for (name, conv), (_, norm) in pairwise(layers)
        if isinstance(conv, nn.Conv2d) and conv.bias is None and isinstance(norm, nn.BatchNorm2d)
    }


def _given(weights: Weights, name: str) -> torch.Tensor:
    """Return the tensor that one of the network starts from."""
    deployed = re.sub(r"\.(cv[23])\.", r".one2one_\1.", name) if _HEAD.match(name) else name
    if deployed not in weights:
        raise SourceError(
            f"The weights are of another network or not in float32 (no {deployed} in them); start from a -fp32 export."
        )
    return weights[deployed]


class _Moments:
    """Measures mean and variance of what a convolution puts out, a channel."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self._sum: torch.Tensor | float = 0.0
        self._squares: torch.Tensor | float = 0.0
        self._count = 0
        self._hook = conv.register_forward_hook(self._take)

    def _take(self, _conv: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        values = output.double()
        self._sum = self._sum + values.sum((0, 2, 3))
        self._squares = self._squares + (values * values).sum((0, 2, 3))
        self._count += values.numel() // values.shape[1]

    def close(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return them, float32 (C,), and measure no more."""
        self._hook.remove()
        mean = torch.as_tensor(self._sum) / max(self._count, 1)
        variance = torch.as_tensor(self._squares) / max(self._count, 1) - mean * mean
        return mean.float(), variance.clamp(min=1e-6).float()
