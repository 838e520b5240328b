"""How the detector and the whole pipeline degrade on scenes: weather, light and camera, and hidden signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from signpipe.catalogue import load_catalogue
from signpipe.lab.augmentation import CORRUPTIONS, OCCLUDERS, face_mask
from signpipe.lab.data import Dataset, LabelledImage
from signpipe.lab.evaluation.conditions import SEVERITIES, Condition
from signpipe.lab.evaluation.crops import seeded
from signpipe.lab.evaluation.robustness import by_effect
from signpipe.lab.evaluation.scenes import judge_scenes
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings
from signpipe.types import FloatArray, Image

HIDDEN = (0.3, 0.5)
SMALLEST = 12.0  # pixels; nothing can be painted over a smaller sign


def run_scenes(
    dataset: Dataset, settings: Settings, progress: Callable[[int, int], None], *, suite: str, scenes: int, seed: int
) -> dict[str, Any]:
    """Run the pipeline over scenes under each condition that makes sense for a scene.

    Args:
        dataset: Completely labelled scenes.
        settings: The configuration.
        progress: Told how many conditions are done, and how many there are.
        suite: "occlusion", "corruption" or "all".
        scenes: How many of them, those whose hash comes first.
        seed: Another one gives other rain and other leaves.

    Returns:
        `clean`, `occlusion` and `corruption`, each cell as from `judge_scenes`.

    Raises:
        SourceError: A picture can't be read, or none has a sign of the catalogue's classes.
        ModelError: A model can't be used.
    """
    with_signs = [image for image in dataset if ((image.class_ids >= 0) & ~image.ignore).any()]
    first = sorted(with_signs, key=lambda image: int(seeded("scene", image.path.name).integers(2**62)))[:scenes]
    chosen = replace(dataset, images=tuple(first))
    plan = [Condition("clean")]
    if suite in ("occlusion", "all"):
        plan += [Condition("occlusion", name, hidden) for name in OCCLUDERS for hidden in HIDDEN]
    if suite in ("corruption", "all"):
        names = [name for name, corruption in CORRUPTIONS.items() if corruption.scenes and not corruption.geometric]
        plan += [Condition("corruption", name, float(level)) for name in names for level in SEVERITIES]
    cells: dict[Condition, dict[str, Any]] = {}
    with Pipeline(settings) as pipeline:
        for condition in plan:
            cells[condition] = judge_scenes(pipeline, chosen, lambda *_: None, _spoil(condition, seed))
            progress(len(cells), len(plan))
    result: dict[str, Any] = {"scenes": len(chosen), "clean": cells[plan[0]]}
    for name in ("occlusion", "corruption"):
        part = {condition: cell for condition, cell in cells.items() if condition.suite == name}
        if part:
            result[name] = by_effect(part)
    return result


def _spoil(condition: Condition, seed: int) -> Callable[[Image, FloatArray, LabelledImage, int], Image]:
    """Return what puts a scene under a condition."""

    def spoil(image: Image, boxes: FloatArray, labelled: LabelledImage, index: int) -> Image:  # noqa: ARG001
        if condition.suite == "clean":
            return image
        rng = seeded(seed, labelled.path.name, condition.suite, condition.effect)
        if condition.suite == "corruption":
            return CORRUPTIONS[condition.effect](image, condition.level, rng)
        return _hide(image, boxes, labelled, condition, seed)

    return spoil


def _hide(image: Image, boxes: FloatArray, labelled: LabelledImage, condition: Condition, seed: int) -> Image:
    """Paint an occluder over every sign of a scene; what stands in front reaches a little beyond the sign's box."""
    image, catalogue = image.copy(), load_catalogue()
    for number, (box, class_id) in enumerate(zip(boxes, labelled.class_ids, strict=True)):
        side = round(float(max(box[2] - box[0], box[3] - box[1])) * 1.2)
        left, top = round(float(box[0] + box[2] - side) / 2), round(float(box[1] + box[3] - side) / 2)
        inside = left >= 0 and top >= 0 and left + side <= image.shape[1] and top + side <= image.shape[0]
        if class_id < 0 or side < SMALLEST or not inside:
            continue
        face = face_mask(catalogue[int(class_id)].shape, side, side)
        rng = seeded(seed, labelled.path.name, number, condition.suite, condition.effect)
        place = image[top : top + side, left : left + side]
        place[:], _ = OCCLUDERS[condition.effect](place.copy(), face, condition.level, rng)
    return image
