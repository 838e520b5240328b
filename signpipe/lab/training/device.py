"""Where torch computes."""

from __future__ import annotations

from typing import Literal

import torch

from signpipe.errors import SettingsError

Device = Literal["cpu", "cuda"]
DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> Device:
    """Return the device of a name of `DEVICES`; auto is a GPU where torch has one.

    Raises:
        SettingsError: There is no such device, or not here.
    """
    if name not in DEVICES:
        raise SettingsError(f"--device can't be '{name}'; it is {', '.join(DEVICES)}.")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise SettingsError("--device cuda: torch sees no GPU here; install its CUDA build and a driver, or use cpu.")
    return "cuda" if name != "cpu" and there else "cpu"


def mixed_precision(device: Device) -> torch.autocast:
    """Return a context in which torch computes in bfloat16 where that is fast, else in float32.

    A CPU without AVX-512 has to emulate it: there the forward and backward pass of the detector takes 8 times as long
    as in float32, where one with it needs a quarter.
    """
    return torch.autocast(
        device, torch.bfloat16, enabled=device != "cpu" or torch.backends.cpu.get_cpu_capability() != "AVX2"
    )
