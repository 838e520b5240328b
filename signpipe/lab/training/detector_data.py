"""Training tiles of the detector: pieces of street scenes at many scales.

Scale is what a detector of signs must learn: a sign is 12 to 400 pixels wide as a car drives up to it, but in the
photographs most are between 16 and 80. So the wanted size is drawn first, and a piece of a scene is enlarged or shrunk
to show a sign at that size. Half of the tiles are put together from four such pieces, as in the mosaic of YOLOv4
(Bochkovskiy et al., 2020), which shows four times as many signs for the same computation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.lab.augmentation import TRAINING_CORRUPTIONS
from signpipe.lab.augmentation.framing import degrade, recolour
from signpipe.lab.augmentation.pasting import Drawings, paste_drawing
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.data.faces import face_shapes
from signpipe.lab.evaluation.crop_sets import every_sign, scenes
from signpipe.lab.training.hidden_signs import hide_signs
from signpipe.types import SHAPES, UNKNOWN_SHAPE, FloatArray, Image, ShapeArray

Vector = npt.NDArray[np.float64]  # x, y
# What is learned from: signs of every kind, with their outlines, or those of the catalogue's classes.
EVERY_SIGN_SETS = ("gtsdb", "sy32", "btsd", "signs877", "boards")
CATALOGUE_SETS: tuple[Literal["gtsdb", "sy32"], ...] = ("gtsdb", "sy32")
GREY = 114  # what ultralytics, and our letterbox, fill with
SMALLEST, LARGEST = 12.0, 440.0
SCALES = (0.38, 5.0)  # how far a scene may be shrunk and enlarged
DRAWINGS = 0.35  # share of tiles into which drawings of signs are pasted
HIDDEN = 0.5  # share of tiles in which things stand before signs
SURROUNDINGS = 96  # pixels of the pieces of other scenes that hide signs
CORRUPTED = 0.15  # share of tiles seen through weather, bad light or a bad camera
MISTAKES = 0.12  # share of pieces around what an earlier state of the detector took for a sign
NOTHING = Path(__file__).with_name("nothing.csv")  # file;x;y of what detectors took for a sign, looked at one by one
# What moves pixels would leave the boxes behind.
_CORRUPTIONS = [c for c in TRAINING_CORRUPTIONS if c.scenes and not c.geometric]


@dataclass(frozen=True, slots=True)
class Source:
    """A scene in memory.

    Attributes:
        image: BGR uint8 (H, W, 3).
        boxes: float32 (N, 4), xyxy.
        shapes: uint8 (N,), outline of each sign, an index into `SHAPES`.
        complete: Whether every sign in it is boxed; if not, pieces stay close around a boxed one.
        mined: Whether hard negatives may be looked for in it.
        name: Its file's.
    """

    image: Image
    boxes: FloatArray
    shapes: ShapeArray
    complete: bool
    mined: bool = False
    name: str = ""


class Piece(NamedTuple):
    """A tile or a part of one: BGR uint8 (S, S, 3), boxes float32 (N, 4) as xyxy, and outlines uint8 (N,)."""

    image: Image
    boxes: FloatArray
    shapes: ShapeArray


def load_sources(scenes: Sequence[LabelledImage], complete: bool, mined: bool = False) -> list[Source]:
    """Read scenes into memory; boxes that are to be ignored are left out.

    An outline that isn't known is taken from the box: boards are oblong.

    Raises:
        SourceError: A picture can't be read.
    """
    sources = []
    for scene in scenes:
        image, kept = scene.read(), ~scene.ignore
        boxes = scene.boxes_in(image.shape)[kept]
        shapes = _outlines(boxes, face_shapes(scene)[kept])
        sources.append(Source(image, boxes, shapes, complete, mined, scene.path.name))
    return sources


def training_sets(data: Path, every_kind: bool) -> dict[str, Dataset]:
    """Return the training parts of the sets that a detector learns from; those besides GTSDB and sy32 may be missing.

    Args:
        data: Folder of the data sets.
        every_kind: Whether it is to find signs of every kind, or only those of the catalogue's classes.

    Raises:
        SourceError: GTSDB or sy32 is missing.
    """
    if not every_kind:
        return {name: scenes(data, name, "train") for name in CATALOGUE_SETS}
    return {
        name: every_sign(data, name, "train")
        for name in EVERY_SIGN_SETS
        if name in CATALOGUE_SETS or (data / name).is_dir()
    }


def load_training(data: Path, limit: int | None, every_kind: bool = True) -> list[Source]:
    """Read all scenes that the detector learns from, see `training_sets`.

    Raises:
        SourceError: GTSDB or sy32 is missing, or a picture can't be read.
    """
    sources = []
    for name, part in training_sets(data, every_kind).items():
        complete = name in ("gtsdb", "btsd")
        chosen = [scene for scene in part if complete or not scene.ignore.all()]
        sources += load_sources(chosen[:limit], complete, mined=complete)
    return sources


def known_mistakes(mined: Sequence[Source]) -> list[tuple[int, float, float]]:
    """Return what earlier detectors took for a sign in these scenes and a person found to be none: see `Tiles`."""
    places = {source.name: index for index, source in enumerate(mined)}
    rows = [line.split(";") for line in NOTHING.read_text(encoding="utf-8").splitlines()]
    return [(places[name], float(x), float(y)) for name, x, y in rows if name in places]


def _outlines(boxes: FloatArray, shapes: ShapeArray) -> ShapeArray:
    """Return outlines in which no disc is oblong, and none is unknown."""
    aspect = (boxes[:, 2] - boxes[:, 0]) / np.maximum(boxes[:, 3] - boxes[:, 1], 1e-3)
    oblong = (shapes == SHAPES.index("circle")) & ((aspect < 0.62) | (aspect > 1.4))
    return np.where((shapes == UNKNOWN_SHAPE) | oblong, SHAPES.index("rectangle"), shapes).astype(np.uint8)


class Tiles:
    """Map-style data set of tiles; tile `i` is always the same for a seed.

    Args:
        sources: Scenes to cut from.
        length: Tiles altogether.
        seed: Seed of every choice.
        size: Side of a tile in pixels.
        drawings: What is pasted; the drawings of the catalogue if None.

    Attributes:
        mistakes: Hard negatives: which source that may be mined, and x and y in it, of what was taken for a sign and is
            none.
    """

    def __init__(
        self, sources: Sequence[Source], length: int, seed: int, size: int = 640, drawings: Drawings | None = None
    ) -> None:
        self._complete = [s for s in sources if s.complete]
        self._mined = [s for s in sources if s.mined]
        self._drawings = drawings or Drawings()
        self._signs = [(s, i) for s in sources for i in range(len(s.boxes))]
        # A sign of a partly boxed scene counts a little less: it is shown at fewer scales.
        weight = np.array([1.0 if s.complete else 0.7 for s, _ in self._signs])
        self._cumulative = np.cumsum(weight / weight.sum())
        self._length = length
        self._seed = seed
        self._size = size
        self.mistakes: list[tuple[int, float, float]] = []

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Piece:
        """Return a tile."""
        rng = np.random.default_rng((self._seed, index))
        tile, boxes, shapes = self._composed(rng)
        for _ in range(int(rng.random() < DRAWINGS) * int(rng.integers(1, 4))):
            tile, boxes, shapes = paste_drawing(tile, boxes, shapes, (SMALLEST, LARGEST), rng, self._drawings)
        if rng.random() < HIDDEN:
            tile = hide_signs(tile, boxes, shapes, self._surroundings(rng), rng)
        if rng.random() < 0.5:
            tile = np.ascontiguousarray(tile[:, ::-1])
            boxes = boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
            boxes[:, [0, 2]] += self._size
        if rng.random() < 0.7:
            tile = recolour(tile, rng, strength=0.7)
        if rng.random() < CORRUPTED:
            corruption = _CORRUPTIONS[int(rng.integers(len(_CORRUPTIONS)))]
            tile = corruption(tile, float(rng.uniform(0, 3)), rng)
        if rng.random() < 0.15:
            tile = degrade(tile, rng, lowest=self._size * 2 // 3)
        return Piece(tile, boxes, shapes)

    def _surroundings(self, rng: np.random.Generator) -> Image:
        """Return pieces of scenes without a sign, BGR uint8 (M, SURROUNDINGS, SURROUNDINGS, 3)."""
        pieces = []
        for _ in range(4):
            source = self._complete[rng.integers(len(self._complete))]
            scale = np.full(2, float(np.exp(rng.uniform(np.log(0.4), np.log(2.0)))))
            centre = rng.uniform(0, 1, 2) * (source.image.shape[1], source.image.shape[0])
            piece = cut(source, centre, scale, SURROUNDINGS)
            if not len(piece.boxes):
                pieces.append(piece.image)
        return np.array(pieces, np.uint8).reshape(-1, SURROUNDINGS, SURROUNDINGS, 3)

    def _composed(self, rng: np.random.Generator) -> Piece:
        """Return one view, or four smaller ones as one picture."""
        if rng.random() < 0.4:
            return self._view(self._size, (64.0, LARGEST), rng)
        half = self._size // 2
        tile = np.empty((self._size, self._size, 3), np.uint8)
        boxes, shapes = [], []
        for x, y in ((0, 0), (half, 0), (0, half), (half, half)):
            piece = self._view(half, (SMALLEST, half * 0.5), rng)
            tile[y : y + half, x : x + half] = piece.image
            boxes.append(piece.boxes + np.array([x, y, x, y], np.float32))
            shapes.append(piece.shapes)
        return Piece(tile, np.concatenate(boxes), np.concatenate(shapes))

    def _view(self, size: int, sides: tuple[float, float], rng: np.random.Generator) -> Piece:
        """Cut one piece of `size` pixels: around a sign, or anywhere in a completely boxed scene."""
        if self.mistakes and rng.random() < MISTAKES:
            index, x, y = self.mistakes[rng.integers(len(self.mistakes))]
            source = self._mined[index]
            scale = float(np.exp(rng.uniform(np.log(0.6), np.log(2.0))))
            centre = np.array([x, y]) + rng.uniform(-0.35, 0.35, 2) * size / scale
        elif rng.random() < 0.2:
            source = self._complete[rng.integers(len(self._complete))]
            scale = float(np.exp(rng.uniform(np.log(0.5), np.log(2.5))))
            centre = rng.uniform(0, 1, 2) * (source.image.shape[1], source.image.shape[0])
        else:
            source, centre, scale = self._around_a_sign(size, sides, rng)
        stretch = np.exp(rng.normal(0, 0.04, 2))
        return cut(source, centre, scale * stretch, size)

    def _around_a_sign(
        self, size: int, sides: tuple[float, float], rng: np.random.Generator
    ) -> tuple[Source, Vector, float]:
        """Choose a sign, how large it is to be shown, and where in the piece."""
        wanted = float(np.exp(rng.uniform(*np.log(sides))))
        natural = rng.random() < 0.2  # as it was photographed, give or take a little
        for _ in range(20):
            source, index = self._signs[min(int(np.searchsorted(self._cumulative, rng.random())), len(self._signs) - 1)]
            box = source.boxes[index]
            side = float((box[2:] - box[:2]).max())
            scale = float(np.exp(rng.uniform(-0.25, 0.25))) if natural else wanted / side
            close = source.complete or size / scale <= 4.5 * side  # no room for a sign that isn't boxed
            if SCALES[0] <= scale <= SCALES[1] and close and scale * side <= size:
                break
        room = max(size - scale * side, 0.1 * size) / 2 / scale
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-1, 1, 2) * room * 1.05
        return source, centre, scale


def cut(source: Source, centre: Vector, scale: Vector, size: int) -> Piece:
    """Cut a square piece out of a scene, enlarged or shrunk.

    Args:
        source: The scene.
        centre: Middle of the piece as x, y in pixels of the scene; moved so that the piece stays inside where it can.
        scale: Enlargement along x and y.
        size: Side of the piece in pixels.

    Returns:
        The piece, with those signs that are visible enough in it.
    """
    height, width = source.image.shape[:2]
    limits = np.array([width, height])
    span = np.maximum(np.round(size / scale), 1).astype(int)
    start = np.round(centre - span / 2).astype(int)
    inside = np.clip(start, 0, np.maximum(limits - span, 0))
    start = np.where(span <= limits, inside, np.minimum(np.maximum(start, limits - span), 0))
    low, high = np.maximum(start, 0), np.minimum(start + span, limits)
    piece = np.full((span[1], span[0], 3), GREY, np.uint8)
    piece[low[1] - start[1] : high[1] - start[1], low[0] - start[0] : high[0] - start[0]] = source.image[
        low[1] : high[1], low[0] : high[0]
    ]
    method = cv2.INTER_AREA if scale.mean() < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(piece, (size, size), interpolation=method), np.uint8)
    exact = size / span
    boxes = (source.boxes - np.tile(start, 2)) * np.tile(exact, 2)
    clipped = np.clip(boxes, 0, size)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    seen = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    large_enough = (clipped[:, 2:] - clipped[:, :2]).max(1, initial=0) >= 7
    kept = (seen >= 0.35 * area) & large_enough
    return Piece(image, clipped[kept].astype(np.float32), source.shapes[kept])
