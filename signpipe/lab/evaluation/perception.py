"""Measuring the table of perception: signs are rendered along a road, and the models look at every picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.figures.looks import LEAST
from signpipe.figures.reader import Reader, Reading
from signpipe.lab.evaluation.detection import assign, box_iou
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import TEXTS, TOP, Look, Table
from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.lab.simulation.world.alignment import Piece, align
from signpipe.lab.simulation.world.routes import CLEARANCE, CONDITIONS, KINDS, route
from signpipe.lab.simulation.world.scene import RoadScene, RoadSign
from signpipe.pipeline import Pipeline
from signpipe.runtime.session import open_models
from signpipe.settings import Settings, override_settings
from signpipe.types import Frame, FrameResult
from signpipe.witnesses.figures import texts_of

SPACING = 16.0  # metres from one pole to the next
STRIDE = 8.0  # metres from one picture to the next
LEAD = 74.0  # metres to the first pole; each is seen from 10 m then, 18 m, 26 m ...
SEEN = 0.9  # visible share from which a look counts
OVERLAP = 0.4
SMALLEST = 9.0  # pixels
SPEED = 20.0  # metres per second, by which pictures smear
LOWEST = 0.1  # detector's score down to which looks are kept, so that a table serves several operating points
DRAWN = 40  # roads a kind, whose signs are all measured


def classes_on_roads() -> list[str]:
    """Return the names of all signs that stand along drawn roads, sorted."""
    scenes = (route(kind, seed, 4000.0) for kind in KINDS for seed in range(DRAWN))
    return sorted({sign.sign.name for scene in scenes for sign in scene.signs})


def lined_road(names: Sequence[str], condition: str, seed: int) -> RoadScene:
    """Return a country road with a pole every few metres, in a chance order of signs.

    All stand on the right, where signs are passed near by: those on the left leave the picture from 15 m on.
    """
    rng = np.random.default_rng([seed, 41])
    catalogue = roadside_catalogue()
    signs = []
    for number, name in enumerate(rng.permutation(list(names)).tolist()):
        sign = catalogue.by_name(name)
        right = 3.5 + float(rng.uniform(1.2, 2.4))
        up = CLEARANCE + float(rng.uniform(-0.2, 0.6)) + sign.height / 2
        signs.append(RoadSign(sign, LEAD + number * SPACING, right, up, 1.0, float(rng.normal(3, 3))))
    weather, light = CONDITIONS[condition]
    length = LEAD + len(names) * SPACING + 10
    bend = float(rng.uniform(-1, 1)) / 900
    base = route("country", seed, 1000.0)
    return replace(
        base, name=f"lined, {condition}", alignment=align([Piece(length, bend, bend)]), signs=tuple(signs), towns=(),
        obstacles=(), companions=(), junctions=(), weather=weather, light=light, seed=seed,
    )  # fmt: skip


def measure_perception(
    settings: Settings, names: Sequence[str], conditions: Sequence[str], rounds: int, resume: Resume,
    progress: Callable[[int, int], None],
) -> Table:  # fmt: skip
    """Render signs along roads in each condition, and write down what the models say of each in each picture.

    Args:
        settings: The configuration; its detector and its classifier are asked.
        names: Classes to measure.
        conditions: In which weather and light.
        rounds: Roads a condition, each of which has every class once.
        resume: What an interrupted run left.
        progress: Told how many roads are done, and how many there are.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        ModelError: A model can't be used.
    """
    settings = override_settings(settings, {"detect.score": min(settings.detect.score, LOWEST)})
    with closing(open_models(settings)) as models:
        eyes = _Eyes(Pipeline(settings, models=models, witnesses=[]), Reader(models.reader) if models.reader else None)
        table = Table(names=eyes.pipeline.catalogue.names, reads=eyes.reader is not None)
        todo = [(condition, number) for number in range(rounds) for condition in conditions]
        for done, (condition, number) in enumerate(todo, 1):
            name = f"{condition} {number}"
            piece = resume.get(name)
            if piece is None:
                piece = _drive(eyes, lined_road(names, condition, number))
                resume.put(name, piece)
            for sign, rows in piece["signs"]:
                table.add(condition, sign, [Look.of_row(row) for row in rows])
            table.alarms.setdefault(condition, []).extend(Look.of_row(row) for row in piece["alarms"])
            table.pictures[condition] = table.pictures.get(condition, 0) + piece["pictures"]
            progress(done, len(todo))
    return table


@dataclass(slots=True)
class _Eyes:
    """What looks at pictures: single looks of detector, classifier and reader are asked for.

    Attributes:
        pipeline: Has detector and classifier, and no witnesses.
        reader: Reads figures, if there is one.
        texts: What can stand on signs.
    """

    pipeline: Pipeline
    reader: Reader | None
    texts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.texts = texts_of(self.pipeline.catalogue)


def _drive(eyes: _Eyes, scene: RoadScene) -> dict[str, Any]:
    """Look at the pictures of one road; return the looks at each sign, and the false alarms, as plain values."""
    looks: dict[int, list[Look]] = defaultdict(list)
    alarms: list[Look] = []
    renderer = Renderer(scene)
    stations = np.arange(0.0, scene.alignment.length - 10, STRIDE).tolist()
    for index, station in enumerate(stations):
        picture = renderer.render(station, SPEED, index)
        frame = Frame(picture.image, index, 0.0, float(index), "simulation", independent=True)
        result = eyes.pipeline.process(frame)
        found = result.detections.xyxy
        read = eyes.reader(picture.image, found) if eyes.reader is not None and len(found) else []
        boxes = distort(np.asarray(picture.sight.boxes, np.float32), scene)
        partner = _partners(result, boxes)
        for row, number in enumerate(partner):
            if number < 0 and not _is_part(found[row], boxes):
                alarms.append(_look(eyes, result, read, row, None))
        for place, sign in enumerate(picture.sight.signs.tolist()):
            box = boxes[place]
            side = float(np.sqrt((box[2:] - box[:2]).prod()))
            cut = box[0] <= 0 or box[2] >= scene.camera.width
            if side >= SMALLEST and picture.sight.visible[place] >= SEEN and not cut:
                row = partner.index(place) if place in partner else -1
                looks[sign].append(Look(side) if row < 0 else _look(eyes, result, read, row, box))
    renderer.close()
    signs = [[scene.signs[sign].sign.name, [look.row() for look in ones]] for sign, ones in looks.items()]
    return {"signs": signs, "alarms": [look.row() for look in alarms], "pictures": len(stations)}


def _partners(result: FrameResult, boxes: Any) -> list[int]:
    """Return for each detection the place of the true box that it shows, or -1; ones on a small sign are none."""
    found = result.detections.xyxy
    if not len(found) or not len(boxes):
        return [-1] * len(found)
    partner: list[int] = assign(box_iou(found, boxes), OVERLAP).tolist()
    return partner


def _is_part(box: Any, signs: Any) -> bool:
    """Return whether a box's middle lies on a sign: it is a badly placed box of that sign, and no false alarm."""
    middle = (box[:2] + box[2:]) / 2
    return bool(((middle >= signs[:, :2]) & (middle <= signs[:, 2:])).all(axis=1).any()) if len(signs) else False


def _look(eyes: _Eyes, result: FrameResult, read: Sequence[Reading], row: int, true: Any) -> Look:
    """Return what was said of a detection; without a true box it is a false alarm."""
    box = result.detections.xyxy[row]
    probability = result.classifications.probability[row]
    top = np.argsort(-probability)[:TOP]
    around = box if true is None else true
    side = float(np.sqrt(np.prod(around[2:] - around[:2])))
    left, top_edge, right, bottom = ((box - around) / max(side, 1.0)).tolist()
    return Look(
        side, float(result.detections.score[row]), (left, top_edge, right, bottom),
        tuple(eyes.pipeline.catalogue[int(one)].name for one in top), tuple(float(probability[one]) for one in top),
        float(result.classifications.novelty[row]), int(result.detections.shape[row]),
        *(_texts(read[row], eyes.texts) if read else ()),
    )  # fmt: skip


def _texts(reading: Reading, texts: Sequence[str]) -> tuple[tuple[tuple[str, float], ...], float]:
    """Return the likeliest texts of what was read, with their probabilities, and whether it is struck through."""
    asked = tuple(dict.fromkeys((reading.text, *texts)))
    probability = np.exp(reading.log_probability(asked))
    kept = [one for one in np.argsort(-probability)[:TEXTS].tolist() if probability[one] > LEAST]
    return tuple((asked[one], float(probability[one])) for one in kept), reading.struck


BANDS = ((10, 16), (16, 24), (24, 40), (40, 200))


def summarise(table: Table, catalogue_names: Sequence[str]) -> dict[str, Any]:
    """Return recall and readings by condition and size, of the classes that the catalogue has and of the others.

    Args:
        table: The looks.
        catalogue_names: Classes that the classifier has.
    """
    found: dict[str, Any] = {}
    for condition, by_class in table.approaches.items():
        bands: dict[str, Any] = {}
        for low, high in BANDS:
            for group, inside in (("known", True), ("others", False)):
                looks = [(name, look) for name, look in _looks(by_class) if low <= look.side < high
                         and (name in catalogue_names) is inside]  # fmt: skip
                seen = [(name, look) for name, look in looks if look.score > 0]
                right = sum(look.classes[0] == name for name, look in seen)
                bands[f"{low}-{high} px, {group}"] = {"n": len(looks), "found": len(seen), "right": right}
        pictures = table.pictures.get(condition, 0)
        found[condition] = {"pictures": pictures, "false_alarms": len(table.alarms.get(condition, [])), "sizes": bands}
    return found


def _looks(by_class: dict[str, list[list[Look]]]) -> Iterator[tuple[str, Look]]:
    for name, approaches in by_class.items():
        for approach in approaches:
            for look in approach:
                yield name, look


def resume_file(output: Path) -> Path:
    """Return where an interrupted measurement of a table is remembered."""
    return output.with_suffix(".partial.jsonl")
