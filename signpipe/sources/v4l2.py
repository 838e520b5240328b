"""What the Linux kernel says of cameras, and the controls that OpenCV has no name for or doesn't confirm."""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import natsort

from signpipe.settings import CaptureSettings

if sys.platform == "linux":
    import fcntl

_QUERYCAP: Final = 0x80685600
_QUERYCTRL: Final = 0xC0445624
_G_CTRL: Final = 0xC008561B
_S_CTRL: Final = 0xC008561C
_CAPABILITY: Final = struct.Struct("16s32s32s3I3I")
_QUERY: Final = struct.Struct("2I32s4iI2I")
_CONTROL: Final = struct.Struct("Ii")
_CAN_CAPTURE: Final = 0x1
_DISABLED: Final = 0x1

_EXPOSURE_MANUAL: Final = 1


@dataclass(frozen=True, slots=True)
class Camera:
    """A video device that can capture.

    Attributes:
        path: Such as "/dev/video0".
        name: What the driver calls it.
    """

    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.path} ({self.name})"


@dataclass(frozen=True, slots=True)
class _Knob:
    """A control by the name of its setting, and the automatic that must be off for it to hold."""

    setting: str
    control: int
    automatic: int | None = None
    manual: int = 0


_KNOBS: Final = (
    _Knob("exposure", 0x009A0902, automatic=0x009A0901, manual=_EXPOSURE_MANUAL),
    _Knob("gain", 0x00980913, automatic=0x00980912),
    _Knob("white_balance", 0x0098091A, automatic=0x0098090C),
    _Knob("backlight", 0x0098091C),
    _Knob("wide_dynamic_range", 0x009A0915),
)


def list_cameras() -> list[Camera]:
    """Return the video devices of this machine that can capture, in order; none where the system isn't Linux."""
    cameras: list[Camera] = []
    if sys.platform != "linux":
        return cameras
    for path in natsort.natsorted(str(device) for device in Path("/dev").glob("video*")):
        try:
            device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            answer = _CAPABILITY.unpack(fcntl.ioctl(device, _QUERYCAP, bytes(_CAPABILITY.size)))
        except OSError:
            continue
        finally:
            os.close(device)
        if answer[5] & _CAN_CAPTURE:  # device_caps
            cameras.append(Camera(path, answer[1].split(b"\0")[0].decode(errors="replace")))
    return cameras


def apply_controls(path: str, settings: CaptureSettings) -> dict[str, tuple[str, bool]]:
    """Set the picture controls that the settings ask for.

    Args:
        path: Device, such as "/dev/video0"; it may be streaming.
        settings: exposure, gain, white_balance, backlight, wide_dynamic_range; None leaves one alone.

    Returns:
        For each control that was asked for: what it stands at now, for a person, and whether that is what was asked.
    """
    wanted = [(knob, getattr(settings, knob.setting)) for knob in _KNOBS if getattr(settings, knob.setting) is not None]
    if not wanted:
        return {}
    if sys.platform != "linux":
        return {knob.setting: ("not available", False) for knob, _ in wanted}
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        return {knob.setting: _turn(device, knob, round(value)) for knob, value in wanted}
    finally:
        os.close(device)


def _turn(device: int, knob: _Knob, value: int) -> tuple[str, bool]:
    """Set one control and read back what the driver made of it."""
    query = _query(device, knob.control)
    if query is None:
        return "not available", False
    low, high = query
    try:
        if knob.automatic is not None and _query(device, knob.automatic) is not None:
            fcntl.ioctl(device, _S_CTRL, _CONTROL.pack(knob.automatic, knob.manual))
        fcntl.ioctl(device, _S_CTRL, _CONTROL.pack(knob.control, min(max(value, low), high)))
        got = _CONTROL.unpack(fcntl.ioctl(device, _G_CTRL, _CONTROL.pack(knob.control, 0)))[1]
    except OSError as error:
        return f"refused by the driver ({error.strerror})", False
    return (str(got), True) if got == value else (f"{got} (it takes {low} to {high})", False)


def _query(device: int, control: int) -> tuple[int, int] | None:
    """Return the range of a control, or None if the driver hasn't it."""
    try:
        answer = _QUERY.unpack(fcntl.ioctl(device, _QUERYCTRL, _QUERY.pack(control, 0, b"", *[0] * 7)))
    except OSError:
        return None
    return None if answer[7] & _DISABLED else (answer[3], answer[4])
