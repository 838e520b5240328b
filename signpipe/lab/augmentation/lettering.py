"""Lettering in typefaces: glyphs from font files, set as the makers of signs set them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from signpipe.errors import SourceError
from signpipe.types import Image

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
EM = 80  # pixels of the type size in which glyphs are kept
_BASELINE, _CANVAS = 100, (140, 200)  # row of the baseline, and size of the picture that a glyph is drawn into


@dataclass(frozen=True, slots=True)
class TypefaceSet:
    """Typefaces by the stem of their files, and the Debian packages that they are in.

    Attributes:
        stems: Names of the files without the suffix.
        packages: Packages that have them all.
    """

    stems: tuple[str, ...]
    packages: tuple[str, ...]


# Families stay together: a typeface of one set has no sister in another.
TRAINING = TypefaceSet(
    (
        *("RG2014B", "RG2014C", "RG2014D", "RG2014E", "RG2014EM", "RG2014F"),  # Highway Gothic
        *("NimbusSans-Bold", "NimbusSans-Regular", "NimbusSansNarrow-Bold", "NimbusSansNarrow-Regular"),
        *("URWGothic-Demi", "LiberationSans-Bold", "LiberationSans-Regular", "FreeSansBold", "Carlito-Bold"),
        *("Roboto-Medium", "Roboto-Bold", "Roboto-Black", "RobotoCondensed-Bold", "RobotoCondensed-Regular"),
        *("DejaVuSans-Bold", "DejaVuSans", "DejaVuSansCondensed-Bold", "DejaVuSansMono-Bold", "VerandaBd"),
        *("OpenSans-Bold", "OpenSans-Semibold", "OpenSans-CondBold", "Lato-Bold", "Lato-Black", "Lato-Medium"),
        *("Karla-Bold", "Inter-Bold", "Inter-Medium", "InterDisplay-ExtraBold", "Go-Bold", "Go-Medium"),
        *("Manrope-Bold", "Sora-SemiBold", "PTS75F", "PTN77F", "PTC75F", "PTM75F", "allerta_medium", "Junction"),
        *("Dosis-Bold", "Dosis-SemiBold", "Mplus1-Bold", "Mplus1-Medium", "MplusCode50-Bold", "GilliusADF-Bold"),
        *("GilliusADF-BoldCond", "SwitzeraADF-Bold", "SwitzeraADF-DmBdCond", "SwitzeraADF-Medium", "VeranaSans-Bold"),
        *("Jura-Bold", "LeagueSpartan-Bold", "osifont", "routed-gothic", "routed-gothic-narrow"),
        *("BetecknaGS-Bold", "YanoneKaffeesatz-Bold", "YanoneKaffeesatz-Medium", "Hack-Bold", "Comfortaa-Bold"),
        *("Quicksand-Bold", "Andika-Bold", "millimetreA Bold 01"),
    ),
    (
        *("fonts-roadgeek", "fonts-urw-base35", "fonts-liberation2", "fonts-freefont-ttf", "fonts-crosextra-carlito"),
        *("fonts-roboto-unhinted", "fonts-dejavu-core", "fonts-dejavu-extra", "fonts-arkpandora", "fonts-open-sans"),
        *("fonts-lato", "fonts-karla", "fonts-inter", "fonts-go", "fonts-manrope", "fonts-sora", "fonts-paratype"),
        *("fonts-allerta", "fonts-junction", "fonts-dosis", "fonts-mplus", "fonts-adf-gillius", "fonts-adf-switzera"),
        *("fonts-adf-verana", "fonts-jura", "fonts-league-spartan", "fonts-osifont", "fonts-routed-gothic"),
        *("fonts-beteckna", "fonts-yanone-kaffeesatz", "fonts-hack", "fonts-comfortaa", "fonts-quicksand"),
        *("fonts-sil-andika", "fonts-millimetre"),
    ),
)
# What calibration and the choice of a checkpoint look at.
VALIDATION = TypefaceSet(
    ("Cabin-Bold", "B612-Bold", "Play-Bold", "Oxygen-Sans-Bold", "IkariusADFStd-Bold", "OCRB"),
    ("fonts-cabin", "fonts-b612", "fonts-play", "fonts-oxygen", "fonts-adf-ikarius", "fonts-ocr-b"),
)
# What is measured with: nothing was fitted to them.
HELD_OUT = TypefaceSet(
    (
        *("OSP-DIN", "BebasNeue-Bold", "NationalPark-Heavy", "ClearSans-Bold", "tiresias_signfont_bold"),
        *("UniversalisADFStd-Bold", "Tuffy_Bold", "Cantarell-Bold"),
    ),
    (
        *("fonts-opendin", "fonts-bebas-neue", "fonts-national-park", "fonts-clear-sans", "fonts-tiresias"),
        *("fonts-adf-universalis", "fonts-tuffy", "fonts-cantarell"),
    ),
)


class Typeface:
    """A font file whose glyphs are drawn once and kept.

    Args:
        path: The file, TrueType or OpenType.

    Attributes:
        name: Stem of the file.

    Raises:
        SourceError: It can't be read as a font.
    """

    def __init__(self, path: Path) -> None:
        self._face = cv2.FontFace()
        if not self._face.set(str(path)):
            raise SourceError(f"{path} can't be read as a font; install its package again.")
        self.name = path.stem
        self._glyphs: dict[str, Image] = {}

    def glyph(self, character: str) -> Image:
        """Return a character as uint8 (140, W), 255 where its ink is; its baseline is in row 100 and W its ink's."""
        if character not in self._glyphs:
            canvas = np.zeros(_CANVAS, np.uint8)
            cv2.putText(canvas, character, (60, _BASELINE), (255,), self._face, EM)
            columns = np.flatnonzero(canvas.max(0))
            ink = canvas[:, columns[0] : columns[-1] + 1] if len(columns) else np.zeros((_CANVAS[0], 16), np.uint8)
            self._glyphs[character] = np.ascontiguousarray(ink)
        return self._glyphs[character]

    def set(self, text: str, gap: float = 0.1, unit_scale: float = 1.0, weight: float = 0.0) -> Image:
        """Return a text as uint8 (H, W), 255 where the ink is, without borders.

        Args:
            text: What is set; a blank makes a wider gap.
            gap: Between two characters, in ems.
            unit_scale: Size of letters beside that of figures, as units are often smaller.
            weight: Ems by which the strokes become wider, or thinner if negative.

        Raises:
            ValueError: There is nothing to set.
        """
        if not text.strip():
            raise ValueError("a text to set has no character")
        space = np.zeros((_CANVAS[0], max(round(gap * EM), 1)), np.uint8)
        row: list[Image] = []
        for character in text:
            if character == " ":
                row.append(np.zeros((_CANVAS[0], EM // 5), np.uint8))
                continue
            glyph = self.glyph(character)
            row += [_scaled(glyph, unit_scale) if character.isalpha() else glyph, space]
        line = np.concatenate(row, axis=1)
        pixels = round(abs(weight) * EM)
        if pixels:
            line = np.pad(line, ((0, 0), (pixels, pixels)))
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (pixels + 1, pixels + 1))
            changed = cv2.dilate(line, kernel) if weight > 0 else cv2.erode(line, kernel)
            line = np.asarray(changed if changed.any() else line, np.uint8)
        left, top, width, height = cv2.boundingRect(line)
        return np.ascontiguousarray(line[top : top + height, left : left + width])


def _scaled(glyph: Image, scale: float) -> Image:
    """Return a glyph of another size on the same baseline."""
    if scale == 1:
        return glyph
    matrix = np.array([[scale, 0, 0], [0, scale, _BASELINE * (1 - scale)]])
    width = max(round(glyph.shape[1] * scale), 1)
    return np.asarray(cv2.warpAffine(glyph, matrix, (width, glyph.shape[0]), flags=cv2.INTER_AREA), np.uint8)


def open_typefaces(wanted: TypefaceSet, folders: Sequence[Path] = FOLDERS) -> list[Typeface]:
    """Open typefaces, in the order of the set.

    Args:
        wanted: Which.
        folders: Where font files lie, at any depth.

    Raises:
        SourceError: One isn't installed.
    """
    files = {path.stem: path for folder in reversed(folders) for path in _fonts_in(folder)}
    missing = [stem for stem in wanted.stems if stem not in files]
    if missing:
        raise SourceError(
            f"Typefaces are missing ({len(missing)} of {len(wanted.stems)}, {missing[0]} among them); install the "
            f"Debian packages {' '.join(wanted.packages)}."
        )
    return [Typeface(files[stem]) for stem in wanted.stems]


@lru_cache(maxsize=16)
def _fonts_in(folder: Path) -> tuple[Path, ...]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in {".ttf", ".otf"})
    return tuple(sorted(found, key=lambda path: (path.suffix.lower() != ".otf", str(path))))
