"""Signs of which a part is hidden: what the classifier says can be seen, and how sure one must be of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.runtime.session import open_session
from signpipe.settings import ClassifySettings, FallbackSettings, RuntimeSettings, TrackSettings
from signpipe.stages.classify import Classify
from signpipe.stages.fallback import Fallback
from signpipe.stages.track import Track
from signpipe.types import Certainty, Classifications, Detections
from tests.stages.tracks import track as track_of

CATALOGUE = load_catalogue()
LIMIT_80 = 5


def said(visible: float, probability: float = 0.9) -> Classifications:
    """Return what a classifier says of one crop of which such a share can be seen."""
    row = np.zeros((1, len(CATALOGUE)), np.float32)
    row[0, LIMIT_80] = probability
    parts = np.zeros((1, 6, 6), np.float32)  # the outermost show the background
    parts[:, 1:-1, 1:-1] = visible
    return Classifications(row, np.zeros((1, 8), np.float32), np.zeros(1, np.float32), parts)


def test_the_visible_share_leaves_the_background_out() -> None:
    assert said(0.4).visible_share == pytest.approx([0.4])


def test_a_classifier_that_does_not_tell_sees_all_of_a_sign() -> None:
    untold = Classifications(np.zeros((2, 43), np.float32), np.zeros((2, 0), np.float32), np.zeros(2, np.float32))
    assert untold.visible_share.tolist() == [1, 1]
    assert untold[:1].visible.shape == (1, 0, 0)


def test_rows_keep_what_is_visible_of_them() -> None:
    both = Classifications.stacked([said(0.2), said(0.9)])
    assert both[[1]].visible_share == pytest.approx([0.9])
    assert both.replaced(np.array([0]), said(0.5)).visible_share == pytest.approx([0.5, 0.9])
    assert both.visible_share == pytest.approx([0.2, 0.9])


def test_a_track_averages_what_could_be_seen() -> None:
    track = Track(TrackSettings(), CATALOGUE)
    box = Detections(np.array([[600, 300, 640, 340]], np.float32), np.ones(1, np.float32))
    for number, visible in enumerate((0.3, 0.7, 0.5)):
        tracks, _ = track.update(box, said(visible), 0.2 * number, (720, 1280))
    assert tracks[0].visible == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("visible", "published"), [(1.0, True), (0.85, True), (0.75, False), (0.2, False)])
def test_a_hidden_sign_has_to_be_surer(visible: float, published: bool) -> None:
    """97 % are enough for a sign in plain view; of one behind leaves, the figure that decides may be hidden."""
    track = replace(track_of("speed_limit_80", probability=0.97), visible=visible)
    (verdict,) = Fallback(FallbackSettings(), CATALOGUE)([track])
    assert verdict.is_sure is published


def test_a_hidden_sign_is_published_when_it_is_surer() -> None:
    track = replace(track_of("speed_limit_80", probability=0.995), visible=0.3)
    (verdict,) = Fallback(FallbackSettings(), CATALOGUE)([track])
    assert verdict.certainty is Certainty.CONFIRMED
    assert "of 30 % of it" in verdict.reason


@pytest.mark.parametrize(
    ("visible", "novelty", "published"), [(0.6, 0.6, True), (0.9, 0.6, False), (0.6, 0.7, False), (0.9, 0.4, True)]
)
def test_a_hidden_sign_may_look_a_little_less_familiar(visible: float, novelty: float, published: bool) -> None:
    track = replace(track_of("speed_limit_80", probability=0.999, novelty=novelty), visible=visible)
    (verdict,) = Fallback(FallbackSettings(), CATALOGUE)([track])
    assert verdict.is_sure is published


def test_no_setting_makes_a_hidden_sign_easier_than_one_in_plain_view() -> None:
    track = replace(track_of("speed_limit_80", probability=0.97), visible=0.3)
    (verdict,) = Fallback(FallbackSettings(accept=0.98, accept_hidden=0.6), CATALOGUE)([track])
    assert not verdict.is_sure
    assert FallbackSettings(novelty=0.6, novelty_hidden=0.4).novelty_for(0.3) == 0.6


def test_the_shipped_classifier_sees_what_is_covered() -> None:
    """A drawing, and the same with its left half behind dark green."""
    from signpipe.catalogue.drawings import framed_drawing

    classify = Classify(ClassifySettings(), open_session("classifier", RuntimeSettings(provider="cpu"), "classifier"))
    margin = classify.entry.margin
    whole = np.ascontiguousarray(framed_drawing("speed_limit_80", 48, margin)[..., :3])
    half = whole.copy()
    half[:, :24] = np.random.default_rng(0).integers((10, 30, 10), (50, 110, 60), (48, 24, 3))
    told = classify.read(np.stack([whole, half]))
    shown, hidden = told.visible_share.tolist()
    assert shown > 0.8 > hidden
    left, right = told.visible[1][1:-1, 1:3].mean(), told.visible[1][1:-1, 3:-1].mean()
    assert left < 0.4 < 0.6 < right
