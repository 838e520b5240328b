"""The whole pipeline on the sample: what the first command of the README promises."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.golden import EVERY, FRAMES_THAT_MAY_DIFFER, differences, essence, read
from signpipe import FrameResult, Pipeline, Settings, open_source
from signpipe.catalogue import Effect, load_catalogue
from signpipe.lab.simulation.truth import Truth, TruthFrame, read_truth
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.sinks.jsonl import result_record
from signpipe.types import Advisory, AdvisoryStatus, Certainty

# The whole drive takes half a minute, and minutes where the machine is busy.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SAMPLES = Path(__file__).parents[1] / "samples"
READABLE = 40  # pixels: every sign that gets larger must be confirmed
CATALOGUE = load_catalogue()
ROADSIDE = roadside_catalogue()


@dataclass(frozen=True)
class Drive:
    """The sample's truth, and what the pipeline made of it, frame by frame."""

    truth: Truth
    results: list[FrameResult]

    @property
    def frames(self) -> list[tuple[TruthFrame, FrameResult]]:
        return list(zip(self.truth.frames, self.results, strict=True))


@pytest.fixture(scope="module")
def drive() -> Drive:
    settings = Settings()
    with Pipeline(settings) as pipeline:
        results = list(pipeline.run(open_source(str(SAMPLES / "drive.mp4"), settings.capture)))
    for result in results:
        result.frame.image = np.zeros((1, 1, 3), np.uint8)  # type: ignore[union-attr]  # the pictures aren't needed
    return Drive(read_truth(SAMPLES / "drive.truth.jsonl"), results)


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Return the IoU of two boxes xyxy."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def wrong(advisory: Advisory, truth: TruthFrame, last_seen: dict[str, float]) -> bool:
    """Return True if an advisory says what neither the signs in view nor those that were in view say.

    A limit or ban counts as right from the moment that its sign is in view. The truth lets it begin where the car
    passes the sign, which is up to a second after the sign has left the picture.
    """
    near = {ROADSIDE.by_name(name) for name, time in last_seen.items() if truth.media_time - time <= 1.0}
    if advisory.value is None or advisory.status is not AdvisoryStatus.ACTIVE:
        return False
    if advisory.topic == "speed_limit":
        return advisory.value not in {sign.value for sign in near if sign.effect is Effect.LIMIT} | {truth.limit}
    if advisory.topic == "overtaking":
        return not truth.overtaking_ban and CATALOGUE.by_name("no_overtaking") not in near
    if advisory.class_id is None:
        return advisory.topic.removeprefix("unknown:") not in {ROADSIDE.by_name(name).category for name in last_seen}
    return CATALOGUE[advisory.class_id].name not in last_seen


def test_every_readable_sign_is_confirmed_as_what_it_is(drive: Drive) -> None:
    readable, confirmed = set(), set()
    for truth, result in drive.frames:
        for box in truth.signs:
            side = max(box.xyxy[2] - box.xyxy[0], box.xyxy[3] - box.xyxy[1])
            if side > READABLE and box.visible > 0.9 and box.class_id >= 0:
                readable.add(box.id)
            for track in result.tracks:
                is_same = overlap(box.xyxy, tuple(track.xyxy.tolist())) > 0.5
                if is_same and track.verdict.certainty is Certainty.CONFIRMED and track.class_id == box.class_id:
                    confirmed.add(box.id)
    assert len(readable) >= 8
    names = {sign.id: sign.class_name for sign in drive.truth.signs}
    assert not [names[sign] for sign in readable - confirmed]


def test_no_advisory_is_wrong(drive: Drive) -> None:
    last_seen: dict[str, float] = {}
    mistakes = []
    for truth, result in drive.frames:
        last_seen |= {box.class_name: truth.media_time for box in truth.signs}
        mistakes += [(truth.index, a.topic, a.message) for a in result.advisories if wrong(a, truth, last_seen)]
    assert not mistakes


def test_no_limit_is_given_up_before_it_ends(drive: Drive) -> None:
    hidden = min(sign.position[2] for sign in drive.truth.signs if sign.overgrown) / drive.truth.speed  # seconds
    told = None
    for index, (truth, result) in enumerate(drive.frames[: -int(drive.truth.fps)]):
        told = next(a.value for a in result.advisories if a.topic == "speed_limit")
        a_second_on = drive.truth.frames[index + int(drive.truth.fps)]
        if truth.limit is not None and truth.limit == a_second_on.limit and truth.media_time < hidden:
            assert told is not None, f"at {truth.media_time:.2f} s the limit {truth.limit} was given up"
    assert told in (None, drive.truth.frames[-1].limit)  # of the last limit leaves show little more than its figures


def test_the_speed_limit_is_never_silent(drive: Drive) -> None:
    for result in drive.results:
        assert [advisory.topic for advisory in result.advisories].count("speed_limit") == 1


def test_every_frame_is_timed_stage_by_stage(drive: Drive) -> None:
    stages = {"preprocess", "detect", "plausibility", "classify", "track", "fallback", "decide"}
    between = []
    for result in drive.results:
        timings = result.timings_ms
        assert stages <= timings.keys()
        between.append(1 - sum(timings[stage] for stage in stages) / timings["total"])
        assert 0 < timings["models"] < timings["total"]
    # What lies between the stages is next to nothing, but where another process takes the core right there.
    assert min(between) > -0.01
    assert np.median(between) < 0.1


def test_the_sample_is_read_as_when_it_was_last_accepted(drive: Drive) -> None:
    new = [essence(result_record(result, CATALOGUE)) for result in drive.results[::EVERY]]
    found = [differences(*pair) for pair in zip(read(), new, strict=True)]
    advice = "if that is as it should be, accept it with `python benchmarks/golden.py --accept`"
    assert sum(map(bool, found)) <= FRAMES_THAT_MAY_DIFFER, [advice, found]
