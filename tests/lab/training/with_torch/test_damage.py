"""A few steps of training damage: what comes out is still a crop, severity 0 changes nothing, and a run goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from signpipe.cli.main import app
from signpipe.errors import SourceError
from signpipe.lab.augmentation.worn import KINDS
from signpipe.lab.training.damage import (
    REAL,
    DamageData,
    DamagePlan,
    DamageTraining,
    damage_crops,
    read_generator,
)
from signpipe.lab.training.network import SignNet

PLAN = DamagePlan(steps=2, batch=4)


def data() -> DamageData:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (8, 48, 48, 3)).astype(np.uint8)
    return DamageData(crops, rng.integers(0, 43, 8), dict.fromkeys(REAL, crops[:3]))


def trained(out: Path, steps: int, resume: bool = False, plan: DamagePlan = PLAN) -> DamageTraining:
    torch.manual_seed(1)
    training = DamageTraining(plan, data(), SignNet(), out)
    if resume:
        training.resume()
    while training.step < steps:
        training.run_step()
    training.save()
    return training


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    trained(tmp_path, 1)
    assert trained(tmp_path, 2, resume=True).step == 2
    with pytest.raises(SourceError, match="other settings"):
        trained(tmp_path, 2, resume=True, plan=DamagePlan(steps=2, batch=8))


def test_severity_0_leaves_a_crop_as_it_is_and_more_changes_it(tmp_path: Path) -> None:
    trained(tmp_path, 2)
    net, crops = read_generator(tmp_path / "last.pt"), data().clean
    for kind in KINDS:
        assert np.array_equal(damage_crops(net, crops, kind, 0.0, 3), crops)
        worn = damage_crops(net, crops, kind, 5.0, 3)
        assert worn.shape == crops.shape
        assert not np.array_equal(worn, crops)


def test_the_command_damages_with_the_generator(tmp_path: Path) -> None:
    import cv2

    trained(tmp_path, 1)
    cv2.imwrite(str(tmp_path / "sign.png"), data().clean[0])
    command = ["damage", str(tmp_path / "sign.png"), "--generator", str(tmp_path / "last.pt")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    assert np.asarray(cv2.imread(str(tmp_path / "sign-faded.png"))).shape == (48, 48, 3)
