"""Pictures that tell when and where they were taken, as cameras with a receiver and mapping apps write them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from signpipe.position import open_position
from signpipe.settings import PositionSettings
from tests.support.clip import SAMPLE

GREY = np.full((48, 64, 3), 90, np.uint8)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def write_geotagged(
    path: Path,
    moment: datetime | None,
    place: tuple[float, float] | None,
    image: npt.NDArray[np.uint8] = GREY,
    whole: bool = False,
) -> Path:
    """Write a JPEG with EXIF.

    Args:
        path: Where to.
        moment: When it was taken, by its receiver; None where it doesn't say.
        place: Latitude north and longitude east, None where it doesn't say.
        image: BGR.
        whole: Whether its camera tells whole seconds.
    """
    exif, gps = Image.Exif(), dict[int, object]()
    if moment is not None:
        moment = moment.replace(microsecond=0) if whole else moment
        taken = {0x9003: f"{moment:%Y:%m:%d %H:%M:%S}", 0x9291: f"{moment.microsecond // 10000:02d}"}
        exif.get_ifd(0x8769).update(taken)
        gps[29] = f"{moment:%Y:%m:%d}"
        gps[7] = (float(moment.hour), float(moment.minute), moment.second + moment.microsecond / 1e6)
    if place is not None:
        for tag, degrees, letter in ((1, place[0], "N"), (3, place[1], "E")):
            minutes = degrees % 1 * 60
            gps |= {tag: letter, tag + 1: (float(int(degrees)), float(int(minutes)), minutes % 1 * 60)}
    exif.get_ifd(0x8825).update(gps)
    Image.fromarray(image[..., ::-1]).save(path, exif=exif, quality=92)
    return path


def photograph_sample(folder: Path, seconds: Sequence[float]) -> list[Path]:
    """Write pictures of the sample drive, taken at some seconds of it, with their places."""
    folder.mkdir(parents=True, exist_ok=True)
    positions = open_position(PositionSettings(source=str(SAMPLE.with_suffix(".gpx"))))
    video, written = cv2.VideoCapture(str(SAMPLE)), []
    for number, second in enumerate(seconds):
        video.set(cv2.CAP_PROP_POS_MSEC, second * 1000)
        image, pose = video.read()[1], positions.at(second, 0.0)
        assert pose is not None
        moment, place = NOON + timedelta(seconds=second), (pose.latitude, pose.longitude)
        written.append(write_geotagged(folder / f"{number}.jpg", moment, place, np.asarray(image, np.uint8)))
    video.release()
    return written
