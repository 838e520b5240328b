"""Drawings of signs that carry figures: limits, ends of limits, measures, boards and plates, in any typeface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from signpipe.lab.augmentation import paint, wording
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.types import Image

UNREAD = "?"  # stands for writing that has figures but isn't one line of them


@dataclass(frozen=True, slots=True)
class FiguredSign:
    """A drawing and what is written on it.

    Attributes:
        image: BGRA uint8 (112, W, 4); it ends where the sign does.
        text: Its figures and their unit as the reader writes them, "" if it has none.
        struck: Whether the sign is struck through: the end of what it says.
    """

    image: Image
    text: str
    struck: bool = False


class FiguredSigns:
    """Draws signs with figures, each different: its kind, number, typeface, proportions and colours are chance.

    Args:
        typefaces: What they are lettered in.
    """

    def __init__(self, typefaces: Sequence[Typeface]) -> None:
        self._typefaces = typefaces
        self._kinds: list[tuple[float, Callable[[np.random.Generator], FiguredSign]]] = [
            (0.31, self.limit), (0.05, self.gantry), (0.08, self.ended), (0.06, self.blue), (0.17, self.measure),
            (0.08, self.board), (0.16, self.plate), (0.03, self.tall_plate), (0.02, self.slope), (0.04, self.words),
        ]  # fmt: skip

    def __call__(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a sign of any kind."""
        shares = np.array([share for share, _ in self._kinds])
        return self._kinds[int(rng.choice(len(shares), p=shares / shares.sum()))][1](rng)

    def limit(self, rng: np.random.Generator, number: str | None = None, boards: float = 0.18) -> FiguredSign:
        """Draw a limit: figures on white or yellow in a red rim, some of them on a board, some with a unit below.

        Args:
            rng: Source of chance.
            number: Its figures; any if None.
            boards: Share of the limits that stand on a board, as those of zones.
        """
        number = number or wording.number(rng)
        boarded = rng.random() < boards
        face = paint.Face(rng.uniform(0.62, 1.05) if boarded else 1.0)
        radius, middle = 0.5, (0.5, 0.5)
        if boarded:
            radius = min(0.5, face.wide / paint.HIGH / 2) * rng.uniform(0.8, 0.95)
            middle = (0.5, rng.uniform(radius + 0.02, 0.98 - radius))
            face.box(paint.white(rng), 0, 0.05, opaque=True)
            self._beside(face, middle[1], radius, rng)
        ground = paint.yellow(rng) if rng.random() < 0.12 else paint.white(rng)
        rim = rng.uniform(0.72, 0.9)
        red, outer = paint.red(rng), 1.0
        if rng.random() < 0.5:  # a narrow light edge around the rim
            face.disc(paint.white(rng), radius, middle, opaque=not boarded)
            outer = rng.uniform(0.94, 0.985)
        face.disc(red, radius * outer, middle, opaque=not boarded)
        face.disc(ground, radius * rim * outer, middle)
        low = rng.random() < 0.1
        height = rng.uniform(0.62, 1.05) * radius * (0.8 if low else 1)
        place = (middle[0], middle[1] - (0.13 * radius if low else 0))
        self._fit(face, number, paint.black(rng), place, height, 1.86 * radius * rim, rng)
        if low:
            unit = self._ink(str(rng.choice(["km/h", "km", "mph", "MPH", "KM/H"])), rng)
            face.write(unit, paint.black(rng), (middle[0], middle[1] + 0.56 * radius), (0.5 * radius, 0.2 * radius))
        return FiguredSign(face.drawing(), number)

    def gantry(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a limit of lamps: white or amber dots on black, mostly with a red ring."""
        number = wording.number(rng)
        square = rng.random() < 0.6
        face = paint.Face(rng.uniform(0.9, 1.25) if square else 1.0)
        dark: paint.Colour = (int(rng.integers(0, 40)),) * 3
        lit: paint.Colour = (
            (255, 255, 255) if rng.random() < 0.6 else (int(rng.integers(0, 120)), int(rng.integers(170, 230)), 255)
        )
        (face.box(dark, 0, 0.03, opaque=True) if square else face.disc(dark, 0.5, opaque=True))
        radius = min(face.wide / paint.HIGH, 1) / 2 * rng.uniform(0.84, 0.97)
        if rng.random() < 0.85:
            face.disc((int(rng.integers(0, 60)), int(rng.integers(0, 60)), 255), radius)
            face.disc(dark, radius * rng.uniform(0.76, 0.9))
        self._fit(face, number, lit, (0.5, 0.5), rng.uniform(0.75, 1.05) * radius, 1.55 * radius, rng)
        if rng.random() < 0.7:  # lamps stand apart
            step = int(rng.integers(3, 6))
            ys, xs = np.mgrid[: paint.HIGH, : face.wide] % step
            gaps = np.hypot(ys - (step - 1) / 2, xs - (step - 1) / 2) > step * rng.uniform(0.4, 0.55)
            face.image[gaps] = face.image[gaps] // 3
        return FiguredSign(face.drawing(), number)

    def ended(self, rng: np.random.Generator) -> FiguredSign:
        """Draw the end of a limit, a zone or a minimum speed: struck through by a bar or by lines."""
        number = wording.number(rng)
        style = rng.random()
        ground = paint.white(rng) if style < 0.75 else paint.blue(rng)
        dark = style < 0.75
        boarded = rng.random() < 0.3
        face = paint.Face(rng.uniform(0.7, 1.05) if boarded else 1.0)
        radius, middle = 0.5, (0.5, 0.5)
        if boarded:
            face.box(ground, 0, 0.05, opaque=True)
            radius = min(0.5, face.wide / paint.HIGH / 2) * rng.uniform(0.8, 0.95)
            middle = (0.5, rng.uniform(radius + 0.02, 0.98 - radius))
            self._beside(face, middle[1], radius, rng)
        if dark:
            face.disc(paint.grey(rng) if rng.random() < 0.6 else paint.black(rng), radius, middle, opaque=not boarded)
            face.disc(ground, radius * rng.uniform(0.9, 0.98), middle)
        else:
            face.disc(ground, radius, middle, opaque=not boarded)
        ink = (paint.grey(rng) if rng.random() < 0.6 else paint.black(rng)) if dark else paint.white(rng)
        height = rng.uniform(0.6, 1.0) * radius
        self._fit(face, number, ink, middle, height, 1.7 * radius, rng)
        bar = (
            paint.red(rng)
            if not dark or rng.random() < 0.2
            else (paint.grey(rng) if rng.random() < 0.3 else paint.black(rng))
        )
        self._strike(face, bar, middle, radius if not boarded or rng.random() < 0.5 else 0.62, rng)
        return FiguredSign(face.drawing(), number, struck=True)

    def blue(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a minimum speed (a blue disc) or an advisory one (a blue square)."""
        number = wording.number(rng)
        square = rng.random() < 0.4
        face = paint.Face(rng.uniform(0.75, 1.1) if square else 1.0)
        if square:
            face.box(paint.white(rng), 0, 0.06, opaque=True)
            face.box(paint.blue(rng), rng.uniform(0, 0.05), 0.05)
        else:
            face.disc(paint.white(rng), 0.5, opaque=True)
            face.disc(paint.blue(rng), rng.uniform(0.44, 0.5))
        wide = face.wide / paint.HIGH
        self._fit(
            face, number, paint.white(rng), (0.5, rng.uniform(0.45, 0.55)), rng.uniform(0.32, 0.55), 0.8 * wide, rng
        )
        return FiguredSign(face.drawing(), number)

    def measure(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a limit of weight, height, width or length, or a least distance."""
        kinds = ["weight", "axle", "height", "width", "length", "feet"]
        kind = str(rng.choice(kinds, p=[0.4, 0.1, 0.22, 0.14, 0.1, 0.04]))
        text = wording.measure(kind, rng)
        face = paint.Face(1.0)
        red, ground = paint.red(rng), paint.yellow(rng) if rng.random() < 0.08 else paint.white(rng)
        face.disc(red, 0.5, opaque=True)
        rim = rng.uniform(0.74, 0.9)
        face.disc(ground, 0.5 * rim)
        black = paint.black(rng)
        place, most, height = (0.5, 0.5), 0.9 * rim, rng.uniform(0.24, 0.42)
        if kind == "height" and rng.random() < 0.8:
            for y, way in ((0.22, 1), (0.78, -1)):
                face.polygon(black, [(0.43, y - 0.06 * way), (0.57, y - 0.06 * way), (0.5, y + 0.06 * way)])
            height = min(height, 0.34)
        elif kind == "width" and rng.random() < 0.8:
            for x, way in ((0.19, 1), (0.81, -1)):
                face.polygon(black, [(x - 0.05 * way, 0.43), (x - 0.05 * way, 0.57), (x + 0.05 * way, 0.5)])
            most = 0.5
        elif kind in ("axle", "length") or rng.random() < 0.15:
            below = rng.random() < 0.5
            place, height = (0.5, 0.36 if below else 0.64), min(height, 0.3)
            self._vehicle(face, black, 0.68 if below else 0.32, kind == "axle", rng)
            most = 0.8 * rim
        if kind in ("height", "width") and text[1] in ",." and rng.random() < 0.3:
            self._raised(face, text, black, min(height * 1.2, 0.45), rng)
        else:
            self._fit(face, text, black, place, height, most, rng, unit=True)
        return FiguredSign(face.drawing(), wording.written(text))

    def _raised(
        self, face: paint.Face, text: str, colour: paint.Colour, height: float, rng: np.random.Generator
    ) -> None:
        """Write a measure as Belgium does: the metres large, beside them a small raised "m" over the rest."""
        whole, rest = text[0], text[2:].replace(" ", "").removesuffix("m")
        face.write(self._ink(whole, rng), colour, (0.38, 0.5), (0.55 * height, height))
        face.write(self._ink("m", rng), colour, (0.62, 0.5 - 0.3 * height), (0.4 * height, 0.26 * height))
        face.write(self._ink(rest, rng), colour, (0.63, 0.5 + 0.24 * height), (0.3 * height * len(rest), 0.46 * height))

    def board(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a rectangular limit with words above, as in North America, or an advisory speed below a warning."""
        number = wording.number(rng)
        yellow = rng.random() < 0.25
        face = paint.Face(rng.uniform(0.65, 1.0))
        wide = face.wide / paint.HIGH
        ink = paint.black(rng)
        face.box(paint.yellow(rng) if yellow else paint.white(rng), 0, 0.05, opaque=True)
        if rng.random() < 0.8:
            face.box(ink, 0.02, 0.05)
            face.box(paint.yellow(rng) if yellow else paint.white(rng), rng.uniform(0.035, 0.06), 0.04)
        lines = [["SPEED", "LIMIT"], ["MAXIMUM"], ["SPEED"], ["LIMIT"], ["EXIT"], ["RAMP"], []][
            int(rng.choice(7, p=[0.45, 0.2, 0.05, 0.05, 0.07, 0.03, 0.15]))
        ]
        each = rng.uniform(0.12, 0.17)
        for i, line in enumerate(lines):
            face.write(self._ink(line, rng), ink, (0.5, 0.14 + i * (each + 0.04)), (0.75 * wide, each * 0.85))
        top = 0.1 + len(lines) * (each + 0.04)
        below = rng.random() < 0.3
        bottom = 0.78 if below else 0.93
        room = bottom - top
        self._fit(face, number, ink, (0.5, (top + bottom) / 2), room * rng.uniform(0.7, 0.9), 0.85 * wide, rng)
        if below:
            unit = str(rng.choice(["km/h", "MPH", "mph", "M.P.H."]))
            face.write(self._ink(unit, rng), ink, (0.5, 0.86), (0.45 * wide, 0.11))
        return FiguredSign(face.drawing(), number)

    def plate(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a supplementary plate with a distance, a length, a time span or a weight."""
        text = wording.plate(rng)
        aspect = rng.uniform(1.2, 2.2) if rng.random() < 0.55 else rng.uniform(2.2, 4.2)
        face = paint.Face(aspect + 0.12 * max(len(text) - 4, 0))
        wide = face.wide / paint.HIGH
        ground, ink = self._plate_colours(rng)
        face.box(ink, 0, 0.08, opaque=True)
        face.box(ground, rng.uniform(0.02, 0.06), 0.06)
        most, place = 0.86 * wide, 0.5
        decorated = rng.random()
        if decorated < 0.3:  # arrows beside: over this length
            out = rng.uniform(0.18, 0.3) / wide
            thick = rng.uniform(0.05, 0.11)
            for x in (out, 1 - out):
                face.line(ink, (x, 0.25), (x, 0.8), thick)
                face.polygon(ink, [(x - 0.12 / wide, 0.35), (x + 0.12 / wide, 0.35), (x, 0.15)])
            most = (0.94 - 2 * out) * wide - 0.3
        elif decorated < 0.4:  # a vehicle
            self._vehicle(face, ink, 0.5, False, rng, 0.2)
            most, place = 0.52 * wide, 0.68
        self._fit(face, text, ink, (place, 0.5), rng.uniform(0.38, 0.72), most, rng, unit=True)
        return FiguredSign(face.drawing(), wording.written(text))

    def tall_plate(self, rng: np.random.Generator) -> FiguredSign:
        """Draw an upright plate with an arrow and the length for which something holds."""
        face = paint.Face(rng.uniform(0.33, 0.7))
        wide = face.wide / paint.HIGH
        ground, ink = self._plate_colours(rng)
        face.box(ink, 0, 0.05, opaque=True)
        face.box(ground, rng.uniform(0.01, 0.04), 0.05)
        text = f"{rng.integers(2, 100)}{' ' if rng.random() < 0.5 else ''}m"
        ends = rng.permutation([0.92, 0.42])
        face.line(ink, (0.5, 0.44), (0.5, 0.9), 0.04)
        way = -0.1 if ends[0] < ends[1] else 0.1
        face.polygon(ink, [(0.38, ends[0] - way), (0.62, ends[0] - way), (0.5, ends[0])])
        self._fit(face, text, ink, (0.5, rng.uniform(0.18, 0.24)), rng.uniform(0.14, 0.24), 0.86 * wide, rng, unit=True)
        return FiguredSign(face.drawing(), wording.written(text))

    def slope(self, rng: np.random.Generator) -> FiguredSign:
        """Draw a warning of a slope with its per cent."""
        text = f"{rng.integers(4, 30)}%"
        face = paint.Face(1.1)
        face.polygon(paint.red(rng), [(0.5, 0.02), (0.99, 0.97), (0.01, 0.97)], opaque=True)
        face.polygon(paint.white(rng), [(0.5, 0.2), (0.87, 0.88), (0.13, 0.88)])
        face.polygon(paint.black(rng), [(0.2, 0.86), (0.8, 0.86), (0.8, 0.76)][:: int(rng.choice([-1, 1]))])
        self._fit(face, text, paint.black(rng), (0.5, 0.6), rng.uniform(0.16, 0.24), 0.42, rng)
        return FiguredSign(face.drawing(), text)

    def words(self, rng: np.random.Generator) -> FiguredSign:
        """Draw writing that isn't one line of figures: words alone have none, words with figures can't be told."""
        face = paint.Face(rng.uniform(0.9, 3.2))
        wide = face.wide / paint.HIGH
        ground, ink = self._plate_colours(rng)
        face.box(ground, 0, 0.06, opaque=True)
        count = int(rng.integers(1, 4))
        figured = False
        for i in range(count):
            word = "".join(rng.choice(list("abcdefghilmnoprstuvwABCDEFGHIKLMNOPRSTU"), int(rng.integers(2, 10))))
            if rng.random() < 0.5 and (count > 1 or rng.random() < 0.5):
                word = f"{word[:4]} {wording.plate(rng)}" if count == 1 or rng.random() < 0.5 else wording.plate(rng)
                figured = True
            each = 0.8 / count
            width = min(0.9 * wide, 0.55 * each * len(word))
            face.write(self._ink(word, rng), ink, (0.5, 0.1 + each * (i + 0.5)), (width, each * 0.7))
        return FiguredSign(face.drawing(), UNREAD if figured else "")

    def _plate_colours(self, rng: np.random.Generator) -> tuple[paint.Colour, paint.Colour]:
        style = rng.random()
        if style < 0.7:
            return paint.white(rng), paint.black(rng)
        if style < 0.85:
            return paint.blue(rng), paint.white(rng)
        return (paint.yellow(rng), paint.black(rng)) if style < 0.95 else (paint.black(rng), paint.white(rng))

    def _ink(self, text: str, rng: np.random.Generator, unit: bool = False) -> Image:
        typeface = self._typefaces[int(rng.integers(len(self._typefaces)))]
        scale = rng.uniform(0.55, 1.0) if unit and rng.random() < 0.6 else 1.0
        return typeface.set(text, rng.uniform(0.03, 0.16), scale, rng.normal(0, 0.015))

    def _fit(
        self, face: paint.Face, text: str, colour: paint.Colour, centre: paint.Point, height: float, most: float,
        rng: np.random.Generator, unit: bool = False,
    ) -> None:  # fmt: skip
        """Write a text about so high, but not wider than `most`, both in heights of the sign."""
        ink = self._ink(text, rng, unit)
        width = ink.shape[1] / ink.shape[0] * height * rng.uniform(0.75, 1.15)
        fitting = min(width, most)
        height *= max(fitting / width, 0.6) if width > most else 1.0
        face.write(ink, colour, (centre[0] + rng.normal(0, 0.01), centre[1] + rng.normal(0, 0.01)), (fitting, height))

    def _beside(self, face: paint.Face, middle: float, radius: float, rng: np.random.Generator) -> None:
        """Write a word over or under the disc of a board, where there is room."""
        above, below = middle - radius, 1 - middle - radius
        room = max(above, below)
        if room < 0.08:
            return
        word = self._ink(str(rng.choice(["ZONE", "Zone", "ZONA", "zone", "AREA", "rappel", "CONA", "school"])), rng)
        y = above / 2 if above > below else 1 - below / 2
        face.write(word, paint.black(rng), (0.5, y), (0.7 * face.wide / paint.HIGH, 0.65 * room))

    def _strike(
        self, face: paint.Face, colour: paint.Colour, middle: paint.Point, radius: float, rng: np.random.Generator
    ) -> None:
        """Strike a sign through from the lower left to the upper right, or the other way."""
        angle = np.radians(rng.uniform(38, 52))
        way = 1 if rng.random() < 0.85 else -1
        lines = int(rng.choice([1, 3, 4, 5], p=[0.45, 0.15, 0.15, 0.25]))
        width = rng.uniform(0.05, 0.11) if lines == 1 else rng.uniform(0.012, 0.026)
        across = face.wide / paint.HIGH
        for i in range(lines):
            shift = (i - (lines - 1) / 2) * rng.uniform(0.04, 0.06)
            along = np.array([np.cos(angle) * way / across, -np.sin(angle)]) * radius * 0.93
            side = np.array([np.sin(angle) / across, np.cos(angle) * way]) * shift
            start, end = np.array(middle) + side - along, np.array(middle) + side + along
            face.line(colour, (start[0], start[1]), (end[0], end[1]), width)

    def _vehicle(
        self, face: paint.Face, colour: paint.Colour, y: float, axle: bool, rng: np.random.Generator, x: float = 0.5
    ) -> None:
        """Draw a lorry from the side, or an axle with two wheels."""
        wide = paint.HIGH / face.wide
        if axle:
            face.line(colour, (x - 0.15 * wide, y), (x + 0.15 * wide, y), 0.04)
            for side in (-0.16, 0.16):
                face.line(colour, (x + side * wide, y - 0.08), (x + side * wide, y + 0.08), 0.07)
            return
        left, right, top = x - 0.2 * wide, x + 0.2 * wide, y - 0.1
        face.polygon(colour, [(left, top), (x + 0.06 * wide, top), (x + 0.06 * wide, y + 0.05), (left, y + 0.05)])
        cab = top + rng.uniform(0.02, 0.06)
        face.polygon(colour, [(x + 0.08 * wide, cab), (right, cab), (right, y + 0.05), (x + 0.08 * wide, y + 0.05)])
        for wheel in (-0.12, 0.13):
            face.disc(colour, 0.04, (x + wheel * wide, y + 0.07))
