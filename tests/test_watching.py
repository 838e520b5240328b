"""One front door: everything is wired, complete results come out, and nothing stays open."""

from __future__ import annotations

import copy
import json
import logging
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import signpipe
from signpipe import FrameResult, Gap, Pipeline, Settings, open_models
from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.clock import SUSPICIOUS
from signpipe.errors import ModelError, SettingsError, SourceError
from signpipe.lab.simulation.truth import read_truth
from signpipe.shipped import sample
from signpipe.types import Detections, Frame, Image, Pose, Prepared
from tests.support.videos import picture, write_video

TRUTH = read_truth(sample().with_name("drive.truth.jsonl"))
QUIET = {"output": {"status": False}}


class Kept:
    """A sink that keeps what it is given."""

    name = "kept"

    def __init__(self) -> None:
        self.results: list[FrameResult] = []
        self.closed = 0

    def write(self, result: FrameResult) -> None:
        self.results.append(result)

    def close(self) -> None:
        self.closed += 1


class Blind:
    """A detector of one's own that finds one box in the middle of each picture."""

    def __call__(self, prepared: Prepared) -> tuple[Detections, Detections]:
        height, width = prepared.picture.shape[:2]
        middle = np.array([[width / 2 - 15, height / 2 - 15, width / 2 + 15, height / 2 + 15]], np.float32)
        return Detections(middle, np.array([0.9], np.float32)), Detections.empty()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", frames=12)


def frames_of_sample(first: int, count: int) -> list[Frame]:
    with signpipe.open_source(sample()) as source:
        return list(islice(source, first, first + count))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "signpipe" in thread.name or "sink" in thread.name}


def test_a_recording_is_watched_to_its_end_and_everything_is_closed(film: Path, tmp_path: Path) -> None:
    sink = Kept()
    with signpipe.watch(film, sinks=[sink], output={"jsonl": tmp_path / "a.jsonl"}) as results:
        seen = list(results)
        assert results.info.kind == "video"
        assert results.dropped == 0
        assert results.catalogue is results.pipeline.catalogue
    assert [result.frame.index for result in seen if isinstance(result.frame, Frame)] == list(range(12))
    assert sink.results == seen
    assert sink.closed == 1
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [record["type"] for record in records] == ["run", *["frame"] * 12, "end"]
    assert not threads()


@pytest.mark.parametrize("leave", ["break", "error"])
def test_leaving_early_finishes_the_outputs(film: Path, tmp_path: Path, leave: str) -> None:
    class OwnError(Exception):
        pass

    def follow() -> None:
        with signpipe.watch(film, capture={"loop": 0}, output={"jsonl": tmp_path / "a.jsonl"}) as results:
            for number, _ in enumerate(results):
                if number == 4:
                    if leave == "error":
                        raise OwnError
                    break

    if leave == "error":
        with pytest.raises(OwnError):
            follow()
    else:
        follow()
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[-1]) | {"frames": 5} == {
        "schema": "signpipe/1", "type": "end", "frames": 5, "gaps": 0, "dropped": 0,
    }  # fmt: skip
    assert not threads()


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    sink = Kept()
    with pytest.raises(SourceError), signpipe.watch(tmp_path / "none.mp4", sinks=[sink]):
        pass
    assert not threads()


def test_arrays_may_be_watched() -> None:
    pictures: list[Image] = [picture(number) for number in range(6)]
    with signpipe.watch(pictures, capture={"fps": 10}) as results:
        times = [result.frame.media_time for result in results]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_watch_that_was_not_entered_says_so(film: Path) -> None:
    watching = signpipe.watch(film)
    for ask in (lambda: watching.pipeline, lambda: watching.info, lambda: next(watching)):
        with pytest.raises(RuntimeError, match="enter the watch"):
            ask()


@pytest.mark.parametrize(
    "overrides", [{"detect": {"scor": 0.5}}, {"detect.score": 2}, {"nothing": {"a": 1}}, {"detect": 5}]
)
def test_a_bad_override_is_one_sentence(film: Path, overrides: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as refused:
        signpipe.watch(film, **overrides)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_overrides_change_a_copy(film: Path) -> None:
    settings = Settings()
    watching = signpipe.watch(film, settings, detect={"score": 0.5}, **{"track.hold": 2.0})  # type: ignore[arg-type]
    assert (watching.settings.detect.score, watching.settings.track.hold) == (0.5, 2.0)
    assert settings == Settings()


def test_positions_of_the_settings_reach_the_frames_in_each_round_of_a_loop(tmp_path: Path) -> None:
    position = {"source": str(sample().with_name("drive.gpx"))}
    film = write_video(tmp_path / "film.mp4", frames=10)
    with signpipe.watch(film, capture={"loop": 3}, position=position) as results:
        poses = [result.frame.pose for result in results if isinstance(result.frame, Frame)]
    assert len(poses) == 30
    assert all(isinstance(pose, Pose) for pose in poses)
    assert poses[:10] == poses[10:20] == poses[20:]


def test_sweeps_are_read_ahead_and_timed(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    for number in range(4):
        np.random.default_rng(number).random((500, 4), np.float32).tofile(tmp_path / "sweeps" / f"{number}.bin")
    (tmp_path / "calib.txt").write_text(
        "P2: 700 0 80 0 0 700 48 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n"
    )
    film = write_video(tmp_path / "film.mp4", frames=4)
    lidar = {"sweeps": tmp_path / "sweeps", "calibration": tmp_path / "calib.txt"}
    with signpipe.watch(film, lidar=lidar) as results:
        seen = list(results)
    assert all(isinstance(result.frame, Frame) and result.frame.lidar is not None for result in seen)
    assert all(result.timings_ms["sensors"] > 0 for result in seen)
    assert all(result.timings_ms["total"] > 0 for result in seen)


def test_a_jump_of_a_recordings_clock_is_a_gap_and_ends_its_tracks(tmp_path: Path) -> None:
    times = [number * 0.04 for number in range(10)] + [20 + number * 0.04 for number in range(10)]
    film = write_video(tmp_path / "film.mkv", frames=20, times=times)
    with signpipe.watch(film, stages={"detect": Blind()}, plausibility={"largest": 1}) as results:
        seen = list(results)
    gaps = [result for result in seen if isinstance(result.frame, Gap)]
    assert len(gaps) == 1
    assert len(seen) == 21
    assert gaps[0].frame.duration == pytest.approx(times[10] - times[9], abs=0.01)  # type: ignore[union-attr]
    assert "jumps" in gaps[0].frame.reason  # type: ignore[union-attr]
    place = seen.index(gaps[0])
    before, after = (
        {track.id for result in part for track in result.tracks} for part in (seen[:place], seen[place + 1 :])
    )
    assert before
    assert after
    assert not before & after


def test_steady_recordings_have_no_gaps_however_slow(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mkv", frames=8, times=[3.0 * number for number in range(8)])
    with signpipe.watch(film, stages={"detect": Blind()}) as results:
        assert not any(isinstance(result.frame, Gap) for result in results)


class TestPipeline:
    def test_pictures_of_every_kind_may_be_given(self) -> None:
        with Pipeline(stages={"detect": Blind()}) as pipeline:
            grey, alpha = picture(1)[..., 0], np.dstack([picture(1), picture(1)[..., :1]])
            good: list[object] = [picture(1), grey, alpha, picture(1).astype(np.uint16) * 257]
            bad: list[object] = [picture(1).astype(np.float32), np.zeros((0, 3), np.uint8), None]
            for image in good:
                assert len(pipeline(image).detections) == 1
            for image in bad:
                with pytest.raises(SourceError):
                    pipeline(image)
            assert pipeline.models.detector is None  # a stage of one's own runs it

    def test_the_front_loop_and_the_pipeline_say_the_same(self) -> None:
        frames = frames_of_sample(60, 12)
        with Pipeline() as one, Pipeline() as other:
            for frame in frames:
                first = one(frame.image.copy(), frame.media_time).to_dict()
                second = other.process(copy.copy(frame)).to_dict()
                for field in ("detections", "tracks", "advisories"):
                    assert first[field] == second[field]

    @pytest.mark.slow
    def test_two_pipelines_share_models_and_leave_them_open(self) -> None:
        with open_models() as models:
            with Pipeline(models=models) as one:
                alone = one(frames_of_sample(60, 1)[0].image, 0.0)
            with Pipeline(models=models) as other:
                assert other(frames_of_sample(60, 1)[0].image, 0.0).detections == alone.detections

    @pytest.mark.slow
    def test_reset_forgets(self) -> None:
        frames = frames_of_sample(100, 8)
        with Pipeline() as pipeline:
            first = [pipeline(frame.image, frame.media_time) for frame in frames]
            pipeline.reset()
            again = [pipeline(frame.image, frame.media_time) for frame in frames]
        assert [len(result.tracks) for result in first] == [len(result.tracks) for result in again]
        assert first[-1].tracks
        ids = [{track.id for result in part for track in result.tracks} for part in (first, again)]
        assert not ids[0] & ids[1]

    @pytest.mark.slow
    def test_results_are_not_changed_by_later_frames(self) -> None:
        with Pipeline() as pipeline:
            results, snapshots = [], []
            for frame in frames_of_sample(60, 25):
                results.append(pipeline(frame.image, frame.media_time))
                snapshots.append(copy.deepcopy(results[-1].to_dict()))
        assert any(result.tracks and result.advisories for result in results)
        assert [result.to_dict() for result in results] == snapshots

    def test_a_classifier_that_does_not_fit_the_catalogue_is_one_sentence(self) -> None:
        fewer = Catalogue(list(load_catalogue())[:10])
        with pytest.raises(ModelError, match="knows 43 classes that aren't the catalogue's 10"):
            Pipeline(catalogue=fewer)

    def test_an_unknown_stage_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(SettingsError, match="preprocess, detect, plausibility"):
            Pipeline(stages={"detector": Blind()})

    def test_sensors_that_nobody_attached_are_warned_of_once(self, caplog: pytest.LogCaptureFixture) -> None:
        settings = signpipe.load_settings(None, {"position.source": str(sample().with_name("drive.gpx"))})
        with caplog.at_level(logging.WARNING), Pipeline(settings, stages={"detect": Blind()}) as pipeline:
            list(pipeline.run(Frame(picture(n), n, media_time=n / 25) for n in range(3)))
        assert len([text for text in caplog.messages if "position.source" in text]) == 1

    @pytest.mark.parametrize(
        ("times", "says"),
        [
            ([0.0] * 20, "stands still"),
            ([40.0 * n for n in range(20)], "milliseconds"),
            ([n / 25 for n in range(20)], ""),
        ],
    )
    def test_time_misused_is_said_once(self, times: list[float], says: str, caplog: pytest.LogCaptureFixture) -> None:
        assert len(times) > SUSPICIOUS
        with caplog.at_level(logging.WARNING), Pipeline(stages={"detect": Blind()}) as pipeline:
            for time in times:
                pipeline(picture(3), time)
        assert len(caplog.messages) == bool(says)
        assert says in "".join(caplog.messages)

    def test_gaps_go_through(self) -> None:
        def items() -> Iterator[Frame | Gap]:
            for number in range(6):
                yield Frame(picture(3), number, media_time=number / 25)
            yield Gap(0.0, 3.0, "test", "no frame for 2.8 s", 2.8)
            yield Frame(picture(3), 6, media_time=3.1)

        with Pipeline(stages={"detect": Blind()}) as pipeline:
            results = list(pipeline.run(items()))
        assert [result.is_gap for result in results] == [False] * 6 + [True, False]
        assert results[5].tracks
        assert not results[6].tracks  # unseen for too long
        assert results[7].tracks[0].id not in {track.id for track in results[5].tracks}
        assert results[6].advisories[0].topic == "speed_limit"  # silence never reads as "no limit"


def test_drop_oldest_plays_a_recording_at_its_rate(film: Path) -> None:
    with signpipe.watch(film, capture={"policy": "drop_oldest"}, stages={"detect": Blind()}) as results:
        seen = list(results)
    assert len(seen) + results.dropped == 12
    assert results.dropped <= 6  # unpaced, nearly all were
