"""How well a country's signs are named on photographs, and what is published that isn't there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.crops import crop_signs
from signpipe.lab.data.labelled import Split
from signpipe.lab.data.meant import SETS, UNNAMED, read_meant
from signpipe.lab.evaluation.interval import wilson
from signpipe.settings import FallbackSettings
from signpipe.types import Classifications, FloatArray, Image

READABLE = 32.0  # pixels of a sign's longer side from which it counts
BANDS = {"16-24": (16.0, 24.0), "24-32": (24.0, 32.0), "32-64": (32.0, 64.0), "64+": (64.0, np.inf)}
LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
CONFUSIONS = 20
BATCH = 64


@dataclass(frozen=True, slots=True)
class Photographed:
    """Boxed signs, cut out.

    Attributes:
        crops: BGR uint8 (N, S, S, 3).
        meanings: What each is, in the words of the countries' catalogues; `NO_SIGN`, or `UNNAMED` where nobody says.
        sides: float32 (N,), longer sides in pixels.
        sets: Which set each is from.
    """

    crops: Image
    meanings: tuple[str, ...]
    sides: FloatArray
    sets: tuple[str, ...]

    def where(self, chosen: npt.NDArray[np.bool_]) -> Photographed:
        """Return some of them."""
        rows = np.flatnonzero(chosen)
        return Photographed(
            self.crops[rows], tuple(self.meanings[i] for i in rows), self.sides[rows], tuple(self.sets[i] for i in rows)
        )


def read_photographed(data: Path, split: Split, size: int, names: Sequence[str] = tuple(SETS)) -> Photographed:
    """Cut out the boxed signs of the sets that are there.

    Raises:
        SourceError: A picture can't be read.
    """
    crops, sides = [np.zeros((0, size, size, 3), np.uint8)], [np.zeros(0, np.float32)]
    meanings, sets = list[str](), list[str]()
    for name in names:
        for signs in read_meant(data, name, split) if (data / name).is_dir() else ():
            crops.append(crop_signs(signs.image, signs.boxes, size=size))
            sides.append((signs.boxes[:, 2:] - signs.boxes[:, :2]).max(1, initial=0))
            meanings += signs.meanings
            sets += [name] * len(signs.boxes)
    return Photographed(np.concatenate(crops), tuple(meanings), np.concatenate(sides), tuple(sets))


def naming(told: Classifications, shown: Photographed, catalogue: Catalogue) -> dict[str, Any]:
    """Count how often the likeliest of a country's signs is the right one.

    Args:
        told: One row a sign, after the country's head.
        shown: The signs; those that the country doesn't have are left out.
        catalogue: The country's.

    Returns:
        `n`, `right`, its interval, the same `by_side`, `by_shape` and `by_category`, and the commonest `confusions`.
        All but `by_side` count signs of `READABLE` pixels and more.
    """
    names = catalogue.names
    has = np.array([meaning in names and catalogue.by_name(meaning).present for meaning in shown.meanings], bool)
    truth = np.array([names.index(m) if ok else -1 for m, ok in zip(shown.meanings, has, strict=True)], np.int64)
    read = told.probability.argmax(1)
    right, readable = read == truth, has & (shown.sides >= READABLE)
    kinds = {
        "by_shape": np.array([catalogue[c].shape if c >= 0 else "" for c in truth], str),
        "by_category": np.array([catalogue[c].category if c >= 0 else "" for c in truth], str),
    }
    wrong = Counter((names[truth[i]], names[read[i]]) for i in np.flatnonzero(readable & ~right))
    return {
        **_share(right[readable]),
        "not_in_the_country": int((~has & (shown.sides >= READABLE)).sum()),
        "by_side": {
            name: _share(right[has & (shown.sides >= a) & (shown.sides < b)]) for name, (a, b) in BANDS.items()
        },
        **{
            key: {str(kind): _share(right[readable & (of == kind)]) for kind in sorted(set(of[readable]))}
            for key, of in kinds.items()
        },
        "confusions": [{"true": a, "named": b, "n": n} for (a, b), n in wrong.most_common(CONFUSIONS)],
    }


def publishing(
    told: Classifications, shown: Photographed, catalogue: Catalogue, settings: FallbackSettings
) -> dict[str, Any]:
    """Count what single looks at signs would publish, and how much of that is something else.

    Args:
        told: One row a sign, after the country's head.
        shown: The signs, those that the country doesn't have among them: whatever is published of these is wrong.
        catalogue: The country's.
        settings: From which levels a look is published.

    Returns:
        `n`, `published`, `wrong` of those published, its interval, `by_level`: the same at other accept levels, and the
        commonest `mistakes`. Signs whose meaning nobody says are left out.
    """
    names = np.array(catalogue.names)
    counted = (shown.sides >= READABLE) & np.array([m != UNNAMED for m in shown.meanings], bool)
    read = names[told.probability.argmax(1)]
    wrong = read != np.array(shown.meanings)
    sure, familiar = told.probability.max(1), told.novelty <= settings.novelty
    published = counted & familiar & (sure >= settings.accept)
    mistakes = Counter((shown.meanings[i], str(read[i])) for i in np.flatnonzero(published & wrong))
    by_level = {}
    for level in LEVELS:
        at = counted & familiar & (sure >= level)
        by_level[str(level)] = {"published": int(at.sum()), "wrong": int((at & wrong).sum())}
    return {
        "n": int(counted.sum()),
        "published": int(published.sum()),
        "wrong": _share(wrong[published]),
        "by_level": by_level,
        "mistakes": [{"true": a, "published": b, "n": n} for (a, b), n in mistakes.most_common(CONFUSIONS)],
    }


def of_clutter(told: Classifications, catalogue: Catalogue, settings: FallbackSettings) -> dict[str, Any]:
    """Count how much of what is no sign a single look would publish.

    Args:
        told: One row a piece, after the country's head.
        catalogue: The country's.
        settings: From which levels a look is published.
    """
    sure, familiar = told.probability.max(1), told.novelty <= settings.novelty
    published = familiar & (sure >= settings.accept)
    taken_for = Counter(catalogue.names[told.probability[i].argmax()] for i in np.flatnonzero(published))
    return {
        **_share(published),
        "by_level": {str(level): int((familiar & (sure >= level)).sum()) for level in LEVELS},
        "taken_for": [{"sign": name, "n": n} for name, n in taken_for.most_common(CONFUSIONS)],
    }


def _share(of: npt.NDArray[np.bool_]) -> dict[str, Any]:
    count, hits = len(of), int(of.sum())
    return {
        "n": count,
        "share": hits / count if count else 0.0,
        "interval_95": list(wilson(hits, count)) if count else [],
    }
