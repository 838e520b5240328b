"""The first seconds of the sample drive, cut without encoding it anew."""

from fractions import Fraction
from pathlib import Path

import av

SAMPLE = Path(__file__).parents[2] / "samples" / "drive.mp4"


def cut_sample(path: Path, frames: int, start: int = 0, made: str | None = None) -> Path:
    """Write some frames of the sample drive to `path`; it begins with the last key frame up to `start`.

    Args:
        path: Where to.
        frames: How many.
        start: Number of the frame before which it begins.
        made: When the recording says that it was made, ISO 8601.
    """
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        if made is not None:
            target.metadata["creation_time"] = made
        video = source.streams.video[0]
        copy = target.add_stream_from_template(video)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe and index <= start]
        begin = packets[keys[-1]].dts or 0
        for packet in packets[keys[-1] : keys[-1] + frames]:
            packet.pts, packet.dts = (packet.pts or 0) - begin, (packet.dts or 0) - begin
            packet.stream = copy
            target.mux(packet)
    return path


def slow_sample(path: Path, frames: int, rate: int, made: str | None = None) -> Path:
    """Write a recording of the sample drive at a lower rate, so that few pictures are of several seconds.

    Args:
        path: Where to.
        frames: How many.
        rate: Of them in a second.
        made: When the recording says that it was made, ISO 8601.
    """
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        if made is not None:
            target.metadata["creation_time"] = made
        video = source.streams.video[0]
        every = round(float(video.average_rate or 25) / rate)
        written = target.add_stream("libx264", rate=rate)
        written.width, written.height, written.pix_fmt = video.width, video.height, "yuv420p"
        for number, picture in enumerate(source.decode(video)):
            if number % every == 0:
                picture.pts, picture.time_base = number // every, Fraction(1, rate)
                target.mux(written.encode(picture))
            if number == every * (frames - 1):
                break
        target.mux(written.encode(None))
    return path
