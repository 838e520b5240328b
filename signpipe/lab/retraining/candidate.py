"""From what a person said to a folder of models that may be promoted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Category, Effect, SignClass, load_catalogue
from signpipe.crops import crop_signs
from signpipe.errors import OutputError, SourceError
from signpipe.few_shot.folder import CATALOGUE, write_few_shot
from signpipe.few_shot.head import FewShotHead
from signpipe.lab.augmentation.framing import SOURCE_MARGIN, SOURCE_SIZE
from signpipe.lab.evaluation.observations import read_crops
from signpipe.lab.few_shot.change import USUAL, open_or_start, rebuilt, with_class
from signpipe.lab.few_shot.examples import Examples, load_examples, save_examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.lab.few_shot.report import CLOSE, changes, separation
from signpipe.review import NOT_A_SIGN, ReviewQueue
from signpipe.review.item import within
from signpipe.review.queue import Queued
from signpipe.runtime.manifest import load_manifest
from signpipe.runtime.session import Session, open_session
from signpipe.settings import Settings
from signpipe.types import Image

ADDED = "added-classes"  # within a candidate: signs that the classifier was never trained on
RESULT = "retrained.json"
LEAST = 2  # pictures of a new class
_HELD_BACK = 4  # of a class with so many pictures, every fourth is kept for judging
MOST_LOST = 0.001  # share of the old validation that may be read worse, or as a class that was added


@dataclass
class Retrained:
    """What became of the labels.

    Attributes:
        taken: Pictures by the class that was added or got more of them.
        left: Labels that weren't used, and why.
        judged: What was measured, by name.
        problems: Why the candidate isn't to be promoted; empty if it may be.
    """

    taken: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    judged: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write it into a candidate's folder."""
        content = {"passed": not self.problems, **{name: getattr(self, name) for name in self.__dataclass_fields__}}
        (folder / RESULT).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def passed_gate(candidate: Path) -> list[str]:
    """Return why a candidate isn't to be promoted, as its own result says; empty if it may be, or says nothing."""
    try:
        content: dict[str, Any] = json.loads((candidate / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        return [f"its {RESULT} can't be read"]
    return [str(problem) for problem in content.get("problems", [])]


def copy_models(models: Path, out: Path) -> None:
    """Copy a folder of models, of which every file is as its manifest says.

    Raises:
        ModelError: A model is missing or altered.
        OutputError: The folder is there already or can't be written.
    """
    for entry in load_manifest(models).values():
        entry.verify()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"The candidate can't be written to {out}, which isn't empty; give a new folder.")
    try:
        shutil.copytree(models, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(RESULT, ".*"))
    except OSError as error:
        raise OutputError(f"The candidate can't be written to {out}: {error.strerror}.") from None


def is_held_back(count: int) -> npt.NDArray[np.bool_]:
    """Return which of so many pictures of a class are kept for judging, bool (count,)."""
    return np.asarray(np.arange(count) % _HELD_BACK == _HELD_BACK - 1)


def labelled_signs(queue: ReviewQueue) -> tuple[dict[str, list[Queued]], dict[str, list[Queued]]]:
    """Return the labelled items by label: of classes that the classifier doesn't know, and those that it does.

    What is no sign is among the latter.

    Raises:
        SourceError: Nothing is labelled.
    """
    names = {*load_catalogue().names, NOT_A_SIGN}
    new: dict[str, list[Queued]] = {}
    known: dict[str, list[Queued]] = {}
    labelled = [entry for entry in queue.items() if entry.label is not None]
    if not labelled:
        raise SourceError(f"No sign in {queue.folder} is labelled yet; `signpipe review label {queue.folder}` does it.")
    for entry in labelled:
        name = entry.label.label if entry.label else ""
        (known if name in names else new).setdefault(name, []).append(entry)
    return new, known


def add_classes(signs: dict[str, list[Queued]], candidate: Path, session: Session, result: Retrained) -> None:
    """Take the pictures of new classes into a candidate: each becomes a prototype, or a better one.

    Some pictures are held back, and tell how well the others recognise them.

    Args:
        signs: Labelled items by class.
        candidate: The folder of models.
        session: Its classifier.
        result: Gets what was done and found.
    """
    folder, maker, catalogue = candidate / ADDED, PrototypeMaker(session), load_catalogue()
    head = open_or_start(folder, session, catalogue, maker)
    held: dict[str, Image] = {}
    for name, entries in sorted(signs.items()):
        pictures = pictures_of(entries)
        if len(pictures) < LEAST and name not in head.catalogue.names:
            result.left[name] = f"{len(pictures)} of {LEAST} pictures that a new class needs"
            continue
        back = is_held_back(len(pictures))
        head, shown = _with_pictures(head, name, pictures[~back], folder, maker, entries[0].item.category)
        write_few_shot(folder, head, session)
        result.taken[name] = int((~back).sum())
        if back.any():
            held[name] = pictures[back]
        apart = separation(name, shown, head, maker)
        if apart.too_close:
            result.problems.append(f"'{name}' can't be told from '{apart.too_close}' (similarity {CLOSE} or more)")
    _judge_held(held, head, maker, result)


def judge_known(
    crops: Image,
    labels: npt.NDArray[np.int64],
    candidate: Path,
    session: Session,
    before: Session,
    settings: Settings,
    result: Retrained,
) -> None:
    """Compare how the candidate and what runs read signs that were known before.

    Args:
        crops: The old validation, BGR uint8 (N, S, S, 3).
        labels: int64 (N,), what they show.
        candidate: The folder of models.
        session: Its classifier.
        before: The classifier that runs.
        settings: From which levels an observation is published.
        result: Gets what was found.
    """
    old, new = read_crops(before, crops), read_crops(session, crops)
    right_before = float((old.probability.argmax(1) == labels).mean())
    right = float((new.probability.argmax(1) == labels).mean())
    as_added = 0.0
    if (candidate / ADDED / CATALOGUE).is_file():
        head = open_or_start(candidate / ADDED, session, load_catalogue(), PrototypeMaker(session))
        found = changes(new, labels, head, settings.fallback)
        right = sum(one.right for one in found) / len(labels)
        as_added = sum(one.as_added for one in found) / len(labels)
    result.judged |= {
        "known_crops": len(labels), "known_right_before": round(right_before, 5),
        "known_right": round(right, 5), "known_as_added": round(as_added, 5),
    }  # fmt: skip
    if right < right_before - MOST_LOST:
        result.problems.append(f"of the old validation {right:.2%} are read right, and {right_before:.2%} were before")
    if as_added > MOST_LOST:
        result.problems.append(f"{as_added:.2%} of the known signs would be published as a class that was added")


def open_classifier(models: Path, settings: Settings) -> Session:
    """Open the classifier of a folder of models."""
    runtime = settings.runtime.model_copy(update={"models": models})
    return open_session(settings.classify.model, runtime, "classifier")


def _with_pictures(
    head: FewShotHead, name: str, pictures: Image, folder: Path, maker: PrototypeMaker, category: str | None
) -> tuple[FewShotHead, Examples]:
    """Return the head with a class of these pictures, or with more of one that it has."""
    if name in head.catalogue.names:
        earlier = load_examples(folder, name)
        shown = Examples(np.concatenate([earlier.sources, pictures]), earlier.drawing, earlier.svg)
        save_examples(folder, name, shown)
        return rebuilt(folder, load_catalogue(), maker), shown
    shown = Examples(pictures)
    save_examples(folder, name, shown)
    return with_class(head, usual_sign(name, category), maker(name, shown)), shown


def usual_sign(name: str, category: str | None) -> SignClass:
    """Return a class as is usual for its category; one that doesn't say what its signs do becomes information."""
    kind = Category(category) if category in set(Category) else Category.INFORMATION
    if USUAL[kind][1] is None:
        kind = Category.INFORMATION
    shape, effect, side = USUAL[kind]
    return SignClass(
        id=0, name=name, title=name.replace("_", " ").capitalize(), vienna="", category=kind, shape=shape,
        width=side, height=side, effect=effect or Effect.INFORMATION, value=None,
    )  # fmt: skip


def _judge_held(held: dict[str, Image], head: FewShotHead, maker: PrototypeMaker, result: Retrained) -> None:
    """Measure how many of the pictures that were held back are recognised."""
    right = total = 0
    for name, pictures in held.items():
        row = head.catalogue.names.index(name) - len(head.known)
        found = head.probability(maker.embed(maker.plain(Examples(pictures))))[:, row] >= 0.5
        right, total = right + int(found.sum()), total + len(found)
    if total:
        result.judged |= {"added_held_back": total, "added_recognised": round(right / total, 5)}
        if right < total / 2:
            result.problems.append(f"of {total} pictures that were held back {right} are recognised")


def pictures_of(entries: Sequence[Queued]) -> Image:
    """Return the signs of items with their surroundings, uint8 (N, SOURCE_SIZE, SOURCE_SIZE, 3)."""
    found = []
    for entry in entries:
        image = cv2.imread(str(entry.crop), cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError(f"The picture {entry.crop} is missing or damaged; remove its folder.")
        box = within(entry.item.xyxy, entry.item.crop)
        found.append(crop_signs(np.asarray(image, np.uint8), box, SOURCE_MARGIN, SOURCE_SIZE)[0])
    return np.stack(found)
