"""One server for the tests of a file: it watches a piece of the sample drive, again and again."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.support.clip import cut_sample
from tests.support.serving import Server

LIMITS = {"header_seconds": 2.0, "body_seconds": 2.0, "send_seconds": 2.0, "picture_megabytes": 2.0, "batch": 3}


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_sample(tmp_path_factory.mktemp("clip") / "drive.mp4", 48, start=60)


@pytest.fixture(scope="package")
def picture(clip: Path) -> bytes:
    """A picture with signs, as JPEG."""
    video = cv2.VideoCapture(str(clip))
    video.set(cv2.CAP_PROP_POS_FRAMES, 30)
    found, image = video.read()
    video.release()
    assert found
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


@pytest.fixture(scope="module")
def server(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "limits": {**LIMITS, "requests": 2000.0, "burst": 5000},
        "sources": [
            {
                "name": "road",
                "address": str(clip),
                "settings": {"capture": {"loop": 0, "policy": "drop_oldest", "fps": 5.0}},
            }
        ],
    }
    with Server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running
