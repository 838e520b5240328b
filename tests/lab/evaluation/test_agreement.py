"""Average precision agrees with an independent implementation of COCO's."""

import contextlib
import io

import numpy as np
import pytest

from signpipe.lab.evaluation.detection import evaluate_detections
from signpipe.types import Detections, FloatArray

faster_coco_eval = pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed (extra dev)")


def random_scenes(rng: np.random.Generator, count: int) -> list[tuple[Detections, FloatArray]]:
    """Return scenes whose detections are jittered, missing, doubled or made up."""
    scenes = []
    for _ in range(count):
        corner = rng.uniform(0, 400, (rng.integers(0, 5), 2))
        truth = np.concatenate([corner, corner + rng.uniform(12, 90, (len(corner), 1))], 1).astype(np.float32)
        doubled = np.repeat(truth, rng.integers(0, 3, len(truth)), 0)
        near = doubled + rng.normal(0, 4, doubled.shape)
        corner = rng.uniform(0, 400, (rng.integers(0, 3), 2))
        wrong = np.concatenate([corner, corner + rng.uniform(12, 90, (len(corner), 1))], 1)
        boxes = np.concatenate([near, wrong]).astype(np.float32)
        scenes.append((Detections(boxes, rng.random(len(boxes)).astype(np.float32)), truth))
    return scenes


def coco_ap(scenes: list[tuple[Detections, FloatArray]]) -> tuple[float, float]:
    """Return AP50-95 and AP50 as faster-coco-eval has them."""
    images = [{"id": i, "width": 600, "height": 600} for i in range(1, len(scenes) + 1)]
    truth: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    for image_id, (detections, boxes) in enumerate(scenes, 1):
        for x1, y1, x2, y2 in boxes.astype(float):
            box = [x1, y1, x2 - x1, y2 - y1]
            truth.append({"id": len(truth) + 1, "image_id": image_id, "category_id": 1, "bbox": box,
                          "area": box[2] * box[3], "iscrowd": 0})  # fmt: skip
        for (x1, y1, x2, y2), score in zip(detections.xyxy.astype(float), detections.score, strict=True):
            found.append(
                {"image_id": image_id, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": float(score)}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = faster_coco_eval.COCO({"images": images, "annotations": truth, "categories": [{"id": 1, "name": "s"}]})
        judge = faster_coco_eval.COCOeval_faster(coco, coco.loadRes(found), "bbox")
        judge.run()
    return float(judge.stats[0]), float(judge.stats[1])


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_agrees_with_faster_coco_eval(seed: int) -> None:
    scenes = random_scenes(np.random.default_rng(seed), 40)
    ours = evaluate_detections(scenes)
    ap50_95, ap50 = coco_ap(scenes)
    assert 0.2 < ap50 < 0.99
    assert ours.ap50 == pytest.approx(ap50, abs=0.005)
    assert ours.ap50_95 == pytest.approx(ap50_95, abs=0.005)
