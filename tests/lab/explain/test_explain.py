"""`signpipe explain`: a page that stands alone and tells the truth about one track."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.lab.evaluation.ceiling import drawing_crop
from signpipe.lab.explain.history import History, Moment, Recorder, changes
from signpipe.lab.explain.occlusion import occlusion_map
from signpipe.runtime.session import open_session
from signpipe.settings import ClassifySettings, RuntimeSettings
from signpipe.stages.classify import Classify
from signpipe.types import (
    Certainty,
    Classifications,
    Detections,
    Frame,
    FrameResult,
    Image,
    SignTrack,
    TrackState,
    Verdict,
)
from tests.cli.conftest import Outcome
from tests.cli.conftest import signpipe as signpipe  # the fixture

Run = Callable[..., Outcome]
SAMPLE = Path(__file__).parents[3] / "samples" / "drive.mp4"
CATALOGUE = load_catalogue()


def sign_track(
    id_: int = 1, certainty: Certainty = Certainty.UNKNOWN, state: TrackState = TrackState.CONFIRMED
) -> SignTrack:
    probability = np.full(43, 1 / 43, np.float32)
    box = np.array([10, 10, 50, 50], np.float32)
    return SignTrack(
        id_, box, state, 0.9, 1.0, 0.0, 5, np.log(probability), probability, 3, verdict=Verdict(certainty), detection=0
    )


def result(tracks: list[SignTrack], time: float) -> FrameResult:
    frame = Frame(np.full((90, 120, 3), 90, np.uint8), 0, time, time, "test")
    boxes = np.array([[10, 10, 50, 50]], np.float32)
    says = Classifications(np.full((1, 43), 0.01, np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    return FrameResult(frame, Detections(boxes, np.ones(1, np.float32)), says, [1], tracks, [])


@pytest.mark.slow
def test_the_page_stands_alone_and_shows_all_parts(signpipe: Run, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page.html"
    outcome = signpipe("explain", SAMPLE, "--frames", 45, "--track", 1, "--out", page)
    assert outcome.code == 0, outcome.err
    assert "track 1 (Priority road)" in outcome.out
    text = page.read_text()
    for part in ("What was seen", "Evidence", "What was published", "What the classifier goes by"):
        assert part in text
    assert "priority_road" in text
    assert "confirmed" in text
    assert text.count("<section") == 1
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', text)
    assert len([one for one in sources if one.startswith("data:image/png")]) >= 5
    assert all(one.startswith(("data:", "#")) for one in sources)


@pytest.mark.slow
def test_without_a_number_the_least_sure_track_is_explained(signpipe: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert signpipe("explain", SAMPLE, "--frames", 30, "--out", page).code == 0
    least = re.findall(r"<h2>Track (\d+)", page.read_text())
    assert signpipe("explain", SAMPLE, "--frames", 30, "--out", page, "--all").code == 0
    everything = re.findall(r"<h2>Track (\d+)", page.read_text())
    assert len(least) == 1
    assert least[0] in everything
    assert everything == sorted(everything, key=int)
    assert len(everything) > 1


@pytest.mark.slow
def test_an_unknown_track_lists_those_that_there_are(signpipe: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    outcome = signpipe("explain", SAMPLE, "--frames", 30, "--track", 99, "--out", page)
    outcome.assert_one_sentence("There is no track 99", "there are 1 (Priority road), 2 (")
    assert not page.exists()


@pytest.mark.slow
def test_a_source_without_signs_says_so(signpipe: Run, tmp_path: Path) -> None:
    picture = tmp_path / "empty.png"
    cv2.imwrite(str(picture), np.full((240, 320, 3), 128, np.uint8))
    signpipe("explain", picture, "--out", tmp_path / "page.html").assert_one_sentence("No sign was followed in")


def test_the_map_shows_where_the_evidence_is() -> None:
    def classify(crops: Image) -> Classifications:
        red = crops[:, 8:16, 24:40, 2].mean(axis=(1, 2)).astype(np.float32) / 255
        return Classifications(np.stack([red, 1 - red], 1), np.zeros((len(crops), 0), np.float32), red)

    crop = np.full((48, 48, 3), 255, np.uint8)
    fall = occlusion_map(classify, crop, 0)
    assert fall.shape == (48, 48)
    row, column = np.unravel_index(fall.argmax(), fall.shape)
    assert 6 <= row < 18
    assert 22 <= column < 42
    assert abs(fall[30:, :12]).max() < 1e-6
    np.testing.assert_allclose(occlusion_map(classify, crop, 1), -fall, atol=1e-5)


def test_of_a_limit_the_digits_count_more_than_the_background() -> None:
    session = open_session("classifier", RuntimeSettings(provider="cpu", threads=1), "classifier")
    crop = drawing_crop("speed_limit_80", 48, 0.1)
    fall = occlusion_map(Classify(ClassifySettings(), session).read, crop, CATALOGUE.by_name("speed_limit_80").id)
    corners = np.concatenate([fall[:6, :6], fall[:6, -6:], fall[-6:, :6], fall[-6:, -6:]]).mean()
    assert fall[16:32, 10:38].mean() > corners + 0.02


def test_flashes_are_forgotten_and_tracks_are_remembered() -> None:
    recorder = Recorder(0.1, 48)
    recorder.add(result([sign_track(1), sign_track(2, state=TrackState.TENTATIVE)], 0.0))
    recorder.add(result([sign_track(1)], 0.1))
    recorder.add(result([], 0.2))
    (history,) = recorder.histories
    assert history.id == 1
    assert len(history.moments) == 2
    assert len(history.observations) == 1  # the sign hadn't changed
    assert history.best.crop.shape == (48, 48, 3)


@pytest.mark.parametrize("verdicts", [[Certainty.UNKNOWN, Certainty.UNKNOWN, Certainty.CONFIRMED, Certainty.UNCERTAIN]])
def test_each_change_of_verdict_is_told_once(verdicts: list[Certainty]) -> None:
    moments = [Moment(float(i), sign_track(certainty=certainty)) for i, certainty in enumerate(verdicts)]
    assert [moment.media_time for moment in changes(History(1, moments))] == [0.0, 2.0, 3.0]
