"""A real RTSP server, GStreamer's, in a child process that can be cut, stalled and restarted.

As a script it runs under the system's Python, which has GStreamer's bindings; the tests import `RtspServer`.
"""

from __future__ import annotations

import argparse
import functools
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

SYSTEM_PYTHON = Path("/usr/bin/python3")
_NEEDED = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [name for name in ("videotestsrc", "x264enc", "rtph264pay", "rtpbin") if not Gst.ElementFactory.find(name)]
raise SystemExit(f"GStreamer lacks {missing}" if missing else 0)
"""


@functools.cache
def why_absent() -> str:
    """Say what keeps the server from running here, or nothing."""
    if not SYSTEM_PYTHON.exists():
        return f"there is no {SYSTEM_PYTHON}"
    done = subprocess.run([SYSTEM_PYTHON, "-c", _NEEDED], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


class RtspServer:
    """Colour bars in H.264 at rtsp://127.0.0.1:PORT/bars."""

    def __init__(
        self, width: int = 320, height: int = 240, user: str = "", password: str = "", udp_only: bool = False
    ) -> None:
        self.user, self.password, self.udp_only = user, password, udp_only
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start(width, height)

    def url(self, login: str = "") -> str:
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self.port}/bars"

    def start(self, width: int, height: int) -> None:
        """Start, or start again at the same port with another size of picture."""
        self._process = subprocess.Popen(
            [
                SYSTEM_PYTHON,
                __file__,
                str(self.port),
                str(width),
                str(height),
                self.user,
                self.password,
                "udp" if self.udp_only else "any",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def cut(self) -> None:
        """Kill the server, as pulling its plug would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def stall(self) -> None:
        """Freeze the server: connections stay open, but nothing is sent any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()


def serve(port: int, width: int, height: int, user: str, password: str, transport: str) -> None:
    """Serve for ever; prints the port once it accepts connections."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    gi.require_version("GstRtsp", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=smpte ! video/x-raw,width={width},height={height},framerate=25/1"
        " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    if transport == "udp":
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    if user:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth = GstRtspServer.RTSPAuth()
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
    server.get_mount_points().add_factory("/bars", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("port", "width", "height"):
        parser.add_argument(name, type=int)
    for name in ("user", "password", "transport"):
        parser.add_argument(name)
    serve(**vars(parser.parse_args()))
