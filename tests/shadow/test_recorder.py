"""The record of a drive in shadow mode: events, clips, privacy, and what is removed."""

from __future__ import annotations

import json
import math
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from signpipe.errors import OutputError, SourceError
from signpipe.settings import Settings, ShadowSettings
from signpipe.shadow import store
from signpipe.shadow.clips import Ring
from signpipe.shadow.exposure import Observer, sun_height
from signpipe.shadow.privacy import blur_all_but, shrink, window
from signpipe.shadow.recorder import ShadowRecorder
from signpipe.types import Frame, Image, Motion, Pose
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track

RATE = 5  # frames per second
NOON = datetime(2026, 6, 21, 11, tzinfo=UTC).timestamp()
FACTS: dict[str, Any] = {"source": "drive.mp4", "version": "0"}


def record(folder: Path, seconds: float, speed: float, settings: ShadowSettings | None = None) -> ShadowRecorder:
    """Drive in shadow mode with a limit of 80 told; each frame's brightness tells its second."""
    shadow = (settings or ShadowSettings()).model_copy(update={"folder": folder})
    recorder = ShadowRecorder(Settings(shadow=shadow), CATALOGUE, FACTS)
    for index in range(int(seconds * RATE)):
        image = np.full((120, 160, 3), 60 + index // RATE, np.uint8)
        result = frame_result(index, index / RATE, image, tracks=[track()], advisories=[advisory()])
        assert isinstance(result.frame, Frame)
        result.frame.motion = Motion(speed / 3.6)
        result.frame.pose = Pose(50.0 + index / 1e5, 9.0, 0.0, utc=NOON + index / RATE)
        recorder.write(result)
    recorder.close()
    return recorder


def probed(path: Path) -> float:
    """Return the length of a video in seconds, as ffprobe tells it."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def test_an_event_is_kept_with_ten_seconds_before_and_after(tmp_path: Path) -> None:
    record(tmp_path / "a", 40, speed=100)
    drive = store.read_drive(tmp_path / "a")
    (event,) = drive.events
    assert (event.kind, event.told, event.speed, event.clip) == ("would_have_braked", 80.0, 100.0, "clip.mp4")
    clip = store.event_folder(drive.folder, event.id) / store.CLIP
    expected = min(event.at, 10) + 10
    assert probed(clip) == pytest.approx(expected, abs=0.5)
    (row,) = drive.facts["exposure"]
    assert row["kilometres"] == pytest.approx(39.8 * 100 / 3600, rel=0.01)
    assert (row["road"], row["light"], row["weather"]) == ("country", "day", "unknown")
    lines = [json.loads(line) for line in (drive.folder / store.TIMELINE).read_text().splitlines()]
    assert len(lines) == 40
    assert lines[20]["told"] == 80.0


def test_a_clip_at_the_end_of_a_drive_is_finished_and_a_drive_without_events_has_none(tmp_path: Path) -> None:
    record(tmp_path / "a", 9, speed=100)
    (event,) = store.read_drive(tmp_path / "a").events
    assert probed(store.event_folder(tmp_path / "a", event.id) / store.CLIP) == pytest.approx(9, abs=0.5)
    assert record(tmp_path / "b", 20, speed=80).count == 0
    assert store.read_drive(tmp_path / "b").events == []


def test_gaps_are_counted_as_blind_and_a_folder_is_used_once(tmp_path: Path) -> None:
    recorder = record(tmp_path / "a", 3, speed=80)
    with pytest.raises(OutputError, match="isn't empty"):
        record(tmp_path / "a", 3, speed=80)
    recorder = ShadowRecorder(Settings(shadow=ShadowSettings(folder=tmp_path / "b")), CATALOGUE, FACTS)
    recorder.write(frame_result(0, 0.0))
    recorder.write(gap_result(1.0))
    recorder.close()
    assert store.read_drive(tmp_path / "b").facts["blind_hours"] == pytest.approx(1 / 3600, abs=1e-5)


def test_a_drive_that_is_killed_counts_up_to_its_last_totals(tmp_path: Path) -> None:
    shadow = ShadowSettings(folder=tmp_path / "a")
    recorder = ShadowRecorder(Settings(shadow=shadow), CATALOGUE, FACTS)
    for index in range(200):
        result = frame_result(
            index, index / RATE, np.zeros((120, 160, 3), np.uint8), tracks=[track()], advisories=[advisory()]
        )
        result.frame.motion = Motion(100 / 3.6)  # type: ignore[union-attr]
        recorder.write(result)
    drive = store.read_drive(tmp_path / "a")  # never closed
    assert drive.facts["exposure"][0]["kilometres"] > 0.7
    assert len(drive.events) == 1
    recorder.close()


def faces() -> Image:
    """Return a picture with fine detail everywhere: nothing of it may be kept where no sign is."""
    return np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)


def test_what_is_no_sign_is_kept_too_coarse_to_recognise_anybody() -> None:
    image = faces()
    kept = blur_all_but(image, [(100, 100, 140, 140)])
    assert (kept[100:140, 100:140] == image[100:140, 100:140]).all()
    elsewhere = kept.copy()
    elsewhere[80:160, 80:160] = 128
    coarse = cv2.resize(cv2.resize(elsewhere, (64, 36), interpolation=cv2.INTER_AREA), (640, 360))
    assert np.abs(elsewhere.astype(int) - coarse)[170:, 170:].mean() < 12  # nothing finer than 64 cells is left
    assert np.abs(image.astype(int) - kept)[170:, 170:].mean() > 50
    assert (image == faces()).all()


def test_clips_are_blurred_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    finest = {}
    for blur in (True, False):
        shadow = ShadowSettings(folder=tmp_path / str(blur), blur=blur)
        recorder = ShadowRecorder(Settings(shadow=shadow), CATALOGUE, FACTS)
        for index in range(40):
            result = frame_result(index, index / RATE, faces(), tracks=[track()], advisories=[advisory()])
            result.frame.motion = Motion(100 / 3.6)  # type: ignore[union-attr]
            recorder.write(result)
        recorder.close()
        (event,) = store.read_drive(tmp_path / str(blur)).events
        still = cv2.imread(str(store.event_folder(tmp_path / str(blur), event.id) / store.STILL))
        assert still is not None
        finest[blur] = float(np.abs(np.diff(still[200:340].astype(int), axis=1)).mean())
    assert finest[True] < finest[False] / 5


def test_where_the_map_has_a_sign_is_kept_sharp_above_heads() -> None:
    box = window(20.0, 4.0, 686.0, (320.0, 180.0))
    assert box is not None
    x1, y1, x2, y2 = box
    assert x1 <= 320 + 4 * 686 / 20 <= x2
    assert y1 < y2 < 180  # over the horizon: over the camera, and so over people's heads
    assert window(3.0, 4.0, 686.0, (320.0, 180.0)) is None


def test_the_ring_is_bounded_in_time_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring(10.0)
    picture = faces()[:60, :80]
    for index in range(300):
        ring.add(index / 10, picture)
    assert len(ring) == 101
    monkeypatch.setattr("signpipe.shadow.clips.MOST_BYTES", 100_000)
    ring.add(30.0, picture)
    assert ring.bytes <= 100_000
    assert len(ring) > 1


def test_small_pictures_have_even_sides() -> None:
    small, scale = shrink(np.zeros((361, 1281, 3), np.uint8), 640)
    assert small.shape == (180, 640, 3)
    assert scale == pytest.approx(640 / 1281)


def test_what_is_too_old_is_removed_and_the_counts_stay(tmp_path: Path) -> None:
    record(tmp_path / "a", 20, speed=100)
    before = store.read_drive(tmp_path / "a")
    ended = before.facts["ended"]
    assert store.prune(tmp_path / "a", 30, now=ended + 29 * 86400) == 0
    assert store.prune(tmp_path / "a", 30, now=ended + 31 * 86400) == 3
    after = store.read_drive(tmp_path / "a")
    assert after.facts["exposure"] == before.facts["exposure"]
    (event,) = after.events
    assert (event.clip, event.latitude, event.utc) == (None, None, None)
    assert event.reason == before.events[0].reason
    assert not list((tmp_path / "a").rglob("*.mp4")) + list((tmp_path / "a").rglob("*.jpg"))
    with pytest.raises(SourceError, match="There is no drive of shadow mode"):
        store.prune(tmp_path / "none", 1)


@pytest.mark.parametrize(
    ("moment", "latitude", "longitude", "height"),
    [  # worked out by hand from the almanac's declination and equation of time
        (datetime(2026, 6, 21, 12, 0, tzinfo=UTC), 51.48, 0.0, 61.9),
        (datetime(2026, 12, 21, 12, 0, tzinfo=UTC), 51.48, 0.0, 15.1),
        (datetime(2026, 3, 20, 18, 30, tzinfo=UTC), 50.0, 9.0, -9.4),
        (datetime(2026, 11, 27, 22, 0, tzinfo=UTC), 50.0, 9.0, -57.9),
    ],
)
def test_the_suns_height_is_right_to_a_degree(
    moment: datetime, latitude: float, longitude: float, height: float
) -> None:
    assert sun_height(moment.timestamp(), latitude, longitude) == pytest.approx(height, abs=1.2)


def test_conditions_come_from_the_limit_the_sun_and_what_is_known_of_the_weather() -> None:
    settings = Settings(vehicle={"wet": True})
    observer = Observer(settings.shadow, settings.vehicle)
    frame = Frame(np.full((36, 64, 3), 120, np.uint8))
    for limit, road in (
        (50.0, "town"),
        (100.0, "country"),
        (130.0, "motorway"),
        (math.inf, "motorway"),
        (None, "unknown"),
    ):
        assert observer.conditions(frame, limit).road == road
    assert (observer.conditions(frame, 50.0).light, observer.conditions(frame, 50.0).weather) == ("day", "rain")
    dark = Frame(np.full((36, 64, 3), 20, np.uint8))
    assert observer.conditions(dark, None).light == "night"
    said = Observer(ShadowSettings(road="town", weather="snow"), settings.vehicle)
    assert (said.conditions(frame, 120.0).road, said.conditions(frame, 120.0).weather) == ("town", "snow")
