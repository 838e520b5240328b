"""Scores against the truth, and the detector as the peers get it."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.lab.bench.quality import Score, Seen
from signpipe.lab.simulation.truth import TruthBox, TruthFrame
from signpipe.sources import open_source

SAMPLE = Path(__file__).parents[3] / "samples" / "drive.mp4"


def sign(x: float, side: float = 40, class_id: int = 5, visible: float = 1.0) -> TruthBox:
    return TruthBox(0, class_id, "", (x, 100, x + side, 100 + side), visible, 20.0)


def scored(truth: list[TruthBox], boxes: list[tuple[float, float]], classes: list[int]) -> dict[str, float | int]:
    """Return the shares for boxes given as (x, side)."""
    score = Score()
    xyxy = np.array([(x, 100, x + side, 100 + side) for x, side in boxes], np.float32).reshape(-1, 4)
    score.add(Seen(xyxy, np.array(classes, np.intp)), TruthFrame(0, 0.0, tuple(truth)))
    return score.shares()


def test_found_missed_and_invented_signs() -> None:
    shares = scored([sign(0), sign(100), sign(200, class_id=7)], [(0, 40), (205, 38), (600, 40)], [5, 3, 2])
    assert shares["signs"] == 3
    assert shares["recall"] == pytest.approx(2 / 3, abs=1e-3)
    assert shares["precision"] == pytest.approx(2 / 3, abs=1e-3)
    assert shares["right_class"] == shares["wrong_class"] == pytest.approx(1 / 3, abs=1e-3)


def test_a_sign_is_found_once() -> None:
    assert scored([sign(0)], [(0, 40), (1, 40)], [-1, -1])["precision"] == 0.5


def test_small_and_hidden_signs_count_neither_way() -> None:
    shares = scored([sign(0, side=10), sign(100, visible=0.2)], [(0, 10), (100, 40)], [5, 1])
    assert shares == {"signs": 0, "recall": 0, "precision": 0, "right_class": 0, "wrong_class": 0}


def test_a_sign_outside_the_catalogue_counts_neither_way() -> None:
    shares = scored([sign(0, class_id=-1)], [(0, 40)], [5])
    assert shares == {"signs": 0, "recall": 0, "precision": 0, "right_class": 0, "wrong_class": 0}


def test_nothing_seen_and_nothing_to_see() -> None:
    assert scored([sign(0)], [], [])["recall"] == 0
    assert scored([], [(0, 40)], [-1])["precision"] == 0


def test_peers_get_the_same_network(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra dev isn't installed")
    from benchmarks.peers import export_for_ultralytics
    from signpipe.runtime.providers import create_session
    from signpipe.runtime.session import open_session
    from signpipe.settings import Settings

    with open_source(str(SAMPLE)) as source:
        frame = source.read()
    assert frame is not None
    picture = frame.image[200:520, 700:1180]
    path, size = export_for_ultralytics(Settings(), (480, 320), tmp_path / "peer.onnx")
    assert size == (320, 480)
    ours = open_session("detector-fast", Settings().runtime, "detector").run(np.ascontiguousarray(picture)[None])
    fed = np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)[None]).astype(np.float32) / 255
    theirs = create_session(str(path), "cpu", 0).run(None, {"images": fed})
    np.testing.assert_allclose(theirs[0][0, :5], ours["detections"][0, :5], atol=1e-3)
