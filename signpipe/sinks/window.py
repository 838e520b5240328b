"""A live window."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import cv2

from signpipe.errors import OutputError
from signpipe.sinks.overlay import Overlay
from signpipe.types import Frame, FrameResult, Image

_ESCAPE = 27
_LARGEST = 1280, 720  # pixels of the window when it opens
_PROBE_TIMEOUT = 30.0  # seconds
_PROBE = "import cv2; cv2.namedWindow('signpipe'); cv2.pollKey(); cv2.destroyAllWindows()"


class WindowSink:
    """Shows each annotated picture; q, Escape or closing the window ends the run.

    While there is no signal, the last picture is shown dimmed and marked. Everything but the constructor has to be
    called from one and the same thread.
    """

    def __init__(self, title: str, overlay: Overlay, stop: threading.Event) -> None:
        """Make sure that a window can be opened; it opens with the first picture.

        Args:
            title: Of the window.
            overlay: Draws on the pictures.
            stop: Set when the person wants the run to end.

        Raises:
            OutputError: There is no display, or this OpenCV can't use it.
        """
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # it warns of fonts and threads that do no harm
        _probe()
        self._title = title
        self._overlay = overlay
        self._stop = stop
        self._last: Image | None = None
        self._open = False

    def write(self, result: FrameResult) -> None:
        """Show a frame, or that there is none."""
        if self._stop.is_set():
            return
        if isinstance(result.frame, Frame):
            self._last = result.frame.image
            self._show(self._overlay(result))
        elif self._last is not None:
            self._show(self._overlay.no_signal(self._last, result.frame))

    def close(self) -> None:
        """Close the window; a second call does nothing."""
        if self._open:
            self._open = False
            cv2.destroyWindow(self._title)
            cv2.pollKey()  # the window vanishes only when its events are served

    def _show(self, picture: Image) -> None:
        if not self._open:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            scale = min(1.0, _LARGEST[0] / picture.shape[1], _LARGEST[1] / picture.shape[0])
            cv2.resizeWindow(self._title, round(picture.shape[1] * scale), round(picture.shape[0] * scale))
            self._open = True
        cv2.imshow(self._title, picture)
        key = cv2.pollKey() & 0xFF
        closed = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if key in (ord("q"), _ESCAPE) or closed:
            self._stop.set()


def _probe() -> None:
    """Try a window in a process of its own: without a display, Qt ends the process that asks for one.

    Raises:
        OutputError: It fails, or the system allows windows in the main thread only.
    """
    if sys.platform == "darwin":
        raise OutputError("A live window isn't available on macOS; write the annotated video with --out instead.")
    try:
        subprocess.run([sys.executable, "-c", _PROBE], check=True, capture_output=True, timeout=_PROBE_TIMEOUT)
    except (OSError, subprocess.SubprocessError):
        raise OutputError(
            "No window can be opened: there is no display that OpenCV can use; set DISPLAY, "
            "or write the annotated video with --out instead."
        ) from None
