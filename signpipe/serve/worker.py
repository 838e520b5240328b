"""The process of one source or one job: it runs the pipeline and tells the server what it sees."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import cv2

from signpipe.errors import OutputError, SettingsError, SignpipeError
from signpipe.serve.addresses import settled
from signpipe.serve.outbox import Outbox
from signpipe.serve.sightings import Sightings
from signpipe.serve.statistics import Statistics
from signpipe.serve.wire import LARGEST, Message, unpack
from signpipe.settings import override_settings
from signpipe.types import Advisory, Frame, FrameResult
from signpipe.watching import Watch, watch

_WIDEST = 960  # pixels of a live picture
_QUALITY = 80
_FAREWELL = 10.0  # seconds for the last messages
_QUOTED = 300  # characters of what an unexpected error says

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is to do. It crosses to the process over a pipe, not on its command line: addresses hold logins.

    Attributes:
        name: Of the source or the job.
        address: What to watch.
        settings: Tree of the pipeline's settings.
        privacy: Blur what is stored, but for the signs.
        guarded: True if the address came from outside: it must not lead to a private place.
        tells: True for a source, which tells of each change and gives pictures; a job only counts and names its signs.
    """

    name: str
    address: str
    settings: dict[str, Any] = field(default_factory=dict)
    privacy: bool = False
    guarded: bool = False
    tells: bool = True


class Orders:
    """What the server asks of this process; it ends at once when the server is gone.

    Args:
        connection: The pipe; only this object's thread reads from it.

    Attributes:
        stop: Set when the run should end.
        picture: Set when somebody waits for a picture.
    """

    def __init__(self, connection: Connection) -> None:
        self.stop, self.picture = threading.Event(), threading.Event()
        self._connection = connection
        threading.Thread(target=self._run, name="orders", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                message, _ = unpack(self._connection.recv_bytes(LARGEST))
            except (EOFError, OSError, ValueError):
                os._exit(0)  # nobody is left to tell anything, and nothing else may hold this process
            {"stop": self.stop, "picture": self.picture}[message["type"]].set()


def run_worker(connection: Connection, task: Task) -> None:
    """Watch a source until it ends, the server wants no more, or an error; each is told to the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server ends its processes
    logging.basicConfig(level=logging.WARNING, format=f"{task.name}: %(message)s")
    cv2.setNumThreads(1)
    orders, outbox = Orders(connection), Outbox(connection)
    try:
        _watch(task, orders, outbox)
        outbox.put({"type": "end"})
    except SettingsError as error:
        outbox.put({"type": "error", "reason": str(error), "lasting": True})
    except SignpipeError as error:
        outbox.put({"type": "error", "reason": str(error), "lasting": False})
    except MemoryError:
        outbox.put({"type": "error", "reason": "there is no memory left", "lasting": False})
    except Exception as error:
        log.exception("The run failed.")
        reason = f"{type(error).__name__}: {error}"[:_QUOTED]
        outbox.put({"type": "error", "reason": f"an unexpected error ({reason})", "lasting": False})
    outbox.close(_FAREWELL)
    os._exit(0)  # a decoder or a camera that hangs can't hold the process


def _watch(task: Task, orders: Orders, outbox: Outbox) -> None:
    settings = override_settings(None, task.settings)
    address = task.address
    if task.guarded:
        address = settled(address, settings.capture.open_timeout)
        settings = override_settings(settings, {"capture.redirects": False})
    with watch(address, settings) as results:
        outbox.put({"type": "ready", **_description(results)})
        sightings, statistics = Sightings(results.catalogue, task.privacy), Statistics(results.info.frames)
        for result in results:
            for message, crop in sightings(result):
                outbox.put(message, crop)
            if task.tells:
                _tell_changes(result, outbox)
                if orders.picture.is_set() and not result.is_gap:
                    orders.picture.clear()
                    outbox.put({"type": "picture"}, live_picture(result), latest=True)
            due = statistics(result)
            if due is not None:
                outbox.put(due, latest=True)
                outbox.put({"type": "metrics", "snapshot": results.snapshot()}, latest=True)
            if orders.stop.is_set():
                break
        for message, crop in sightings.close():
            outbox.put(message, crop)
    missing = results.outputs.missing
    if missing:
        name, why = next(iter(missing.items()))
        raise OutputError(f"The {name} can't be used: {why}.")


def _description(watching: Watch) -> Message:
    info, pipeline = watching.info, watching.pipeline
    return {
        "kind": info.kind,
        "live": info.live,
        "width": info.width,
        "height": info.height,
        "announced_fps": info.fps,
        "country": pipeline.country.code if pipeline.country else None,
        "providers": sorted({session.providers[0] for session in pipeline.models.sessions}),
        "models": {session.entry.name: session.entry.sha256 for session in pipeline.models.sessions},
    }


def _tell_changes(result: FrameResult, outbox: Outbox) -> None:
    """Tell of each advisory that was issued, changed, went stale or ended."""
    for event in result.events:
        outbox.put({"type": "advisory", "advisory": _advisory(event), "media_time": result.frame.media_time})


def _advisory(event: Advisory) -> Message:
    return {
        "topic": event.topic,
        "message": event.message,
        "value": event.value if isinstance(event.value, str) or event.value is None else _finite(event.value),
        "confidence": round(event.confidence, 4),
        "status": event.status.value,
        "track": event.track_id,
        "conflict": event.conflict,
    }


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def live_picture(result: FrameResult) -> bytes:
    """Return the picture with its boxes as JPEG, small enough for a page."""
    assert isinstance(result.frame, Frame)
    picture = result.plot()
    scale = _WIDEST / picture.shape[1]
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
