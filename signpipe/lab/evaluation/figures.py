"""How well figures are read, and what becomes of that: on signs drawn in unseen typefaces and on photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import drawing_svg, render_svg
from signpipe.figures.parse import speed_of
from signpipe.figures.reader import Reader, Reading
from signpipe.lab.augmentation import Augmenter, framing
from signpipe.lab.augmentation.figured import FiguredSign, FiguredSigns
from signpipe.lab.augmentation.lettering import HELD_OUT, Typeface, open_typefaces
from signpipe.lab.augmentation.paint import HIGH
from signpipe.lab.augmentation.pasting import trim
from signpipe.lab.augmentation.placing import placed
from signpipe.lab.data.figures import SETS, read_photographed_figures
from signpipe.lab.evaluation.crop_sets import load_crops
from signpipe.lab.evaluation.interval import wilson
from signpipe.runtime.session import open_session
from signpipe.settings import Settings
from signpipe.types import SURE_FIGURES, FloatArray, Image

Progress = Callable[[int, int], None]
KNOWN = ("20", "30", "50", "60", "70", "80", "100", "120")  # limits that the base catalogue has
OTHER = ("5", "10", "15", "25", "40", "45", "90", "110", "130")  # some that it hasn't
SIDES = (16, 20, 24, 32, 48, 64)  # pixels of a drawn sign's height
FROM = 24  # pixels from which limits are judged together
LIMITS = "drawn limits"
OTHERS = f"{LIMITS}, others, {FROM} px and more"
AROUND = 0.5  # of a drawn sign's side is shown around it
GTSRB_CROPS = 1500


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A sign in a picture, and what is written on it.

    Attributes:
        image: BGR uint8 (H, W, 3).
        xyxy: float32 (4,), its box.
        text: Its figures, "" if it has none.
    """

    image: Image
    xyxy: FloatArray
    text: str

    @property
    def side(self) -> float:
        """Pixels of the box's longer side."""
        return float((self.xyxy[2:] - self.xyxy[:2]).max())


class DrawnCases:
    """Draws signs before street scenes, in light and weather and as a camera shows them.

    Args:
        typefaces: What they are lettered in.
        scenes: BGR uint8 (M, S, S, 3), pieces of pictures without a sign.
        seed: Seed of every choice.
    """

    def __init__(self, typefaces: Sequence[Typeface], scenes: Image, seed: int = 0) -> None:
        self.signs = [FiguredSigns([typeface]) for typeface in typefaces]
        self._scenes = scenes
        self._seed = seed
        self._count = 0

    def show(self, drawing: Image, text: str, side: float) -> Case:
        """Show a drawing at a size; each call is other chance."""
        self._count += 1
        rng = np.random.default_rng((self._seed, self._count))
        behind = np.asarray(self._scenes[int(rng.integers(len(self._scenes)))], np.uint8)
        shown = placed(drawing, behind, side, rng, AROUND)
        image, _ = Augmenter(rng, occlusion=0, strongest=1.5)(framing.expose(shown.image, rng), shown.face)
        return Case(image, shown.xyxy, text)

    def each(
        self, draw: Callable[[FiguredSigns, np.random.Generator], FiguredSign], sides: Sequence[int]
    ) -> list[Case]:
        """Draw one sign in each typeface and show it at each size."""
        cases = []
        for number, signs in enumerate(self.signs):
            self._count += 1
            sign = draw(signs, np.random.default_rng((self._seed, number, self._count)))
            cases += [self.show(sign.image, sign.text, side) for side in sides]
        return cases


def drawn_limits(drawn: DrawnCases, numbers: Sequence[str], times: int, sides: Sequence[int] = SIDES) -> list[Case]:
    """Return each number as a limit in each typeface at each size, so many times."""
    rounds = [number for number in numbers for _ in range(times)]
    cases: list[Case] = []
    for number in rounds:
        cases += drawn.each(partial(_plain_limit, number), sides)
    return cases


def _plain_limit(number: str, signs: FiguredSigns, rng: np.random.Generator) -> FiguredSign:
    return signs.limit(rng, number, boards=0.0)


def photographed(data: Path, name: str) -> Iterator[Case]:
    """Yield the photographed signs of a set whose figures are known.

    Raises:
        SourceError: The set or a picture is missing.
    """
    for sign in read_photographed_figures(data, name):
        image = cv2.imread(str(sign.path))
        if image is not None:
            yield Case(np.asarray(image, np.uint8), sign.xyxy, sign.text)


def evaluate_figures(sets: Mapping[str, Sequence[Case]], settings: Settings, progress: Progress) -> dict[str, Any]:
    """Read every sign of some sets.

    Args:
        sets: As from `figure_sets`.
        settings: The configuration; `figures.model` is the reader.
        progress: Told how many sets are done, and how many there are.

    Returns:
        By set: how many were read right, surely, and wrong though sure; the limits by size, and as one.

    Raises:
        ModelError: The reader can't be used.
    """
    reader = Reader(open_session(settings.figures.model, settings.runtime, "reader"))
    metrics: dict[str, Any] = {"sure": SURE_FIGURES, "typefaces": list(HELD_OUT.stems), "sets": {}}
    for done, (name, cases) in enumerate(sets.items(), 1):
        readings = [reader(case.image, case.xyxy)[0] for case in cases]
        metrics["sets"][name] = tally(cases, readings)
        if name.startswith(LIMITS):
            metrics["sets"][name]["by_size"] = _by_size(cases, readings)
            kept = [case.side >= FROM - 1 for case in cases]  # a detector may miss an edge by a pixel
            metrics["sets"][f"{name}, {FROM} px and more"] = tally(*_where(kept, cases, readings))
        progress(done, len(sets))
    return metrics


def figure_sets(data: Path, times: int = 4) -> dict[str, list[Case]]:
    """Return what is read, by name: drawn in typefaces that training has not seen, and photographed.

    Args:
        data: Folder of the data sets.
        times: How often each number is drawn in each typeface at each size.

    Raises:
        SourceError: A data set or a typeface is missing.
    """
    crops = load_crops(data, "val", framing.SOURCE_SIZE, framing.SOURCE_MARGIN)
    drawn = DrawnCases(open_typefaces(HELD_OUT), crops.backgrounds)
    sizes = [side for side in SIDES if side >= FROM]
    sets = {
        f"{LIMITS}, of the 43": drawn_limits(drawn, KNOWN, times),
        f"{LIMITS}, others": drawn_limits(drawn, OTHER, times),
        "drawn ends": [c for _ in range(8 * times) for c in drawn.each(lambda s, r: s.ended(r), sizes)],
        "drawn boards": [c for _ in range(8 * times) for c in drawn.each(lambda s, r: s.board(r), sizes)],
        "drawn lamps": [c for _ in range(8 * times) for c in drawn.each(lambda s, r: s.gantry(r), sizes)],
        "drawn measures": [c for _ in range(16 * times) for c in drawn.each(lambda s, r: s.measure(r), sizes)],
        "drawn plates": [c for _ in range(16 * times) for c in drawn.each(lambda s, r: s.plate(r), sizes)],
        "drawn without figures": _plain(drawn, sizes, times),
        "scenes without a sign": [Case(scene, _middle(scene), "") for scene in crops.backgrounds],
    }
    for name in SETS:
        if (data / name).is_dir():
            cases = list(photographed(data, name))
            if name == "signs877":
                sets["photographs, of the 43 (signs877)"] = [case for case in cases if case.text in KNOWN]
                cases = [case for case in cases if case.text not in KNOWN]
                name = "others (signs877)"
            sets[f"photographs, {name}"] = cases
    return sets | _gtsrb(crops.images, crops.labels)


def to_publish(sets: Mapping[str, list[Case]]) -> dict[str, list[Case]]:
    """Return the sets of which it counts what the whole pipeline publishes, at the sizes that are judged together.

    GTSRB's aren't among them: there a text is that of a limit and of its end.
    """
    chosen = [f"{LIMITS}, of the 43", f"{LIMITS}, others", "drawn measures", *(n for n in sets if "signs877" in n)]
    return {name: [case for case in sets[name] if case.side >= FROM - 1] for name in chosen}


def summary(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that have a budget: of limits published, and of limits outside the 43 that are read."""
    limits = metrics["published"][f"{LIMITS}, of the 43"]["with_reader"]
    others = [cell for name, cell in metrics["sets"].items() if name in (OTHERS, "photographs, others (signs877)")]
    count = sum(cell["n"] for cell in others)
    sure = sum(cell["sure"] * cell["n"] for cell in others)
    right = sum(cell["right_sure"] * cell["n"] for cell in others)
    shares = {
        "limits_published_right": limits["right"],
        "limits_published_wrong": limits["wrong"],
        "others_read_right": right / count,
        "others_read_wrong": (sure - right) / sure if sure else 0.0,
    }
    return shares | {"n": {name: limits["n"] if name.startswith("limits") else count for name in shares}}


def _plain(drawn: DrawnCases, sizes: Sequence[int], times: int) -> list[Case]:
    names = [sign.name for sign in load_catalogue() if sign.figures is None]
    drawings = [trim(render_svg(drawing_svg(name), HIGH)) for name in names]
    return [drawn.show(drawing, "", side) for drawing in drawings for side in sizes for _ in range(times)]


def _gtsrb(images: Image, labels: npt.NDArray[np.int64]) -> dict[str, list[Case]]:
    rng = np.random.default_rng(0)
    cases = gtsrb_cases(images, labels)
    order = rng.permutation(len(cases))
    with_figures = [cases[i] for i in order if cases[i].text][:GTSRB_CROPS]
    without = [cases[i] for i in order if not cases[i].text][:GTSRB_CROPS]
    return {"photographs, limits (GTSRB val)": with_figures, "photographs, without figures (GTSRB val)": without}


def gtsrb_cases(images: Image, labels: npt.NDArray[np.int64]) -> list[Case]:
    """Return crops as cases with the figures of their classes.

    Args:
        images: BGR uint8 (N, S, S, 3), each with `framing.SOURCE_MARGIN` around its sign.
        labels: int64 (N,), class ids.
    """
    figures = [sign.figures or "" for sign in load_catalogue()]
    return [Case(image, _middle(image), figures[c]) for image, c in zip(images, labels.tolist(), strict=True)]


def _middle(image: Image) -> FloatArray:
    """Return the box of a crop that shows its sign with `framing.SOURCE_MARGIN`."""
    high, wide = image.shape[:2]
    margin = framing.SOURCE_MARGIN / (1 + 2 * framing.SOURCE_MARGIN)
    return np.array([margin * wide, margin * high, (1 - margin) * wide, (1 - margin) * high], np.float32)


def tally(cases: Sequence[Case], readings: Sequence[Reading]) -> dict[str, Any]:
    """Return what readings came to.

    Returns:
        `n`; `right`, of all; `sure`, share read surely (figures, or none); `right_sure`, share read surely and right;
        `wrong_sure`, share wrong of those read surely, with its interval; `as_speed`, share of all that are no bare
        number but surely read as a speed.
    """
    if not cases:
        return {"n": 0}
    texts = [one.text for one in readings]
    right = np.array([text == case.text for text, case in zip(texts, cases, strict=True)])
    sure = np.array([one.probability >= SURE_FIGURES for one in readings]) & np.array([text != "?" for text in texts])
    speeds = np.array(
        [speed_of(text) is not None and speed_of(case.text) is None for text, case in zip(texts, cases, strict=True)]
    )
    count, wrong = int(sure.sum()), int((sure & ~right).sum())
    return {
        "n": len(cases),
        "right": float(right.mean()),
        "sure": float(sure.mean()),
        "right_sure": float((right & sure).mean()),
        "wrong_sure": wrong / count if count else 0.0,
        "wrong_sure_interval": wilson(wrong, count) if count else None,
        "as_speed": float((speeds & sure).mean()),
        "confusions": _confusions(cases, texts, sure & ~right),
    }


def _confusions(cases: Sequence[Case], texts: Sequence[str], wrong: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    counts: dict[tuple[str, str], int] = {}
    for index in np.flatnonzero(wrong).tolist():
        pair = cases[index].text, texts[index]
        counts[pair] = counts.get(pair, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return [{"true": true, "read": read, "n": n} for (true, read), n in ranked[:10]]


def _by_size(cases: Sequence[Case], readings: Sequence[Reading]) -> dict[str, Any]:
    logs = np.log(np.array(SIDES))
    nearest = [SIDES[int(np.abs(logs - np.log(case.side)).argmin())] for case in cases]
    return {str(side): tally(*_where([one == side for one in nearest], cases, readings)) for side in SIDES}


def _where(
    kept: Sequence[bool], cases: Sequence[Case], readings: Sequence[Reading]
) -> tuple[list[Case], list[Reading]]:
    return (
        [case for case, keep in zip(cases, kept, strict=True) if keep],
        [reading for reading, keep in zip(readings, kept, strict=True) if keep],
    )
