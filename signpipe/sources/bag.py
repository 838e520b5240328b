"""Recordings of ROS and MCAP as sources: pictures, and what was recorded beside them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signpipe.bags.bag import CAMERAS, CLOUDS, FIXES, PICTURES, Bag, BagError, Message, Topic
from signpipe.bags.opening import is_bag, open_bag
from signpipe.bags.pictures import encoding_of, picture_of
from signpipe.bags.readings import fix_of, focal_of, stamp_of, sweep_of
from signpipe.errors import SourceError
from signpipe.position.recorded import RecordedPositions, plausible
from signpipe.settings import CaptureSettings
from signpipe.types import FloatArray, Frame, Image, Pose
from signpipe.types.source import Source, SourceInfo

logger = logging.getLogger("signpipe.sources")

NONE: Final = "none"  # in place of a topic: leave it out
SWEEP_AGE: Final = 0.2  # seconds; an older sweep isn't of the same moment as a picture


@dataclass(frozen=True, slots=True)
class BagFacts:
    """What a recording says of itself that is needed before its first picture.

    Attributes:
        focal: Focal length of its camera in pixels, or None where it doesn't say.
        start: Where it begins, or None where it doesn't say.
    """

    focal: float | None = None
    start: Pose | None = None


class BagSource(Source):
    """The pictures of one topic, with the position and the sweep of the same moment.

    Times are those in the messages' headers. Pictures that can't be read are left out and counted in `info.damaged`;
    a recording without an end is read up to its last whole part.

    Args:
        bag: The open recording; the source closes it.
        source_id: Its name.
        settings: Which topics.

    Raises:
        SourceError: It has no pictures, there are several topics of them and none is chosen, the one that is chosen
            isn't there, or no picture can be read.
    """

    def __init__(self, bag: Bag, source_id: str, settings: CaptureSettings) -> None:
        self._bag = bag
        self.topic = picture_topic(bag, source_id, settings.topic)
        self._clouds = _beside(bag, source_id, CLOUDS, settings.lidar_topic, "lidar_topic")
        self._positions = positions(bag, source_id, settings)
        self._messages = bag.messages([self.topic.name, *([self._clouds.name] if self._clouds else [])])
        self._sweep: tuple[float, FloatArray] | None = None
        self._index = 0
        self._media_time = -1.0
        fps = (self.topic.count - 1) / bag.seconds if bag.seconds and self.topic.count > 1 else None
        self._interval = 1 / fps if fps else 0.04
        self._fault = "there is none"
        self.info = SourceInfo(source_id, "bag", False, 0, 0, fps, self.topic.count)
        if bag.is_cut:
            self.info.warn(f"{source_id} has no end: it is read up to its last whole part.")
        first = self._first = self._next()
        if first is None:
            raise SourceError(f"No picture on {self.topic.name} in {source_id} can be read ({self._fault}).")
        self._start = first[1]
        self.info.height, self.info.width = first[0].shape[:2]
        self.info.details["topic"] = self.topic.name

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: The rest of the recording can't be read.
        """
        picture = self._first or self._next()
        self._first = None
        if picture is None:
            return None
        image, stamp = picture
        media_time = stamp - self._start
        if media_time <= self._media_time:  # two pictures of one moment, or a clock that was put back
            media_time = self._media_time + self._interval
        frame = Frame(image, self._index, time.monotonic(), media_time, self.info.source_id)
        frame.pose = self._positions.at(stamp, frame.captured_at)
        if self._sweep is not None and abs(stamp - self._sweep[0]) <= SWEEP_AGE:
            frame.lidar = self._sweep[1]
        self._index += 1
        self._media_time = media_time
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._bag.close()

    def _next(self) -> tuple[Image, float] | None:
        """Return the next picture that can be read, with its time; sweeps before it are kept."""
        try:
            for message in self._messages:
                try:
                    content = message.content()
                    if message.kind in CLOUDS:
                        self._sweep = stamp_of(message, content), sweep_of(content)
                        continue
                    picture = picture_of(message.kind, content)
                except BagError as error:
                    self._damaged(message, error)
                    continue
                self.info.details.setdefault("encoding", encoding_of(message.kind, content))
                return picture, stamp_of(message, content)
        except BagError as error:
            raise SourceError(f"The rest of {self.info.source_id} can't be read ({error}).") from None
        return None

    def _damaged(self, message: Message, error: BagError) -> None:
        """Count what can't be read, and say so once."""
        self._fault = str(error)
        if not self.info.damaged and self._index:
            self.info.warn(
                f"A message on {message.topic} in {self.info.source_id} can't be read ({error}); such are skipped and "
                "counted."
            )
        self.info.damaged += 1


def open_bag_source(path: Path, settings: CaptureSettings) -> BagSource:
    """Open a recording of ROS or MCAP as a source.

    Raises:
        SourceError: It can't be read, or doesn't have the pictures that are asked for.
        ExtraMissingError: The extra "ros" isn't installed.
    """
    bag = open_bag(path)
    try:
        return BagSource(bag, str(path), settings)
    except BaseException:
        bag.close()
        raise


def bag_facts(spec: object, settings: CaptureSettings) -> BagFacts:
    """Return what a source says of itself if it is a recording of ROS or MCAP; of others, nothing.

    Raises:
        SourceError: It is one, and can't be read.
        ExtraMissingError: The extra "ros" isn't installed.
    """
    path = Path(spec) if isinstance(spec, str | Path) and "\0" not in str(spec) else None
    try:
        if path is None or not is_bag(path):
            return BagFacts()
    except OSError:
        return BagFacts()
    bag = open_bag(path)
    try:
        pictures = picture_topic(bag, str(path), settings.topic)
        return BagFacts(_focal(bag, pictures), _begin(bag, str(path), settings))
    except BagError as error:
        raise SourceError(f"{path} can't be read ({error}).") from None
    finally:
        bag.close()


def picture_topic(bag: Bag, source_id: str, wanted: str | None) -> Topic:
    """Return the topic that is asked for, or the only one that has pictures.

    Raises:
        SourceError: There is none, or several and none is asked for; the message lists those that are there.
    """
    found = bag.of_kind(PICTURES)
    listed = ", ".join(f"{topic.name} ({topic.count})" for topic in found)
    if not found:
        there = ", ".join(sorted(f"{topic.name} ({topic.kind})" for topic in bag.topics.values())) or "none"
        raise SourceError(f"There are no pictures in {source_id}; its topics are: {there}.")
    if wanted is None and len(found) > 1:
        raise SourceError(f"{source_id} has pictures on several topics: choose with --topic (capture.topic) {listed}.")
    chosen = [topic for topic in found if wanted in (None, topic.name)]
    if not chosen:
        raise SourceError(f"There are no pictures on the topic '{wanted}' in {source_id}; there are on {listed}.")
    return chosen[0]


def positions(bag: Bag, source_id: str, settings: CaptureSettings) -> RecordedPositions:
    """Return where the vehicle was, on the clock of the messages; nothing is known where no topic says it.

    Raises:
        SourceError: The topic that is asked for isn't there, or can't be read.
    """
    topic = _beside(bag, source_id, FIXES, settings.position_topic, "position_topic")
    fixes = []
    try:
        for message in bag.messages([topic.name]) if topic else ():
            try:
                fix = fix_of(message, message.content())
            except BagError:
                fix = None
            if fix is not None:
                fixes.append(fix)
    except BagError as error:
        raise SourceError(f"The positions on {topic and topic.name} in {source_id} can't be read ({error}).") from None
    return RecordedPositions(plausible(fixes)[0])


def _beside(
    bag: Bag, source_id: str, kinds: Sequence[str], wanted: str | None, setting: str, warn: bool = True
) -> Topic | None:
    """Return the topic of a sensor: the one that is asked for, the only one, or the first with a warning.

    Raises:
        SourceError: The one that is asked for isn't there.
    """
    found = bag.of_kind(kinds)
    if wanted is None and len(found) > 1 and warn:
        logger.warning(
            "%s has %s; %s is taken, capture.%s chooses another.",
            source_id, " and ".join(topic.name for topic in found), found[0].name, setting,
        )  # fmt: skip
    if wanted in (None, NONE):
        return found[0] if found and wanted is None else None
    for topic in found:
        if topic.name == wanted:
            return topic
    there = ", ".join(topic.name for topic in found) or "none"
    raise SourceError(
        f"There is no topic '{wanted}' of {kinds[0]} in {source_id} (capture.{setting}); of that kind it has: {there}."
    )


def _focal(bag: Bag, pictures: Topic) -> float | None:
    """Return the focal length by the camera info that is nearest in name to the pictures."""
    found = bag.of_kind(CAMERAS)
    parts = pictures.name.split("/")

    def shared(topic: Topic) -> int:
        pairs = zip(parts, topic.name.split("/"), strict=False)
        return next((number for number, (one, other) in enumerate(pairs) if one != other), len(parts))

    nearest = max(found, key=shared, default=None)
    if nearest is None or (len(found) > 1 and shared(nearest) < 2):  # of another camera
        return None
    message = next(iter(bag.messages([nearest.name])), None)
    try:
        return focal_of(message.content(), "rect" in pictures.name) if message else None
    except BagError:
        return None


def _begin(bag: Bag, source_id: str, settings: CaptureSettings) -> Pose | None:
    """Return the first position, without a heading."""
    topic = _beside(bag, source_id, FIXES, settings.position_topic, "position_topic", warn=False)
    for message in bag.messages([topic.name]) if topic else ():
        try:
            fix = fix_of(message, message.content())
        except BagError:
            continue
        if fix is not None:
            return Pose(fix.latitude, fix.longitude, utc=fix.time)
    return None
