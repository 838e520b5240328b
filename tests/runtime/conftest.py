"""A folder with a detector, a classifier and their manifest, which a test may spoil."""

from pathlib import Path

import pytest

from tests.runtime import graphs

ROWS = [[[10, 20, 40, 60, 0.9, 0], [0, 0, 8, 8, 0.2, 0]]]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    find = graphs.detector(folder / "find.onnx", ROWS)
    read = graphs.classifier(folder / "read.onnx")
    return graphs.write_manifest(folder, graphs.detector_table(find), graphs.classifier_table(read))
