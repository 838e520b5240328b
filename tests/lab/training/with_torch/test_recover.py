"""Training goes on from an exported detector: unfolded, it computes the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from signpipe.errors import SourceError
from signpipe.lab.training.detector import build_detector, torch_detector
from signpipe.runtime.manifest import known_models
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import Image

EXPORT = known_models()["detector-fast-fp32"].path


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)


def test_a_network_unfolded_from_its_export_gives_the_same_boxes_and_scores() -> None:
    picture = noise(256, 320)
    batch = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).permute(2, 0, 1)[None].float() / 255
    model = build_detector("fast", EXPORT, [batch])
    model.eval()
    model.end2end = True
    with torch.no_grad():
        rows = model(batch)[0][0].numpy()
    session = open_session(str(EXPORT), RuntimeSettings(provider="cpu", threads=1), "detector")
    expected = session.run(picture[None])["detections"][0]
    scores = np.unique(rows[:, 4].round(6))  # an outline each of what has one class in the export
    np.testing.assert_allclose(scores[-8:], np.unique(expected[:, 4].round(6))[-8:], atol=1e-4)
    best, theirs = rows[rows[:, 4].argmax()], expected[expected[:, 4].argmax()]
    np.testing.assert_allclose(best[:4], theirs[:4], atol=0.05)


def test_its_normalisations_have_the_statistics_of_what_it_was_shown() -> None:
    batch = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    model = build_detector("fast", EXPORT, [batch])
    first = model.model[0]
    with torch.no_grad():
        output = first.conv(batch)
    torch.testing.assert_close(first.bn.running_mean, output.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(first.bn.running_var, output.var((0, 2, 3), correction=0), atol=1e-4, rtol=1e-2)


def test_what_is_no_such_export_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(SourceError, match=r"broken.onnx can't be read as ONNX"):
        build_detector("fast", tmp_path / "broken.onnx")
    with pytest.raises(SourceError, match="start from its -fp32 export"):
        build_detector("fast", known_models()["detector-accurate"].path)
    assert torch_detector(build_detector("fast"))(noise(64, 64)).score.max(initial=0.0) < 0.5
