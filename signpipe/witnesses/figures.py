"""The figures on a sign as a witness: what is read speaks for the signs that carry it, and against all others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, Category, Effect, Shape, SignClass
from signpipe.figures.looks import Looks
from signpipe.figures.parse import Quantity, parse_figures
from signpipe.figures.reader import Reading
from signpipe.log_odds import softmax
from signpipe.opinion import Opinion, Role
from signpipe.settings import FiguresSettings
from signpipe.types import FiguresRead, Frame, Image, SignTrack

ERROR = 0.004  # probability that all looks misread a sign in the same way
# Where so much of a sign can be seen, all of its figures can; where less than the second, a part of them is hidden.
# Behind leaves, branches, a pole, stickers and snow, of limits on GTSRB's validation tracks 100 % were read whole at
# 0.9 and more, 72 % at 0.8 to 0.85, 38 % at 0.7 to 0.8 and 7 % at 0.6 to 0.7; most others as what was left of them.
FIGURES_SEEN, FIGURES_HIDDEN = 0.9, 0.65
MISREAD = 0.14  # of what was read whole at 0.7 to 0.8, the share that were other figures
HIDDEN = 0.5  # probability that some are hidden from which what reads as a part of others is taken for that
# Figures that a line strikes through are harder to read, so by so much less do they say that no sign carries them. Of
# 14 of GTSRB's signs for the end of 80 all looks from 20 pixels on were read right; a drawn "90" at 17 pixels wasn't.
STRUCK = 0.3
UNSURE = 0.2  # probability below which even the likeliest text wasn't read, and below which no line is through it
LIMIT = 0.9  # share of what vision tells of a sign from which it is sure that it is a limit
TELLS = 0.2  # probability that isn't spread evenly from which vision tells anything
REMEMBERED = 256  # tracks whose looks are kept
UNREAD = "?"
BOARDS = (Shape.RECTANGLE, Shape.PLATE)
_UNITS = {
    Effect.WEIGHT_LIMIT: ("t", "kg"), Effect.AXLE_LIMIT: ("t", "kg"), Effect.HEIGHT_LIMIT: ("m", "ft"),
    Effect.WIDTH_LIMIT: ("m", "ft"), Effect.LENGTH_LIMIT: ("m", "ft"), Effect.DISTANCE_MINIMUM: ("m",),
}  # fmt: skip


class ReadsFigures(Protocol):
    """What reads crops, as `signpipe.figures.reader.Reader` does."""

    @property
    def model_ms(self) -> float:
        """Milliseconds that the last run took."""

    def __call__(self, image: Image, xyxy: npt.ArrayLike) -> list[Reading]:
        """Read the figures in boxes (N, 4) of a picture."""


@dataclass(slots=True)
class _Memory:
    """What is known of one track.

    Attributes:
        looks: The looks at it.
        asked: Media time of the last look, seconds.
        side: Pixels of the sign's shorter side then.
        opinion: What they said.
    """

    looks: Looks = field(default_factory=Looks)
    asked: float = 0.0
    side: float = 0.0
    opinion: Opinion | None = None


class FiguresWitness:
    """Reads the figures on a sign, and says how probable they are on a sign of each class.

    A class whose figures are fixed ("50") is as probable as its text; one whose figures vary (a weight limit) as any
    text that it can carry; one without figures as that none are there. The end of a limit is told from its beginning
    by what strikes it through, unless it stands on a board. Figures that no class has are for a sign outside the
    catalogue (`Opinion.unlisted`), so that a 110 isn't published as the nearest limit that the catalogue has.

    A sign is read when it is first seen, and again once it has grown by `settings.growth` or `settings.interval` has
    passed; looks at one sign aren't independent, see `Looks`. Signs of which vision is sure that they carry no figures
    aren't read.

    Args:
        settings: Which signs are read, and how often.
        catalogue: The classes.
        reader: Reads crops.

    Attributes:
        name: "figures".
        role: LOOKS.
        weight: From the settings.
        expensive: False: it is heard on every sign, and sees by itself that few are read in a frame.
        reads: True: what it says of limits may be waited for.
        model_ms: Milliseconds that the reader's network has taken in the frame that was shown last.
    """

    name = "figures"
    role = Role.LOOKS
    expensive = False
    reads = True

    def __init__(self, settings: FiguresSettings, catalogue: Catalogue, reader: ReadsFigures) -> None:
        self.weight = settings.weight
        self.model_ms = 0.0
        self._settings = settings
        self._reader = reader
        self._catalogue = catalogue
        self._carries = np.array([sign.figures is not None for sign in catalogue])
        # It is boards that are struck through, not their discs, and the reader knows discs: vision tells those apart.
        self._strikes = self._carries & np.array([sign.shape not in BOARDS for sign in catalogue])
        self._texts = texts_of(catalogue)
        self._fixed = {sign.figures for sign in catalogue if sign.figures and sign.present}
        self._ends = np.array([sign.category is Category.END_OF for sign in catalogue])
        self._limits = np.array([bool(sign.figures) for sign in catalogue]) & ~self._ends
        self._memory: OrderedDict[int, _Memory] = OrderedDict()
        self._frame: Frame | None = None
        self._read = 0

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Say what a sign's figures speak for.

        Args:
            track: The sign, by its box and class probabilities.
            frame: The picture.

        Returns:
            The opinion over all looks so far, or None for a sign that wasn't read: it is smaller than
            `settings.smallest`, carries no figures by what vision says, or others were read in this frame.
        """
        if frame is not self._frame:  # whoever makes frames may leave them without numbers and times
            self._frame, self._read, self.model_ms = frame, 0, 0.0
        memory = self._memory.get(track.id)
        side = float((track.xyxy[2:] - track.xyxy[:2]).min())
        if side >= self._settings.smallest and self._is_due(track, memory, side, frame.media_time):
            memory = self._remember(track.id)
            memory.looks.add(self._reader(frame.image, track.xyxy[None])[0])
            memory.asked, memory.side = frame.media_time, side
            memory.opinion = self._opinion(memory.looks, self._is_limit(track), _hidden_figures(track.visible))
            self.model_ms += self._reader.model_ms
            self._read += 1
        return memory.opinion if memory else None

    def _is_due(self, track: SignTrack, memory: _Memory | None, side: float, now: float) -> bool:
        """Return True if a sign should be looked at in this frame."""
        if self._read >= self._settings.per_frame:
            return False
        if memory is None:
            figured = float(track.probability[self._carries].sum())
            return figured >= self._settings.least or track.novelty > self._settings.unfamiliar
        return side >= memory.side * self._settings.growth or now - memory.asked >= self._settings.interval

    def _is_limit(self, track: SignTrack) -> bool:
        """Return True if what vision tells is that a sign is a limit, however little: a typeface makes it doubt all."""
        belief = softmax(track.evidence) if track.mean is None else track.mean
        told = belief - belief.min()  # what it can't tell is spread evenly over the classes
        return float(told.sum()) >= TELLS and float(told[self._limits].sum()) >= LIMIT * float(told.sum())

    def _remember(self, track_id: int) -> _Memory:
        """Return what is known of a track; what is known of the oldest one is forgotten."""
        memory = self._memory.setdefault(track_id, _Memory())
        if len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
        return memory

    def _opinion(self, looks: Looks, limit: bool, hidden: float) -> Opinion:
        """Say what the looks speak for.

        Args:
            looks: The looks.
            limit: Whether vision is sure that the sign is a limit.
            hidden: Probability that a part of its figures is hidden.
        """
        texts = tuple(dict.fromkeys((*self._texts, *looks.texts())))
        probability = looks.probability(texts)
        by_text = dict(zip(texts, probability.tolist(), strict=False))
        other = float(probability[-1])
        struck = looks.struck
        read = _read(texts, probability, struck, looks.count)
        if read.probability < UNSURE:  # as on a board with a name: that it is none of the asked texts says nothing
            by_text[UNREAD] += other
            other = 0.0
        likelihood = np.array([self._likelihood(sign, by_text, other, hidden) for sign in self._catalogue])
        likelihood *= np.where(self._strikes, np.where(self._ends, struck, 1 - struck), 1.0)
        unlisted = 0.0 if read.text in self._fixed else read.probability * (1 - STRUCK * struck) * (1 - hidden)
        # Where no figures were read, or only what is left of some, vision isn't contradicted by any.
        left = hidden >= HIDDEN and any(_is_left_of(read.text, figures) for figures in self._fixed)
        contradicts = read.probability >= UNSURE and read.text not in ("", UNREAD) and not left
        text = (
            f"reads '{read.text}' at {read.probability:.2f}" if read.text else f"no figures at {read.probability:.2f}"
        )
        return Opinion(
            self.name,
            np.log(likelihood * (1 - ERROR) + ERROR).astype(np.float32),
            text,
            familiar=limit and read.text in self._fixed and read.is_sure and struck < UNSURE,
            figures=read,
            unlisted=float(np.log(unlisted * (1 - ERROR) + ERROR)) if contradicts else None,
        )

    def _likelihood(self, sign: SignClass, by_text: dict[str, float], other: float, hidden: float) -> float:
        """Return how probable what was read is on a sign of a class."""
        unread = by_text[UNREAD]  # says nothing: any sign's figures may be half hidden
        if sign.figures is None:
            return unread + by_text[""]
        if sign.figures:
            left = sum(p for text, p in by_text.items() if _is_left_of(text, sign.figures))
            misread = MISREAD * sum(p for text, p in by_text.items() if _is_like(text, sign.figures))
            return unread + (1 - hidden) * by_text[sign.figures] + hidden * (left + misread + other)
        units = _UNITS.get(sign.effect)
        fitting = (p for text, p in by_text.items() if text not in ("", UNREAD))
        if units is not None:
            fitting = (p for text, p in by_text.items() if _unit(text) in units)
        return unread + (1 - hidden) * sum(fitting) + hidden * (by_text[""] + other)


def _hidden_figures(visible: float) -> float:
    """Return the probability that a part of a sign's figures is hidden, by how much of the sign can be seen."""
    return min(max((FIGURES_SEEN - visible) / (FIGURES_SEEN - FIGURES_HIDDEN), 0.0), 1.0)


def _is_left_of(text: str, figures: str) -> bool:
    """Return True if a text is what is left of figures of which a part is hidden, which may be nothing."""
    return text != figures and text in figures


def _is_like(text: str, figures: str) -> bool:
    """Return True if a text has one character other than figures have in its place."""
    return len(text) == len(figures) and sum(one != other for one, other in zip(text, figures, strict=True)) == 1


def texts_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Return what can stand on signs, each text once: nothing, what can't be read, and all fixed figures."""
    return tuple(dict.fromkeys(("", UNREAD, *(sign.figures for sign in catalogue if sign.figures))))


def _read(texts: Sequence[str], probability: npt.NDArray[np.float64], struck: float, looks: int) -> FiguresRead:
    """Return the likeliest text; what is none of the texts isn't one."""
    best = int(probability[:-1].argmax())
    return FiguresRead(texts[best], _unit(texts[best]), float(probability[best]), struck, looks)


def _unit(text: str) -> str:
    quantity = parse_figures(text)
    return quantity.unit if isinstance(quantity, Quantity) else ""
