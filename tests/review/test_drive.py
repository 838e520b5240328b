"""The shipped pipeline passes signs outside the catalogue: they land in the queue, each once, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from signpipe.catalogue.drawings import render_svg
from signpipe.cli.main import app
from signpipe.lab.simulation.sprite import Sprite
from signpipe.review import ReviewQueue
from signpipe.types import Image

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "samples" / "drive.mp4"
NO_STOPPING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600">
<circle cx="300" cy="300" r="300" fill="#c1121c"/><circle cx="300" cy="300" r="250" fill="#154889"/>
<path d="M120 120 480 480M480 120 120 480" stroke="#c1121c" stroke-width="60"/></svg>"""
NO_RIDERS = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600">
<circle cx="300" cy="300" r="300" fill="#c1121c"/><circle cx="300" cy="300" r="240" fill="#fff"/>
<path d="M170 400V250L260 230 330 150 430 170 420 230 360 240 400 400H370L330 300H240L210 400Z"/></svg>"""
FRAMES = 25


def place(frame: int, left: bool) -> tuple[float, float, float]:
    """Return centre and side of a sign in a frame, in pixels."""
    return (300 - 4 * frame if left else 900 + 4 * frame), 330 - frame, 28 + 2 * frame


def draw(sprite: Sprite, picture: Image, x: float, y: float, side: float) -> None:
    half = side / 2
    corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    sprite.draw(picture, np.array(corners))


@pytest.fixture(scope="module")
def approach(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a second's approach to two signs outside the catalogue; a priority road is further on."""
    folder = tmp_path_factory.mktemp("approach")
    with av.open(str(SAMPLE)) as video:
        road = np.asarray(next(video.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)
    signs = {True: Sprite(render_svg(NO_STOPPING, 400)), False: Sprite(render_svg(NO_RIDERS, 400))}
    for frame in range(FRAMES):
        picture = road.copy()
        for left, sprite in signs.items():
            draw(sprite, picture, *place(frame, left))
        cv2.imwrite(str(folder / f"{frame:03}.png"), picture)
    return folder


def test_signs_outside_the_catalogue_land_in_the_queue_once(approach: Path, tmp_path: Path) -> None:
    def drive() -> None:
        setting = f"review.folder={tmp_path / 'queue'}"
        app(["run", str(approach), "--fps", "25", "--quiet", "--set", setting], standalone_mode=False)

    drive()
    entries = ReviewQueue(tmp_path / "queue").items()
    assert len(entries) == 2  # neither the priority road, which is sure, nor anything twice
    for entry in entries:
        item = entry.item
        assert "unsure" in item.why
        x, y, side = place(item.frame_index, left=item.xyxy[0] < 640)
        np.testing.assert_allclose(item.xyxy, [x - side / 2, y - side / 2, x + side / 2, y + side / 2], atol=6)
        assert item.side > 50  # a late look, not the first
        assert item.embedding
        crop = cv2.imread(str(entry.crop))
        assert crop is not None
        left, top, right, bottom = item.crop
        np.testing.assert_array_equal(
            crop,
            cv2.imread(str(approach / f"{item.frame_index:03}.png"))[top:bottom, left:right],  # type: ignore[index]
        )

    drive()  # the same road again
    assert [entry.again for entry in ReviewQueue(tmp_path / "queue").items()] == [1, 1]


def test_a_review_disk_that_cannot_be_used_changes_nothing_in_the_run(
    approach: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    records: list[Path] = []
    for name, setting in (("without", []), ("with", ["--set", f"review.folder={tmp_path / 'file' / 'queue'}"])):
        records.append(tmp_path / f"{name}.jsonl")
        app(["run", str(approach), "--quiet", "--jsonl", str(records[-1]), *setting], standalone_mode=False)
    assert [record.message.count("review queue") for record in caplog.records] == [1]
    assert len({len(path.read_text().splitlines()) for path in records}) == 1
