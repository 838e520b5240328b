"""The vehicle's speed from any signal of its bus: live, recorded, lost, and wrongly described."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import can
import cantools
import numpy as np
import pytest

from signpipe.can import motion as reading
from signpipe.can.motion import LiveMotion, RecordedMotion, open_motion
from signpipe.errors import SettingsError, SourceError
from signpipe.settings import MotionSettings, Settings
from signpipe.sources import Sensors
from signpipe.types import Frame, Motion

DBC = """VERSION ""
BS_:
BU_: ESP
BO_ 253 ESP_21: 8 ESP
 SG_ Counter : 8|4@1+ (1,0) [0|15] "" ESP
 SG_ Speed : 32|16@1+ (0.01,0) [0|655.32] "km/h" ESP
BO_ 254 ESP_22: 8 ESP
 SG_ Yaw : 0|16@1- (0.01,0) [-300|300] "deg/s" ESP
 SG_ Plain : 16|8@1+ (1,0) [0|255] "" ESP
 SG_ Counter : 24|4@1+ (1,0) [0|15] "" ESP
VAL_ 253 Speed 65535 "invalid" ;
"""


@pytest.fixture
def settings(tmp_path: Path) -> MotionSettings:
    path = tmp_path / "car.dbc"
    path.write_text(DBC)
    return MotionSettings(source="can:virtual:car", dbc=path, speed="ESP_21.Speed", yaw_rate="Yaw")


def frames(settings: MotionSettings, speed: float, yaw: float, at: float = 0.0) -> list[can.Message]:
    database: Any = cantools.database.load_file(settings.dbc)
    return [
        can.Message(
            arbitration_id=number, data=database.encode_message(number, values), timestamp=at, is_extended_id=False
        )
        for number, values in (
            (254, {"Yaw": yaw, "Plain": 7, "Counter": 0}),
            (253, {"Speed": speed, "Counter": 0}),
        )
    ]


def test_speed_is_read_live_and_goes_onto_the_frames(settings: MotionSettings) -> None:
    with can.Bus(interface="virtual", channel="car") as bus, Sensors(Settings(motion=settings)) as sensors:
        for message in frames(settings, 72.0, 9.0):
            bus.send(message)
        ends, picture = time.monotonic() + 5, np.zeros((8, 8, 3), np.uint8)
        while (frame := sensors.sense(Frame(picture), live=True)).motion is None and time.monotonic() < ends:
            time.sleep(0.01)
    assert frame.motion is not None
    assert frame.motion.yaw_rate == pytest.approx(math.radians(9))
    assert frame.speed == pytest.approx(20.0)


def test_a_bus_that_falls_silent_says_nothing_and_that_once(
    settings: MotionSettings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STALE_AFTER", 0.2)
    with can.Bus(interface="virtual", channel="car") as bus:
        source = open_motion(settings)
        assert isinstance(source, LiveMotion)
        for frame in frames(settings, 36.0, 0.0):
            bus.send(frame)
        time.sleep(0.05)
        assert source.at(0.0, time.monotonic()) == Motion(10.0, 0.0)
        time.sleep(0.3)
        bus.send(can.Message(arbitration_id=253, data=b"\0\0"))  # too short for the signal
        bus.send(can.Message(arbitration_id=253, data=b"\0\0\0\0\xff\xff\0\0", is_extended_id=False))  # "invalid"
        time.sleep(0.05)
        with caplog.at_level(logging.WARNING):
            assert [source.at(0.0, time.monotonic()) for _ in range(3)] == [None] * 3
        source.close()
    assert len(caplog.records) == 1
    assert "silent" in caplog.records[0].message


@pytest.mark.parametrize("suffix", [".asc", ".blf", ".log"])
def test_speed_is_read_from_a_recorded_bus(settings: MotionSettings, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"drive{suffix}"
    with can.Logger(path) as log:
        for step in range(30):
            for frame in frames(settings, 36.0 + step, 0.0, 1000 + step / 10):
                log.on_message_received(frame)
    settings.source, settings.offset = f"can:{path}", 1.0
    source = open_motion(settings)
    assert isinstance(source, RecordedMotion)
    at = source.at(0.55, 0.0)
    assert at is not None
    assert at.speed * 3.6 == pytest.approx(51.0)
    assert source.at(-2.0, 0.0) is None
    assert source.at(9.0, 0.0) is None


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"source": "gpsd://here"}, SettingsError, "can't come from 'gpsd://here'"),
        ({"source": "can:nonsense"}, SettingsError, "no CAN bus"),
        ({"source": "can:socketcan:none9"}, SourceError, "can't be opened"),
        ({"dbc": None}, SettingsError, "motion.dbc"),
        ({"dbc": Path("/nowhere.dbc")}, SourceError, "No such file"),
        ({"dbc": Path(__file__)}, SourceError, "can't be read"),
        ({"speed": None}, SettingsError, "--speed-signal"),
        ({"speed": "Sped"}, SourceError, "no signal 'Sped'; it has Counter, Plain, Speed, Yaw"),
        ({"speed": "Counter"}, SourceError, "name ESP_21.Counter or ESP_22.Counter"),
        ({"speed": "Plain"}, SettingsError, "no unit; set motion.unit"),
        ({"yaw_rate": "Speed"}, SettingsError, "'km/h', which isn't known"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    settings: MotionSettings, change: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        open_motion(settings.model_copy(update=change))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recording_that_is_none_is_one_sentence(settings: MotionSettings, tmp_path: Path) -> None:
    for name, content, says in [
        ("a.blf", b"nothing of the kind", "can't be read"),
        ("a.asc", b"", "never has"),
        ("a.xyz", b"", "can't be read"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        settings.source = f"can:{path}"
        with pytest.raises(SourceError, match=says):
            open_motion(settings)
