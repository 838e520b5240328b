"""Reading OpenDRIVE (.xodr): the reference line of one chain of roads, its height, its kinds and its signals.

What is read of ASAM OpenDRIVE 1.4 to 1.8: `planView` geometry of lines, arcs and spirals, `elevationProfile`, `type`
with its `speed`, lane widths for the edges of the carriageway, and `signals` with a type of the German catalogue or one
of our names. Everything else is passed over, but geometry of other kinds, which is an error: it would bend the road.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signpipe.catalogue import KILOMETRES, Catalogue
from signpipe.catalogue.rules import RoadKind
from signpipe.errors import SettingsError
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.lab.simulation.world.alignment import Piece, align
from signpipe.lab.simulation.world.scene import RoadScene, RoadSign
from signpipe.maps.codes import SignCodes

KINDS = {"motorway": RoadKind.MOTORWAY, "town": RoadKind.TOWN, "lowSpeed": RoadKind.TOWN}
# Towns' and motorways' signs, which SignCodes leaves out: it serves the base classes.
FURTHER = {"310": "town", "311": "end_town", "330": "motorway", "330.1": "motorway", "330.2": "end_motorway",
           "334": "end_motorway", "274.1": "zone_30", "274.2": "end_zone_30"}  # fmt: skip
HEIGHT_STEP = 20.0  # metres between the points of the elevation profile that are taken over
UNITS = {"km/h": 1.0, "mph": KILOMETRES["mph"], "m/s": 3.6}
USUAL_EDGES = (-3.5, 3.5, 1.75)  # with the middle of the lane
MOST = 1_000_000  # metres; a longer road is a mistake


@dataclass(frozen=True, slots=True)
class _Road:
    element: ET.Element
    begin: float
    length: float


def read_opendrive(path: Path) -> RoadScene:
    """Read the longest chain of roads that follow one another in a file.

    Raises:
        SettingsError: It can't be read, isn't OpenDRIVE, has no road, or has geometry that isn't read; says what.
    """
    try:
        root = ET.parse(path).getroot()
    except OSError as error:
        raise SettingsError(f"The scene {path} can't be read: {error.strerror}.") from None
    except ET.ParseError as error:
        raise SettingsError(f"The scene {path} is no valid XML: {error}.") from None
    if root.tag != "OpenDRIVE":
        raise SettingsError(f"The scene {path} isn't OpenDRIVE: its root is '{root.tag}'.")
    try:
        return _scene(root, path)
    except (KeyError, ValueError) as error:
        raise SettingsError(f"The scene {path} has a bad entry: {error}.") from None


def _scene(root: ET.Element, path: Path) -> RoadScene:
    roads = list(_chain(root, path))
    pieces = [piece for road in roads for piece in _pieces(road.element, path)]
    if not pieces:
        raise SettingsError(f"The scene {path} has no road with a planView; it needs one.")
    heights = [point for road in roads for point in _heights(road)]
    first = roads[0].element.find("type")
    kind = KINDS.get("" if first is None else first.get("type", ""), RoadKind.OUTSIDE)
    left, right, lane = _edges(roads[0].element)
    signs = sorted((sign for road in roads for sign in _signs(road)), key=lambda one: one.at)
    return RoadScene(path.stem, align(pieces, heights), kind, _limit(first), lane, (left, right), signs=tuple(signs))


def _chain(root: ET.Element, path: Path) -> Iterator[_Road]:
    """Yield the longest chain of roads that follow one another from end to start."""
    roads = {road.get("id", ""): road for road in root.findall("road") if road.get("junction", "-1") == "-1"}
    chains = []
    for start in roads:
        chain, here = [start], start
        while (here := _successor(roads[here]) or "") in roads and here not in chain:
            chain.append(here)
        chains.append(chain)
    if not chains:
        raise SettingsError(f"The scene {path} has no road outside a junction; it needs one.")
    longest = max(chains, key=lambda chain: sum(_number(roads[one], "length") for one in chain))
    begin = 0.0
    for one in longest:
        length = _number(roads[one], "length")
        yield _Road(roads[one], begin, length)
        begin += length
    if not 0 < begin < MOST:
        raise ValueError(f"its road is {begin:g} m long")


def _successor(road: ET.Element) -> str | None:
    link = road.find("link/successor")
    if link is None or link.get("elementType", "road") != "road" or link.get("contactPoint", "start") != "start":
        return None
    return link.get("elementId")


def _pieces(road: ET.Element, path: Path) -> Iterator[Piece]:
    """Yield the pieces of the reference line; OpenDRIVE counts curvature to the left, we to the right."""
    for geometry in road.findall("planView/geometry"):
        length = _number(geometry, "length")
        if length <= 0:
            continue
        shape = next(iter(geometry), None)
        match "" if shape is None else shape.tag:
            case "line":
                yield Piece(length)
            case "arc" if shape is not None:
                curvature = -_number(shape, "curvature")
                yield Piece(length, curvature, curvature)
            case "spiral" if shape is not None:
                yield Piece(length, -_number(shape, "curvStart"), -_number(shape, "curvEnd"))
            case other:
                raise SettingsError(
                    f"The scene {path} has geometry '{other}' in road '{road.get('id')}'; only line, arc and spiral "
                    "are read: export it with these."
                )


def _heights(road: _Road) -> Iterator[tuple[float, float]]:
    """Yield station and height along a road's cubic polynomials."""
    profile = [
        tuple(_number(one, name) for name in ("s", "a", "b", "c", "d"))
        for one in road.element.findall("elevationProfile/elevation")
    ]
    for number, (start, a, b, c, d) in enumerate(profile):
        end = profile[number + 1][0] if number + 1 < len(profile) else road.length
        for s in np.arange(start, end, HEIGHT_STEP).tolist():
            ds = s - start
            yield road.begin + s, a + b * ds + c * ds**2 + d * ds**3


def _edges(road: ET.Element) -> tuple[float, float, float]:
    """Return the edges of the carriageway and the middle of the first right lane, metres right of the reference."""
    section = road.find("lanes/laneSection")
    if section is None:
        return USUAL_EDGES
    widths: dict[str, list[float]] = {}
    for side in ("left", "right"):
        lanes = [lane for lane in section.findall(f"{side}/lane") if lane.get("type") == "driving"]
        starts = [lane.find("width") for lane in sorted(lanes, key=lambda lane: abs(int(lane.get("id", "0"))))]
        widths[side] = [_number(width, "a") for width in starts if width is not None]
    if not sum(widths["right"]):
        return USUAL_EDGES
    return -sum(widths["left"]), sum(widths["right"]), widths["right"][0] / 2


def _limit(kind: ET.Element | None) -> float | None:
    """Return the limit of a road's `type`, in km/h."""
    speed = None if kind is None else kind.find("speed")
    if speed is None:
        return None
    value = speed.get("max", "")
    if value == "no limit":
        return math.inf
    return None if value in ("", "undefined") else float(value) * UNITS.get(speed.get("unit", "m/s"), 3.6)


def _signs(road: _Road) -> Iterator[RoadSign]:
    """Yield the signs that concern who drives in the direction of the road; those that we don't know are left out."""
    catalogue = roadside_catalogue()
    codes = SignCodes(catalogue)
    for signal in road.element.findall("signals/signal"):
        if signal.get("dynamic") == "yes" or signal.get("orientation", "+") == "-":
            continue
        number = _class(signal, catalogue, codes)
        if number is None:
            continue
        sign = catalogue[number]
        width = float(signal.get("width") or 0) or sign.width
        scale = width / sign.width
        up = float(signal.get("zOffset") or 0) + sign.height * scale / 2
        yield RoadSign(sign, road.begin + _number(signal, "s"), -_number(signal, "t"), up, scale,
                       math.degrees(float(signal.get("hOffset") or 0)))  # fmt: skip


def _class(signal: ET.Element, catalogue: Catalogue, codes: SignCodes) -> int | None:
    kind, subtype = signal.get("type", ""), signal.get("subtype", "")
    found = codes.named(signal.get("name") or "") if not (signal.get("name") or "").isdecimal() else None
    if found is not None:
        return found
    if kind in FURTHER:
        return catalogue.by_name(FURTHER[kind]).id
    value = signal.get("value")
    speed = f"[{float(value):g}]" if kind in ("274", "278") and value not in (None, "", "-1") else ""
    variant = f"-{subtype}" if subtype not in ("", "-1", "none") and not speed else ""
    listed = codes.signs(f"DE:{kind}{variant}{speed}", {})
    return listed[0] if listed else None


def _number(element: ET.Element, name: str) -> float:
    value = element.get(name)
    if value is None:
        raise ValueError(f"a '{element.tag}' has no '{name}'")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a '{element.tag}' has {name}={value}")
    return number
