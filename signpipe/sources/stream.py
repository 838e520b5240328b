"""Network streams: RTSP, and video or MJPEG over HTTP."""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import av.error

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.content import is_picture
from signpipe.sources.decode import Decoder, NoVideoError
from signpipe.sources.images import ImageSource, open_picture
from signpipe.sources.redact import redact
from signpipe.sources.video import VideoSource
from signpipe.sources.web import Resource, ask
from signpipe.types import Frame, Image
from signpipe.types.source import Source

SCHEMES: Final = ("rtsp", "rtsps", "http", "https")
_LOGIN_ERRORS: Final = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_TIMEOUTS: Final = (av.error.ExitError, av.error.TimeoutError)
_UNSTAMPED: Final = ("mjpeg", "mpjpeg", "jpeg_pipe")  # containers to which FFmpeg gives a rate of its own
_RECOVERY: Final = 0.5  # seconds
_WINDOW: Final = 10.0  # seconds over which the earliest arrival is sought
_BACKLOG: Final = 10.0  # most seconds of old pictures skipped when a stream opens


class TransportError(SourceError):
    """A camera doesn't send in the way that it was asked for."""


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
        self._stamped = decoder.format not in _UNSTAMPED
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


def open_stream(address: str, settings: CaptureSettings) -> ImageSource | VideoSource | StreamSource:
    """Open a stream, or a recording or picture that lies on a web server.

    What has an end there, by its length, is no stream: it is read once, whole, and not opened again.

    Args:
        address: rtsp, rtsps, http or https, with or without credentials.
        settings: Timeouts, the transport of RTSP, and deinterlacing.

    Raises:
        SourceError: The server refuses, can't be reached, stays silent, wants another login, or sends no video.
        ExtraMissingError: It is a HEIC picture, and the extra "heif" isn't installed.
    """
    name = redact(address)
    if not address.lower().startswith("rtsp"):
        return _open_web(address, name, settings)
    decoder = _open_rtsp(address, name, settings)
    return _streamed(decoder, name, settings)


def _open_rtsp(address: str, name: str, settings: CaptureSettings) -> Decoder:
    """Connect by TCP, since over UDP lost packets smear the picture, and by UDP where a camera has nothing else."""
    if settings.rtsp_transport != "auto":
        return _connect(address, name, settings, {"rtsp_transport": settings.rtsp_transport})
    try:
        return _connect(address, name, settings, {"rtsp_transport": "tcp"})
    except TransportError:
        pass
    try:
        return _connect(address, name, settings, {"rtsp_transport": "udp"})
    except SourceError:
        time.sleep(_RECOVERY)  # a server that has just refused may still be closing what it had prepared
        return _connect(address, name, settings, {"rtsp_transport": "udp"})


def _open_web(address: str, name: str, settings: CaptureSettings) -> ImageSource | VideoSource | StreamSource:
    """Open what a web server has: what its length and first bytes say counts, where FFmpeg has to guess."""
    try:
        decoder = _connect(address, name, settings)
    except SourceError:
        found = ask(address, settings.open_timeout, settings.redirects)
        if found is None:
            raise
        if found.length is not None and is_picture(found.head):
            return _open_web_picture(found, name, settings)
        if not found.may_be_mjpeg:
            raise
        return _open_mjpeg(address, name, settings)
    if decoder.format == "mpjpeg":
        try:
            return _streamed(decoder, name, settings)
        except SourceError:
            return _open_mjpeg(address, name, settings)
    found = ask(address, settings.open_timeout, settings.redirects)
    has_end = found is not None and found.length is not None
    if found is not None and has_end and is_picture(found.head) and not found.is_many_jpegs:
        decoder.close()
        return _open_web_picture(found, name, settings)
    if has_end or decoder.duration is not None:
        with _closed_on_error(decoder):
            return VideoSource(decoder, name)
    return _streamed(decoder, name, settings)


def _open_mjpeg(address: str, name: str, settings: CaptureSettings) -> StreamSource:
    """Open JPEG after JPEG by the bytes alone: cameras name the type of each as they like, or not at all."""
    decoder = _connect(address, name, settings, container="mjpeg")
    return _streamed(decoder, name, settings)


def _open_web_picture(found: Resource, name: str, settings: CaptureSettings) -> ImageSource:
    return open_picture(name, lambda: found.fetch(settings.open_timeout), settings)


def _streamed(decoder: Decoder, name: str, settings: CaptureSettings) -> StreamSource:
    with _closed_on_error(decoder):
        return StreamSource(decoder, name, settings.stall_timeout)


@contextmanager
def _closed_on_error(decoder: Decoder) -> Iterator[None]:
    """Close a decoder of which no source could be made."""
    try:
        yield
    except SourceError:
        decoder.close()
        raise


def _connect(
    address: str,
    name: str,
    settings: CaptureSettings,
    options: dict[str, str] | None = None,
    container: str | None = None,
) -> Decoder:
    """Open a decoder.

    Raises:
        SourceError: It can't be; one sentence says why. `TransportError` if the camera doesn't send in this way.
    """
    asked = time.monotonic()
    if not settings.redirects and not address.lower().startswith("rtsp"):
        options = {"max_redirects": "0", **(options or {})}
    try:
        return Decoder(
            address,
            live=True,
            deinterlace=settings.deinterlace,
            container=container,
            options=options,
            timeout=(settings.open_timeout, settings.stall_timeout),
        )
    except NoVideoError:
        raise SourceError(f"The stream {name} carries no video.") from None
    except av.error.FFmpegError as error:
        if error.errno == errno.EPROTONOSUPPORT and options and "rtsp_transport" in options:
            raise TransportError(
                f"The camera {name} doesn't send by {options['rtsp_transport'].upper()} (RTSP answer 461): set "
                "capture.rtsp_transport to auto, tcp or udp, as it can."
            ) from None
        raise SourceError(_explain(error, name, settings.open_timeout, asked)) from None


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
