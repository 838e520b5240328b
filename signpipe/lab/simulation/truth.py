"""The truth beside a rendered drive: which sign is where in which frame. Needs no extra."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from signpipe.errors import SourceError

SCHEMA = "signpipe.truth/1"


@dataclass(frozen=True, slots=True)
class TruthSign:
    """One physical sign of the drive.

    Attributes:
        id: Number of the sign, from 0 in the order of the road.
        class_id: Index in the catalogue, or -1 if the catalogue doesn't have it.
        class_name: Its name, in the catalogue or outside it.
        position: Centre of its face in metres: to the right of the road's start, up, and along the road.
        hidden: True if a plant hides it for a part of the approach.
        overgrown: True if leaves hide the left half of it for good.
    """

    id: int
    class_id: int
    class_name: str
    position: tuple[float, float, float]
    hidden: bool = False
    overgrown: bool = False


@dataclass(frozen=True, slots=True)
class TruthBox:
    """One sign in one frame.

    Attributes:
        id: Number of the sign.
        class_id: Index in the catalogue, or -1 if the catalogue doesn't have it.
        class_name: Its name, in the catalogue or outside it.
        xyxy: Tight box of the face in pixels, cut at the picture's edges; right and bottom are exclusive.
        visible: Share of the face that is neither hidden nor outside the picture, 0..1.
        distance: Metres from the camera to the centre of the face, along the view.
    """

    id: int
    class_id: int
    class_name: str
    xyxy: tuple[float, float, float, float]
    visible: float
    distance: float


@dataclass(frozen=True, slots=True)
class TruthFrame:
    """One frame of the drive.

    Attributes:
        index: Number of the frame, from 0.
        media_time: Seconds since the start.
        signs: The signs in the picture, nearest first.
        limit: km/h that the signs already passed prescribe, or None.
        overtaking_ban: True if a ban on overtaking has been passed and not ended.
    """

    index: int
    media_time: float
    signs: tuple[TruthBox, ...]
    limit: float | None = None
    overtaking_ban: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is true of a drive.

    Attributes:
        size: Width and height of the pictures.
        fps: Frames per second.
        focal: Focal length of the camera in pixels.
        seed: Seed that the drive was rendered with.
        speed: Speed of the vehicle in metres per second.
        signs: All signs along the road.
        frames: One entry a frame; empty while a drive is being written.
    """

    size: tuple[int, int]
    fps: float
    focal: float
    seed: int
    speed: float
    signs: tuple[TruthSign, ...]
    frames: tuple[TruthFrame, ...] = field(default=())

    def header(self) -> dict[str, Any]:
        """Return the first record of the file: everything but the frames."""
        return {"schema": SCHEMA, **{key: value for key, value in asdict(self).items() if key != "frames"}}


def read_truth(path: Path) -> Truth:
    """Read the truth of a drive: a header, then one JSON record per frame.

    Args:
        path: A `.truth.jsonl` file written by `signpipe simulate`.

    Raises:
        SourceError: The file can't be read, or isn't the truth of a drive.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"The truth file {path} can't be read: {error}.") from None
    try:
        header, *records = (json.loads(line) for line in lines)
        if header.pop("schema") != SCHEMA:
            raise ValueError(f"its schema isn't {SCHEMA}")
        signs = tuple(TruthSign(**{**sign, "position": tuple(sign["position"])}) for sign in header.pop("signs"))
        frames = tuple(_frame(record) for record in records)
        return Truth(**{**header, "size": tuple(header["size"])}, signs=signs, frames=frames)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"The file {path} isn't the truth of a drive ({error}); write one with `signpipe simulate`."
        ) from None


def _frame(record: dict[str, Any]) -> TruthFrame:
    """Build a frame from its JSON record."""
    boxes = tuple(TruthBox(**{**box, "xyxy": tuple(box["xyxy"])}) for box in record["signs"])
    return TruthFrame(**{**record, "signs": boxes})
