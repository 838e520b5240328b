"""Perception from a table: what the shipped models said of rendered signs, by size, weather and light, replayed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.errors import SettingsError
from signpipe.figures.reader import Reading
from signpipe.lab.simulation.world.scene import Condition, RoadScene
from signpipe.lab.simulation.world.sight import Sight
from signpipe.types import UNKNOWN_SHAPE, Classifications, Detections, Image

SHIPPED = Path(__file__).with_name("perception.npz")
TOP = 4  # classes of a look that are kept
TEXTS = 4  # texts of a look that are kept
LEAST = 1e-7  # probability of a text that isn't kept
HALF_HIDDEN = 0.6  # visible share from which a sign is taken for found as a whole one is
SIZE_JITTER = 0.08  # spread of the logarithm of the side at which a look is taken
ALARM_LASTS = 0.6  # seconds for which a false alarm stays in its place
EDGE_STEP = 0.01  # share of the side, resolution of the boxes' errors
SMALLEST = 10.0  # pixels of a side from which signs are perceived
UNREAD = (("?", 1.0),)  # what a reader says that can't read a sign
NO_COLUMNS = np.zeros((0, 0), np.float32)

Indices = npt.NDArray[np.int64]


@dataclass(slots=True)
class Look:
    """What the models said of one sign in one picture, or of something that is none.

    Attributes:
        side: Pixels, root of the true box's area (of a false alarm, of its own).
        score: Of the detector, 0..1; 0 if the sign wasn't found.
        edges: Errors of the box's edges as shares of the side: left, top, right, bottom.
        classes: The likeliest classes by name.
        probability: Of these.
        novelty: 0..1.
        shape: Outline, as in `Detections`.
        texts: What the reader of figures read, and how probable each text is, the likeliest first; () if unread.
        struck: Probability that the sign is struck through, by the reader.
    """

    side: float
    score: float = 0.0
    edges: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    classes: tuple[str, ...] = ()
    probability: tuple[float, ...] = ()
    novelty: float = 1.0
    shape: int = UNKNOWN_SHAPE
    texts: tuple[tuple[str, float], ...] = ()
    struck: float = 0.0

    def row(self) -> list[Any]:
        """Return it as plain values."""
        return [
            round(self.side, 1), round(self.score, 3), [round(edge / EDGE_STEP) for edge in self.edges],
            list(self.classes), [round(one, 4) for one in self.probability], round(self.novelty, 3), self.shape,
            [[text, round(one, 4)] for text, one in self.texts], round(self.struck, 3),
        ]  # fmt: skip

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Look:
        """Return what `row` made plain."""
        side, score, edges, classes, probability, novelty, shape, texts, struck = row
        left, top, right, bottom = (edge * EDGE_STEP for edge in edges)
        read = tuple((str(text), float(one)) for text, one in texts)
        return cls(
            side, score, (left, top, right, bottom), tuple(classes), tuple(probability), novelty, shape, read, struck
        )


@dataclass(frozen=True, slots=True, eq=False)
class Replayed(Reading):
    """A reading of which only the likeliest texts are known.

    Attributes:
        texts: These, the likeliest first.
    """

    texts: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The likeliest text."""
        return self.texts[0][0]

    def log_probability(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the log-probability of each text, float64 (len(texts),)."""
        known = dict(self.texts)
        return np.log(np.maximum([known.get(text, 0.0) for text in texts], LEAST))


@dataclass(slots=True)
class Table:
    """Looks of rendered signs.

    Attributes:
        about: What it was measured with: models, checksums, pictures.
        names: The classes that it was asked for, all that it can answer; the 43 base classes if empty.
        reads: Whether the figures on signs were read.
        approaches: By condition and class, the looks of each sign that was rendered, the smallest first.
        alarms: By condition, the false alarms.
        pictures: By condition, how many pictures were looked at.
    """

    about: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    reads: bool = False
    approaches: dict[str, dict[str, list[list[Look]]]] = field(default_factory=dict)
    alarms: dict[str, list[Look]] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)

    def add(self, condition: str, name: str, looks: list[Look]) -> None:
        """Take the looks of one sign."""
        if looks:
            by_class = self.approaches.setdefault(condition, {})
            by_class.setdefault(name, []).append(sorted(looks, key=lambda look: look.side))

    def renew(self, newer: Table) -> None:
        """Take the looks of another table for the classes and conditions that it has, in place of these."""
        for condition, by_class in newer.approaches.items():
            self.approaches.setdefault(condition, {}).update(by_class)

    def write(self, path: Path) -> None:
        """Write it, compressed."""
        content = {
            "about": self.about,
            "names": self.names,
            "reads": self.reads,
            "pictures": self.pictures,
            "alarms": {name: [look.row() for look in looks] for name, looks in self.alarms.items()},
            "approaches": {
                condition: {name: [[look.row() for look in one] for one in ones] for name, ones in by_class.items()}
                for condition, by_class in self.approaches.items()
            },
        }
        text = json.dumps(content, separators=(",", ":")).encode()
        with path.open("wb") as file:
            np.savez_compressed(file, table=np.frombuffer(text, np.uint8))


def read_table(path: Path = SHIPPED) -> Table:
    """Read a table.

    Raises:
        SettingsError: It can't be read, or is none.
    """
    try:
        with np.load(path) as file:
            content = json.loads(file["table"].tobytes())
        approaches = {
            condition: {name: [[Look.of_row(row) for row in one] for one in ones] for name, ones in by_class.items()}
            for condition, by_class in content["approaches"].items()
        }
        alarms = {name: [Look.of_row(row) for row in rows] for name, rows in content["alarms"].items()}
        return Table(
            content["about"], tuple(content["names"]), bool(content["reads"]), approaches, alarms, content["pictures"]
        )  # fmt: skip
    except OSError as error:
        raise SettingsError(f"The table {path} can't be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} is no table of perception ({error}); write one with `signpipe evaluate perception`."
        ) from None


@dataclass(slots=True)
class _Alarm:
    """A false alarm and where it is: it stands beside the road and comes nearer as signs do."""

    look: Look
    until: float
    middle: tuple[float, float]


class TablePerception:
    """Says of a scene's signs what the models said of such signs.

    A sign of the scene is one of the rendered ones of its class and condition for the whole drive, and each look at it
    is the one at the size nearest to its own. One of which less than `HALF_HIDDEN` shows isn't found.

    Args:
        table: The looks.
        scene: Whose signs are looked at.
        catalogue: The classes of the answer.
        seed: Of the chance.
        score: Lowest score of a detection.

    Raises:
        SettingsError: The table lacks a class or a condition of the scene.
    """

    def __init__(self, table: Table, scene: RoadScene, catalogue: Catalogue, seed: int, score: float = 0.0) -> None:
        self._score = max(score, 1e-6)
        self._rng = np.random.default_rng([seed, 31])
        self._scene = scene
        self._classes = {name: number for number, name in enumerate(catalogue.names)}
        self._table = table
        self._looks: dict[tuple[str, int], tuple[list[Look], npt.NDArray[np.float64]]] = {}
        self._alarms: list[_Alarm] = []
        self._now: list[tuple[npt.NDArray[np.float64], Look]] = []
        self._picks = self._rng.integers(0, 2**31, len(scene.signs))
        for sign in scene.signs:
            self._of(sign.sign.name, scene.condition(sign.at))

    def __call__(self, sight: Sight, station: float, time: float) -> tuple[Detections, Classifications, Indices]:
        """Look once.

        Args:
            sight: The signs in view.
            station: Of the car, metres.
            time: Seconds.

        Returns:
            What is detected and what is read, and the number of the sign that each detection shows, -1 for none.
        """
        condition = self._scene.condition(station)
        boxes, looks, shown = [], [], []
        for number, box, visible, side in zip(
            sight.signs.tolist(), sight.boxes, sight.visible.tolist(), sight.sides.tolist(), strict=True
        ):
            if visible >= HALF_HIDDEN and side >= SMALLEST:
                look = self._look(number, side, condition)
                if look.score >= self._score:
                    boxes.append(box + side * np.array(look.edges))
                    looks.append(look)
                    shown.append(number)
        for alarm in self._false(condition, time):
            half = alarm.look.side / 2
            boxes.append(np.array([alarm.middle[0] - half, alarm.middle[1] - half, alarm.middle[0] + half,
                                   alarm.middle[1] + half]))  # fmt: skip
            looks.append(alarm.look)
            shown.append(-1)
        self._now = list(zip(boxes, looks, strict=True))
        return self._said(boxes, looks), self._read(looks), np.array(shown, np.int64)

    def has_alarms(self, station: float) -> bool:
        """Return whether there are false alarms in the condition at a station."""
        known = self._table.alarms.get(self._scene.condition(station), [])
        return any(look.score >= self._score for look in known)

    def read(self, image: Image, xyxy: npt.ArrayLike) -> list[Reading]:  # noqa: ARG002
        """Return what the reader of figures read on the signs of the latest look, by their boxes (N, 4)."""
        readings: list[Reading] = []
        for box in np.asarray(xyxy, np.float64):
            near = min(self._now, key=lambda one: float(np.abs(one[0] - box).sum()), default=None)
            texts = near[1].texts if near is not None and near[1].texts else UNREAD
            struck = near[1].struck if near is not None else 0.0
            side = float((box[2:] - box[:2]).min())
            readings.append(Replayed(NO_COLUMNS, struck, side, texts))
        return readings

    def _of(self, name: str, condition: Condition) -> list[list[Look]]:
        ones = self._table.approaches.get(condition, {}).get(name)
        if not ones:
            raise SettingsError(
                f"The table of perception has no '{name}' in the condition '{condition}'; measure it with "
                "`signpipe evaluate perception`."
            )
        return ones

    def _look(self, number: int, side: float, condition: Condition) -> Look:
        key = (condition, number)
        if key not in self._looks:
            ones = self._of(self._scene.signs[number].sign.name, condition)
            looks = ones[int(self._picks[number]) % len(ones)]
            self._looks[key] = looks, np.log([look.side for look in looks])
        looks, sizes = self._looks[key]
        wanted = math.log(side) + self._rng.normal(0, SIZE_JITTER)
        return looks[int(np.abs(sizes - wanted).argmin())]

    def _false(self, condition: Condition, time: float) -> list[_Alarm]:
        """Return the false alarms that there are now: as many in the mean as were in the pictures."""
        self._alarms = [one for one in self._alarms if one.until > time]
        known = [look for look in self._table.alarms.get(condition, []) if look.score >= self._score]
        if known and self._rng.random() < len(known) / max(self._table.pictures.get(condition, 1), 1):
            camera = self._scene.camera
            look = known[int(self._rng.integers(len(known)))]
            across, down = self._rng.uniform((0.1, 0.2), (0.9, 0.6)).tolist()
            middle = (across * camera.width, down * camera.height)
            lasts = float(self._rng.exponential(ALARM_LASTS))
            self._alarms.append(_Alarm(look, time + lasts, middle))
        return self._alarms

    def _said(self, boxes: list[npt.NDArray[np.float64]], looks: list[Look]) -> Detections:
        if not looks:
            return Detections.empty()
        camera = self._scene.camera
        edges = np.clip(np.stack(boxes), 0, (camera.width, camera.height) * 2).astype(np.float32)
        score = np.array([look.score for look in looks], np.float32)
        return Detections(edges, score, np.array([look.shape for look in looks], np.uint8))

    def _read(self, looks: list[Look]) -> Classifications:
        probability = np.zeros((len(looks), len(self._classes)), np.float32)
        for row, look in enumerate(looks):
            # What the kept classes leave may be of any other, or of none.
            probability[row] = max(1 - sum(look.probability), 0.0) / (len(self._classes) + 1)
            for name, share in zip(look.classes, look.probability, strict=True):
                if name in self._classes:
                    probability[row, self._classes[name]] = share
        novelty = np.array([look.novelty for look in looks], np.float32)
        return Classifications(probability, np.zeros((len(looks), 0), np.float32), novelty)
