"""Signs as a car drives up to them in a virtual road: pictures, where the car is, and what a LiDAR would see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from signpipe.catalogue import Catalogue, Shape
from signpipe.crops import MARGIN as CROP_MARGIN
from signpipe.crops import crop_signs
from signpipe.errors import SourceError
from signpipe.lab.augmentation import CORRUPTIONS, OCCLUDERS, face_mask
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.data.uncatalogued import UncataloguedSign
from signpipe.lab.evaluation.approach import PICTURE
from signpipe.lab.evaluation.conditions import Condition
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.parallax import Curtain, distances
from signpipe.lab.evaluation.uncatalogued import approach_sides, uncatalogued_views
from signpipe.types import Detections, FloatArray, Image

MARGIN = 0.25  # around a sign's box, as a share of its longer side
SMALLEST, LARGEST = 16, 200  # pixels of the longer side of a sign
GREY = 114
VIEW = 96  # pixels of a drawn view before it is brought to its size
DURATION = 3.0  # seconds of a drawn approach
FPS = 10.0  # frames per second that are assumed; the benchmark's tracks have no time stamps


@dataclass(frozen=True, slots=True)
class Sign:
    """One physical sign, frame by frame, the farthest first.

    Attributes:
        name: Its track in the data set.
        class_id: Its class, or -1 for one that the catalogue doesn't have.
        squares: One BGR uint8 (S, S, 3) per frame, around the sign's box with `MARGIN` on each side.
        sizes: float32 (F, 2), width and height of the box in pixels.
        times: Seconds at which the frames were taken.
    """

    name: str
    class_id: int
    squares: tuple[Image, ...]
    sizes: FloatArray
    times: tuple[float, ...]


def read_signs(dataset: Dataset, count: int, observations: int, progress: Callable[[int, int], None]) -> list[Sign]:
    """Read a sample of a data set's tracks, each class with its share, by a hash of their names.

    Args:
        dataset: Pictures with tracks.
        count: How many signs; all if there are no more.
        observations: Frames of each, evenly over its track.
        progress: Told how many signs are read, and how many are to be.

    Raises:
        SourceError: No sign is seen in two frames or more, or a picture can't be read.
    """
    tracks: dict[tuple[str, int], list[LabelledImage]] = defaultdict(list)
    for labelled in dataset:
        if labelled.track is not None and len(labelled.class_ids) == 1 and labelled.class_ids[0] >= 0:
            tracks[labelled.track, int(labelled.class_ids[0])].append(labelled)
    long_enough = [key for key, frames in tracks.items() if len(frames) > 1]
    if not long_enough:
        raise SourceError(
            f"The data set {dataset.root} has no tracks, one sign seen in several frames; GTSRB's training set has."
        )
    chosen = sorted(long_enough, key=lambda key: seeded("sign", *key).random())[:count]
    signs = []
    for done, key in enumerate(chosen, 1):
        frames = sorted(tracks[key], key=lambda one: one.path)
        places = np.unique(np.linspace(0, len(frames) - 1, observations).round().astype(int)).tolist()
        signs.append(_read(f"{key[1]:05d}/{key[0]}", key[1], {place / FPS: frames[place] for place in places}))
        progress(done, len(chosen))
    return signs


def _read(name: str, class_id: int, frames: Mapping[float, LabelledImage]) -> Sign:
    squares, sizes = zip(*map(squared, frames.values()), strict=True)
    return Sign(name, class_id, squares, np.array(sizes, np.float32), tuple(frames))


def squared(labelled: LabelledImage) -> tuple[Image, tuple[float, float]]:
    """Return a BGR uint8 square around a picture's first sign, `MARGIN` on each side, and the sign's width and height.

    Both are in pixels of the square; one larger than `LARGEST` is scaled down.
    """
    image = labelled.read()
    box = labelled.boxes_in(image.shape)[0]
    wide, high = float(box[2] - box[0]), float(box[3] - box[1])
    scale = min(LARGEST / max(wide, high), 1.0)
    side = max(round(max(wide, high) * scale * (1 + 2 * MARGIN)), SMALLEST)
    return np.asarray(crop_signs(image, box, MARGIN, side)[0], np.uint8), (wide * scale, high * scale)


def drawn_signs(signs: Sequence[UncataloguedSign], backgrounds: Image, observations: int) -> list[Sign]:
    """Return drawings of signs that the catalogue doesn't have, as a car would drive up to them.

    Args:
        signs: The drawings.
        backgrounds: BGR uint8 (M, T, T, 3), pictures without a sign.
        observations: Frames of each.
    """
    views = uncatalogued_views(signs, backgrounds, observations, VIEW) if signs else ()
    sides = approach_sides(observations)
    approached = []
    for sign, pictures in zip(signs, views, strict=True):
        squares = tuple(
            np.asarray(cv2.resize(picture, (scaled, scaled), interpolation=cv2.INTER_AREA), np.uint8)
            for picture, side in zip(pictures, sides, strict=True)
            for scaled in [round(float(side) * (1 + 2 * CROP_MARGIN))]
        )
        times = tuple(number / observations * DURATION for number in range(observations))
        approached.append(Sign(sign.name, -1, squares, np.repeat(sides[:, None], 2, 1), times))
    return approached


def under(condition: Condition, sign: Sign, catalogue: Catalogue, others: Image | None) -> list[Image]:
    """Return a sign's squares under a condition: the same leaves in every frame, on the sign or, moving, before it.

    Args:
        condition: What is done to it.
        sign: A sign.
        catalogue: The classes; tells the shape of the face, which of a sign outside it is taken for round.
        others: BGR uint8 (T, S, S, 3), other signs for occluders that show one, or None.
    """
    if condition.suite == "parallax":
        rng = seeded("under", sign.name, condition.suite, condition.effect)
        curtain = Curtain.of(condition.effect, condition.level, others, rng)
        far = distances(sign.sizes.max(1)).tolist()
        return [curtain.hide(square, MARGIN, metres) for square, metres in zip(sign.squares, far, strict=True)]
    spoiled = []
    shape = catalogue[sign.class_id].shape if sign.class_id >= 0 else Shape.CIRCLE
    for square in sign.squares:
        face = face_mask(shape, *square.shape[:2], MARGIN)
        rng = seeded("under", sign.name, condition.suite, condition.effect)
        if condition.suite == "occlusion":
            spoiled.append(OCCLUDERS[condition.effect](square, face, condition.level, rng, others)[0])
        elif condition.suite == "corruption":
            spoiled.append(CORRUPTIONS[condition.effect](square, condition.level, rng, face))
        else:
            spoiled.append(square)
    return spoiled


class Windscreen:
    """The virtual picture: grey, with one sign in its middle."""

    def __init__(self) -> None:
        self._image = np.full((*PICTURE, 3), GREY, np.uint8)
        self._side = 0

    def show(self, square: Image) -> Image:
        """Return the picture with a sign in it, BGR uint8 (H, W, 3); the next call overwrites it."""
        self._image[self._place(self._side)] = GREY
        self._side = square.shape[0]
        self._image[self._place(self._side)] = square
        return self._image

    @staticmethod
    def _place(side: int) -> tuple[slice, slice]:
        top, left = PICTURE[0] // 2 - side // 2, PICTURE[1] // 2 - side // 2
        return slice(top, top + side), slice(left, left + side)


def boxed(size: FloatArray) -> Detections:
    """Return the detection of a sign of a width and height in the middle of the virtual picture."""
    middle = np.array([PICTURE[1] / 2, PICTURE[0] / 2], np.float32)
    return Detections(np.concatenate([middle - size / 2, middle + size / 2])[None], np.ones(1, np.float32))
