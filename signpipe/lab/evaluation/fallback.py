"""What each witness wins: wrong, right and withheld publications with and without it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.crops import MARGIN as CROP_MARGIN
from signpipe.crops import crop_signs
from signpipe.errors import SettingsError
from signpipe.lab.augmentation import CORRUPTIONS, OCCLUDERS
from signpipe.lab.data import Dataset
from signpipe.lab.data.uncatalogued import read_uncatalogued_signs
from signpipe.lab.evaluation.approach import PICTURE
from signpipe.lab.evaluation.approaching import (
    MARGIN,
    VIEW,
    Sign,
    Windscreen,
    boxed,
    drawn_signs,
    read_signs,
    under,
)
from signpipe.lab.evaluation.conditions import Condition
from signpipe.lab.evaluation.crop_sets import load_crops
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.resume import Resume, file_sha256
from signpipe.lab.evaluation.virtual_road import MAP_KINDS, VirtualRoad
from signpipe.opinion import VISION, Role, Witness
from signpipe.runtime.session import Session, open_models, open_session
from signpipe.settings import Settings
from signpipe.stages.classify import Classify
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, Frame, Image, SignTrack, TrackState
from signpipe.version import VERSION
from signpipe.witnesses import open_witnesses

Progress = Callable[[int, int], None]
CONFIGURED = "configured"  # the witnesses that the settings ask for, without map and LiDAR
ALL = "all"  # vision and all witnesses that there are
HIDDEN = (0.3, 0.5, 0.7)
DAMAGE = (3.0, 5.0)
MAP_HIDDEN = Condition("occlusion", "leaves", 0.5)
USUAL_MAP = "usual"
MOVING = "behind leaves that move,"  # and how much they hide at a time
UNCATALOGUED, PRINTED = "outside the catalogue", "printed on a lorry"
MISTAKEN = "map of what it is taken for, outside the catalogue, half hidden"
RIGHT_MAP = "right"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one approach.

    Attributes:
        right: Whether the true class was published at the end, and no other one before.
        wrong: Whether a class was published at any time that the sign doesn't have.
        right_at: Highest fused probability that the true class reached while it led and the sign was familiar.
        wrong_at: The same of any other class.
    """

    right: bool
    wrong: bool
    right_at: float
    wrong_at: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A sign under a condition, as the classifier saw it.

    Attributes:
        number: Its place in the road.
        sign: The sign.
        squares: Its pictures under the condition.
        observations: What the classifier said of each.
        printed: True if it is the picture of a sign on a lorry.
    """

    number: int
    sign: Sign
    squares: Sequence[Image]
    observations: Classifications
    printed: bool = False


class Drives:
    """Drives through a virtual road with vision alone, with one witness more, or with all.

    Args:
        settings: The configuration; its own map, LiDAR and position are left aside.
        catalogue: The classes.
        road: Where the signs stand.
        folder: Where the road's maps and calibration may be written.
        reader: The open model that reads figures, or None to do without.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        road: VirtualRoad,
        folder: Path,
        reader: Session | None = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._road = road
        self._folder = folder
        self._reader = reader
        self._windscreen = Windscreen()
        folder.mkdir(exist_ok=True)
        for kind in MAP_KINDS:
            road.write_map(kind, folder / f"{kind}.geojson")
        road.write_calibration(folder / "calibration.txt")

    def witnesses(self) -> list[Witness]:
        """Return all witnesses that there are."""
        return self._open(ALL, USUAL_MAP)[1]

    def run(self, heard: str, shown: Sequence[Shown], map_kind: str = USUAL_MAP) -> list[Outcome]:
        """Drive past signs.

        What a witness learns at one sign, it knows at the next.

        Args:
            heard: Who is heard: "vision" alone, the name of a witness besides it, `ALL`, or as `CONFIGURED`.
            shown: The signs.
            map_kind: The map, one of `MAP_KINDS`.
        """
        settings, witnesses = self._open(heard, map_kind)
        if heard not in (ALL, CONFIGURED):
            witnesses = [witness for witness in witnesses if witness.name == heard]
        return [
            self._approach(
                one,
                settings,
                Fallback(settings.fallback, self._catalogue, witnesses, worthless=settings.track.worthless),
            )
            for one in shown
        ]

    def _open(self, heard: str, map_kind: str) -> tuple[Settings, list[Witness]]:
        """Return the settings of a drive, and the witnesses that they open: all but where they are as configured."""
        configured = heard == CONFIGURED
        files: dict[str, dict[str, Any]] = {
            "map": {"file": None if configured else self._folder / f"{map_kind}.geojson"},
            "lidar": {"calibration": None if configured else self._folder / "calibration.txt"},
        }
        switches = {} if configured else {"template": {"enabled": True}, "shape": {"enabled": True}}
        update = {
            section: getattr(self._settings, section).model_copy(update=values)
            for section, values in (files | switches).items()
        }
        settings = self._settings.model_copy(update=update)
        return settings, open_witnesses(settings, self._catalogue, self._reader)

    def _approach(self, shown: Shown, settings: Settings, fallback: Fallback) -> Outcome:
        sign, track = shown.sign, Track(settings.track, self._catalogue)
        at = {True: 0.0, False: 0.0}
        right = wrong = False
        for number, square in enumerate(shown.squares):
            row = slice(number, number + 1)
            observations = shown.observations[row]
            tracks, _ = track.update(boxed(sign.sizes[number]), observations, sign.times[number], PICTURE)
            # Witnesses know signs by the ids of their tracks, and what they know outlasts an approach.
            tracks = [replace(one, id=shown.number * len(shown.squares) + one.id) for one in tracks]
            verdicts = fallback(tracks, self._frame(shown, number, square, settings))
            latest = max(map(SignTrack.judged, tracks, verdicts), key=lambda one: one.id)
            if latest.state is TrackState.TENTATIVE:
                continue
            is_right = latest.class_id == sign.class_id and not shown.printed
            right = latest.is_sure and is_right
            wrong |= latest.is_sure and not is_right
            if latest.novelty <= settings.fallback.novelty_for(latest.visible):
                best = int(latest.probability.argmax())
                kind = best == sign.class_id and not shown.printed
                at[kind] = max(at[kind], float(latest.probability[best]))
        return Outcome(right and not wrong, wrong, at[True], at[False])

    def _frame(self, shown: Shown, number: int, square: Image, settings: Settings) -> Frame:
        time = shown.sign.times[number]
        frame = Frame(self._windscreen.show(square), number, time, time, shown.sign.name)
        if settings.map.file is not None:
            frame.pose = self._road.pose(shown.number, shown.sign, number)
        if settings.lidar.calibration is not None:
            frame.lidar = self._road.sweep(shown.sign, number, shown.printed)
        return frame


def evaluate_fallback(
    dataset: Dataset,
    settings: Settings,
    progress: Progress,
    signs: int = 120,
    observations: int = 8,
    uncatalogued: Sequence[Sign] = (),
    only: Sequence[str] = (),
    keep: Path | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Drive past signs under each condition, with vision alone, with each witness, and with all.

    The boxes are those of the data set; what is measured is how signs are read and believed, not how they are found.
    Poses, maps and LiDAR sweeps are those of a virtual road.

    Args:
        dataset: Pictures with tracks, in the order of time.
        settings: The configuration.
        progress: Told how many steps are done, and how many there are.
        signs: How many tracks; all if there are no more.
        observations: Frames of each.
        uncatalogued: Signs that the catalogue doesn't have.
        only: Sets to measure, by how their names begin; all if empty.
        keep: What is done already is kept in this file until all is.
        resume: Go on with what it holds.

    Raises:
        SettingsError: No set begins so, or `keep` is of another run.
        OutputError: `keep` can't be written.
        SourceError: No sign is seen in two frames or more, or a picture can't be read.
        ModelError: The classifier can't be used.
    """
    catalogue = load_catalogue()
    known = read_signs(dataset, signs, observations, lambda *_: None)
    everything = [*known, *uncatalogued]
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    classify = Classify(settings.classify, session)
    reader = open_models(settings, detector=False, classifier=False).reader
    steps = _chosen(only)
    identity = {
        "version": VERSION, "model": file_sha256(session.entry.path),
        "reader": file_sha256(reader.entry.path) if reader else None, "settings": settings.model_dump(mode="json"),
        "signs": [sign.name for sign in everything], "observations": observations,
    }  # fmt: skip
    kept = Resume(keep, identity, resume)
    with tempfile.TemporaryDirectory() as folder:
        drives = Drives(settings, catalogue, VirtualRoad(everything, catalogue), Path(folder), reader)
        columns = _columns(drives.witnesses())
        tally: dict[str, dict[str, list[Outcome]]] = {}
        for done, (name, condition, map_kind) in enumerate(steps):
            key = f"{name}: {condition}"
            piece = kept.get(key)
            if piece is None:
                there, first = (uncatalogued, len(known)) if name in (UNCATALOGUED, MISTAKEN) else (known, 0)
                shown = show(condition, there, classify, catalogue, name == PRINTED, first)
                driven = drives
                if name == MISTAKEN:
                    road = VirtualRoad([*known, *map(_as_taken, shown)], catalogue)
                    driven = Drives(settings, catalogue, road, Path(folder) / "taken", reader)
                piece = _driven(driven, shown, columns[map_kind is not None], map_kind or USUAL_MAP)
                kept.put(key, piece)
            for column, outcomes in piece.items():
                tally.setdefault(name, {}).setdefault(column, []).extend(Outcome(*one) for one in outcomes)
            progress(done + 1, len(steps))
    kept.finish()
    return summarise(tally)


def _driven(drives: Drives, shown: Sequence[Shown], heard: Sequence[str], map_kind: str) -> dict[str, list[Any]]:
    """Drive past signs with each who is heard; return the outcomes as JSON takes them."""
    return {one: [astuple(outcome) for outcome in drives.run(one, shown, map_kind)] for one in heard} if shown else {}


def _chosen(only: Sequence[str]) -> list[tuple[str, Condition, str | None]]:
    """Return the steps of the sets whose names begin so, or all; raise SettingsError if there are none."""
    steps = _steps()
    chosen = [step for step in steps if not only or step[0].startswith(tuple(only))]
    if not chosen:
        names = ", ".join(dict.fromkeys(name for name, *_ in steps))
        raise SettingsError(f"No set is called {' or '.join(only)}; there are: {names}.")
    return chosen


def _as_taken(shown: Shown) -> Sign:
    """Return a sign as a map has it that names what vision takes it for."""
    return replace(shown.sign, class_id=int(shown.observations.probability.mean(0).argmax()))


def uncatalogued_signs(drawings: Path, data: Path, count: int, observations: int) -> list[Sign]:
    """Return drawings of signs that the catalogue doesn't have, those kept for judging, as a car drives up to them.

    Args:
        drawings: Their folder, see `signpipe.lab.data.uncatalogued`.
        data: Folder of the data sets, for what is behind them.
        count: How many.
        observations: Frames of each.

    Raises:
        SourceError: The folder has no drawings, or the data is missing.
    """
    chosen = [sign for sign in read_uncatalogued_signs(drawings) if sign.judge]
    chosen.sort(key=lambda sign: seeded("outside", sign.name).random())
    backgrounds = load_crops(data, "val", VIEW, CROP_MARGIN, 1).backgrounds
    return drawn_signs(chosen[:count], backgrounds, observations)


def _columns(witnesses: Sequence[Witness]) -> tuple[list[str], list[str]]:
    """Return who is heard, column by column, usually and where it is the map that differs."""
    names = [witness.name for witness in witnesses]
    priors = [witness.name for witness in witnesses if witness.role is Role.PRIOR]
    return [VISION, *names, ALL], [VISION, *priors, ALL]


def _steps() -> list[tuple[str, Condition, str | None]]:
    """Return the set that each condition counts for, and the map where that is what differs."""
    clean = Condition("clean")
    steps: list[tuple[str, Condition, str | None]] = [("clean", clean, None)]
    for name, occluder in OCCLUDERS.items():
        kind = "occluded, held out" if occluder.held_out else "occluded"
        steps += [(kind, Condition("occlusion", name, hidden), None) for hidden in HIDDEN]
    for name, occluder in OCCLUDERS.items():
        if occluder.held_out:
            steps += [(f"{MOVING} {hidden:.0%}", Condition("parallax", name, hidden), None) for hidden in HIDDEN]
    damage = [name for name, corruption in CORRUPTIONS.items() if corruption.family == "damage"]
    steps += [("damaged", Condition("corruption", name, level), None) for name in damage for level in DAMAGE]
    steps += [(UNCATALOGUED, clean, None), (MISTAKEN, MAP_HIDDEN, RIGHT_MAP), (PRINTED, clean, None)]
    for condition in (clean, MAP_HIDDEN):
        for kind in MAP_KINDS:
            steps.append((f"map {kind}, {'half hidden' if condition.effect else 'clean'}", condition, kind))
    return steps


def show(
    condition: Condition,
    signs: Sequence[Sign],
    classify: Classify,
    catalogue: Catalogue,
    printed: bool = False,
    first: int = 0,
) -> list[Shown]:
    """Put signs under a condition and before the classifier, numbered from `first` on."""
    textures, shown = _textures(signs), []
    for number, sign in enumerate(signs, first):
        others = [picture for class_id, picture in textures if class_id != sign.class_id]
        squares = under(condition, sign, catalogue, np.stack(others) if others else None)
        shown.append(Shown(number, sign, squares, observe(classify, sign, squares), printed))
    return shown


def observe(classify: Classify, sign: Sign, squares: Sequence[Image]) -> Classifications:
    """Classify each picture of a sign."""
    observations = []
    for square, size in zip(squares, sign.sizes, strict=True):
        middle = np.float32(square.shape[0] / 2)
        box = np.concatenate([middle - size / 2, middle + size / 2])[None]
        observations.append(classify(square, Detections(box, np.ones(1, np.float32))))
    return Classifications.stacked(observations)


def _textures(signs: Sequence[Sign]) -> list[tuple[int, Image]]:
    """Return a picture of one sign of each class, for occluders that show another sign."""
    first: dict[int, Image] = {}
    for sign in signs:
        middle = sign.squares[-1].shape[0] / 2
        box = np.array([middle - sign.sizes[-1] / 2, middle + sign.sizes[-1] / 2]).ravel()
        first.setdefault(sign.class_id, np.asarray(crop_signs(sign.squares[-1], box, MARGIN, 48)[0], np.uint8))
    return list(first.items())


def summarise(tally: dict[str, dict[str, list[Outcome]]]) -> dict[str, Any]:
    """Return the shares of each set and column, and the numbers that budgets are set for."""
    sets = {
        name: {column: _shares(outcomes) for column, outcomes in columns.items()} for name, columns in tally.items()
    }
    numbers: dict[str, float] = {}
    counts: dict[str, int] = {}
    for short, names in (("clean", ("clean",)), ("occluded", ("occluded", "occluded, held out"))):
        for heard in (VISION, ALL):
            outcomes = [one for name in names for one in tally.get(name, {}).get(heard, [])]
            for what in ("right", "wrong") if outcomes else ():
                key = f"{short}_{what}_{heard}"
                numbers[key] = float(np.mean([getattr(one, what) for one in outcomes]))
                counts[key] = len(outcomes)
    if before := numbers.get("occluded_wrong_vision"):
        numbers["wrong_removed_under_occlusion"] = 1 - numbers["occluded_wrong_all"] / before
        counts["wrong_removed_under_occlusion"] = counts["occluded_wrong_all"]
    if "clean_right_vision" in numbers:
        numbers["right_gained_on_clean"] = numbers["clean_right_all"] - numbers["clean_right_vision"]
        counts["right_gained_on_clean"] = counts["clean_right_all"]
    return numbers | {"sets": sets, "n": counts}


def _shares(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    count = Counter("wrong" if one.wrong else "right" if one.right else "abstained" for one in outcomes)
    total = len(outcomes)
    return {what: count[what] / total for what in ("right", "wrong", "abstained")} | {
        "wrong_interval_95": list(wilson(count["wrong"], total)),
        "n": total,
    }
