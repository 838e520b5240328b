"""The second sample: signs beyond the 43 are named, and what they mean for the driver is told."""

from pathlib import Path

import pytest

from signpipe import Pipeline, open_source
from signpipe.settings import load_settings
from signpipe.types import Certainty

SAMPLE = Path(__file__).parents[1] / "samples" / "zone.mp4"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_zone_its_end_and_a_limit_with_a_plate_are_named_and_acted_on() -> None:
    settings = load_settings(overrides={"detect.model": "detector-world"})
    named, told = set(), []
    with open_source(str(SAMPLE), settings.capture) as source, Pipeline(settings) as pipeline:
        for result in pipeline.run(iter(source)):
            named |= {t.sign.name for t in result.tracks if t.verdict.certainty is Certainty.CONFIRMED and t.sign}
            told += [event for event in result.events if event.topic == "speed_limit"]
        names = pipeline.catalogue.names
    assert named == {
        "zone_30", "pedestrian_crossing", "parking", "end_zone_30", "speed_limit_80", "speed_limit_60"
    }  # fmt: skip
    rests_on = [None if advisory.class_id is None else names[advisory.class_id] for advisory in told]
    limits = [(told.value, name, bool(told.conditions)) for told, name in zip(told, rests_on, strict=True)]
    assert (30.0, "zone_30", False) in limits
    ended = [advisory for advisory, name in zip(told, rests_on, strict=True) if name == "end_zone_30"]
    assert {other.value for other in ended[-1].alternatives} == {50.0, 100.0}, "in towns and outside them"
    assert limits[-1] == (60.0, "speed_limit_60", True), "the plate restricts it"
    assert {value for value, _, _ in limits} <= {None, 30.0, 60.0, 80.0}
