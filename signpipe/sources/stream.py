"""Network streams: RTSP, and video or MJPEG over HTTP."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

import av.error

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.base import Source
from signpipe.sources.decode import Decoder, NoVideoError
from signpipe.sources.redact import redact
from signpipe.sources.video import VideoSource
from signpipe.types import Frame, Image

SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
_LOGIN_ERRORS: Final = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_TIMEOUTS: Final = (av.error.ExitError, av.error.TimeoutError)
_WINDOW: Final = 10.0  # seconds over which the earliest arrival is sought
_BACKLOG: Final = 10.0  # most seconds of old pictures skipped when a stream opens


class StreamClock:
    """Turns a stream's timestamps into times on the monotonic clock.

    A picture arrives after its capture by a delay that only ever adds: of the last seconds, the earliest arrival
    relative to its timestamp is the best anchor. So neither the network's jitter nor a hiccup reaches the tracker's
    time intervals, and a clock that drifts or was set anew is followed.
    """

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, float]] = deque()  # (arrival, offset), offsets rising: the first is lowest

    def __call__(self, stamp: float | None, now: float) -> float:
        """Return when the picture was taken, but for the constant part of the delay.

        Args:
            stamp: Seconds on the stream's own clock, or None.
            now: `time.monotonic()` of the arrival.
        """
        if stamp is None:
            return now
        while self._offsets and self._offsets[-1][1] >= now - stamp:
            self._offsets.pop()
        self._offsets.append((now, now - stamp))
        while self._offsets[0][0] < now - _WINDOW:
            self._offsets.popleft()
        return stamp + self._offsets[0][1]


class StreamSource(Source):
    """A live stream.

    `Frame.captured_at` follows the stream's timestamps, anchored on the monotonic clock by `StreamClock`, and
    `Frame.media_time` counts from the first frame.

    Args:
        decoder: The open stream; the source closes it.
        source_id: The address without credentials.
        silence: Seconds that one read may take, for the message.

    Raises:
        SourceError: No picture arrives.
    """

    def __init__(self, decoder: Decoder, source_id: str, silence: float) -> None:
        self._decoder = decoder
        self._source_id = source_id
        self._silence = silence
        self._clock = StreamClock()
        # FFmpeg invents a constant rate for pictures over HTTP: there the arrival is the truth.
        self._stamped = decoder.format != "mpjpeg"
        first = self._newest() if self._stamped else self._picture()
        self.info = decoder.describe(source_id, "stream", live=True, first=first[0])
        self._index = 0
        self._started: float | None = None
        self._first: Frame | None = self._frame(first)

    def _newest(self) -> tuple[Image, float | None]:
        """Skip what queued up while the stream was being opened: it is old, and would come all at once."""
        picture = self._picture()
        interval = 1.0 / (self._decoder.fps or 25.0)
        for _ in range(round(_BACKLOG / interval)):
            asked = time.monotonic()
            try:
                picture = self._picture()
            except SourceError:  # a stream of a few pictures: the next read tells
                break
            if time.monotonic() - asked > interval / 2:
                break
        return picture

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceError: The stream ended, fell silent or was cut.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        frame = self._frame(self._picture())
        self._report_damage()
        return frame

    def _frame(self, picture: tuple[Image, float | None]) -> Frame:
        image, stamp = picture
        taken = self._clock(stamp if self._stamped else None, time.monotonic())
        self._started = taken if self._started is None else self._started
        frame = Frame(image, self._index, taken, max(taken - self._started, 0.0), self._source_id)
        self._index += 1
        return frame

    def _picture(self) -> tuple[Image, float | None]:
        asked = time.monotonic()
        try:
            picture = self._decoder.read()
        except av.error.FFmpegError as error:
            raise SourceError(_explain(error, self._source_id, self._silence, asked)) from None
        if picture is None:
            raise SourceError(f"The stream {self._source_id} was ended by its server.")
        return picture

    def _report_damage(self) -> None:
        if self._decoder.damaged and not self.info.damaged:
            self.info.warn(f"{self._source_id} loses data on its way; damaged pictures are skipped and counted.")
        self.info.damaged = self._decoder.damaged

    def close(self) -> None:
        """Close the connection."""
        self._decoder.close()


def open_stream(address: str, settings: CaptureSettings) -> VideoSource | StreamSource:
    """Open a stream, or a recording that lies on a web server.

    Args:
        address: rtsp, rtsps, http or https, with or without credentials.
        settings: Timeouts.

    Raises:
        SourceError: The server refuses, can't be reached, stays silent, wants another login, or sends no video.
    """
    name = redact(address)
    rtsp = address.lower().startswith("rtsp")
    asked = time.monotonic()
    options = {"rtsp_transport": "tcp"} if rtsp else {}  # over UDP, lost packets smear the picture
    try:
        decoder = Decoder(address, live=True, options=options, timeout=(settings.open_timeout, settings.stall_timeout))
    except NoVideoError:
        raise SourceError(f"The stream {name} carries no video.") from None
    except av.error.FFmpegError as error:
        raise SourceError(_explain(error, name, settings.open_timeout, asked)) from None
    try:
        if not rtsp and decoder.duration is not None:
            return VideoSource(decoder, name)
        return StreamSource(decoder, name, settings.stall_timeout)
    except SourceError:
        decoder.close()
        raise


def _explain(error: av.error.FFmpegError, name: str, limit: float, asked: float) -> str:
    """Say in a sentence why a stream failed; FFmpeg's own text may hold the address with its credentials.

    Args:
        error: What FFmpeg raised.
        name: The address without credentials.
        limit: Seconds that the request could take.
        asked: `time.monotonic()` of the request.
    """
    # An RTSP request that is broken off reports all kinds of errors: the clock knows better.
    if isinstance(error, _TIMEOUTS) or time.monotonic() - asked >= limit:
        return f"The stream {name} sent nothing for {limit:g} s: check the network, and that the camera runs."
    if isinstance(error, _LOGIN_ERRORS):
        return f"The server of {name} refused the login: check the user and password in the address."
    if isinstance(error, av.error.HTTPNotFoundError):
        return f"The server of {name} has no such stream (404): check the path of the address."
    if isinstance(error, av.error.ConnectionRefusedError):
        return f"The server of {name} refused the connection: check that it runs and that the port is right."
    if isinstance(error, av.error.InvalidDataError):
        return f"The stream {name} sends no video that can be decoded."
    return f"The stream {name} can't be read ({error.strerror}): check the address and the network."
