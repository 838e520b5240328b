"""Training the classifier on a handful of drawn signs: it learns, resumes, and what it exports says the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import render_drawing
from signpipe.errors import SourceError
from signpipe.lab.evaluation.crop_sets import CropSet, hide_crops
from signpipe.lab.training.calibration import Calibration
from signpipe.lab.training.classifier import (
    ClassifierPlan,
    ClassifierTraining,
    evaluate,
    gate_loss,
    logits_of,
    outputs_of,
)
from signpipe.lab.training.classifier_data import TrainingCrops
from signpipe.lab.training.export_classifier import write_onnx
from signpipe.lab.training.familiarity import Familiarity
from signpipe.lab.training.network import SignNet, normalise
from signpipe.lab.training.pool import Pool
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings

PLAN = ClassifierPlan(epochs=2, pictures=128, batch=64, threads=1)


def drawn(size: int, margin: float) -> CropSet:
    """Return each class twice, drawn on grey, and noise as backgrounds."""
    rng = np.random.default_rng(0)
    images = []
    for name in load_catalogue().names:
        drawing = cv2.resize(render_drawing(name, 96), [round(size / (1 + 2 * margin))] * 2).astype(np.float32)
        canvas = np.full((size, size, 3), rng.uniform(60, 180), np.float32)
        edge = (size - len(drawing)) // 2
        place = canvas[edge : edge + len(drawing), edge : edge + len(drawing)]
        place += (drawing[..., :3] - place) * drawing[..., 3:] / 255
        images += [canvas, canvas * 0.6]
    backgrounds = rng.integers(0, 256, (16, size, size, 3), dtype=np.uint8)
    return CropSet(np.stack(images).astype(np.uint8), np.repeat(np.arange(43), 2), backgrounds)


class Bar:
    """Stands in for the progress display, which the training only tells how far it is."""

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return lambda *_, **__: 0


def train(plan: ClassifierPlan, out: Path, epochs: int, resume: bool = False) -> ClassifierTraining:
    training = ClassifierTraining(plan, out)
    if resume:
        training.resume()
    data = TrainingCrops(drawn(80, 0.35), plan.epochs * plan.pictures, plan.seed, plan.size, plan.occlusion)
    for _ in range(epochs):
        loss = training.run_epoch(data, Bar())  # type: ignore[arg-type]
        training.history.append({"epoch": training.epoch, "loss": loss})
    training.save()
    return training


def test_training_that_was_interrupted_ends_where_it_would_have(tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = train(PLAN, tmp_path / "whole", 2)
    train(PLAN, tmp_path / "parts", 1)
    torch.manual_seed(1)  # a new process has another state, apart from dropout nothing depends on it
    parts = train(PLAN, tmp_path / "parts", 1, resume=True)
    assert parts.epoch == 2
    assert whole.history[0]["loss"] == parts.history[0]["loss"]
    assert parts.history[1]["loss"] == pytest.approx(whole.history[1]["loss"], rel=0.05)


def test_a_pool_of_crops_is_learned_from_in_passes(tmp_path: Path) -> None:
    plan = replace(PLAN, pool=96)
    made = TrainingCrops(drawn(80, 0.35), plan.pool, plan.seed, plan.size, plan.occlusion)
    shown = Pool(tmp_path / "pool", made, plan.pool, {"seed": plan.seed}, plan.seed, workers=0)
    training = ClassifierTraining(plan, tmp_path)
    for _ in range(plan.epochs):  # 256 crops
        assert np.isfinite(training.run_epoch(shown, Bar()))  # type: ignore[arg-type]


def test_the_average_follows_quickly_at_first_and_goes_on_where_it_was(tmp_path: Path) -> None:
    training = ClassifierTraining(PLAN, tmp_path)
    for _ in range(training.steps):
        training.averages.update_parameters(training.net)
    training.epoch = 1
    training.save()
    again = ClassifierTraining(PLAN, tmp_path)
    again.resume()
    for net in (training.net, again.net):
        torch.nn.init.constant_(net.embed.weight, 5.0)
    before = training.averaged.embed.weight.detach().clone()
    for resumed in (training, again):
        resumed.averages.update_parameters(resumed.net)
        after = resumed.averaged.embed.weight
        assert torch.allclose(after, before + (5.0 - before) * (1 - 3 / 12), atol=1e-5)
    assert again.averaged.state_dict().keys() == training.net.state_dict().keys()


def test_a_checkpoint_of_another_plan_is_refused(tmp_path: Path) -> None:
    train(PLAN, tmp_path, 0)
    with pytest.raises(SourceError, match="other settings"):
        ClassifierTraining(replace(PLAN, occlusion=0.1), tmp_path).resume()
    with pytest.raises(SourceError, match="no checkpoint"):
        ClassifierTraining(PLAN, tmp_path / "elsewhere").resume()


def test_the_gate_is_judged_on_the_face_alone() -> None:
    parts = torch.zeros(1, 2, 2, 2)
    parts[0, :, 0, 0] = torch.tensor([1.0, 1.0])  # visible
    parts[0, :, 0, 1] = torch.tensor([0.0, 1.0])  # hidden; the lower row shows no face
    right, wrong, elsewhere = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    right[0, 0] = torch.tensor([9.0, -9.0])
    wrong[0, 0] = torch.tensor([-9.0, 9.0])
    elsewhere[0, 0] = right[0, 0]
    elsewhere[0, 1] = 50
    assert gate_loss(right, parts) < 0.01
    assert gate_loss(wrong, parts) > 5
    assert gate_loss(elsewhere, parts) == gate_loss(right, parts)


def test_neither_exposure_nor_contrast_reaches_the_network() -> None:
    crop = torch.from_numpy(drawn(48, 0.1).images[:4])
    dim = (crop.float() * 0.5 + 30).round().to(torch.uint8)
    before, after = normalise(crop), normalise(dim)
    assert before.shape == (4, 4, 48, 48)
    assert (before - after).abs().mean() < 0.1
    assert before[:, :3].mean((1, 2, 3)).abs().max() < 1e-4


def test_what_is_exported_says_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = SignNet(widths=(32, 32, 32)).eval()
    crops = drawn(48, 0.1).images[:7]
    constants = Calibration(0.7, -0.4)
    logits, features, visible = outputs_of(net, drawn(48, 0.1).images)
    familiarity = Familiarity(features[10:12] / np.linalg.norm(features[10:12], axis=1, keepdims=True), 0.9, 0.05)
    write_onnx(net, constants, familiarity, 48, tmp_path / "tiny.onnx")
    outputs = open_session(str(tmp_path / "tiny.onnx"), RuntimeSettings(provider="cpu"), "classifier").run(crops)
    np.testing.assert_allclose(outputs["probabilities"], constants.probability(logits_of(net, crops)), atol=1e-4)
    assert (outputs["probabilities"].sum(1) < 1).all()
    np.testing.assert_allclose(np.linalg.norm(outputs["embedding"], axis=1), 1, rtol=1e-4)
    expected = familiarity.novelty(logits[:7], features[:7], visible[:7])
    np.testing.assert_allclose(outputs["novelty"], expected, atol=1e-3)
    np.testing.assert_allclose(outputs["visible"], visible[:7], atol=1e-4)


def test_judging_counts_the_clean_and_the_hidden_apart() -> None:
    val = drawn(48, 0.1)
    hidden = hide_crops(val, every=2)
    assert len(hidden.images) == 43
    assert all((one != other).any() for one, other in zip(val.images[::2], hidden.images, strict=True))
    again = hide_crops(val, every=2)
    np.testing.assert_array_equal(hidden.images, again.images)
    torch.manual_seed(0)
    metrics = evaluate(SignNet(widths=(32, 32, 32)), val, hidden)
    assert (metrics["n"], metrics["hidden_n"], metrics["background_n"]) == (86, 43, 16)
    assert metrics["accuracy"] < 0.2  # untrained: it guesses, and knows that it does
    assert metrics["accepted"] == 0
