"""A 3x3 convolution that learns faster on a CPU in bfloat16 where it has many channels and few places."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own convention

FEWEST = 256  # channels from which on it is worth it
MOST = 64  # places, height times width, up to which it is


class Conv3x3(nn.Conv2d):  # type: ignore[misc]  # torch counts as untyped
    """A 3x3 convolution with a border of 1 and without bias; see `nn.Conv2d`, whose results and weights it has.

    At few places, as 6x6, oneDNN spends more time on the gradient of the weights than on all the rest of a layer. It is
    the same as nine matrix products, one for each of the 3x3 weights, which take half of that time at 480 channels.
    """

    def __init__(self, channels_in: int, channels: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__(channels_in, channels, 3, stride, 1, bias=False)
        self._wide = self.stride == (1, 1) and min(channels_in, channels) >= FEWEST

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        learns = torch.is_grad_enabled() and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if learns and self._wide and x.shape[2] * x.shape[3] <= MOST:
            return _ByProducts.apply(x, self.weight)
        return super().forward(x)


class _ByProducts(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight = ctx.needs_input_grad
        turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)
        return (
            F.conv2d(gradient, turned, padding=1) if of_x else None,
            _weight_gradient(x, gradient) if of_weight else None,
        )


def _weight_gradient(x: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return float32 (channels, channels_in, 3, 3) for the input and the gradient of the output of a convolution."""
    high, wide = x.shape[2:]
    wanted = gradient.permute(0, 2, 3, 1).flatten(0, 2).T
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    parts = [wanted @ padded[:, i : i + high, j : j + wide].flatten(0, 2) for i in range(3) for j in range(3)]
    return torch.stack(parts, 2).unflatten(2, (3, 3)).float()
