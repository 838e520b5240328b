"""Faults, each a real one: what breaks one source reaches no other, and what comes back is found again."""

import asyncio
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from signpipe.shipped import shipped
from tests.support import rtsp_server
from tests.support.limits import mounted_disk
from tests.support.rtsp_server import RtspServer
from tests.support.serving import PATIENCE, Server, is_running, wait_for
from tests.support.wall_clock import COMPILER, WallClock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LIVE = {"capture": {"loop": 0, "policy": "drop_oldest", "fps": 3.0}}
JPEG = {"content-type": "image/jpeg"}
CLIENTS, SLOW = 200, 20
UNPLUGGED = 60.0  # seconds


def source(name: str, address: Path | str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "address": str(address), "settings": LIVE | settings}


def running(server: Server, name: str) -> dict[str, Any]:
    """Wait until a source gives pictures."""

    def watched() -> Any:
        found = server.source(name)
        return found if found["state"] == "running" and found["stats"].get("frames", 0) > 0 else None

    found: dict[str, Any] = server.wait_for(watched, f"{name} to run")
    return found


def goes_on(server: Server, name: str) -> None:
    """Wait until a source has given some more pictures, in the same run as before."""
    before = running(server, name)
    server.wait_for(lambda: server.source(name)["stats"].get("frames", 0) > before["stats"]["frames"] + 3, "pictures")
    assert server.source(name)["run"] == before["run"]


def each_once(server: Server) -> list[dict[str, Any]]:
    """Return the signs that are stored, of which none is there twice."""
    signs: list[dict[str, Any]] = server.get("/v1/signs", limit=500)["signs"]
    keys = [(sign["run"], sign["track"]) for sign in signs]
    assert len(keys) == len(set(keys))
    return signs


def test_a_killed_process_is_started_again_and_the_others_go_on(clip: Path, tmp_path: Path) -> None:
    with Server(tmp_path, {"sources": [source("a", clip), source("b", clip)]}) as server:
        first, other = running(server, "a"), running(server, "b")
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for(lambda: {server.source("a")["restarts"], server.source("b")["restarts"]} == {0, 1}, "a restart")
        runs = {running(server, name)["run"] for name in ("a", "b")}
        assert len(runs & {first["run"], other["run"]}) == 1
        each_once(server)


def test_what_forks_processes_is_replaced_when_it_is_killed(clip: Path, tmp_path: Path) -> None:
    with Server(tmp_path, {"sources": [source("a", clip), source("b", clip)]}) as server:
        running(server, "a")
        running(server, "b")
        forking = server.forking()
        assert forking is not None
        os.kill(forking, signal.SIGKILL)
        for name in ("a", "b"):
            goes_on(server, name)
            assert server.source(name)["restarts"] == 0
        before = server.source("a")["run"]
        assert server.client.post("/v1/sources/a/restart").status_code == 202
        assert running(server, "a")["run"] != before
        assert server.stop() == 0


def test_a_source_that_cant_be_opened_fails_with_the_reason_after_five_starts(tmp_path: Path, clip: Path) -> None:
    with Server(tmp_path, {"sources": [source("none", tmp_path / "nothing.mp4")]}) as server:
        failed = server.wait_for(lambda: (one := server.source("none"))["state"] == "failed" and one, "the failure")
        assert "There is no source" in failed["reason"]
        assert failed["restarts"] == 5
        assert server.get("/readyz")["reasons"] == ["the source none has failed"]
        shutil.copy(clip, tmp_path / "nothing.mp4")
        assert server.client.post("/v1/sources/none/restart").status_code == 202
        running(server, "none")


def test_a_source_that_takes_too_much_memory_is_ended_and_the_others_go_on(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    large = cv2.imencode(".jpg", np.zeros((9000, 12000, 3), np.uint8))[1].tobytes()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(large)
    patient = {"capture": LIVE["capture"] | {"open_timeout": 120.0}}
    sources = [source("small", clip), source("large", folder, **patient)]
    with Server(tmp_path, {"server": {"memory": 900}, "sources": sources}) as server:
        server.wait_for(lambda: "more than 900 MB" in (server.source("large")["reason"] or ""), "the reason")
        goes_on(server, "small")
        assert server.source("small")["restarts"] == 0


def test_a_source_that_gets_no_memory_breaks_alone(clip: Path, tmp_path: Path) -> None:
    with Server(tmp_path, {"sources": [source("a", clip), source("b", clip)]}) as server:
        runs = {name: running(server, name)["run"] for name in ("a", "b")}
        _, most = resource.prlimit(server.workers()[0], resource.RLIMIT_AS)
        resource.prlimit(server.workers()[0], resource.RLIMIT_AS, (2**20, most))  # the system refuses all from now on

        def broken() -> list[str]:
            now = {name: server.source(name) for name in runs}
            return [name for name in runs if now[name]["state"] != "running" or now[name]["run"] != runs[name]]

        (victim,) = server.wait_for(broken, "a source to break")
        (other,) = runs.keys() - {victim}
        goes_on(server, other)
        assert server.source(other)["run"] == runs[other]
        server.client.post(f"/v1/sources/{victim}/restart")
        goes_on(server, victim)


def test_a_model_that_is_replaced_harms_only_who_opens_it_anew(clip: Path, tmp_path: Path, picture: bytes) -> None:
    models = tmp_path / "models"
    shutil.copytree(shipped("models"), models)
    settings = {"settings": {"runtime": {"models": str(models)}}, "sources": [source("a", clip), source("b", clip)]}
    with Server(tmp_path, settings) as server:
        running(server, "a")
        running(server, "b")
        detector = models / "detector-fast.onnx"
        whole = detector.read_bytes()
        detector.unlink()
        detector.write_bytes(whole[: len(whole) // 2])
        assert server.client.post("/v1/sources/a/restart").status_code == 202
        told = server.wait_for(lambda: (one := server.source("a"))["reason"] and one, "the reason")
        assert "detector-fast" in told["reason"]
        goes_on(server, "b")
        assert server.client.post("/v1/detect", content=picture, headers=JPEG).status_code == 200
        detector.write_bytes(whole)
        server.client.post("/v1/sources/a/restart")
        running(server, "a")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of its own."""
    with mounted_disk(tmp_path / "disk", "size=24m") as folder:
        yield folder


@dataclass
class FailingDisk:
    """An ext4 disk that the kernel makes read-only while it is in use, as it does when a disk reports an error."""

    image: Path
    folder: Path

    def mount(self) -> None:
        run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))

    def fail(self) -> None:
        device = Path(run("findmnt", "--noheadings", "--output", "SOURCE", str(self.folder)).strip()).name
        assert device.startswith("loop")
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")

    def repair(self) -> None:
        run("umount", str(self.folder))
        subprocess.run(["e2fsck", "-y", str(self.image)], capture_output=True, check=False)  # 1: errors were mended
        self.mount()


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[FailingDisk]:
    disk = FailingDisk(tmp_path / "disk.ext4", tmp_path / "disk")
    disk.folder.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(48 * 2**20)
    try:
        run("mkfs.ext4", "-q", str(disk.image))
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no ext4 disk can be mounted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)


@pytest.mark.system
def test_a_disk_that_cant_be_written_is_one_sentence_at_the_start(tmp_path: Path, disk: Path) -> None:
    with Server(tmp_path, {"server": {"data": str(disk / "data")}}) as server:
        assert server.stop() == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(AssertionError):
        server.start()
    assert server.exit_code == 2
    assert len(server.log) == 1
    assert "can't be used" in server.log[0]


@pytest.mark.system
def test_a_full_disk_stops_no_source_and_loses_no_sign(clip: Path, tmp_path: Path, disk: Path, picture: bytes) -> None:
    settings = {"server": {"data": str(disk / "data")}, "sources": [source("road", clip)]}
    with Server(tmp_path, settings) as server:
        run = running(server, "road")["run"]
        server.wait_for(lambda: server.get("/v1/signs")["signs"], "a sign")
        filling = disk / "filling"
        with filling.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        still_works_without_a_disk(server, clip, picture)
        filling.unlink()
        server.wait_for(lambda: server.client.get("/readyz").status_code == 200, "the disk to be written again")
        # A sign that is held while the last of them are being stored waits for its turn.
        server.wait_for(lambda: "signpipe_signs_held 0.0" in server.client.get("/metrics").text, "none to be held")
        assert "signpipe_signs_lost_total 0.0" in server.client.get("/metrics").text
        each_once(server)
        assert (server.source("road")["run"], server.source("road")["restarts"]) == (run, 0)


@pytest.mark.system
def test_a_disk_that_breaks_stops_no_source_and_what_was_stored_is_found_again(
    clip: Path, tmp_path: Path, failing_disk: FailingDisk, picture: bytes
) -> None:
    settings = {"server": {"data": str(failing_disk.folder / "data")}, "sources": [source("road", clip)]}
    with Server(tmp_path, settings) as server:
        run = running(server, "road")["run"]
        before = server.wait_for(lambda: server.get("/v1/signs")["signs"], "a sign")
        failing_disk.fail()
        still_works_without_a_disk(server, clip, picture)
        assert (server.source("road")["run"], server.source("road")["restarts"]) == (run, 0)
        assert server.stop() == 0
        failing_disk.repair()
        server.start()
        assert {sign["id"] for sign in before} <= {sign["id"] for sign in each_once(server)}
        newest = max(sign["id"] for sign in each_once(server))
        server.wait_for(lambda: server.get("/v1/signs", limit=1)["signs"][0]["id"] > newest, "a new sign")


def still_works_without_a_disk(server: Server, clip: Path, picture: bytes) -> None:
    """Ask for what a server can do whose disk can't be written, and that it says so."""
    unready = server.wait_for(lambda: (told := server.client.get("/readyz")).status_code == 503 and told, "503")
    assert "the database can't be written" in unready.json()["reasons"][0]
    goes_on(server, "road")
    assert server.client.post("/v1/detect", content=picture, headers=JPEG).status_code == 200
    refused = server.client.post("/v1/jobs", params={"name": "drive.mp4"}, content=clip.read_bytes())
    assert refused.status_code == 507
    assert server.get("/v1/signs")["signs"]  # what is there can still be read


@pytest.mark.system
@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_a_clock_that_jumps_by_an_hour_stops_nothing_and_removes_nothing(clip: Path, tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    settings = {"server": {"retention": 0.02}, "sources": [source("road", clip)]}  # half an hour
    with Server(tmp_path, settings, environment=clock.environment) as server:
        run = running(server, "road")["run"]
        first = server.wait_for(lambda: server.get("/v1/signs", limit=1)["signs"], "a sign")[0]
        for hours in (1, -1, 0):
            clock.set(hours * 3600)
            server.wait_for(lambda: hour(newest(server)) == hours, f"a sign {hours} h away")  # noqa: B023  # used at once
            goes_on(server, "road")
        assert server.get("/readyz")["reasons"] == []
        assert first["id"] in {sign["id"] for sign in each_once(server)}
        assert (server.source("road")["run"], server.source("road")["restarts"]) == (run, 0)


def newest(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/v1/signs", limit=1)["signs"][0]
    return found


def hour(sign: dict[str, Any]) -> int:
    """Return by how many hours a sign that was just seen was seen later than now."""
    return round((float(sign["last"]) - time.time()) / 3600)


@pytest.mark.system
@pytest.mark.skipif(bool(rtsp_server.why_absent()), reason=rtsp_server.why_absent() or "there is an RTSP server")
def test_a_camera_that_was_unplugged_for_a_minute_is_found_again(tmp_path: Path) -> None:
    with RtspServer() as camera:
        capture = {"capture": {"stall_timeout": 2.0, "reconnect_longest": 2.0}}
        settings = {"sources": [{"name": "camera", "address": camera.url(), "settings": capture}]}
        with Server(tmp_path, settings) as server:
            before = running(server, "camera")
            camera.cut()
            server.wait_for(lambda: server.source("camera")["stats"].get("signal"), "the lost signal")
            time.sleep(UNPLUGGED)  # as long as a process may say nothing: this one says that there is no picture
            assert server.source("camera")["stats"]["signal"]
            camera.start(320, 240)
            server.wait_for(lambda: not server.source("camera")["stats"].get("signal"), "the signal")
            after = running(server, "camera")
            assert (after["run"], after["restarts"]) == (before["run"], 0)


def test_a_server_that_is_killed_leaves_no_process_and_finds_its_sources_again(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "drive.mp4")
    with Server(tmp_path, {"server": {"recordings": str(tmp_path)}}) as server:
        body = {"name": "added", "address": "drive.mp4", "loop": True}
        assert server.client.post("/v1/sources", json=body).status_code == 201
        running(server, "added")
        left = [*server.workers(), server.forking()]
        server.kill()
        wait_for(lambda: not any(pid is not None and is_running(pid) for pid in left), "its processes to end")
        server.start()
        running(server, "added")
        assert server.stop() == 0


def test_two_hundred_clients_are_answered_though_twenty_are_slow(clip: Path, tmp_path: Path) -> None:
    limits = {"requests": 10_000.0, "burst": 10_000, "header_seconds": 20.0}
    with Server(tmp_path, {"limits": limits, "sources": [source("road", clip)]}) as server, ExitStack() as stack:
        before = running(server, "road")
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(SLOW)]
        for number, connection in enumerate(slow):
            connection.settimeout(PATIENCE)
            kind = "GET /v1/signs" if number % 2 else "POST /v1/detect"
            connection.sendall(f"{kind} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\nX-Slow: ".encode())

        async def ask_all() -> list[int]:
            # A connection a request: one that is kept may be closed by the server just as the next request is sent.
            most = httpx.Limits(max_connections=CLIENTS - SLOW, max_keepalive_connections=0)
            async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE, limits=most) as client:
                asked = [client.get("/v1/signs", params={"limit": 20}) for _ in range(2 * (CLIENTS - SLOW))]
                return [answer.status_code for answer in await asyncio.gather(*asked)]

        assert set(asyncio.run(ask_all())) == {200}
        goes_on(server, "road")
        assert server.source("road")["run"] == before["run"]
        for connection in slow:
            assert connection.recv(100) == b""  # closed, as their time was over
