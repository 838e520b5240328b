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
