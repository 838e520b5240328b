"""Where frames come from: video files, cameras, network streams and pictures."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.base import Source, SourceInfo
from signpipe.sources.camera import CameraSource
from signpipe.sources.images import is_picture, open_folder, open_glob, open_picture
from signpipe.sources.loop import LoopedSource
from signpipe.sources.redact import redact
from signpipe.sources.stream import SCHEMES, open_stream
from signpipe.sources.v4l2 import Camera, list_cameras
from signpipe.sources.video import open_video

__all__ = ["Camera", "Source", "SourceInfo", "list_cameras", "open_source", "redact"]

_ACCEPTED = (
    "a video file, a folder or pattern of pictures, a camera (0 or /dev/video0), or an rtsp:// or http:// address"
)


def open_source(spec: str, settings: CaptureSettings | None = None) -> Source:
    """Open whatever a person names.

    Args:
        spec: Camera index or device, stream address, video file, picture, folder or glob of pictures.
        settings: The capture settings, the defaults if absent; `loop` plays recordings again.

    Raises:
        SourceError: Nothing of that name can be opened; one sentence says why and what to do.
    """
    settings = settings or CaptureSettings()
    source = _open(spec, settings)
    if source.info.live or settings.loop == 1:
        return source
    return LoopedSource(source, partial(_open, spec, settings), settings.loop)


def _open(spec: str, settings: CaptureSettings) -> Source:
    if spec.isdecimal():
        return CameraSource(int(spec), settings)
    if spec.startswith(("/dev/video", "/dev/v4l/")):
        return CameraSource(spec, settings)
    scheme, mark, _ = spec.partition("://")
    if mark and scheme.lower() in SCHEMES:
        return open_stream(spec, settings)
    if mark:
        raise SourceError(f"Addresses of the kind {redact(spec)} can't be read: give {_ACCEPTED}.")
    return _open_path(spec, settings)


def _open_path(spec: str, settings: CaptureSettings) -> Source:
    path = Path(spec)
    try:
        if not spec.strip() or not path.exists():
            if re.search(r"[*?\[]", spec):
                return open_glob(spec, settings)
            raise SourceError(f"There is no source '{redact(spec)}': give {_ACCEPTED}.")
        if path.is_dir():
            return open_folder(path, settings)
        if not path.is_file():
            raise SourceError(f"{spec} is no regular file: give {_ACCEPTED}.")
        return open_picture(path, settings) if is_picture(path) else open_video(path)
    except OSError as error:  # such as a name that is too long
        raise SourceError(f"'{redact(spec)}' can't be opened: {error.strerror}.") from None
