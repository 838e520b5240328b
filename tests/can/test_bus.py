"""A run on real buses: python-can's virtual one, and datagrams between processes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import can
import cantools
import pytest

from signpipe.can import DBC
from signpipe.can.bulletin import Limit
from signpipe.can.compose import Composer
from signpipe.can.receiver import Receiver
from signpipe.can.words import (
    Condition,
    Danger,
    Entry,
    LimitKind,
    LimitSource,
    Overtaking,
    Reason,
    Sight,
    State,
    Unit,
    Unread,
)
from signpipe.catalogue import load_catalogue
from signpipe.errors import ExtraMissingError, OutputError, SettingsError
from signpipe.settings import CameraSettings, CanSettings, Settings
from signpipe.sinks import RunInfo, open_sinks
from signpipe.sinks.can import CanSink
from signpipe.types import AdvisoryStatus, FrameResult
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track

LIVE = RunInfo("camera 0", live=True, width=320, height=240)
MULTICAST = "udp_multicast:239.74.163.2"


def now(result: FrameResult) -> FrameResult:
    """Return a result whose picture was taken just now."""
    result.frame = replace(result.frame, captured_at=time.monotonic())
    return result


@pytest.fixture(params=["virtual:signpipe-test", MULTICAST])
def bus(request: pytest.FixtureRequest) -> Iterator[tuple[str, can.BusABC]]:
    """A bus's name, and a receiver on it that isn't signpipe's."""
    interface, _, channel = request.param.partition(":")
    try:
        listener = can.Bus(interface=interface, channel=channel)
    except (OSError, can.CanError) as error:
        pytest.skip(f"there is no multicast here: {error}")
    with listener:
        yield request.param, listener


def heard(listener: can.BusABC, count: int) -> list[can.Message]:
    """Return the next so many frames; fewer if none comes for a while."""
    frames: list[can.Message] = []
    while len(frames) < count and (frame := listener.recv(5.0)) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("fd", [False, True])
def test_a_run_tells_the_bus_ten_times_a_second(bus: tuple[str, can.BusABC], fd: bool) -> None:
    name, listener = bus
    settings = Settings(can=CanSettings(bus=name, fd=fd))
    with open_sinks(settings, LIVE, CATALOGUE) as sinks:
        sinks.write(
            now(frame_result(tracks=[track()], advisories=[advisory(), advisory("stop", "stop ahead", "stop")]))
        )
        frames = heard(listener, 24)
    frames += heard(listener, 12)
    database, receiver = cantools.database.load_file(DBC), Receiver()
    for frame in frames:
        receiver.receive(frame.arbitration_id, bytes(frame.data), frame.timestamp)
    cycles = [frame for frame in frames if frame.arbitration_id == 1441]
    assert {frame.is_fd for frame in frames} == {fd}
    assert len(cycles) == 9
    read: Any = database.decode_message(1441, cycles[3].data)
    assert (str(read["LimitKind"]), read["LimitValue"], str(read["LimitUnit"])) == ("Limit", 80, "km/h")
    last: Any = database.decode_message(1440, frames[-4].data)
    assert str(last["State"]) == "Off"
    assert receiver.limit(frames[-1].timestamp) == Limit()  # what is off says nothing


def test_a_bus_on_which_nobody_reads_costs_frames_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with can.Bus(interface="virtual", channel="full", rx_queue_size=6):
        settings = Settings(can=CanSettings(bus="virtual:full"))
        with open_sinks(settings, LIVE, CATALOGUE) as sinks:
            for index in range(100):
                sinks.write(frame_result(index))
            time.sleep(0.5)
            (worker,) = sinks.workers
            assert (worker.dropped, worker.failures) == (0, 0)
    assert sum("takes no frames" in record.message for record in caplog.records) == 1
    assert sinks.missing == {}


def test_a_bus_that_never_took_a_frame_makes_the_output_useless() -> None:
    with can.Bus(interface="virtual", channel="closed", rx_queue_size=1) as other:
        other.send(can.Message(arbitration_id=1, data=b""))
        with can.Bus(interface="virtual", channel="closed") as filler:
            filler.send(can.Message(arbitration_id=1, data=b""))
        settings = Settings(can=CanSettings(bus="virtual:closed"))
        with open_sinks(settings, LIVE, CATALOGUE) as sinks:
            sinks.write(frame_result())
    assert list(sinks.missing) == ["CAN bus"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("can0", "lacks its channel"),
        ("nonsense:can0", "no interface 'nonsense'"),
        ("virtual:", "lacks its channel"),
    ],
)
def test_a_name_that_is_none_of_a_bus_is_one_sentence(name: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        CanSink(CanSettings(bus=name), CATALOGUE, CameraSettings())


def test_a_bus_that_is_not_there_is_one_sentence_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with pytest.raises(OutputError, match=r"CAN bus socketcan:none9 can't be opened \(.+\); bring it up"):
        open_sinks(Settings(can=CanSettings(bus="socketcan:none9")), LIVE, CATALOGUE)
    assert threading.active_count() == before


def test_if_another_output_cannot_be_opened_the_bus_is_freed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = threading.active_count()
    settings = Settings(can=CanSettings(bus="virtual:freed"))
    settings.output.video = tmp_path / "file" / "a.mp4"
    with pytest.raises(OutputError, match="video can't be written"):
        open_sinks(settings, LIVE, CATALOGUE)
    assert threading.active_count() == before


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "can", None)
    with pytest.raises(ExtraMissingError, match=r"signpipe\[can\]"):
        CanSink(CanSettings(bus="virtual:x"), CATALOGUE, CameraSettings())


COMPOSER = Composer(load_catalogue(), CameraSettings(focal=1000))
END_ALL = CATALOGUE.by_name("end_all_limits").id if "end_all_limits" in CATALOGUE.names else 32


def test_what_is_known_of_the_limit() -> None:
    def said(**values: Any) -> tuple[LimitKind, float | None]:
        limit = COMPOSER.compose(frame_result(advisories=[advisory(**values)]), 100.0, 100.0).limit
        return limit.kind, limit.value

    assert said() == (LimitKind.LIMIT, 80)
    assert said(value=None, class_id=None) == (LimitKind.UNKNOWN, None)
    assert said(value=None, class_id=END_ALL) == (LimitKind.GENERAL, None)
    assert COMPOSER.compose(frame_result(), 100.0, 100.0).limit == Limit()


def test_limits_under_conditions_by_rules_and_in_miles() -> None:
    def said(**values: Any) -> Limit:
        one = advisory(value=values.pop("value", 80.0), class_id=values.pop("class_id", 5))
        return COMPOSER.compose(frame_result(advisories=[replace(one, **values)]), 100.0, 100.0).limit

    assert said(origin="posted", conditions=("when wet",)).condition is Condition.WET
    assert said(origin="posted", conditions=("when wet", "for buses")).condition is Condition.OTHER
    assert said(origin="posted").condition is Condition.UNCONDITIONAL
    assert said().condition is Condition.NOT_AVAILABLE
    assert said(origin="posted", cautious=60.0).cautious == 60
    assert said(value=100.0, origin="implicit").source is LimitSource.RULE
    miles = said(value=48.28032, unit="mph", origin="posted")
    assert (miles.value, miles.unit) == (30, Unit.MILES)
    general = said(value=None, class_id=END_ALL, origin="implicit")
    assert (general.kind, general.value) == (LimitKind.GENERAL, None)


def test_without_news_what_was_said_ages_and_in_the_end_nothing_is_said() -> None:
    result = frame_result(advisories=[advisory(), advisory("give_way", "give way ahead", "give_way")])
    result.advisories[1].expires_in = 1.5
    states = {}
    for passed in (0.0, 1.0, 2.0, 4.0):
        bulletin = COMPOSER.compose(result, 100.0 + passed, 100.0)
        states[passed] = bulletin.status.state, bulletin.signs.give_way, bulletin.limit.age
    assert states == {
        0.0: (State.OK, Sight.AHEAD, 1.0),
        1.0: (State.BLIND, Sight.AHEAD, 2.0),
        2.0: (State.BLIND, Sight.STALE, 3.0),
        4.0: (State.FAULT, Sight.NOT_AVAILABLE, None),
    }


def test_a_gap_is_blind_and_few_pictures_are_a_degradation() -> None:
    blind = COMPOSER.compose(gap_result(), 200.1, 200.1)
    assert (blind.status.state, blind.status.reason) == (State.BLIND, Reason.NO_PICTURE)
    assert (blind.limit.value, blind.signs.stop, blind.ahead.kind) == (80, Sight.NOT_AVAILABLE, LimitKind.NOT_AVAILABLE)
    few = COMPOSER.compose(frame_result(), 100.0, 100.0, rate=2.0)
    assert (few.status.state, few.status.reason) == (State.DEGRADED, Reason.FEW_PICTURES)
    assert COMPOSER.compose(None, 0.0).status.reason is Reason.STARTING


def test_the_next_limit_is_the_nearest_that_says_something_else() -> None:
    tracks = [
        track(1, (0, 0, 20, 20), "speed_limit_50"),
        track(2, (0, 0, 30, 30), "speed_limit_80"),
        track(3, (0, 0, 10, 10), "speed_limit_30"),
    ]
    ahead = COMPOSER.compose(frame_result(tracks=tracks, advisories=[advisory()]), 100.0, 100.0).ahead
    size = CATALOGUE.by_name("speed_limit_50").width
    assert (ahead.kind, ahead.value, ahead.unit) == (LimitKind.LIMIT, 50, Unit.KILOMETRES)
    assert ahead.distance == pytest.approx(1000 * size / 20)
    assert COMPOSER.compose(frame_result(tracks=tracks[1:2], advisories=[advisory()]), 100, 100).ahead.kind is (
        LimitKind.UNKNOWN
    )


def test_the_other_signs() -> None:
    def topic(name: str, value: str | None, status: AdvisoryStatus = AdvisoryStatus.ACTIVE) -> Any:
        return advisory(name, name, value, status, class_id=None)

    def said(*advisories: Any) -> Any:
        return COMPOSER.compose(frame_result(advisories=list(advisories)), 100.0, 100.0).signs

    assert said(topic("overtaking", "all")).overtaking is Overtaking.BANNED
    assert said(topic("overtaking:goods", "goods")).overtaking is Overtaking.BANNED_FOR_GOODS
    assert said(topic("overtaking", None)).overtaking is Overtaking.ENDED
    assert said(topic("overtaking", "all", AdvisoryStatus.STALE)).overtaking is Overtaking.STALE
    assert said().overtaking is Overtaking.NONE_SEEN
    assert said(topic("access:no_entry", "no_entry"), topic("access:goods_vehicles", "goods_vehicles")).entry is (
        Entry.NO_ENTRY
    )
    assert said(topic("access:no_entry", "no_entry", AdvisoryStatus.STALE)).entry is Entry.STALE
    assert said(topic("danger:children", "children")).danger is Danger.CHILDREN
    assert said(topic("danger:children", "children"), topic("danger:road_works", "road_works")).danger is Danger.SEVERAL
    assert said(topic("unknown:prohibitory", "prohibitory")).unread is Unread.PROHIBITORY
    assert said().danger_state is Sight.NONE_SEEN


def test_who_says_so() -> None:
    one = advisory()
    sources = {}
    for witnesses in [("vision",), ("vision", "map"), ("map",), ("lidar",), ()]:
        one.witnesses = witnesses
        sources[witnesses] = COMPOSER.compose(frame_result(advisories=[one]), 100.0, 100.0).limit.source
    assert list(sources.values()) == [
        LimitSource.VISION, LimitSource.VISION_AND_MAP, LimitSource.MAP, LimitSource.OTHER, LimitSource.NOT_AVAILABLE,
    ]  # fmt: skip


class Cut:
    """A bus that fails for a while."""

    def __init__(self) -> None:
        self.down, self.opened, self.frames = False, 0, 0

    def open(self) -> Any:
        self.opened += 1
        return self

    def send(self, message: can.Message, timeout: float) -> None:
        assert (message.is_extended_id, timeout) == (False, 0)
        if self.down:
            raise can.CanOperationError("Network is down")
        self.frames += 1

    def shutdown(self) -> None:
        pass


def test_a_bus_that_goes_down_is_reported_once_and_used_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signpipe.can import sender

    monkeypatch.setattr(sender, "REOPEN", 0.25)
    cut = Cut()
    with caplog.at_level(logging.WARNING):
        sending = sender.Sender("virtual:cut", lambda _: COMPOSER.compose(None, 0.0), opener=cut.open)
        for down in (False, True, False, True, False):
            cut.down = down
            time.sleep(0.35)
        frames = cut.frames
        sending.close()
    assert [record.message.split("(")[0] for record in caplog.records] == [
        "The CAN bus virtual:cut takes no frames ",
        "The CAN bus virtual:cut takes frames again.",
    ]
    assert cut.opened >= 3
    assert sending.lost > 8
    assert cut.frames >= frames + 12  # three cycles of farewell
