"""The convolution that learns faster computes what torch's own does."""

import pytest
import torch
from torch import nn

from signpipe.lab.training.convolution import FEWEST, Conv3x3
from signpipe.lab.training.device import mixed_precision


def gradients(layer: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what a layer puts out, and the gradients of its weights and its input for a loss of all places."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    (y.float() * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum().backward()
    assert layer.weight.grad is not None
    assert x.grad is not None
    return y.float(), layer.weight.grad, x.grad


@pytest.mark.parametrize(
    ("channels", "stride"), [((FEWEST, FEWEST + 32), 1), ((FEWEST, FEWEST), 2), ((32, FEWEST), (2, 1))]
)
def test_output_and_gradients_are_those_of_torch(channels: tuple[int, int], stride: int | tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = Conv3x3(*channels, stride)
    theirs = nn.Conv2d(*channels, 3, stride, 1, bias=False)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, channels[0], 6, 8).to(memory_format=torch.channels_last)
    for mine, own in zip(gradients(ours, x), gradients(theirs, x), strict=True):
        assert mine.shape == own.shape
        assert float((mine - own).norm() / own.norm()) < 0.01  # bfloat16 keeps 8 bits


def test_what_is_frozen_gets_no_gradient_and_without_learning_nothing_differs() -> None:
    frozen = Conv3x3(FEWEST, FEWEST).requires_grad_(False)
    x = torch.randn(2, FEWEST, 6, 6, requires_grad=True)
    with mixed_precision("cpu"):
        frozen(x).float().sum().backward()
    assert frozen.weight.grad is None
    assert x.grad is not None
    torch.testing.assert_close(frozen(x), nn.functional.conv2d(x, frozen.weight, padding=1))
