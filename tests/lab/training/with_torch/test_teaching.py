"""A trained network made wider says the same, and a pupil comes nearer to its teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F  # noqa: N812  # torch's own convention

from signpipe.errors import SettingsError, SourceError
from signpipe.lab.training.classifier import ClassifierPlan, ClassifierTraining
from signpipe.lab.training.network import DEPTH, SignNet, normalise, restored
from signpipe.lab.training.teaching import TEMPERATURE, Teacher, Together, grow, viewed, widths_of

CROPS = torch.randn(8, 4, 48, 48, generator=torch.Generator().manual_seed(0))
PLAN = ClassifierPlan(epochs=1, pictures=128, batch=64, threads=1)


def used(widths: tuple[int, int, int], depth: int = DEPTH) -> SignNet:
    """Return a network whose normalisation has seen something."""
    torch.manual_seed(1)
    net = SignNet(widths=widths, depth=depth)
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(CROPS * 2 + 1)
    net.eval()
    return net


@pytest.mark.parametrize("widths", [(16, 32, 32), (32, 64, 64), (24, 33, 50)])
def test_a_wider_network_says_what_the_narrow_one_says(widths: tuple[int, int, int]) -> None:
    net = used((16, 32, 32))
    with torch.no_grad():
        before = net(CROPS)
        after = grow(net, widths, DEPTH).eval()(CROPS)
    assert all(len(one) == 8 for one in after)
    for old, new in zip(before, after, strict=True):
        spread = (old - old.mean()).abs().mean()
        assert (old - new).abs().mean() < 0.2 * spread  # the noise that tells copies apart


def test_copies_learn_to_differ() -> None:
    wide = grow(used((16, 32, 32)), (32, 64, 64), DEPTH)
    weight = wide.blocks[1].first.weight
    assert not torch.allclose(weight[:32], weight[32:])
    assert torch.allclose(weight[:32], weight[32:], atol=0.1)


def test_no_channel_is_taken_away() -> None:
    with pytest.raises(SettingsError, match="give no fewer"):
        grow(used((16, 32, 32)), (16, 32, 16), DEPTH)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_deeper_network_says_what_the_shallow_one_says_and_its_new_blocks_learn(depth: int) -> None:
    net = used((16, 32, 32), 2)
    deep = grow(net, net.widths, depth)
    with torch.no_grad():
        for old, new in zip(net(CROPS), deep.eval()(CROPS), strict=True):
            assert torch.allclose(old, new, atol=1e-5)
    assert restored(deep.state_dict()).depth == depth
    deep.train()(CROPS)[0].square().sum().backward()
    assert all(block.norm2.weight.grad.abs().sum() > 0 for block in deep.blocks)


def test_no_block_is_taken_away() -> None:
    with pytest.raises(SettingsError, match="give no fewer"):
        grow(used((16, 32, 32), 3), (16, 32, 32), 2)


def test_a_network_is_restored_as_wide_as_it_was() -> None:
    net = used((16, 32, 64))
    again = restored(net.state_dict())
    assert again.widths == (16, 32, 64)
    with torch.no_grad():
        assert torch.equal(again.eval()(CROPS)[0], net(CROPS)[0])


def test_a_teacher_starts_from_the_narrow_network_and_its_pupil_comes_nearer(tmp_path: Path) -> None:
    for name in ("start", "teacher", "pupil"):
        (tmp_path / name).mkdir()
    ClassifierTraining(PLAN, tmp_path / "start").save()
    start = str(tmp_path / "start" / "last.pt")
    teaching = ClassifierTraining(replace(PLAN, start=start, wider=2), tmp_path / "teacher")
    assert teaching.net.widths == widths_of(2)
    teaching.save()
    plan = replace(PLAN, teachers=(str(tmp_path / "teacher" / "last.pt"),), seed=1)  # it starts from elsewhere
    pupil = ClassifierTraining(plan, tmp_path / "pupil")
    assert pupil.teacher is not None

    images = torch.randint(0, 256, (64, 48, 48, 3), dtype=torch.uint8)
    crops, parts = normalise(images), torch.ones(64, 2, 6, 6)
    with torch.no_grad():
        targets = torch.softmax(pupil.teacher.nets[0](crops)[0], 1)

    def apart() -> float:
        assert pupil.teacher is not None
        pupil.net.eval()
        with torch.no_grad():
            # How much lower the other part can get depends on how sure the teacher is; this one can get to 0.
            logits, features, _ = pupil.net(crops)
            return float(pupil.teacher.losses(crops, logits, features, targets)[1].mean())

    before = apart()
    pupil._set_rate(0.05)
    for _ in range(8):
        pupil.net.train()
        pupil._step(images, targets, parts, None)
    assert apart() < 0.5 * before
    pupil.save()
    again = ClassifierTraining(plan, tmp_path / "pupil")
    again.resume()  # a checkpoint knows its teacher by the plan
    with pytest.raises(SourceError, match="other settings"):
        ClassifierTraining(replace(plan, teachers=()), tmp_path / "pupil").resume()


def told(*scores: torch.Tensor) -> Teacher:
    """Return teachers that give these scores (N, C + 1), whatever they see."""
    teacher = Teacher([], "cpu")
    teacher.nets = [
        lambda crops, one=one: (one, torch.ones(len(crops), 128), torch.ones(len(crops), 6, 6)) for one in scores
    ]
    return teacher


def test_several_teachers_are_learned_from_as_their_mean() -> None:
    one, other = torch.zeros(8, 44), torch.zeros(8, 44)
    one[:, 3] = other[:, 5] = 4.0
    targets = torch.full((8, 44), 1 / 44)
    features = torch.ones(8, 128)

    def loss(logits: torch.Tensor) -> float:
        return float(told(one, other).losses(CROPS, logits, features, targets)[0].mean())

    mean = TEMPERATURE * torch.log((torch.softmax(one / TEMPERATURE, 1) + torch.softmax(other / TEMPERATURE, 1)) / 2)
    assert loss(mean) < loss(one)
    assert loss(mean) < loss(other)


def test_networks_together_say_the_mean_of_what_each_says() -> None:
    nets = [used((16, 32, 32)), used((16, 32, 64))]
    with torch.no_grad():
        logits, features, seen = Together(nets, 2)(CROPS)
    assert torch.allclose(logits.exp().sum(1), torch.ones(8))
    assert features.shape == (8, 128)
    assert seen.shape == (8, 6, 6)


def test_teachers_that_are_sure_of_something_else_are_not_listened_to() -> None:
    logits = torch.randn(8, 44, generator=torch.Generator().manual_seed(2))
    targets = torch.zeros(8, 44)
    targets[:, 3] = 1
    right, wrong = torch.zeros(8, 44), torch.zeros(8, 44)
    right[:, 3] = wrong[:, 5] = 8.0
    of_targets = F.cross_entropy(logits, targets, reduction="none")
    features = torch.ones(8, 128)
    assert torch.allclose(told(wrong).losses(CROPS, logits, features, targets)[0], of_targets)
    assert not torch.allclose(told(right).losses(CROPS, logits, features, targets)[0], of_targets)


def test_a_view_is_the_crop_a_little_moved() -> None:
    crops = normalise(torch.full((4, 48, 48, 3), 90, dtype=torch.uint8).index_fill(1, torch.arange(24), 200))
    seen = viewed(crops, torch.Generator().manual_seed(0))
    assert seen.shape == crops.shape
    assert not torch.equal(seen[0], seen[1])
    assert (seen - crops).abs().mean() < 0.2 * crops.abs().mean()


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no checkpoint"):
        ClassifierTraining(replace(PLAN, teachers=(str(tmp_path / "none.pt"),)), tmp_path)
