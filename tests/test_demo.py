"""The demo: a hidden limit that the map tells, a wrong entry that is overruled, and a sign that nobody knows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from signpipe import Frame, FrameResult, Pipeline, SignTrack, open_source
from signpipe.catalogue import load_catalogue
from signpipe.lab.evaluation.detection import box_iou
from signpipe.lab.simulation.truth import TruthSign, read_truth
from signpipe.review import ReviewQueue
from signpipe.settings import Settings, load_settings
from signpipe.sinks.base import RunInfo
from signpipe.sinks.review import ReviewSink
from signpipe.sources.sensors import Sensors
from signpipe.types import Certainty

SAMPLES = Path(__file__).parents[1] / "samples"
TRUTH = read_truth(SAMPLES / "drive.truth.jsonl")
CATALOGUE = load_catalogue()
MAP = {"map.file": SAMPLES / "drive.geojson", "position.source": str(SAMPLES / "drive.gpx")}
NEAR = 60.0  # metres before a sign, from which its approach is shown
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # seconds where the machine is free


def the_sign(name: str, overgrown: bool = False) -> TruthSign:
    return next(sign for sign in TRUTH.signs if sign.class_name == name and sign.overgrown is overgrown)


def approach(sign: TruthSign, settings: Settings) -> Iterator[FrameResult]:
    """Drive up to a sign, until it leaves the picture."""
    near = [f.index for f in TRUTH.frames if any(b.id == sign.id and b.distance < NEAR for b in f.signs)]

    def frames(source: Iterator[Frame]) -> Iterator[Frame]:
        for frame in source:
            if frame.index > near[-1] + 25:  # a second more: its track has ended
                return
            if frame.index >= near[0]:
                yield frame

    with (
        open_source(str(SAMPLES / "drive.mp4"), settings.capture) as source,
        Sensors(settings) as sensors,
        Pipeline(settings) as pipeline,
    ):
        yield from pipeline.run(sensors.attach(frames(iter(source))))


def told_of(sign: TruthSign, results: list[FrameResult]) -> list[SignTrack]:
    """Return what was said of a sign, frame by frame."""
    told = []
    for result in results:
        assert isinstance(result.frame, Frame)
        for box in TRUTH.frames[result.frame.index].signs:
            place = np.array([box.xyxy], np.float32)
            if box.id == sign.id:
                told += [track for track in result.tracks if box_iou(track.xyxy[None], place)[0, 0] > 0.4]
    return told


def limits(results: list[FrameResult]) -> set[float | str | None]:
    """Return the limits that were in force."""
    return {a.value for r in results for a in r.advisories if a.topic == "speed_limit"} - {None}


def test_an_overgrown_limit_is_known_with_the_map_and_its_figures_and_never_as_another() -> None:
    """Leaves hide the left of an 8: what is left of it could be a 3."""
    sign = the_sign("speed_limit_80", overgrown=True)
    alone = list(approach(sign, load_settings(None, {"figures.enabled": False})))
    assert len(told_of(sign, alone)) > 20
    assert not any(track.is_sure for track in told_of(sign, alone))
    assert told_of(sign, alone)[-1].verdict.category == "prohibitory"
    assert not limits(alone)

    read = list(approach(sign, Settings()))
    assert limits(read) <= {80.0}, "its figures were misread"
    charted = list(approach(sign, load_settings(None, MAP | {"figures.enabled": False})))
    assert limits(charted) <= {80.0}

    mapped = list(approach(sign, load_settings(None, MAP)))
    sure = [track for track in told_of(sign, mapped) if track.is_sure]
    assert sure
    for track in sure:
        assert CATALOGUE[track.class_id].name == "speed_limit_80"
        assert track.verdict.conflict is None
    assert any({"map", "figures"} <= set(track.verdict.witnesses) for track in sure)
    assert {track.verdict.certainty for track in sure} <= {Certainty.CORROBORATED, Certainty.CONFIRMED}
    assert limits(mapped) == {80.0}


def test_a_wrong_entry_of_the_map_is_overruled_and_reported() -> None:
    sign = the_sign("speed_limit_50")
    results = list(approach(sign, load_settings(None, MAP)))
    last = told_of(sign, results)[-1]
    assert (CATALOGUE[last.class_id].name, last.verdict.certainty) == ("speed_limit_50", Certainty.CONFIRMED)
    assert last.verdict.conflict == "the map says speed limit 100 km/h, overruled"
    assert limits(results) == {50.0}
    assert {a.conflict for r in results for a in r.advisories if a.value == 50.0} >= {last.verdict.conflict}


def test_a_sign_that_nobody_knows_is_kept_for_a_person_once(tmp_path: Path) -> None:
    sign = the_sign("no_stopping")
    assert sign.class_id == -1
    settings = load_settings(None, MAP | {"review.folder": tmp_path / "queue"})
    review = ReviewSink(settings.review, settings.fallback.novelty, RunInfo("drive.mp4"), CATALOGUE)
    results = []
    for result in approach(sign, settings):
        review.write(result)
        results.append(result)
    review.close()
    told = told_of(sign, results)
    assert len(told) > 20
    assert not any(track.is_sure for track in told)
    ids = {track.id for track in told}
    (entry,) = [entry for entry in ReviewQueue(tmp_path / "queue").items() if entry.item.track_id in ids]
    assert set(entry.item.why) == {"unsure", "novel"}
    assert entry.item.side > 40
    assert entry.item.pose is not None
