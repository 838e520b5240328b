"""A 3x3 convolution of many channels that learns faster on a CPU in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

FEWEST = 192  # channels from which on it is worth it


class Conv3x3(nn.Conv2d):  # type: ignore[misc]  # torch counts as untyped
    """A 3x3 convolution with a border of 1 and without bias; see `nn.Conv2d`, whose results and weights it has.

    At few places, as 6x6, oneDNN spends more time on the gradient of the weights than on all the rest of a layer. It is
    the same as nine matrix products, one for each of the 3x3 weights, which take a third of that time at 480 channels.
    """

    def __init__(self, channels_in: int, channels: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__(channels_in, channels, 3, stride, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        learns = torch.is_grad_enabled() and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if not learns or min(self.in_channels, self.out_channels) < FEWEST:
            return super().forward(x)
        return _ByProducts.apply(x, self.weight, self.stride)


class _ByProducts(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int]) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, stride=stride, padding=1)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight = ctx.needs_input_grad[:2]
        return (
            nn.grad.conv2d_input(x.shape, weight, gradient, ctx.stride, 1) if of_x else None,
            _weight_gradient(x, gradient, ctx.stride) if of_weight else None,
            None,
        )


def _weight_gradient(x: torch.Tensor, gradient: torch.Tensor, stride: tuple[int, int]) -> torch.Tensor:
    """Return float32 (channels, channels_in, 3, 3) for the input and the gradient of the output of a convolution."""
    down, right = stride
    high, wide = (stride[axis] * gradient.shape[2 + axis] for axis in (0, 1))
    wanted = gradient.permute(0, 2, 3, 1).flatten(0, 2).T
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    parts = [
        wanted @ padded[:, i : i + high : down, j : j + wide : right].flatten(0, 2) for i in range(3) for j in range(3)
    ]
    return torch.stack(parts, 2).unflatten(2, (3, 3)).float()
