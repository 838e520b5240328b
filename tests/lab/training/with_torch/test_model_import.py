"""A detector as ultralytics really exports it is taken in, with and without finished boxes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from signpipe import Pipeline
from signpipe.lab.model_import import Import, import_model
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings, load_settings

os.environ.setdefault("YOLO_AUTOINSTALL", "false")


@pytest.mark.parametrize(
    ("network", "finished", "options"),
    [("yolo11n.yaml", False, {}), ("yolo11n.yaml", True, {"nms": True}), ("yolo26n.yaml", False, {})],
)
def test_ultralytics_own_export_runs_in_the_pipeline(
    tmp_path: Path, network: str, finished: bool, options: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics import YOLO

    monkeypatch.chdir(tmp_path)  # where the export lands
    exported = YOLO(network).export(format="onnx", imgsz=(192, 320), opset=17, simplify=False, **options)
    picture = np.random.default_rng(0).integers(0, 255, (192, 320, 3), np.uint8).astype(np.uint8)
    plan = Import(Path(exported), "own", "detector", tmp_path / "models")
    assert import_model(plan, [picture]) < 1e-3
    entry = open_session("own", RuntimeSettings(provider="cpu", models=tmp_path / "models"), "detector").entry
    assert len(entry.classes) == 80  # as the export itself names them
    assert entry.box_layout == ("end_to_end" if finished else "raw")
    settings = load_settings(None, {"detect.model": str(entry.path), "detect.score": 0.001})
    with Pipeline(settings) as pipeline:
        assert pipeline(picture).frame.image.shape == picture.shape  # type: ignore[union-attr]
