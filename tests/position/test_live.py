"""Positions from receivers, read while driving: real sockets, a real gpsd, a real terminal line."""

import json
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial

import pytest

from signpipe.geodesy import offset
from signpipe.position import PositionSource, live, open_position, receivers
from signpipe.settings import PositionSettings
from signpipe.types import Pose
from tests.position.drives import HOME, at, gga, rmc
from tests.position.serving import LineServer, every

SPEED = 20.0
GPSD = shutil.which("gpsd") or shutil.which("/usr/sbin/gpsd")
VERSION = '{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}'
WATCH = b'?WATCH={"enable":true,"json":true};'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, and wait less for bytes."""
    monkeypatch.setattr(live, "RETRY", 0.05)
    monkeypatch.setattr(receivers, "WAIT", 0.05)


def eastward(second: float) -> list[str]:
    """Return what a receiver says while it drives to the east."""
    fix = at(second, SPEED * second, 0.0)
    return [gga(*fix), rmc(*fix, SPEED, 90.0)]


def standing(second: float) -> list[str]:
    return [rmc(*at(second, 0.0, 0.0), 0.0)]


def tpv(second: float) -> list[str]:
    """Return what gpsd says while its receiver drives to the east."""
    _, latitude, longitude = at(second, SPEED * second, 0.0)
    stamp = datetime.fromtimestamp(1.7e9 + second, UTC).isoformat().replace("+00:00", "Z")
    report = {
        "class": "TPV", "device": "/dev/ttyACM0", "mode": 3, "time": stamp, "lat": latitude, "lon": longitude,
        "track": 90.0, "speed": SPEED, "eph": 4.5,
    }  # fmt: skip
    sky = {"class": "SKY", "satellites": []}
    return [json.dumps(sky), json.dumps(report), json.dumps({"class": "TPV", "mode": 1})]


def eventually(ask: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def opened(source: str) -> "closing[PositionSource]":
    return closing(open_position(PositionSettings(source=source)))


def first(source: PositionSource) -> Pose:
    """Return the first pose that comes."""
    eventually(lambda: source.at(0, time.monotonic()) is not None)
    pose = source.at(0, time.monotonic())
    assert pose is not None
    return pose


def serving(
    lines: Callable[[float], list[str]], interval: float = 0.05, expects: bytes = b"", hello: str = "", port: int = 0
) -> LineServer:
    """Return a server that sends lines at an interval."""

    def script() -> Iterator[bytes]:
        if hello:
            yield f"{hello}\r\n".encode()
        yield from every(interval, lines, lambda: server.ended.is_set())

    server = LineServer(script, expects, port)
    return server


def test_nmea_over_tcp_gives_poses() -> None:
    with serving(eastward) as server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        pose = first(source)
        assert (pose.heading, pose.speed) == pytest.approx((90, SPEED), rel=1e-3)
        eventually(lambda: (p := source.at(0, time.monotonic())) is not None and p.sigma == 4.0)  # of the GGA


def test_a_pose_is_moved_on_from_the_latest_fix_to_the_picture() -> None:
    server = serving(lambda _: eastward(0.0)[1:], interval=30)
    with server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        first(source)
        now = time.monotonic()
        early, late = source.at(0, now), source.at(0, now + 1.0)
        assert early is not None
        assert late is not None
        way, aside = offset(early.latitude, early.longitude, late.latitude, late.longitude)
        assert (way, aside) == pytest.approx((SPEED, 0), abs=0.01)


def test_a_fix_that_is_too_old_gives_no_pose_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with serving(eastward) as server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        first(source)
        with caplog.at_level(logging.WARNING):
            assert source.at(0, time.monotonic() + live.STALE_AFTER + 1) is None
            assert source.at(0, time.monotonic() + 100) is None
        assert source.at(0, time.monotonic()) is not None
        address = f"tcp://127.0.0.1:{server.port}"
    assert [record.getMessage() for record in caplog.records] == [
        f"There is no position from {address} (it has been silent or without a fix for over 3 s);"
        " the map is not asked until there is one."
    ]


def test_a_receiver_that_comes_late_and_goes_is_told_once_and_found_again(caplog: pytest.LogCaptureFixture) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    with caplog.at_level(logging.WARNING), opened(f"tcp://127.0.0.1:{port}") as source:
        eventually(lambda: bool(caplog.records))
        assert source.at(0, time.monotonic()) is None
        time.sleep(0.3)  # several tries
        assert len(caplog.records) == 1
        assert "Connection refused" in caplog.text
        with serving(eastward, port=port) as server:
            first(source)
            server.hang_up()
            eventually(lambda: server.served >= 2)
            first(source)
    assert sum("it ended the connection" in record.getMessage() for record in caplog.records) == 1


def test_a_connection_that_falls_silent_is_opened_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receivers, "SILENT", 0.2)
    with serving(eastward, interval=60) as server, opened(f"tcp://127.0.0.1:{server.port}"):
        eventually(lambda: server.served >= 3)
    assert sum("sent nothing" in record.getMessage() for record in caplog.records) == 1


def test_what_is_no_nmea_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    noise = os.urandom(1_000_000).replace(b"\n", b"")
    with LineServer(lambda: iter([noise])) as server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        eventually(lambda: server.served >= 2)
        assert source.at(0, time.monotonic()) is None
    assert "what it sends has no lines" in caplog.text


def test_the_heading_comes_from_movement_where_the_receiver_has_no_course() -> None:
    server = serving(lambda second: [gga(*at(second, 0.0, SPEED * second))])
    with server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        eventually(lambda: first(source).heading is not None)
        pose = first(source)
        assert pose.heading is not None
        assert min(pose.heading, 360 - pose.heading) < 5
        assert pose.speed == pytest.approx(SPEED, rel=0.3)


def test_a_vehicle_that_stops_keeps_its_heading() -> None:
    def stops(second: float) -> list[str]:
        return eastward(second)[1:] if second < 0.5 else [rmc(*at(second, SPEED * 0.5, 0.0), 0.05, 271.0)]

    with serving(stops) as server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        eventually(lambda: (pose := first(source)).speed is not None and pose.speed < 0.1)
        assert first(source).heading == pytest.approx(90)


def test_a_jump_is_dropped_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    turns = iter(range(10_000))

    def jumpy(second: float) -> list[str]:
        return [rmc(*at(second, 50_000.0 if next(turns) % 4 == 3 else SPEED * second, 0.0), SPEED, 90.0)]

    with serving(jumpy) as server, opened(f"tcp://127.0.0.1:{server.port}") as source:
        eventually(lambda: next(turns) > 60)
        for _ in range(50):
            pose = first(source)
            assert abs(offset(*HOME, pose.latitude, pose.longitude)[0]) < 10_000
            time.sleep(0.01)
    assert sum("it jumped" in record.getMessage() for record in caplog.records) == 1


def test_gpsd_gives_poses() -> None:
    with serving(tpv, expects=WATCH, hello=VERSION) as server, opened(f"gpsd://127.0.0.1:{server.port}") as source:
        pose = first(source)
        assert (pose.heading, pose.speed, pose.sigma) == (90, SPEED, 4.5)
        assert abs(offset(*HOME, pose.latitude, pose.longitude)[1]) < 0.1


def test_what_gpsd_says_without_a_fix_gives_no_pose() -> None:
    def lost(_: float) -> list[str]:
        return [
            '{"class":"TPV","mode":0}', '{"class":"TPV","mode":3}', '{"class":"TPV","mode":3,"lat":"x","lon":9}',
            '{"class":"TPV","mode":3,"lat":500,"lon":9}', "[]", "{", "7", '{"class":"ERROR","message":"x"}',
            '{"class":"TPV","mode":3,"lat":50,"lon":9,"time":"never"}',
        ]  # fmt: skip

    with serving(lost, expects=WATCH) as server, opened(f"gpsd://127.0.0.1:{server.port}") as source:
        eventually(lambda: server.served >= 1)
        time.sleep(0.3)
        assert source.at(0, time.monotonic()) is None


@contextmanager
def real_gpsd(receiver: int) -> Iterator[int]:
    """Run gpsd with a receiver that sends NMEA over TCP; yield its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    arguments = [str(GPSD), "-N", "-n", "-S", str(port), f"tcp://127.0.0.1:{receiver}"]
    daemon = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        daemon.terminate()
        daemon.wait(10)


@pytest.mark.system
@pytest.mark.skipif(not GPSD, reason="needs gpsd: apt-get install gpsd")
def test_a_real_gpsd_gives_poses() -> None:
    server = serving(eastward, interval=0.2)
    with server, real_gpsd(server.port) as port, opened(f"gpsd://127.0.0.1:{port}") as source:
        eventually(lambda: (pose := source.at(0, time.monotonic())) is not None and pose.heading is not None, 30)
        pose = first(source)
        assert pose.heading == pytest.approx(90, abs=1)
        assert pose.speed == pytest.approx(SPEED, rel=0.02)
        assert abs(offset(*HOME, pose.latitude, pose.longitude)[1]) < 1


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: the end to write to, and the device that a program opens."""
    control, device = os.openpty()
    yield control, os.ttyname(device)
    for end in (control, device):
        try:
            os.close(end)
        except OSError:
            continue


def write(control: int, source: PositionSource, pause: float = 0.0) -> None:
    """Write sentences to a line until there is a pose; what comes before it is opened is lost."""
    text = "".join(f"{sentence}\r\n" for sentence in eastward(0.0)).encode()

    def arrived() -> bool:
        os.write(control, text[:30])
        time.sleep(pause)
        os.write(control, text[30:])
        return source.at(0, time.monotonic()) is not None

    eventually(arrived)


def test_a_serial_receiver_gives_poses(line: tuple[int, str]) -> None:
    control, device = line
    with opened(f"serial:{device}@4800") as source:
        write(control, source, pause=0.06)  # lines arrive in pieces, with pauses within
        pose = first(source)
        assert (pose.heading, pose.speed) == pytest.approx((90, SPEED), rel=1e-3)


def test_a_serial_receiver_that_is_unplugged_is_told_once(
    line: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    control, device = line
    with caplog.at_level(logging.WARNING), opened(f"serial:{device}") as source:
        write(control, source)
        os.close(control)
        eventually(lambda: bool(caplog.records))
        time.sleep(0.3)
    assert 1 <= len(caplog.records) <= 2  # it is gone; it can't be opened again


def test_asking_never_waits_and_closing_is_quick() -> None:
    before = set(threading.enumerate())
    with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as deaf:  # accepts nothing, says nothing
        source = open_position(PositionSettings(source=f"tcp://127.0.0.1:{deaf.getsockname()[1]}"))
        for _ in range(1000):
            assert source.at(0, time.monotonic()) is None
        close = partial(source.close)
        close()
        assert set(threading.enumerate()) == before
