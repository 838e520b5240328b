"""A rewritten detector computes what it computed before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from signpipe.lab.training.detector_network import PRESETS, build_detector
from signpipe.lab.training.export_detector import DeployedDetector
from signpipe.lab.training.rewrite import GroupedStem, MixedLevels


def test_the_grouped_stem_is_two_convolutions_of_stride_2() -> None:
    torch.manual_seed(0)
    first, second = torch.nn.Conv2d(3, 16, 3, 2, 1), torch.nn.Conv2d(16, 32, 3, 2, 1)
    images = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected = torch.relu(second(torch.relu(first(images.permute(0, 3, 1, 2).float()))))
        grouped = GroupedStem(first, second, torch.nn.ReLU())(images)
    assert grouped.shape == (2, 32, 16, 24)
    torch.testing.assert_close(grouped, expected, rtol=1e-4, atol=1e-3)


def test_mixed_levels_are_a_convolution_over_joined_ones() -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(5 + 7, 4, 1)
    coarse, fine = torch.rand(1, 5, 6, 8), torch.rand(1, 7, 12, 16)
    with torch.no_grad():
        joined = torch.cat([torch.nn.functional.interpolate(coarse, scale_factor=2.0), fine], 1)
        torch.testing.assert_close(MixedLevels(conv, 5, torch.nn.ReLU())([coarse, fine]), torch.relu(conv(joined)))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_whole_detector_finds_the_same_boxes(preset: str) -> None:
    def detections(rewritten: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        torch.manual_seed(0)
        deployed = DeployedDetector(build_detector(preset), rewritten).eval()
        with torch.no_grad():
            rows = deployed(images)[0].numpy()
        return np.asarray(rows[np.lexsort((rows[:, 0], rows[:, 1]))], np.float32)

    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 64, 128, 3), np.uint8))
    assert np.allclose(detections(rewritten=True), detections(rewritten=False), atol=0.01)
