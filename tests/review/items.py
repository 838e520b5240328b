"""Items as runs save them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from signpipe.review import ReviewItem, ReviewQueue
from signpipe.review.item import Choice, Neighbour
from signpipe.review.queue import new_id
from signpipe.types import Image

BOX = (300.25, 200.5, 340.0, 239.0)


def picture(colour: tuple[int, int, int], height: int, width: int) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def item(
    novelty: float = 0.4,
    days_ago: float = 0.0,
    guess: str = "speed_limit_80",
    source: str = "drive.mp4",
    neighbours: tuple[Neighbour, ...] = (),
    embedding: tuple[float, ...] = (),
) -> ReviewItem:
    created = datetime.now(UTC) - timedelta(days=days_ago)
    return ReviewItem(
        id=new_id(created),
        created_at=created,
        why=("unsure",),
        source=source,
        track_id=7,
        frame_index=40,
        media_time=1.6,
        xyxy=BOX,
        size=(1280, 720),
        crop=(280, 180, 360, 260),
        context=(100, 100, 740, 600),
        score=0.8,
        verdict="uncertain",
        reason="vision: speed_limit_80 at 0.50 or speed_limit_30 at 0.40 over 9 observations",
        category="prohibitory",
        top=(Choice(name=guess, probability=0.5), Choice(name="speed_limit_30", probability=0.4)),
        novelty=novelty,
        embedding=embedding,
        neighbours=neighbours,
    )


def put(queue: ReviewQueue, saved: ReviewItem, colour: tuple[int, int, int] = (40, 60, 200)) -> str:
    """Save an item with a crop of one colour; return its id."""
    _, crop = cv2.imencode(".png", picture(colour, 80, 80))
    _, context = cv2.imencode(".jpg", picture((90, 120, 80), 500, 640))
    queue.add(saved, crop.tobytes(), context.tobytes())
    return saved.id


def filled(folder: Path, count: int = 3) -> tuple[ReviewQueue, list[str]]:
    """Return a queue with some open items, the oldest first."""
    queue = ReviewQueue(folder)
    return queue, [put(queue, item(novelty=n / 10, days_ago=count - n)) for n in range(count)]
