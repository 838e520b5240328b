"""Real servers: RTSP by GStreamer, video and MJPEG over HTTP, and servers that refuse or stay silent."""

import contextlib
import http.server
import logging
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import pytest

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import open_source
from signpipe.sources.stream import StreamClock
from signpipe.stages.capture import Capture
from signpipe.types import Frame, Gap
from tests.support.rtsp_server import RtspServer, why_absent
from tests.support.videos import number_of, picture, write_video

FAST = CaptureSettings(
    open_timeout=4, stall_timeout=1, gap_after=0.3, reconnect_first=0.1, reconnect_longest=0.3, loop=1
)
needs_rtsp = pytest.mark.skipif(bool(why_absent()), reason=f"no RTSP server: {why_absent()}")


def refusal(address: str, settings: CaptureSettings = FAST) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(address, settings)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files; /mjpeg with ten pictures at uneven times; /private for joe with the password 'secret'.

    /mjpeg/image/jpg says so of each picture's type, /mjpeg/none says nothing of it.
    """

    pauses = (0.0, 0.05, 0.15, 0.05, 0.25, 0.05, 0.05, 0.15, 0.05, 0.05)

    def do_GET(self) -> None:
        if self.path.startswith("/mjpeg"):
            self.send_mjpeg()
        elif self.path.startswith("/private") and self.headers["Authorization"] != "Basic am9lOnNlY3JldA==":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        else:
            self.path = self.path.removeprefix("/private").partition("?")[0]
            super().do_GET()

    def send_mjpeg(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for number, pause in enumerate(self.pauses):
                time.sleep(pause)
                jpeg = cv2.imencode(".jpg", picture(number))[1].tobytes()
                kind = self.path.removeprefix("/mjpeg").strip("/") or "image/jpeg"
                says = "" if kind == "none" else f"Content-Type: {kind}\r\n"
                head = f"--frame\r\n{says}Content-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that serves `tmp_path`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestHttp:
    def test_a_recording_on_a_web_server_is_a_recording(self, tmp_path: Path, web: str) -> None:
        write_video(tmp_path / "a.mp4", frames=12)
        with Capture(partial(open_source, f"http://{web}/a.mp4", FAST), FAST) as capture:
            assert not capture.info.live
            frames = [item for item in capture if isinstance(item, Frame)]
        assert [number_of(frame.image) for frame in frames] == list(range(12))
        assert [frame.media_time for frame in frames] == pytest.approx([number / 25 for number in range(12)], abs=1e-3)

    @pytest.mark.parametrize(
        ("name", "codec", "container"),
        [
            ("a.mkv", "libx264", {"live": "1"}),  # as a recorder writes it that was cut off: without duration
            ("a.webm", "libvpx", {"live": "1"}),
            ("a.h264", "libx264", {}),
            ("a.mjpeg", "mjpeg", {}),
            ("a.ts", "libx264", {}),
        ],
    )
    def test_what_has_a_length_ends_whatever_its_container(
        self, tmp_path: Path, web: str, name: str, codec: str, container: dict[str, str]
    ) -> None:
        write_video(tmp_path / name, codec, frames=12, container=container)
        with Capture(partial(open_source, f"http://{web}/{name}", FAST), FAST) as capture:
            assert not capture.info.live
            frames = [item for item in capture if isinstance(item, Frame)]
        assert [number_of(frame.image) for frame in frames] == list(range(12))
        assert capture.reconnects == 0

    @pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.ppm", "a.avif", "snapshot"])
    def test_a_picture_on_a_web_server_is_a_picture(self, tmp_path: Path, web: str, name: str) -> None:
        suffix = Path(name).suffix or ".jpg"
        (tmp_path / name).write_bytes(cv2.imencode(suffix, picture(6))[1].tobytes())
        with open_source(f"http://joe:secret@{web}/private/{name}", FAST) as source:
            frames = list(source)
        assert [number_of(frame.image) for frame in frames] == [6]
        assert frames[0].independent
        assert "secret" not in repr(source.info) + repr(frames[0])

    @pytest.mark.parametrize("kind", ["image/jpg", "none"])
    def test_mjpeg_is_watched_whatever_it_calls_its_pictures(self, web: str, kind: str) -> None:
        with open_source(f"http://{web}/mjpeg/{kind}", FAST) as source:
            assert source.info.live
            frames = [source.read() for _ in range(8)]
        assert [number_of(frame.image) for frame in frames if frame] == list(range(8))

    def test_mjpeg_is_live_and_keeps_the_time_of_arrival(self, web: str) -> None:
        source = open_source(f"http://{web}/mjpeg", FAST)
        frames = [source.read() for _ in range(9)]
        assert source.info.live
        source.close()
        assert [number_of(frame.image) for frame in frames if frame] == list(range(9))
        steps = [after.media_time - before.media_time for before, after in pairwise(filter(None, frames))]
        assert max(steps) > 0.1  # FFmpeg invents 0.04 for each

    def test_the_login_in_the_address_is_used(self, tmp_path: Path, web: str) -> None:
        write_video(tmp_path / "a.mp4")
        source = open_source(f"http://joe:secret@{web}/private/a.mp4?token=hidden", FAST)
        frame = source.read()
        source.close()
        assert frame is not None
        assert frame.source_id == source.info.source_id == f"http://***@{web}/private/a.mp4?token=***"

    def test_a_wrong_login_is_refused(self, tmp_path: Path, web: str) -> None:
        write_video(tmp_path / "a.mp4")
        message = refusal(f"http://joe:wrong@{web}/private/a.mp4")
        assert message.startswith(f"The server of http://***@{web}/private/a.mp4 refused the login")

    def test_a_wrong_path_is_refused(self, web: str) -> None:
        assert "no such stream (404)" in refusal(f"http://{web}/nothing.mp4")

    def test_a_page_is_no_video(self, tmp_path: Path, web: str) -> None:
        (tmp_path / "page.html").write_text("<html>hello</html>" * 50)
        assert "no video" in refusal(f"http://{web}/page.html")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
class TestNoServer:
    def test_a_closed_port_refuses(self, scheme: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        message = refusal(f"{scheme}://joe:secret@127.0.0.1:{port}/a")
        assert f"{scheme}://***@127.0.0.1:{port}/a refused the connection" in message

    def test_a_silent_server_is_given_up(self, scheme: str, silent: int) -> None:
        settings = FAST.model_copy(update={"open_timeout": 0.5})
        assert "sent nothing for 0.5 s" in refusal(f"{scheme}://joe:secret@127.0.0.1:{silent}/a", settings)

    def test_an_unknown_host_is_refused(self, scheme: str) -> None:
        message = refusal(f"{scheme}://joe:secret@no-such-host.invalid/a")
        assert "can't be read" in message
        assert "secret" not in message


@pytest.mark.system
@needs_rtsp
class TestRtsp:
    def test_login(self) -> None:
        with RtspServer(user="joe", password="s3cret/x") as server:
            assert "refused the login" in refusal(server.url())
            message = refusal(server.url("joe:s3cret-wrong"))
            assert "refused the login" in message
            assert "s3cret" not in message
            source = open_source(server.url("joe:s3cret%2Fx"), FAST)
            frame = source.read()
            source.close()
        assert frame is not None
        assert frame.source_id == f"rtsp://***@127.0.0.1:{server.port}/bars"
        assert "s3cret" not in repr(source.info) + repr(source)

    def test_a_camera_that_has_only_udp_is_watched_by_udp(self) -> None:
        with RtspServer(udp_only=True) as server:
            source = open_source(server.url(), FAST)
            assert source.read() is not None
            source.close()
            message = refusal(server.url(), FAST.model_copy(update={"rtsp_transport": "tcp"}))
        assert "doesn't send by TCP" in message
        assert "capture.rtsp_transport" in message

    def test_a_wrong_path_is_refused(self) -> None:
        with RtspServer() as server:
            assert "no such stream (404)" in refusal(server.url().replace("bars", "nothing"))

    def test_frames_come_live_at_their_true_intervals(self) -> None:
        with RtspServer(320, 240) as server, Capture(partial(open_source, server.url(), FAST), FAST) as capture:
            assert capture.info.live
            assert capture.info.fps == pytest.approx(25)
            frames = [item for item in (next(capture) for _ in range(25)) if isinstance(item, Frame)]
        steps = [after.media_time - before.media_time for before, after in pairwise(frames)]
        assert frames[0].media_time == 0
        assert sorted(steps)[len(steps) // 2] == pytest.approx(0.04, abs=0.015)
        green = frames[-1].image[20, 160]  # the bars are grey, yellow, cyan, green, ...
        assert green.argmax() == 1
        assert frames[-1].image.shape == (240, 320, 3)

    def test_it_survives_a_stall_a_cut_and_another_size(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        items: list[Frame | Gap] = []
        phase, gaps = "live", {"stalled": 0, "cut": 0}
        with (
            RtspServer(320, 240, user="joe", password="s3cret") as server,
            Capture(partial(open_source, server.url("joe:s3cret"), FAST), FAST) as capture,
        ):
            for item in capture:
                items.append(item)
                if isinstance(item, Gap):
                    if phase in gaps:
                        gaps[phase] += 1
                    if phase == "stalled" and item.duration > 1.5:
                        server.go_on()
                        phase = "going on"
                elif phase == "live" and len(items) >= 10:
                    server.stall()
                    phase = "stalled"
                elif phase == "going on" and capture.reconnects:
                    server.cut()
                    server.start(640, 480)
                    phase = "cut"
                elif phase == "cut" and item.image.shape == (480, 640, 3):
                    break
            assert capture.reconnects >= 2
            assert (capture.info.width, capture.info.height) == (640, 480)
        assert min(gaps.values()) >= 1
        times = [item.media_time for item in items]
        assert times == sorted(times)
        indices = [item.index for item in items if isinstance(item, Frame)]
        assert indices == sorted(set(indices))
        assert any("is back" in record.message for record in caplog.records)
        assert "s3cret" not in caplog.text + "".join(map(repr, [item for item in items if isinstance(item, Gap)]))


class TestStreamClock:
    def test_jitter_of_the_network_is_taken_out(self) -> None:
        clock = StreamClock()
        late = [0.0, 0.03, 0.01, 0.2, 0.16, 0.12, 0.08, 0.04, 0.0, 0.05]  # a hiccup, and what queued up behind it
        taken = [clock(1000 + i * 0.04, 50 + i * 0.04 + late[i]) for i in range(10)]
        assert [after - before for before, after in pairwise(taken)] == pytest.approx([0.04] * 9)

    def test_nothing_is_from_the_future(self) -> None:
        clock = StreamClock()
        for stamp, now in ((0.0, 10.0), (5.0, 10.1), (5.1, 10.3), (0.0, 10.5)):
            assert clock(stamp, now) <= now

    def test_a_clock_set_back_is_followed(self) -> None:
        clock = StreamClock()
        for i in range(100):
            clock(1000 + i, 50 + i)
        assert [clock(i, 150 + i) for i in range(60)][-1] == pytest.approx(150 + 59)

    def test_without_a_stamp_the_arrival_counts(self) -> None:
        assert StreamClock()(None, 12.5) == 12.5
