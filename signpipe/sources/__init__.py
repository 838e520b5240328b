"""Where frames come from: video files, recordings of ROS and MCAP, cameras, network streams and pictures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.bags.opening import is_bag
from signpipe.errors import SourceError
from signpipe.geotags import SUFFIXES
from signpipe.settings import BufferPolicy, CaptureSettings
from signpipe.sources.arrays import ArraySource
from signpipe.sources.bag import bag_facts, open_bag_source
from signpipe.sources.camera import CameraSource
from signpipe.sources.content import is_picture_file
from signpipe.sources.images import open_folder, open_glob, open_picture
from signpipe.sources.loop import LoopedSource
from signpipe.sources.paced import PacedSource
from signpipe.sources.redact import redact
from signpipe.sources.remote import REMOTE, open_remote
from signpipe.sources.sensed import Attach, SensedSource
from signpipe.sources.sensors import Sensors
from signpipe.sources.stream import SCHEMES, open_stream
from signpipe.sources.v4l2 import Camera, list_cameras
from signpipe.sources.video import open_pipe, open_video
from signpipe.types.source import Source, SourceInfo

__all__ = [
    "Camera",
    "Sensors",
    "Source",
    "SourceInfo",
    "SourceSpec",
    "bag_facts",
    "list_cameras",
    "open_source",
    "redact",
]

SourceSpec = str | int | Path | np.ndarray[Any, Any] | Iterable[Any]

_ACCEPTED = (
    "a video file, a recording of MCAP or ROS, a folder or pattern of pictures, a camera (0 or /dev/video0), an object "
    "of a store (s3://...), or an rtsp:// or http:// address"
)


def open_source(spec: SourceSpec, settings: CaptureSettings | None = None, attach: Attach | None = None) -> Source:
    """Open whatever a person names, or pictures that are in memory.

    Args:
        spec: Camera index or device, stream address, video file, recording of MCAP or ROS, picture, folder or glob of
            pictures, as a string, a path or a number; or arrays, see `signpipe.sources.arrays.ArraySource`.
        settings: The capture settings, the defaults if absent; `loop` plays recordings again, and the policy
            "drop_oldest" plays them at their rate, as a camera would.
        attach: Puts on each frame what other sensors say of it, such as `Sensors.sense`; called with the index and
            media time that the frame has in its own recording.

    Raises:
        SourceError: Nothing of that name can be opened; one sentence says why and what to do.
    """
    settings = settings or CaptureSettings()

    def opened() -> Source:
        source = _open(spec, settings)
        return SensedSource(source, attach) if attach else source

    source = opened()
    if source.info.live:
        return source
    if settings.loop != 1:
        if not isinstance(spec, str | int | Path | np.ndarray | list | tuple):
            source.close()
            raise SourceError("An iterator of arrays can be played only once; give a list, or set capture.loop to 1.")
        source = LoopedSource(source, opened, settings.loop)
    return PacedSource(source, settings.fps) if settings.policy is BufferPolicy.DROP_OLDEST else source


def _open(spec: SourceSpec, settings: CaptureSettings) -> Source:
    if isinstance(spec, np.ndarray) or not isinstance(spec, str | int | Path):
        if not isinstance(spec, Iterable):
            raise SourceError(f"A source can't be {type(spec).__name__}: give {_ACCEPTED}, or arrays.")
        return ArraySource(spec, settings)
    return _open_path(str(spec), settings) if isinstance(spec, Path) else _open_named(str(spec), settings)


def _open_named(spec: str, settings: CaptureSettings) -> Source:
    if spec == "-":
        return open_pipe(sys.stdin.buffer, settings)
    if spec.isdecimal() and not Path(spec).exists():  # what is there by that name is meant
        return CameraSource(int(spec), settings)
    if spec.startswith(("/dev/video", "/dev/v4l/")):
        return CameraSource(spec, settings)
    scheme, mark, _ = spec.partition("://")
    if mark and scheme.lower() in SCHEMES:
        return open_stream(spec, settings)
    if mark and scheme.lower() in REMOTE:
        return open_remote(spec, settings)
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
        if is_bag(path):
            return open_bag_source(path, settings)
        if path.is_dir():
            return open_folder(path, settings)
        if not path.is_file():
            raise SourceError(f"{spec} is no regular file: give {_ACCEPTED}.")
        if path.suffix.lower() in SUFFIXES or is_picture_file(path):
            return open_picture(spec, path.read_bytes, settings)
        return open_video(path, settings)
    except OSError as error:  # such as a name that is too long
        raise SourceError(f"'{redact(spec)}' can't be opened: {error.strerror}.") from None
