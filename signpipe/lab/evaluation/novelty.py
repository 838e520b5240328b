"""How well the classifier tells what it has never seen, and what that keeps from being published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.crops import MARGIN
from signpipe.errors import SettingsError
from signpipe.lab.data import ClassMap, open_dataset
from signpipe.lab.data.uncatalogued import read_uncatalogued_signs
from signpipe.lab.evaluation.approach import Approach
from signpipe.lab.evaluation.classification import roc_auc
from signpipe.lab.evaluation.crop_sets import hide_crops, load_crops
from signpipe.lab.evaluation.interval import wilson
from signpipe.lab.evaluation.observations import read_crops
from signpipe.lab.evaluation.published_figures import published_classes
from signpipe.lab.evaluation.rates import at_rates
from signpipe.lab.evaluation.streaming import asking, play, read_approaches
from signpipe.lab.evaluation.uncatalogued import (
    approach_sides,
    boxed_crops,
    drawn_views,
    unboxed_crops,
    uncatalogued_views,
)
from signpipe.runtime.session import open_session
from signpipe.settings import FallbackSettings, Settings
from signpipe.stages.evidence import ClassEvidence, looks_of
from signpipe.types import Classifications, FloatArray, Image

Progress = Callable[[int, int], None]
ACCEPTED = 0.95  # share of the known signs that the second bound lets pass
OBSERVATIONS = 8  # observations of a drawn sign
DRAWN = 6  # drawings of each class of the catalogue
FPS = 10.0
LIGHTS = {"frouge": "sign", "forange": "sign", "fvert": "sign", "ff": "none"} | dict.fromkeys(
    ("danger", "interdiction", "obligation", "ceder", "stop"), "none"
)


@dataclass(frozen=True, slots=True)
class Unseen:
    """A classifier that was trained without some classes, for which their signs are new.

    Attributes:
        model: Its ONNX file.
        classes: Names of the classes.
    """

    model: str
    classes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Unseen:
        """Read "MODEL=CLASS,CLASS".

        Raises:
            SettingsError: It isn't written so, or there is no such class.
        """
        model, _, names = text.rpartition("=")
        classes = tuple(names.split(","))
        unknown = set(classes) - set(load_catalogue().names)
        if not model or unknown:
            raise SettingsError(
                f"--unseen takes MODEL=CLASS,CLASS with names of signpipe/catalogue/de.toml, not '{text}'."
            )
        return cls(model, classes)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the classifier says of a set of observations, or the fusion of a set of tracks.

    Attributes:
        confidence: float64 (N,), of the most probable class.
        novelty: float64 (N,).
    """

    confidence: npt.NDArray[np.float64]
    novelty: npt.NDArray[np.float64]

    @classmethod
    def of(cls, observations: Sequence[Classifications]) -> Answers:
        """Take single observations."""
        return cls(
            np.concatenate([one.probability.max(1) for one in observations]).astype(np.float64),
            np.concatenate([one.novelty for one in observations]).astype(np.float64),
        )

    def published(self, accept: float, bound: float) -> npt.NDArray[np.bool_]:
        """Return which of them vision alone would publish, bool (N,), from a probability on and up to a novelty."""
        return (self.confidence >= accept) & (self.novelty <= bound)


def evaluate_novelty(
    data: Path, settings: Settings, progress: Progress, drawings: Path | None = None, unseen: Sequence[Unseen] = ()
) -> dict[str, Any]:
    """Show the classifier known signs, and sets of what it doesn't know; single observations and tracks.

    Two numbers matter: how many of the unknown are taken for familiar at the bound that lets 95 % of the known pass,
    and how many of them would be published as a class of the catalogue.

    Args:
        data: Folder of the data sets: GTSRB and GTSDB, and sy32 where it is there.
        settings: The configuration; `fallback` says from which level a class is published.
        progress: Told how many sets are done, and how many there are.
        drawings: Folder of drawings of other signs, see `signpipe.lab.data.uncatalogued`; none leaves them out.
        unseen: Classifiers that were trained without some classes.

    Returns:
        `observations` and `tracks`: by set, what `judge` says; `left_out`: the same by model of `unseen`.

    Raises:
        SourceError: A set is missing or a picture can't be read.
        ModelError: A model can't be used.
    """
    steps = 7 + len(unseen)
    with_steps = iter(range(1, steps + 1))

    def step() -> None:
        progress(next(with_steps), steps)

    catalogue = load_catalogue()
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    known = read_approaches(open_dataset(data, "gtsrb", "val"), settings, lambda _: None)
    step()
    observations, tracks = {"known": Answers.of([one.observations for one in known])}, {"known": known}
    for name, crops, moving in _sets(data, settings, int(session.entry.input.shape[1]), drawings):
        if len(crops):
            flat = read_crops(session, crops.reshape(-1, *crops.shape[-3:]))
            observations[name] = Answers.of([flat])
            if moving:
                tracks[name] = _approaches(name, flat)
        step()
    result: dict[str, Any] = {
        "observations": judge(observations, settings.fallback),
        "tracks": judge_tracks(tracks, settings, catalogue),
        "left_out": {},
    }
    for one in unseen:
        result["left_out"][",".join(one.classes)] = judge_unseen(one, data, settings, catalogue)
        step()
    return result


def judge(sets: Mapping[str, Answers], settings: FallbackSettings) -> dict[str, Any]:
    """Compare each set of observations with the known ones.

    Args:
        sets: By name; "known" is what the others are compared with.
        settings: The bounds at which an observation is published.

    Returns:
        By set: `n`; `flagged`, the share whose novelty is over the bound, and `published`, the share that vision
        alone would publish; `passed_at_95` and `published_at_95`, the shares that pass and that are
        published at the bound that lets 95 % of the known pass; and `auroc` against the known.
    """
    known = sets["known"]
    bound = float(np.quantile(known.novelty, ACCEPTED))
    result: dict[str, Any] = {}
    for name, answers in sets.items():
        published = int(answers.published(settings.accept, bound).sum())
        result[name] = {
            "n": len(answers.novelty),
            "flagged": float((answers.novelty > settings.novelty).mean()),
            "published": float(answers.published(settings.accept, settings.novelty).mean()),
            "passed_at_95": float((answers.novelty <= bound).mean()),
            "published_at_95": published / len(answers.novelty),
            "published_at_95_interval": list(wilson(published, len(answers.novelty))),
        }
        if name != "known":
            result[name]["auroc"] = roc_auc(known.novelty, answers.novelty)
    return result | {"bound_at_95": bound}


def judge_tracks(sets: Mapping[str, Sequence[Approach]], settings: Settings, catalogue: Catalogue) -> dict[str, Any]:
    """Compare sets of tracks with the known ones, as `judge` does observations.

    A track's novelty is what its observations fuse to at their end; it is published if the fallback confirms it at any
    time.

    Args:
        sets: By name; "known" is what the others are compared with.
        settings: The configuration.
        catalogue: The classes.
    """
    novelty = {name: np.array([fused_novelty(one, settings) for one in tracks]) for name, tracks in sets.items()}
    bound = float(np.quantile(novelty["known"], ACCEPTED))
    strict = _with_bound(settings, bound)
    result: dict[str, Any] = {}
    for name, tracks in sets.items():
        published = [_published(one, settings, catalogue) for one in tracks]
        at_95 = sum(_published(one, strict, catalogue) for one in tracks)
        result[name] = {
            "n": len(tracks),
            "flagged": float((novelty[name] > settings.fallback.novelty).mean()),
            "published": float(np.mean(published)),
            "passed_at_95": float((novelty[name] <= bound).mean()),
            "published_at_95": at_95 / len(tracks),
            "published_at_95_interval": list(wilson(at_95, len(tracks))),
        }
        if name != "known":
            result[name]["auroc"] = roc_auc(novelty["known"], novelty[name])
    return result | {"bound_at_95": bound}


def judge_unseen(unseen: Unseen, data: Path, settings: Settings, catalogue: Catalogue) -> dict[str, Any]:
    """Show a classifier the classes that it was trained without, beside the others.

    Args:
        unseen: The classifier and those classes.
        data: Folder of the data sets.
        settings: The configuration of the pipeline.
        catalogue: The classes.

    Returns:
        `observations` and `tracks` of the sets "known" and "left_out", as from `judge`; `by_class`: of each class
        that was left out, `n` observations and `tracks`, the shares of both that vision alone would publish, and as
        what most often; and `whole`, what the whole pipeline publishes, see `judge_whole`.

    Raises:
        SourceError: GTSRB is missing or a picture can't be read.
        ModelError: A model can't be used.
    """
    ids = {catalogue.names.index(name) for name in unseen.classes}
    settings = settings.model_copy(update={"classify": settings.classify.model_copy(update={"model": unseen.model})})
    val, train = (open_dataset(data, "gtsrb", part) for part in ("val", "train"))
    others = tuple(image for image in train if int(image.class_ids[0]) in ids)
    validation, learned = (read_approaches(one, settings, lambda _: None) for one in (val, replace(val, images=others)))
    new = [one for one in validation if one.class_id in ids]
    sets = {"known": [one for one in validation if one.class_id not in ids], "left_out": new + learned}
    answers = {name: Answers.of([one.observations for one in tracks]) for name, tracks in sets.items()}
    # The reader has seen the figures of the training tracks.
    unread = new + [one for one in learned if not catalogue[one.class_id].figures]
    return {
        "observations": judge(answers, settings.fallback),
        "tracks": judge_tracks(sets, settings, catalogue),
        "by_class": {
            catalogue.names[number]: _of_class(
                [one for one in sets["left_out"] if one.class_id == number], settings, catalogue
            )
            for number in sorted(ids)
        },
        "whole": judge_whole(unread, settings, catalogue),
    }


def judge_whole(tracks: Sequence[Approach], settings: Settings, catalogue: Catalogue) -> dict[str, Any]:
    """Return what the whole pipeline, all witnesses that need no map among them, publishes of signs as another class.

    Args:
        tracks: The signs, with their pictures.
        settings: The configuration.
        catalogue: The classes.

    Returns:
        `looks`, each by itself, and `tracks`: `n`, the share `published` as another class with its `interval`, and that
        `without` the reader (looks) or anyone besides vision (tracks); and `by_class`, of looks `n` and `published`.

    Raises:
        SourceError: A picture can't be read.
        ModelError: A model can't be used.
    """
    names = np.array([catalogue.names[one.class_id] for one in tracks for _ in one.pictures])
    signs = list(_signs(tracks))
    silent, wrong = (_is_another(published_classes(signs, settings, reader), names) for reader in (False, True))
    played = at_rates(tracks, settings, catalogue, (FPS,), FPS, asking(settings, catalogue))[f"{FPS:g}"]
    return {
        "looks": {
            "n": len(names),
            "published": float(wrong.mean()),
            "interval": list(wilson(int(wrong.sum()), len(names))),
            "without": float(silent.mean()),
        },
        "tracks": {
            "n": played["tracks"],
            "published": played["ever_wrong_published"],
            "interval": played["intervals_95"]["ever_wrong_published"],
            "without": played["vision_alone"]["ever_wrong_published"],
        },
        "by_class": {
            name: {"n": int((names == name).sum()), "published": float(wrong[names == name].mean())}
            for name in catalogue.names
            if name in names
        },
    }


def _is_another(shown: Sequence[str | None], names: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Return which signs, bool (N,), are shown as a class that they aren't."""
    return np.array([one is not None and one != name for one, name in zip(shown, names.tolist(), strict=True)])


def _signs(tracks: Sequence[Approach]) -> Iterator[tuple[Image, FloatArray]]:
    """Yield each picture of tracks, and the box of its sign."""
    for one in tracks:
        for picture in one.pictures:
            image = picture.read()
            yield image, picture.boxes_in(image.shape)[0]


def _of_class(tracks: Sequence[Approach], settings: Settings, catalogue: Catalogue) -> dict[str, Any]:
    """Return how many looks at a class that was left out are published, as what, and how many of its tracks."""
    probability = np.concatenate([one.observations.probability for one in tracks])
    answers = Answers.of([one.observations for one in tracks])
    shown = answers.published(settings.fallback.accept, settings.fallback.novelty)
    taken = Counter(catalogue.names[number] for number in probability[shown].argmax(1).tolist())
    return {
        "n": len(shown),
        "published": float(shown.mean()),
        "taken_for": dict(taken.most_common(3)),
        "tracks": len(tracks),
        "tracks_published": float(np.mean([_published(one, settings, catalogue) for one in tracks])),
    }


def fused_novelty(approach: Approach, settings: Settings) -> float:
    """Return what the novelty of a track's observations fuses to."""
    evidence = ClassEvidence(approach.observations.probability.shape[1], settings.track)
    sides = np.sqrt(approach.sizes.prod(1))
    looks = looks_of(approach.observations)
    for look, novelty, side in zip(looks, approach.observations.novelty, sides, strict=True):
        evidence.add(look, float(novelty), float(side), 1.0, 1 / FPS)
    return evidence.novelty


def _sets(data: Path, settings: Settings, size: int, drawings: Path | None) -> Iterator[tuple[str, Image, bool]]:
    """Yield six sets of crops: name, pictures (N, S, S, 3) or tracks (N, frames, S, S, 3), and which it is."""
    val = load_crops(data, "val", size, MARGIN)
    yield "hidden", hide_crops(val, every=2).images, False
    yield "drawn", drawn_views(val.backgrounds, DRAWN, OBSERVATIONS, size), True
    signs = [sign for sign in read_uncatalogued_signs(drawings) if sign.judge] if drawings else []
    unknown = (
        uncatalogued_views(signs, val.backgrounds, OBSERVATIONS, size)
        if signs
        else np.zeros((0, 1, size, size, 3), np.uint8)
    )
    yield "uncatalogued", unknown, True
    streets = [open_dataset(data, "gtsdb", "val")]
    lights = np.zeros((0, size, size, 3), np.uint8)
    if (data / "sy32").is_dir():
        streets.append(open_dataset(data, "sy32", "val"))
        lights = boxed_crops(open_dataset(data, "sy32", "all", ClassMap(LIGHTS)), size)
    yield "unboxed", np.concatenate([unboxed_crops(one, settings, size, lambda *_: None) for one in streets]), False
    yield "lights", lights, False
    yield "background", val.backgrounds, False


def _approaches(name: str, observations: Classifications) -> list[Approach]:
    sizes = np.repeat(approach_sides(OBSERVATIONS)[:, None], 2, 1)
    parts = [slice(start, start + OBSERVATIONS) for start in range(0, len(observations), OBSERVATIONS)]
    return [Approach(f"{name} {index}", -1, sizes, observations[part]) for index, part in enumerate(parts)]


def _published(approach: Approach, settings: Settings, catalogue: Catalogue) -> bool:
    return bool(play(approach, settings, catalogue, FPS, 0.0, "random").published)


def _with_bound(settings: Settings, bound: float) -> Settings:
    fallback = settings.fallback.model_copy(update={"novelty": bound})
    return settings.model_copy(update={"fallback": fallback})
