"""The vehicle's speed and yaw rate, from any signal of its own bus: live, or from a recording of it."""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from signpipe.can.bus import BusError, check_name, faults, import_can, open_bus
from signpipe.errors import ExtraMissingError, SettingsError, SourceError
from signpipe.settings import MotionSettings
from signpipe.types import Motion

logger = logging.getLogger(__name__)

PREFIX = "can:"
STALE_AFTER = 1.0  # seconds without its signal, from which nothing is said of the vehicle's motion
WAIT = 0.3  # seconds for the next frame, after which the reader may be stopped
RETRY = 2.0  # seconds until a bus that is lost is opened again
FASTEST = 120.0  # metres per second; what is faster is a value that stands for "not available"
FASTEST_TURN = 5.0  # radians per second
_SPEEDS = {"km/h": 1 / 3.6, "kph": 1 / 3.6, "kmh": 1 / 3.6, "mph": 0.44704, "m/s": 1.0, "mps": 1.0, "kn": 1852 / 3600}
_TURNS = {
    "rad/s": 1.0,
    "deg/s": math.pi / 180,
    "degree/s": math.pi / 180,
    "°/s": math.pi / 180,
    "grad/s": math.pi / 180,
}


class MotionSource(Protocol):
    """Knows how the vehicle moves."""

    def at(self, media_time: float, captured_at: float) -> Motion | None:
        """Return speed and yaw rate at a frame, or None where they aren't known. It never waits.

        Args:
            media_time: Seconds since the start of the recording.
            captured_at: `time.monotonic()` when the picture was taken.
        """

    def close(self) -> None:
        """Release what is held open."""


@dataclass(frozen=True, slots=True)
class _Signal:
    """Where a number is in the frames of a bus.

    Attributes:
        identifier: Of its message.
        message: Decodes the frame.
        name: Of the signal.
        factor: Turns it into SI units.
        largest: Magnitude over which it is no number of its kind.
    """

    identifier: int
    message: Any
    name: str
    factor: float
    largest: float

    def read(self, identifier: int, data: bytes) -> float | None:
        """Return the value in SI units, or None if the frame hasn't any."""
        if identifier != self.identifier:
            return None
        try:
            value = self.message.decode(data, decode_choices=True)[self.name]
        except Exception:  # cantools raises errors of several libraries for frames that are too short
            return None
        if not isinstance(value, int | float):  # a word, such as "not available"
            return None
        value = float(value) * self.factor
        return value if abs(value) <= self.largest else None


class Signals:
    """The signals that are asked for.

    Args:
        settings: Names them and the file that describes them.

    Raises:
        SettingsError: The file or the signal isn't named, or the signal's unit isn't known.
        SourceError: The file can't be read, or has no such signal.
        ExtraMissingError: The extra "can" isn't installed.
    """

    def __init__(self, settings: MotionSettings) -> None:
        if settings.dbc is None or settings.speed is None:
            raise SettingsError(
                "The speed on a CAN bus needs the file that describes it and the signal's name: give motion.dbc "
                "(--speed-dbc) and motion.speed (--speed-signal)."
            )
        database = _load(settings.dbc)
        self._speed = _find(database, settings.dbc, settings.speed, _SPEEDS, settings.unit, FASTEST)
        turn = settings.yaw_rate
        self._turn = _find(database, settings.dbc, turn, _TURNS, None, FASTEST_TURN) if turn else None

    def read(self, identifier: int, data: bytes) -> tuple[float | None, float | None]:
        """Return speed and yaw rate in a frame, None where it has none."""
        turn = self._turn.read(identifier, data) if self._turn else None
        return self._speed.read(identifier, data), turn


def open_motion(settings: MotionSettings) -> MotionSource:
    """Open what knows how the vehicle moves.

    Raises:
        SettingsError: The source is none, or something is missing.
        SourceError: A file can't be read, the bus can't be opened, or a recording lacks the signal.
        ExtraMissingError: The extra "can" isn't installed.
    """
    name = (settings.source or "").removeprefix(PREFIX)
    if not name or name == settings.source:
        raise SettingsError(
            f"The speed can't come from '{settings.source}': give can:INTERFACE:CHANNEL, such as can:socketcan:can0, "
            "or can:FILE of a recorded bus."
        )
    signals = Signals(settings)
    if Path(name).is_file():
        return RecordedMotion(_recording(Path(name), signals), settings.offset)
    check_name(name)
    return LiveMotion(name, signals)


class LiveMotion:
    """The latest motion on a bus, read by a thread of its own.

    Args:
        name: INTERFACE:CHANNEL.
        signals: What to look for.

    Raises:
        SourceError: The bus can't be opened; one that is lost later is reported once and opened again.
    """

    def __init__(self, name: str, signals: Signals) -> None:
        self._name = name
        self._signals = signals
        self._speed = self._turn = (-math.inf, 0.0)  # when it came, and what it was
        self._started = time.monotonic()
        self._said: set[str] = set()
        self._ended = threading.Event()
        try:
            self._bus: Any = open_bus(name)
        except BusError as error:
            raise SourceError(f"The CAN bus {name} can't be opened ({error}); bring it up, or name another.") from None
        self._thread = threading.Thread(target=self._read, name="speed", daemon=True)
        self._thread.start()

    def at(self, media_time: float, captured_at: float) -> Motion | None:  # noqa: ARG002  # the recordings' clock
        """Return the motion when a picture was taken, or None if the latest is too old."""
        (at, speed), (turned_at, turn) = self._speed, self._turn
        if captured_at - at > STALE_AFTER:
            if captured_at - self._started > STALE_AFTER:
                self._warn("it has been silent for over %.0f s", STALE_AFTER)
            return None
        return Motion(speed, turn if captured_at - turned_at <= STALE_AFTER else None)

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join(2 * RETRY)

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                with faults():
                    self._take_all()
            except BusError as error:
                self._warn("%s", error)
            self._shut()
            if not self._ended.wait(RETRY):
                with suppress(BusError):
                    self._bus = open_bus(self._name)

    def _take_all(self) -> None:
        """Read until closed."""
        while self._bus is not None and not self._ended.is_set():
            frame = self._bus.recv(WAIT)
            if frame is None or frame.is_error_frame or frame.is_remote_frame:
                continue
            speed, turn = self._signals.read(frame.arbitration_id, bytes(frame.data))
            now = time.monotonic()
            if speed is not None:
                self._speed = now, speed
            if turn is not None:
                self._turn = now, turn

    def _shut(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            with suppress(BusError), faults():
                bus.shutdown()

    def _warn(self, reason: str, *values: object) -> None:
        """Say that there is no speed, each reason once."""
        if reason not in self._said:
            self._said.add(reason)
            logger.warning(
                "There is no speed from the CAN bus %s (%s); what ages by distance ages by time alone until there is.",
                self._name, reason % values,
            )  # fmt: skip


class RecordedMotion:
    """Motion over time, as it was recorded.

    Args:
        values: Time in seconds, speed and yaw rate in SI units; a value is held until the next one.
        offset: Time of the recording at which the pictures start.
    """

    def __init__(self, values: Iterable[tuple[float, float, float | None]], offset: float = 0.0) -> None:
        self._values = sorted(values, key=lambda value: value[0])
        self._times = [value[0] for value in self._values]
        self._offset = offset

    def at(self, media_time: float, captured_at: float) -> Motion | None:  # noqa: ARG002  # the live sources' clock
        """Return the motion at a time of the video, or None outside the recording and in its gaps."""
        at = media_time + self._offset
        index = bisect_right(self._times, at) - 1
        if index < 0 or at - self._times[index] > STALE_AFTER:
            return None
        return Motion(*self._values[index][1:])

    def close(self) -> None:
        """Nothing is held open."""


def _load(path: Path) -> Any:
    """Return the messages that a file describes.

    Raises:
        SourceError: It can't be read.
        ExtraMissingError: The extra "can" isn't installed.
    """
    try:
        import cantools
    except ImportError:
        raise ExtraMissingError("CAN", "can") from None
    try:
        return cantools.database.load_file(path)
    except OSError as error:
        raise SourceError(f"The CAN database {path} can't be read: {error.strerror}.") from None
    except Exception as error:  # each format has its own errors
        first = " ".join(str(error).split())
        raise SourceError(
            f"The CAN database {path} can't be read ({first}); give a .dbc, .arxml, .kcd or .sym."
        ) from None


def _find(database: Any, path: Path, name: str, units: dict[str, float], unit: str | None, largest: float) -> _Signal:
    """Return a signal by its name.

    Raises:
        SourceError: There is none, or there are several.
        SettingsError: Its unit isn't known.
    """
    message_name, _, signal_name = name.rpartition(".")
    found = [
        (message, signal)
        for message in database.messages
        for signal in message.signals
        if signal.name == signal_name and message_name in ("", message.name)
    ]
    if not found:
        there = sorted({signal.name for message in database.messages for signal in message.signals})
        raise SourceError(f"The CAN database {path} has no signal '{name}'; it has {_listed(there)}.")
    if len(found) > 1:
        several = [f"{message.name}.{signal_name}" for message, _ in found]
        raise SourceError(f"The CAN database {path} has several signals '{name}': name {' or '.join(several)}.")
    message, signal = found[0]
    factor = units.get((unit or signal.unit or "").strip().lower())
    if factor is None:
        says = f"'{signal.unit}', which isn't known" if signal.unit else "no unit"
        raise SettingsError(f"The signal '{name}' in {path} has {says}; set motion.unit to one of km/h, mph, m/s, kn.")
    return _Signal(message.frame_id, message, signal.name, factor, largest)


def _listed(names: list[str], most: int = 12) -> str:
    """Return some names for a message."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "") if names else "none"


def _recording(path: Path, signals: Signals) -> list[tuple[float, float, float | None]]:
    """Return the motion in a recorded bus; its clock starts with its first frame.

    Raises:
        SourceError: It can't be read, or lacks the signal.
    """
    values: list[tuple[float, float, float | None]] = []
    turn: float | None = None
    start: float | None = None
    for at, identifier, data in _frames(path):
        start = at if start is None else start
        speed, turned = signals.read(identifier, data)
        turn = turn if turned is None else turned
        if speed is not None:
            values.append((at - start, speed, turn))
    if not values:
        raise SourceError(f"The recorded CAN bus {path} never has the speed's message; check motion.speed.")
    return values


def _frames(path: Path) -> Iterator[tuple[float, int, bytes]]:
    """Yield time, identifier and data of the frames of a recorded bus.

    Raises:
        SourceError: It can't be read.
    """
    can = import_can()
    try:
        with can.LogReader(path) as frames:
            for frame in frames:
                if not frame.is_error_frame and not frame.is_remote_frame:
                    yield frame.timestamp, frame.arbitration_id, bytes(frame.data)
    except OSError as error:
        raise SourceError(f"The recorded CAN bus {path} can't be read: {error.strerror}.") from None
    except Exception as error:  # each format has its own errors
        told = " ".join(str(error).split())
        raise SourceError(
            f"The recorded CAN bus {path} can't be read ({told}); give an .asc, .blf, .log, .csv, .mf4 or .trc."
        ) from None
