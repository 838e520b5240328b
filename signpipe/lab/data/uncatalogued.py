"""Drawings of traffic signs outside the catalogue: what a sign that nobody has seen before may look like.

They are no part of the project. The npm package `mapillary_sprite_source` (MIT) has 1,500 drawings of the world's
signs; `signpipe data fetch drawings` gets it.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from signpipe.catalogue.drawings.named import with_view_box
from signpipe.errors import SourceError
from signpipe.lab.data.opening import find_data

HELD_BACK = 8  # every so many signs are held back
_KINDS = ("information", "regulatory", "warning")  # not the small plates below signs
# Signs that mean the same as one of the catalogue, wherever in the world they stand, or that show one of them.
_LIMITS = "20|30|50|60|70|80|100|120"
_VARIANTS = re.compile(
    rf"regulatory--maximum-speed-limit-(led-)?({_LIMITS})|regulatory--end-of-maximum-speed-limit(-80)?"
    r"|regulatory--(speed-limit-zone|priority-road|yield|stop|stop-signals|no-entry|road-closed.*|roundabout)"
    r"|regulatory--(no-overtaking|do-not-pass|no-overtaking-by-heavy-goods-vehicles|no-heavy-goods-vehicles)"
    r"|regulatory--(end-of-no-overtaking|end-of-no-overtaking-by-heavy-goods-vehicles|end-of-prohibition)"
    r"|regulatory--(go-straight|turn-(left|right)(-ahead)?|go-straight-or-turn-(left|right)|keep-(left|right))"
    r"|warning--(other-danger|curve-(left|right)|turn-(left|right)|double-(reverse-)?curve-.*|double-turn-.*)"
    r"|warning--(winding-road.*|uneven-road.*|slippery-road-surface|road-narrows-right.*|roadworks.*)"
    r"|warning--(construction-ahead|detour-or-construction-ahead|traffic-signals|pedestrians-crossing|children)"
    r"|warning--(school-zone|bicycles-crossing|bicycles-and-others|icy-road|wild-animals|crossroads)"
    r"|warning--(junction-with-side-roads|stop-ahead|yield-ahead|reduced-maximum-speed-limit)"
    r"|information--(pedestrians-crossing|children)"
)
_NAME = re.compile(r"(?P<sign>.+?)--g\d+$")


@dataclass(frozen=True, slots=True)
class UncataloguedSign:
    """The drawing of a sign that the catalogue doesn't have.

    Attributes:
        name: File name without its ending.
        svg: Its source, with a view box that starts at 0, 0.
        judge: True if it is kept for judging; the others may be learned from. All drawings of a sign are on one side.
    """

    name: str
    svg: str
    judge: bool


def find_drawings(folder: Path | None = None) -> Path | None:
    """Return the folder of the world's drawings: the one given, else `drawings` in the data folder, or None.

    Looked for are SIGNPIPE_DATA, `data` where one stands (as `signpipe data fetch` makes it), and the checkout's own.
    """
    if folder is not None:
        return folder
    places = [Path("data")]
    with suppress(SourceError):
        places.insert(0, find_data())
    return next((place / "drawings" for place in places if (place / "drawings").is_dir()), None)


def held_back(sign: str) -> bool:
    """Return whether no training sees the drawings of a sign, so that unseen ones can be judged; sign: less "--g1"."""
    return hashlib.sha256(sign.encode()).digest()[0] % HELD_BACK == 1


def read_uncatalogued_signs(folder: Path) -> list[UncataloguedSign]:
    """Read the drawings of a folder that show no variant of the catalogue's signs, in the order of their names.

    Args:
        folder: The drawings that were fetched, or `package_signs` of the npm package.

    Raises:
        SourceError: There is no such folder, or it has no such drawing.
    """
    signs = []
    for path in sorted(folder.glob("*.svg")) if folder.is_dir() else ():
        name = _NAME.match(path.stem)
        if name is None or not name["sign"].startswith(_KINDS) or _VARIANTS.fullmatch(name["sign"]):
            continue
        svg = with_view_box(path.read_text(encoding="utf-8"))
        if svg is not None:
            signs.append(UncataloguedSign(path.stem, svg, held_back(name["sign"])))
    if not signs:
        raise SourceError(
            f"{folder} has no drawings of signs; get them with  signpipe data fetch drawings, or give the folder "
            "package_signs of the npm package mapillary_sprite_source."
        )
    return signs


def read_drawings(folder: Path) -> dict[str, str]:
    """Read all drawings of signs of a folder, plates and variants of the catalogue's signs too: sources by name.

    Raises:
        SourceError: There is no such folder, or it has no drawing of a sign.
    """
    kinds = (*_KINDS, "complementary")
    paths = [path for path in sorted(folder.glob("*.svg")) if path.name.startswith(kinds)] if folder.is_dir() else []
    read = {path.stem: with_view_box(path.read_text(encoding="utf-8")) for path in paths}
    if not read:
        raise SourceError(f"{folder} has no drawings of signs; `signpipe data fetch drawings` gets them.")
    return {name: svg for name, svg in read.items() if svg is not None}
