"""Damage by kind and severity, and the command that draws it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from signpipe.catalogue.drawings import render_drawing
from signpipe.cli.main import app
from signpipe.lab.augmentation.worn import KINDS, wear
from signpipe.types import Image


def sign() -> Image:
    drawing = cv2.resize(render_drawing("speed_limit_60", 96)[..., :3], (48, 48), interpolation=cv2.INTER_AREA)
    return np.asarray(drawing, np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_more_severity_changes_more_and_none_changes_nothing(kind: str) -> None:
    image = sign()
    changed = [float(np.abs(wear(image, kind, severity, np.random.default_rng(4)).astype(int) - image).mean())
               for severity in (0, 1, 5)]  # fmt: skip
    assert changed[0] == 0
    assert changed[1] < changed[2]


@pytest.mark.slow
def test_the_command_writes_a_picture_and_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "sign.png"), sign())
    run = CliRunner().invoke(app, ["damage", str(tmp_path / "sign.png"), "--kind", "rusted", "--severity", "4"])
    assert run.exit_code == 0, run.output
    assert np.asarray(cv2.imread(str(tmp_path / "sign-rusted.png"))).shape == (48, 48, 3)
    for arguments, words in (
        (["--kind", "molten"], "no damage 'molten'"), (["--kind", "rusted"], "rusted.png"),
        (["--out", str(tmp_path / "x.nonsense")], "can't be written as .nonsense"),
    ):  # fmt: skip
        failed = CliRunner().invoke(app, ["damage", str(tmp_path / "sign.png"), *arguments])
        assert words in str(failed.exception)
    lost = CliRunner().invoke(app, ["damage", str(tmp_path / "none.png")])
    assert "no picture" in str(lost.exception)
