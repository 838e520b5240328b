"""Positions inside a recording: GoPro's telemetry, or what dash-cams write into subtitles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import av
import av.error

from signpipe.errors import SourceError
from signpipe.position.fix import Fix
from signpipe.position.gpmf import MARK, read_payload
from signpipe.position.subtitles import SubtitleReader
from signpipe.position.track import Track, beside_pictures


def read_embedded(path: Path) -> Track:
    """Read the positions in a recording, or in a file of subtitles (.srt).

    Raises:
        SourceError: The file can't be read.
        ExtraMissingError: Its subtitles hold NMEA sentences, and the extra "map" isn't installed.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise SourceError(f"The positions {path} can't be read: {error.strerror}.") from None
    return _read(path, (stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=1)  # whether there are any is asked before they are used
def _read(path: Path, version: tuple[int, int]) -> Track:  # noqa: ARG001  # part of the cache's key
    samples: list[tuple[Fix, float | None]] = []
    reader = SubtitleReader()
    for content, start, lasted in _packets(path):
        if content.startswith(MARK):
            samples += read_payload(content, start, lasted)
        elif (sample := reader.read(content.decode("utf-8", "replace"), start)) is not None:
            samples.append(sample)
    return beside_pictures(samples)


def _packets(path: Path) -> Iterator[tuple[bytes, float, float]]:
    """Yield what lies beside the pictures: content, seconds after the first picture, and for how many seconds."""
    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            streams = [stream for stream in container.streams if stream.type in ("data", "subtitle")]
            video = next(iter(container.streams.video), None)
            begun = float(video.start_time * video.time_base) if video and video.start_time and video.time_base else 0.0
            texts = {stream.index for stream in container.streams.subtitles if stream.codec_context.name == "mov_text"}
            for packet in container.demux(*streams) if streams else ():
                if packet.pts is None or packet.time_base is None:  # the last one, which is empty
                    continue
                content = bytes(packet)[2 if packet.stream_index in texts else 0 :]  # before the text is its length
                base = float(packet.time_base)
                yield content, packet.pts * base - begun, (packet.duration or 0) * base
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"The positions in {path} can't be read ({error.strerror}); give its track.") from None
