"""How a classifier degrades when signs are hidden, damaged, dark or wet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, Effect, SignClass, load_catalogue
from signpipe.errors import SettingsError
from signpipe.lab.augmentation import framing
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.baseline import mean_corruption_error
from signpipe.lab.evaluation.ceiling import Ceiling
from signpipe.lab.evaluation.classification import calibration_error, calibration_error_by_chance
from signpipe.lab.evaluation.conditions import Condition, Spoiler, conditions
from signpipe.lab.evaluation.crops import CropSample, sample_crops
from signpipe.lab.evaluation.observations import Observations, Observer, joined, measure
from signpipe.lab.evaluation.resume import Resume, file_sha256
from signpipe.runtime.session import open_session
from signpipe.settings import FallbackSettings, Settings
from signpipe.types import FloatArray, Image
from signpipe.version import VERSION

Progress = Callable[[int, int], None]
SEED = 1
BOXES = ("sign", "visible")
FEWEST = 30  # a group of fewer answers isn't named
WORST = 8  # groups named
LIGHT_BANDS = (0.0, 40.0, 70.0, 110.0, 256.0)  # mean brightness of the crop
SIZE_BANDS = (0.0, 24.0, 32.0, 48.0, 64.0, 10000.0)  # longer side of the box in pixels


@dataclass(frozen=True, slots=True)
class Robustness:
    """The answers to a sample of crops under each condition.

    Attributes:
        sample: The crops.
        spoiler: Puts them under a condition again, to show examples.
        answers: What was said of all crops, by condition.
        catalogue: The classes.
        settings: The levels at which an observation is published.
    """

    sample: CropSample
    spoiler: Spoiler
    answers: dict[Condition, Observations]
    catalogue: Catalogue
    settings: FallbackSettings

    def cell(self, condition: Condition) -> dict[str, Any]:
        """Return what the answers under one condition are worth, as from `measure`."""
        return measure(self.answers[condition], self.sample.labels, self.catalogue, self.settings)

    def summary(self) -> dict[str, Any]:
        """Return all metrics; each number that stands for itself has its number of answers under `n`."""
        cells = {condition: self.cell(condition) for condition in self.answers}
        count = len(self.sample)
        clean = next(cell for condition, cell in cells.items() if condition.suite == "clean")
        clean_names = ("accuracy", "category_accuracy", "ece", "wrong_over_accept")
        metrics: dict[str, Any] = {f"clean_{name}": clean[name] for name in clean_names}
        sizes = dict.fromkeys(metrics, count)
        for suite in ("occlusion", "corruption"):
            chosen = {condition: cell for condition, cell in cells.items() if condition.suite == suite}
            if chosen:
                numbers, answers = _headline(suite, chosen)
                calibration = self._calibration(suite, [self.answers[condition] for condition in chosen])
                metrics |= numbers | calibration
                sizes |= answers | dict.fromkeys(calibration, answers[f"{suite}_mean_ece"])
                metrics[suite] = by_effect(chosen)
        if "occlusion" in metrics:
            metrics["occlusion_held_out_by_group"] = self.held_out_by_group()
        if "corruption" in metrics:
            metrics |= mean_corruption_error(metrics["corruption"])
        return metrics | {"clean": clean, "worst_groups": self.worst_groups(), "n": sizes}

    def _calibration(self, suite: str, chosen: list[Observations]) -> dict[str, float]:
        """Return the calibration error of all answers of a suite together, and the mean that chance makes of cells'."""
        confidence = np.concatenate([answers.confidence for answers in chosen])
        right = np.concatenate([answers.predicted == self.sample.labels for answers in chosen])
        return {
            f"{suite}_ece": calibration_error(confidence, right),
            f"{suite}_mean_ece_by_chance": float(
                np.mean([calibration_error_by_chance(answers.confidence) for answers in chosen])
            ),
        }

    def held_out_by_group(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return what is made of signs behind held-out occluders, by their size in the picture and by what they say.

        The ceiling goes by drawings as large as the crops, whereas a small sign shows less than its drawing does.

        Returns:
            Kind of group, group and hidden share -> as from `measure`, of the answers behind all held-out occluders;
            groups of fewer than `FEWEST` signs are left out.
        """
        behind = [condition for condition in self.answers if condition.suite == "occlusion" and condition.held_out]
        groups = self._groups()
        result: dict[str, dict[str, dict[str, Any]]] = {}
        for kind in ("size", "message"):
            names = groups[kind]
            result[kind] = {str(name): {} for name in np.unique(names) if (names == name).sum() >= FEWEST}
            for name, cells in result[kind].items():
                inside = names == name
                for level in sorted({condition.level for condition in behind}):
                    answers = [self.answers[condition].some(inside) for condition in behind if condition.level == level]
                    labels = np.tile(self.sample.labels[inside], len(answers))
                    cells[f"{level:g}"] = measure(joined(answers), labels, self.catalogue, self.settings)
        return result

    def worst_groups(self) -> list[dict[str, Any]]:
        """Return the groups of signs that suffer most, over all conditions of middling strength, the worst first."""
        middling = [c for c in self.answers if c.level == (0.3 if c.suite == "occlusion" else 3.0)]
        if not middling:
            return []
        right = np.concatenate([self.answers[c].predicted == self.sample.labels for c in middling])
        groups = []
        for kind, names in self._groups().items():
            repeated = np.tile(names, len(middling))
            for name in np.unique(names):
                inside = right[repeated == name]
                if len(inside) >= FEWEST:
                    signs = int((names == name).sum())
                    groups.append(
                        {"by": kind, "group": str(name), "accuracy": float(inside.mean()), "signs": signs,
                         "n": len(inside)}
                    )  # fmt: skip
        return sorted(groups, key=lambda group: (group["accuracy"], group["group"]))[:WORST]

    def _groups(self) -> dict[str, npt.NDArray[np.str_]]:
        signs = [self.catalogue[int(label)] for label in self.sample.labels]
        return {
            "class": np.array([sign.name for sign in signs]),
            "category": np.array([sign.category.value for sign in signs]),
            "message": np.array([_message(sign) for sign in signs]),
            "light": _banded(self.sample.light, LIGHT_BANDS, "brightness"),
            "size": _banded(self.sample.sides, SIZE_BANDS, "px"),
        }


def run_robustness(
    dataset: Dataset,
    settings: Settings,
    progress: Progress,
    *,
    suite: str = "all",
    crops: int = 600,
    boxes: str = "sign",
    seed: int = SEED,
    keep: Path | None = None,
    resume: bool = False,
) -> Robustness:
    """Show the classifier a sample of signs under each condition.

    The same run gives the same numbers: what happens to a crop depends on its name, the effect and the seed alone, not
    on how many crops there are, in which order.

    Args:
        dataset: Labelled pictures.
        settings: The configuration; `fallback` says from which level an observation is published.
        progress: Told how many conditions are done, and how many there are.
        suite: "occlusion", "corruption" or "all".
        crops: Size of the sample.
        boxes: "sign", around the whole sign wherever it is hidden, or "visible", around what can be seen of it: a
            detector's box lies between the two.
        seed: Another one gives other rain and other leaves.
        keep: File that keeps what is done until the run is complete, or None.
        resume: Go on with what that file holds.

    Raises:
        SettingsError: There is no such suite or choice of boxes, or `keep` holds another run.
        SourceError: There is no sign to look at, or a picture can't be read.
        ModelError: The classifier can't be used.
    """
    plan, catalogue = conditions(suite), load_catalogue()
    if boxes not in BOXES:
        raise SettingsError(f"There are no boxes '{boxes}'; choose {' or '.join(BOXES)}.")
    with_ceiling = any(condition.suite == "occlusion" for condition in plan)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    size, margin = int(session.entry.input.shape[1]), session.entry.margin
    side, around = size, margin
    if boxes == "visible":
        side = framing.wide_side(size)
        around = ((1 + 2 * margin) * side / size - 1) / 2
    ceiling = Ceiling(catalogue, size, margin) if with_ceiling else None
    sample = sample_crops(dataset, crops, around, side)
    spoiler, observer = Spoiler(sample, catalogue, around, seed), Observer(session, catalogue)
    model = file_sha256(session.entry.path)
    answer = [field.name for field in fields(Observations)]
    identity = {"version": VERSION, "model": model, "crops": sample.digest(), "seed": seed, "answers": answer}
    finished = Resume(keep, identity, resume)
    answers: dict[Condition, Observations] = {}
    for done, condition in enumerate(plan):
        piece = finished.get(str(condition))
        if piece is not None:
            answers[condition] = Observations.from_json(piece)
        else:
            pictures, visible = spoiler.all(condition)
            if boxes == "visible":
                pictures, visible = _nearer(pictures, visible, size, margin)
            hidden = ceiling is not None and condition.suite == "occlusion"
            known = ceiling.known(sample.labels, visible) if ceiling and hidden else np.ones(len(sample), bool)
            answers[condition] = observer(pictures, known)
            finished.put(str(condition), answers[condition].to_json())
        progress(done + 1, len(plan))
    finished.finish()
    return Robustness(sample, spoiler, answers, catalogue, settings.fallback)


def _nearer(pictures: Image, visible: FloatArray, size: int, margin: float) -> tuple[Image, FloatArray]:
    """Cut crops of `size` pixels around what can be seen of the signs in wider ones, and what can around the signs."""
    moves = (framing.following(one, size, 1.0, margin) for one in visible)
    nearer = np.stack([framing.warp(one, move, size) for one, move in zip(pictures, moves, strict=True)])
    edge = (visible.shape[1] - size) // 2
    return nearer, visible[:, edge : edge + size, edge : edge + size]


def by_effect(cells: dict[Condition, dict[str, Any]]) -> dict[str, Any]:
    """Return the cells of a suite as effect -> family, held_out and levels."""
    result: dict[str, Any] = {}
    for condition, cell in cells.items():
        entry = result.setdefault(
            condition.effect, {"family": condition.family, "held_out": condition.held_out, "levels": {}}
        )
        entry["levels"][f"{condition.level:g}"] = cell
    return result


def _headline(suite: str, cells: dict[Condition, dict[str, Any]]) -> tuple[dict[str, float], dict[str, int]]:
    """Return the numbers that a budget is set for, and how many answers each rests on."""
    numbers, sizes = {}, {}
    levels = (0.3, 0.5) if suite == "occlusion" else (3.0,)
    for which in ("held_out", "all"):
        for level in levels:
            chosen = [c for p, c in cells.items() if p.level == level and (which == "all" or p.held_out)]
            for name in ("accuracy", "category_accuracy", *(("ceiling",) if suite == "occlusion" else ())):
                key = f"{suite}_{which}_{name}_at_{level:g}"
                numbers[key] = float(np.mean([cell[name] for cell in chosen]))
                sizes[key] = sum(cell["n"] for cell in chosen)
    worst = max(cells, key=lambda condition: cells[condition]["wrong_over_accept"])
    numbers[f"{suite}_worst_wrong_over_accept"] = cells[worst]["wrong_over_accept"]
    sizes[f"{suite}_worst_wrong_over_accept"] = cells[worst]["n"]
    numbers[f"{suite}_mean_ece"] = float(np.mean([cell["ece"] for cell in cells.values()]))
    sizes[f"{suite}_mean_ece"] = sum(cell["n"] for cell in cells.values())
    return numbers, sizes


def _message(sign: SignClass) -> str:
    return "speed limits" if sign.effect is Effect.LIMIT else "other signs"


def _banded(values: npt.NDArray[np.float64], bands: tuple[float, ...], unit: str) -> npt.NDArray[np.str_]:
    """Return the name of the band that each value lies in."""
    names = [
        f"{unit} {low:g} to {high:g}" if high < bands[-1] else f"{unit} from {low:g}" for low, high in pairwise(bands)
    ]
    return np.array(names)[np.digitize(values, bands[1:-1])]
