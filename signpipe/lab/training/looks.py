"""All drawn signs that the embedding learns: one look a drawing, and which looks mean or show the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import drawing_svg, render_svg
from signpipe.catalogue.drawings.named import with_view_box
from signpipe.errors import SourceError
from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.augmentation.variants import SIZE
from signpipe.lab.augmentation.wording import LIMITS
from signpipe.lab.data.uncatalogued import held_back
from signpipe.types import FloatArray, Image

SIDE = 24  # pixels at which two drawings are compared
ALIKE = 0.0006  # mean squared difference (0..1) up to which two drawings count as the same look
NUMBERS = (*LIMITS, 45, 55, 65, 75, 85, 95, 140)
FIGURED = ("limit", "led", "boarded", "end", "end_boarded", "blue_disc", "blue_square", "board")
MEASURES = ("measure_t", "measure_m")

_NAME = re.compile(r"(?P<meaning>.+?)--g\d+$")
# Drawings that mean what a base class means and look like it. The classes' own lettering and rims vary as much.
_SAME_LOOK = {
    "end_speed_limit_80": ("regulatory--end-of-maximum-speed-limit-80--g1",),
    "no_overtaking": ("regulatory--no-overtaking--g1",),
    "no_overtaking_goods": ("regulatory--no-overtaking-by-heavy-goods-vehicles--g1",),
    "priority_next_intersection": ("warning--crossroads--g1",),
    "priority_road": ("regulatory--priority-road--g1",),
    "give_way": ("regulatory--yield--g1",),
    "stop": ("regulatory--stop--g1",),
    "no_vehicles": ("regulatory--road-closed-to-vehicles--g3",),
    "no_goods_vehicles": ("regulatory--no-heavy-goods-vehicles--g1",),
    "no_entry": ("regulatory--no-entry--g1",),
    "general_danger": ("warning--other-danger--g1",),
    "bend_left": ("warning--curve-left--g1",),
    "bend_right": ("warning--curve-right--g1",),
    "double_bend": ("warning--double-curve-first-left--g1", "warning--winding-road-first-left--g2"),
    "uneven_road": ("warning--uneven-road--g1",),
    "slippery_road": ("warning--slippery-road-surface--g1",),
    "road_narrows_right": ("warning--road-narrows-right--g1",),
    "road_works": ("warning--roadworks--g1", "warning--roadworks--g3"),
    "traffic_lights": ("warning--traffic-signals--g1",),
    "pedestrians": ("warning--pedestrians-crossing--g1", "warning--pedestrians-crossing--g5"),
    "children": ("warning--children--g1", "warning--children--g6"),
    "cyclists": ("warning--bicycles-crossing--g1", "warning--bicycles-crossing--g4"),
    "snow_or_ice": ("warning--icy-road--g1",),
    "wild_animals": ("warning--wild-animals--g1", "warning--wild-animals--g2", "warning--wild-animals--g7"),
    "end_all_restrictions": ("regulatory--end-of-prohibition--g1",),
    "turn_right": ("regulatory--turn-right-ahead--g1",),
    "turn_left": ("regulatory--turn-left-ahead--g1",),
    "straight_on": ("regulatory--go-straight--g1",),
    "straight_or_right": ("regulatory--go-straight-or-turn-right--g1",),
    "straight_or_left": ("regulatory--go-straight-or-turn-left--g1",),
    "keep_right": ("regulatory--keep-right--g1",),
    "keep_left": ("regulatory--keep-left--g1",),
    "roundabout": ("regulatory--roundabout--g1",),
    "end_no_overtaking": ("regulatory--end-of-no-overtaking--g1",),
    "end_no_overtaking_goods": ("regulatory--end-of-no-overtaking-by-heavy-goods-vehicles--g1",),
} | {f"speed_limit_{n}": (f"regulatory--maximum-speed-limit-{n}--g1",) for n in (20, 30, 50, 60, 70, 80, 100, 120)}
# The same meaning in another drawing: the classes' scores learn it, the embedding keeps it as a look of its own.
_OTHER_LOOK = {
    "end_speed_limit_80": ("regulatory--end-of-maximum-speed-limit-80--g2",),
    "no_overtaking": ("regulatory--no-overtaking--g5",),
    "stop": tuple(f"regulatory--stop--g{n}" for n in (3, 5, 7, 8, 9, 10)),
    "no_goods_vehicles": ("regulatory--no-heavy-goods-vehicles--g4",),
    "end_no_overtaking": ("regulatory--end-of-no-overtaking--g5",),
    "end_no_overtaking_goods": ("regulatory--end-of-no-overtaking-by-heavy-goods-vehicles--g2",),
    "children": ("warning--children--g3", "warning--children--g4"),
    "road_works": ("warning--roadworks--g6",),
    "traffic_lights": ("warning--traffic-signals--g5", "warning--traffic-signals--g6"),
} | {f"speed_limit_{n}": (f"regulatory--maximum-speed-limit-led-{n}--g1",) for n in (20, 30, 50, 60, 70, 80, 100, 120)}
# Whichever way the figure faces, the sign means the same.
_FACING = re.compile(
    r"warning--(children|pedestrians-crossing|bicycles-crossing|roadworks|(domestic|wild)-animals|[a-z]+-crossing)"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One way in which a sign is drawn.

    Attributes:
        name: Of the drawing ("own:stop", "regulatory--no-parking--g1"), or what stands on it ("limit:90").
        meaning: Looks of one meaning aren't pushed apart.
        base: The class of the catalogue that it shows, or -1.
        drawing: BGRA uint8 (H, W, 4), or None where it is drawn anew each time, or known from photographs alone.
        faces: Whether it may be mirrored.
    """

    name: str
    meaning: str
    base: int
    drawing: Image | None = None
    faces: bool = False


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks by number, the base classes first.

    Attributes:
        looks: One for each proxy of the embedding.
        proxy: Number of the look of each drawing, those that share a base class's look among them.
        shared: bool (K, K), True where two looks mean or show the same.
        drawn: Drawings that are shown in training: number of the look and BGRA uint8 pixels.
    """

    looks: tuple[Look, ...]
    proxy: dict[str, int]
    shared: npt.NDArray[np.bool_]
    drawn: tuple[tuple[int, Image], ...]

    def __len__(self) -> int:
        return len(self.looks)


def read_looks(folder: Path, photographed: Sequence[str] = ()) -> Looks:
    """Collect the looks: the base classes, the drawings of a folder that training may see, figures, and photographs.

    Args:
        folder: `package_signs` of npm's mapillary_sprite_source.
        photographed: Names of signs that are known from photographs alone.

    Raises:
        SourceError: The folder has no drawings.
    """
    catalogue, bases = load_catalogue(), _base_classes()
    looks = [
        Look(
            f"own:{sign.name}",
            _figured_meaning(sign.name) or sign.name,
            sign.id,
            render_svg(drawing_svg(sign.name), SIZE),
        )
        for sign in catalogue
    ]
    proxy = {look.name: number for number, look in enumerate(looks)}
    drawn: list[tuple[int, Image]] = []
    for name, pixels in read_drawings(folder):
        base, same = bases.get(name, (-1, False))
        if base < 0 and held_back(_meaning(name) or name):
            continue
        if same:
            proxy[name] = base
        else:
            meaning = looks[base].meaning if base >= 0 else _figured_meaning(name) or _meaning(name) or name
            proxy[name] = len(looks)
            looks.append(Look(name, meaning, base, pixels, bool(_FACING.match(name))))
        drawn.append((proxy[name], pixels))
    for name, meaning, base in _figured(catalogue.names):
        proxy[name] = len(looks)
        looks.append(Look(name, meaning, base))
    for name in photographed:
        proxy[name] = len(looks)
        looks.append(Look(name, name, -1))
    return Looks(tuple(looks), proxy, _shared(looks), tuple(drawn))


def showing(looks: Looks, classes: Collection[int]) -> frozenset[int]:
    """Return the numbers of the looks that show base classes or mean the same, in whatever drawing."""
    names = load_catalogue().names
    drawings = [
        name for table in (_SAME_LOOK, _OTHER_LOOK) for number in classes for name in table.get(names[number], ())
    ]
    meanings = {_meaning(name) for name in drawings} | {looks.looks[number].meaning for number in classes}
    return frozenset(
        number
        for number, look in enumerate(looks.looks)
        if look.base in classes or look.meaning in meanings or _meaning(look.name) in meanings
    )


def read_drawings(folder: Path) -> list[tuple[str, Image]]:
    """Return the drawings of a folder by name, BGRA uint8 cut to what is painted.

    Raises:
        SourceError: It has none.
    """
    found = []
    for path in sorted(folder.glob("*.svg")) if folder.is_dir() else ():
        svg = with_view_box(path.read_text(encoding="utf-8"))
        if svg is not None and _meaning(path.stem):
            found.append((path.stem, trim(render_svg(svg, SIZE))))
    if not found:
        raise SourceError(
            f"{folder} has no drawings of signs; give the folder package_signs of the npm package "
            "mapillary_sprite_source."
        )
    return found


def _base_classes() -> dict[str, tuple[int, bool]]:
    """Return the base class of each drawing that shows one, and whether it looks the same."""
    names = load_catalogue().names
    return {
        drawing: (names.index(name), same)
        for table, same in ((_SAME_LOOK, True), (_OTHER_LOOK, False))
        for name, drawings in table.items()
        for drawing in drawings
    }


def _meaning(name: str) -> str | None:
    found = _NAME.match(name)
    return found["meaning"] if found else None


def _figured_meaning(name: str) -> str | None:
    """Return the meaning that a limit's drawing shares with limits that are lettered, or None."""
    found = re.match(r"(?:speed_limit_|regulatory--maximum-speed-limit-(?:led-)?)(\d+)", name)
    if found:
        return f"limit:{found[1]}"
    found = re.match(r"(?:end_speed_limit_|regulatory--end-of-maximum-speed-limit-)(\d+)", name)
    if found:
        return f"end:{found[1]}"
    found = re.match(r"information--(?:minimum-speed|advisory-maximum-speed-limit)-(\d+)", name)
    if found:
        return f"blue_disc:{found[1]}"
    if re.match(r"regulatory--(weight-limit|axle-limit)", name):
        return "measure_t"
    return "measure_m" if re.match(r"regulatory--(height|width|length)-limit", name) else None


def _figured(names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return name, meaning and base class of the looks that are lettered anew each time."""
    found = []
    for kind in FIGURED:
        for number in NUMBERS:
            name = f"{kind}:{number}"
            base = names.index(f"speed_limit_{number}") if f"speed_limit_{number}" in names else -1
            if kind == "limit" and base >= 0:
                continue  # the base class itself
            if kind == "end" and number == 80:
                continue
            meaning = f"limit:{number}" if kind in ("limit", "led") else name
            found.append((name, meaning, base if kind == "led" else -1))
    return found + [(name, name, -1) for name in MEASURES]


def _shared(looks: Sequence[Look]) -> npt.NDArray[np.bool_]:
    meanings = np.array([look.meaning for look in looks])
    shared = meanings[:, None] == meanings[None]
    drawn = [number for number, look in enumerate(looks) if look.drawing is not None]
    small = np.stack([_small(pixels) for number in drawn if (pixels := looks[number].drawing) is not None])
    square = (small * small).sum(1)
    distance = (square[:, None] + square[None] - 2 * small @ small.T) / small.shape[1]
    shared[np.ix_(drawn, drawn)] |= distance < ALIKE
    return np.asarray(shared)


def _small(drawing: Image) -> FloatArray:
    """Return a drawing as a vector, its longer side 24 pixels, before grey."""
    high, wide = drawing.shape[:2]
    square = np.zeros((max(high, wide), max(high, wide), 4), np.float32)
    top, left = (len(square) - high) // 2, (len(square) - wide) // 2
    square[top : top + high, left : left + wide] = drawing.astype(np.float32) / 255
    square[..., :3] = square[..., :3] * square[..., 3:] + 0.5 * (1 - square[..., 3:])
    small = cv2.resize(cv2.GaussianBlur(square, (0, 0), 2), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small.ravel(), np.float32)
