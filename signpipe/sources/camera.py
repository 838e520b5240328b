"""Cameras of this machine, through OpenCV."""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.v4l2 import apply_controls, list_cameras
from signpipe.types import Frame
from signpipe.types.source import Source, SourceInfo

_SIZE: Final = (1280, 720)  # asked for where the settings name none: a sign needs its pixels
_SMOOTH: Final = 30.0  # frames per second under which approaching signs are seen too rarely
_TOLERANCE: Final = 0.002  # a camera's 29.97 frames/s are 30
_MJPG: Final = cv2.VideoWriter.fourcc(*"MJPG")


class CameraSource(Source):
    """A camera that is streaming.

    `Frame.captured_at` is the driver's own timestamp where it keeps the monotonic clock (V4L2 does).

    Args:
        number: Index of the camera, or path of its device.
        settings: Size, rate and picture controls to ask for.

    Raises:
        SourceError: There is no such camera, or it can't be opened or sends nothing.
    """

    def __init__(self, number: int | str, settings: CaptureSettings) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its errors are told in our own words
        self._source_id = f"/dev/video{number}" if isinstance(number, int) and sys.platform == "linux" else str(number)
        self._capture = self._open(number)
        try:
            fps = self._negotiate(settings)
            controls = apply_controls(self._source_id, settings)
            self._index = 0
            self._started: float | None = None
            self._first: Frame | None = None
            self._first = self.read()
        except BaseException:
            self._capture.release()
            raise
        height, width = self._first.image.shape[:2]
        self.info = SourceInfo(self._source_id, "camera", True, width, height, fps)
        self._report(settings, controls)

    def _open(self, number: int | str) -> cv2.VideoCapture:
        if sys.platform != "linux":
            capture = cv2.VideoCapture(number)
        else:
            path = Path(self._source_id)
            if not path.exists():
                cameras = ", ".join(map(str, list_cameras()))
                has = f"these cameras: {cameras}" if cameras else "no camera; plug one in, or give another source"
                raise SourceError(f"There is no camera {self._source_id}: this machine has {has}.")
            if not os.access(path, os.R_OK | os.W_OK):
                raise SourceError(f"The camera {path} can't be opened: permission denied; join the group 'video'.")
            # OpenCV opens by number only; a device may also go by a link such as /dev/v4l/by-id/...
            name = path.resolve().name
            index = int(name.removeprefix("video")) if name.removeprefix("video").isdecimal() else -1
            capture = cv2.VideoCapture(index, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise SourceError(
                f"The camera {self._source_id} can't be opened: another program uses it, or it captures no video."
            )
        return capture

    def _negotiate(self, settings: CaptureSettings) -> float | None:
        """Ask for size and rate, as MJPEG if the camera is slow without; return the rate that it announces."""
        self._ask(settings, None)
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        if fps < (settings.fps or _SMOOTH) * (1 - _TOLERANCE):
            plain = int(self._capture.get(cv2.CAP_PROP_FOURCC))
            self._ask(settings, _MJPG)
            faster = float(self._capture.get(cv2.CAP_PROP_FPS))
            if faster <= fps:
                self._ask(settings, plain)
            fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        return fps if fps > 0 else None

    def _ask(self, settings: CaptureSettings, fourcc: int | None) -> None:
        if fourcc is not None:
            self._capture.set(cv2.CAP_PROP_FOURCC, fourcc)
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width or _SIZE[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height or _SIZE[1])
        self._capture.set(cv2.CAP_PROP_FPS, settings.fps or _SMOOTH)

    def _report(self, settings: CaptureSettings, controls: dict[str, tuple[str, bool]]) -> None:
        """Say what the camera made of each request."""
        info = self.info
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        info.details["pixels"] = code.to_bytes(4, "little", signed=False).decode("ascii", "replace").strip()
        for name, asked, got in (
            ("width", settings.width, info.width),
            ("height", settings.height, info.height),
            ("fps", settings.fps, info.fps),
        ):
            info.details[name] = "unknown" if got is None else f"{got:g}"
            if asked is not None and not math.isclose(got or 0.0, asked, rel_tol=_TOLERANCE):
                info.warn(f"The camera {info.source_id} was asked for {name} {asked:g} and gives {info.details[name]}.")
        for name, (got_text, honoured) in controls.items():
            info.details[name] = got_text
            if not honoured:
                asked = getattr(settings, name)
                info.warn(f"The camera {info.source_id} was asked for {name} {asked:g}: {got_text}.")
        if info.fps is not None and info.fps < _SMOOTH * (1 - _TOLERANCE):
            info.warn(
                f"The camera {info.source_id} gives {info.fps:g} frames/s; under {_SMOOTH:g}, signs can be missed."
            )

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceError: The camera sends no picture any more.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        ok, image = self._capture.read()
        now = time.monotonic()
        if not ok or image is None:
            raise SourceError(f"The camera {self._source_id} sends no picture: check its cable.")
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        taken = stamp if 0.0 <= now - stamp < 1.0 else now
        if self._started is None:
            self._started = taken
        frame = Frame(np.asarray(image, np.uint8), self._index, taken, max(taken - self._started, 0.0), self._source_id)
        self._index += 1
        return frame

    def close(self) -> None:
        """Free the device."""
        self._capture.release()
