"""Training pictures of the classifier: base classes, all other drawn and photographed signs, and what is no sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Shape, load_catalogue
from signpipe.lab.augmentation import framing
from signpipe.lab.augmentation.figured import FiguredSign, FiguredSigns
from signpipe.lab.augmentation.variants import place_drawing
from signpipe.lab.data.meant import NO_SIGN
from signpipe.lab.training import ambiguity
from signpipe.lab.training.classifier_data import TrainingCrops
from signpipe.lab.training.looks import Looks, showing
from signpipe.lab.training.photographs import Photographs
from signpipe.types import FloatArray, Image

# Usual shares of the training pictures; the rest are the base classes, from GTSRB and signpipe's own drawings.
DRAWINGS, FIGURES, PHOTOGRAPHS, CLUTTER = 0.25, 0.12, 0.10, 0.13
BESIDE = DRAWINGS + FIGURES + PHOTOGRAPHS + CLUTTER
HIDDEN = 0.25  # share of the signs beyond the base classes that are partly hidden
SEEN = 0.6  # visible share of a sign from which the embedding has to know it
UNLABELLED = -1  # the embedding isn't asked what it is
SMALL = 0.4  # share of the drawings that are shown as small as far signs are
LOWEST = 12  # pixels of the smallest of them
# Classes whose mirror image is another sign: the look that it shows.
MIRRORED = {
    "road_narrows_right": "warning--road-narrows-left--g1",
    "double_bend": "warning--double-curve-first-right--g1",
}
_OWN = {f"limit:{n}": f"own:speed_limit_{n}" for n in (20, 30, 50, 60, 70, 80, 100, 120)} | {
    "end:80": "own:end_speed_limit_80"
}
_FIGURED = {
    "limit": ("limit", "boarded"), "gantry": ("led", "led"), "ended": ("end", "end_boarded"),
    "blue": ("blue_disc", "blue_square"), "board": ("board", "board"),
}  # fmt: skip

Sample = tuple[Image, FloatArray, FloatArray, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What is shown beside the base classes.

    Attributes:
        looks: All looks.
        figures: Signs with figures: number of the look or `UNLABELLED`, and BGRA uint8 pixels.
        photographs: Signs in photographs.
        clutter: BGR uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3), what looks like a sign and is none.
    """

    looks: Looks
    figures: tuple[tuple[int, Image], ...]
    photographs: Photographs
    clutter: Image


class EmbeddingCrops:
    """Map-style data set of one epoch after another; picture `i` is always the same for a seed.

    Args:
        base: The pictures of the base classes; its seed and size hold here too, and what it leaves out is shown in no
            other drawing or photograph either.
        sources: What is shown beside them.
        beside: In which share of the pictures.
    """

    def __init__(self, base: TrainingCrops, sources: Sources, beside: float = BESIDE) -> None:
        self._base = base
        self._sources = sources
        looks = sources.looks
        self._elsewhere = len(looks)
        self._shapes = [sign.shape for sign in load_catalogue()]
        shown = sources.photographs
        kept_back = showing(looks, base.left_out.tolist())
        self._drawn_looks = [one for one in looks.drawn if one[0] not in kept_back]
        self._figures = [one for one in sources.figures if one[0] not in kept_back]
        known = [
            name == NO_SIGN or (name in looks.proxy and looks.proxy[name] not in kept_back) for name in shown.looks
        ]
        self._photographs = np.flatnonzero(known)
        # A photographed look counts by the square root of its pictures, and a set no more than it has looks.
        names, counts = np.unique(np.array(shown.looks)[self._photographs], return_counts=True)
        often = dict(zip(names.tolist(), counts.tolist(), strict=True))
        weight = np.array([often[shown.looks[i]] ** -0.5 for i in self._photographs])
        self._photographed = np.cumsum(weight / weight.sum())
        self._mirrored = {load_catalogue().names.index(a): looks.proxy.get(b, UNLABELLED) for a, b in MIRRORED.items()}
        scale = beside / BESIDE
        self._kinds: tuple[tuple[float, Callable[[np.random.Generator], Sample]], ...] = (
            (scale * DRAWINGS, self._drawing), (scale * FIGURES, self._figure),
            (scale * PHOTOGRAPHS, self._photograph), (scale * CLUTTER, self._clutter),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._base)

    def __getitem__(self, index: int) -> Sample:
        """Return a crop, what it should be read as, what of it can be seen, and the look that it shows.

        Returns:
            BGR uint8 (S, S, 3); float32 (C + 1,) and float32 (2, S/8, S/8), as `TrainingCrops` does; and int64 (), the
            number of the look, that of looks for what is no sign, or `UNLABELLED`.
        """
        rng = np.random.default_rng((self._base.seed, 1, index))
        draw = rng.random()
        for share, show in self._kinds:
            if draw < share:
                return show(rng)
            draw -= share
        return self._of_base(index, rng)

    def first_views(self) -> tuple[Image, npt.NDArray[np.int64]]:
        """Return clear pictures of the looks, uint8 (N, S, S, 3), and the look of each, int64 (N,)."""
        rng, size = np.random.default_rng(self._base.seed), self._base.size
        shown = self._sources.photographs
        images, looks = [], list[int]()
        for number, pixels in [*self._drawn_looks, *self._figures]:
            if number != UNLABELLED:
                source = place_drawing(pixels, self._base.surroundings(rng, 1)[0], rng)
                images.append(framing.warp(source, framing.box_jitter(rng, size), size))
                looks.append(number)
        for pick in self._photographs:
            if shown.looks[pick] != NO_SIGN:
                images.append(framing.warp(shown.sources[pick], framing.box_jitter(rng, size), size))
                looks.append(self._sources.looks.proxy[shown.looks[pick]])
        photographs, classes = self._base.some(8)
        return np.concatenate([np.stack(images), photographs]), np.array([*looks, *classes], np.int64)

    def _of_base(self, index: int, rng: np.random.Generator) -> Sample:
        image, target, parts, label, visible = self._base.labelled(index)
        look = label if label >= 0 and visible >= SEEN else UNLABELLED if label >= 0 else self._elsewhere
        if label in self._mirrored and rng.random() < 0.25:
            image, parts = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(parts[..., ::-1])
            return (
                image,
                ambiguity.cannot_tell(),
                parts,
                _number(self._mirrored[label] if look == label else UNLABELLED),
            )
        return image, target, parts, _number(look)

    def _drawing(self, rng: np.random.Generator) -> Sample:
        number, pixels = self._drawn_looks[int(rng.integers(len(self._drawn_looks)))]
        look = self._sources.looks.looks[number]
        if look.faces and rng.random() < 0.5:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        return self._drawn(pixels, number, look.base, rng)

    def _figure(self, rng: np.random.Generator) -> Sample:
        number, pixels = self._figures[int(rng.integers(len(self._figures)))]
        return self._drawn(pixels, number, self._sources.looks.looks[number].base if number >= 0 else -1, rng)

    def _photograph(self, rng: np.random.Generator) -> Sample:
        shown = self._sources.photographs
        pick = int(
            self._photographs[min(int(np.searchsorted(self._photographed, rng.random())), len(self._photographs) - 1)]
        )
        name, source = shown.looks[pick], shown.sources[pick]
        if name == NO_SIGN:
            return self._show(source, self._elsewhere, -1, rng)
        number = self._sources.looks.proxy[name]
        look = self._sources.looks.looks[number]
        if look.faces and rng.random() < 0.5:
            source = np.ascontiguousarray(source[:, ::-1])
        return self._show(source, number, look.base, rng)

    def _clutter(self, rng: np.random.Generator) -> Sample:
        pieces = self._sources.clutter
        source = pieces[int(rng.integers(len(pieces)))]
        if rng.random() < 0.5:
            source = np.ascontiguousarray(source[:, ::-1])
        return self._show(source, self._elsewhere, -1, rng)

    def _drawn(self, pixels: Image, number: int, base: int, rng: np.random.Generator) -> Sample:
        source = place_drawing(pixels, self._base.surroundings(rng, 1)[0], rng)
        if rng.random() < SMALL:
            source = _far(source, rng)
        return self._show(source, number, base, rng)

    def _show(self, source: Image, number: int, base: int, rng: np.random.Generator) -> Sample:
        """Show a source picture as `TrainingCrops` shows its own."""
        is_sign = number != self._elsewhere
        shape = self._shapes[base] if base >= 0 else Shape.CIRCLE
        shown = self._base.show(source, shape, HIDDEN if is_sign else 0.0, rng)
        if is_sign and shown.visible < SEEN:
            number = UNLABELLED
        target = ambiguity.target(base, shown.straight, shown.foreign) if base >= 0 else ambiguity.cannot_tell()
        parts = shown.parts if is_sign else np.zeros_like(shown.parts)
        return framing.seen(shown.image, rng), target, parts, _number(number)


def _number(value: int) -> npt.NDArray[np.int64]:
    return np.asarray(value, np.int64)


def draw_figures(signs: FiguredSigns, looks: Looks, count: int, seed: int) -> tuple[tuple[int, Image], ...]:
    """Draw signs with figures, for `Sources`: limits for one half, and of the others what resembles them."""
    rng = np.random.default_rng(seed)
    shares = {"limit": 0.5, "gantry": 0.08, "ended": 0.12, "blue": 0.07, "measure": 0.15, "board": 0.04, "plate": 0.04}
    kinds = rng.choice(list(shares), count, p=list(shares.values()))
    drawn = [(str(kind), getattr(signs, kind)(rng)) for kind in kinds]
    return tuple((looks.proxy.get(_name_of(kind, sign), UNLABELLED), sign.image) for kind, sign in drawn)


def _name_of(kind: str, sign: FiguredSign) -> str:
    """Return the name of the look that a sign with figures shows, or one that there isn't."""
    boarded = bool(sign.image[2, 2, 3] > 127)
    if kind == "measure":
        return f"measure_{sign.text[-1]}"
    plain, on_board = _FIGURED.get(kind, (kind, kind))
    name = f"{on_board if boarded else plain}:{sign.text}"
    return _OWN.get(name, name)


def _far(source: Image, rng: np.random.Generator) -> Image:
    """Show a source picture as a camera sees a far sign: with few pixels."""
    side = round(np.exp(rng.uniform(np.log(LOWEST), np.log(48))) * (1 + 2 * framing.SOURCE_MARGIN))
    small = cv2.resize(source, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, source.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
