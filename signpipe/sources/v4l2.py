"""What the Linux kernel says of cameras, and the controls that OpenCV has no name for or doesn't confirm."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import natsort

from signpipe.settings import CaptureSettings

if TYPE_CHECKING or sys.platform == "linux":
    from linuxpy.io import IO
    from linuxpy.video.device import Capability, ControlID, Controls, Device, read_capabilities

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
    """A control by the name of its setting and by V4L2's, and the automatic that must be off for it to hold."""

    setting: str
    control: str
    automatic: str | None = None
    manual: int = 0


_KNOBS: Final = (
    _Knob("exposure", "EXPOSURE_ABSOLUTE", automatic="EXPOSURE_AUTO", manual=_EXPOSURE_MANUAL),
    _Knob("gain", "GAIN", automatic="AUTOGAIN"),
    _Knob("white_balance", "WHITE_BALANCE_TEMPERATURE", automatic="AUTO_WHITE_BALANCE"),
    _Knob("backlight", "BACKLIGHT_COMPENSATION"),
    _Knob("wide_dynamic_range", "WIDE_DYNAMIC_RANGE"),
)


def list_cameras() -> list[Camera]:
    """Return the video devices of this machine that can capture, in order; none where the system isn't Linux."""
    cameras: list[Camera] = []
    if sys.platform != "linux":
        return cameras
    for path in natsort.natsorted(str(device) for device in Path("/dev").glob("video*")):
        try:
            with IO.open(path) as device:
                found = read_capabilities(device)
        except OSError:
            continue
        if Capability.VIDEO_CAPTURE in Capability(found.device_caps):
            cameras.append(Camera(path, found.card.decode(errors="replace")))
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
    with Device(path) as device:
        return {knob.setting: _turn(device.controls, knob, round(value)) for knob, value in wanted}


def _turn(controls: Controls, knob: _Knob, value: int) -> tuple[str, bool]:
    """Set one control and read back what the driver made of it."""
    control, automatic = _find(controls, knob.control), _find(controls, knob.automatic)
    if control is None or control.is_flagged_disabled:
        return "not available", False
    low, high = control.minimum, control.maximum
    try:
        if automatic is not None:
            automatic.value = knob.manual
        control.value = min(max(value, low), high)
        got = int(control.value)
    except OSError as error:
        return f"refused by the driver ({error.strerror})", False
    return (str(got), True) if got == value else (f"{got} (it takes {low} to {high})", False)


def _find(controls: Controls, name: str | None) -> Any:
    """Return a control, or None if the driver hasn't it."""
    try:
        return controls[ControlID[name]] if name else None
    except KeyError:
        return None
