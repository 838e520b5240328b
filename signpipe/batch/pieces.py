"""Splitting a long recording: what the networks say of each picture is found in pieces, and joined exactly.

Detecting and classifying take most of the time and know nothing of other pictures, so that any process can do them for
any stretch of a recording. Everything that remembers (tracks, the road, what holds for the driver) then runs over the
whole recording in order, and asks the memo instead of the networks. The memo goes by the content of a picture: whatever
it doesn't know is asked of the networks after all. So the result is that of a recording that was never split.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from signpipe.pipeline import Pipeline
from signpipe.runtime.session import Models
from signpipe.settings import Settings
from signpipe.sources.stretch import Stretch, duration_of
from signpipe.types import Classifications, Detections, Image, Prepared

__all__ = ["Memo", "duration_of", "perceive"]

Said = tuple[Detections, Classifications]
_ROWS = ("xyxy", "score", "shape")
_CLASS_ROWS = ("probability", "embedding", "novelty", "visible")


class Memo:
    """What the networks said of pictures, by the pictures' content."""

    def __init__(self) -> None:
        self._said: dict[bytes, Said] = {}

    def __len__(self) -> int:
        return len(self._said)

    def attach(self, pipeline: Pipeline) -> None:
        """Let a pipeline ask the memo first, and keep in it what had to be asked of the networks."""
        recall = _Recall(self._said, pipeline.detect, pipeline.classify)
        pipeline.detect, pipeline.classify = recall.detect, recall.classify

    def save(self) -> bytes:
        """Return all of it as one file."""
        found = [said[0] for said in self._said.values()]
        known = [said[1] for said in self._said.values()]
        arrays: dict[str, npt.NDArray[Any]] = {
            "key": np.array([list(key) for key in self._said], np.uint8).reshape(len(found), -1),
            "found": np.array([len(each) for each in found], np.int64),
            "known": np.array([len(each) for each in known], np.int64),
        }
        for names, parts in ((_ROWS, found), (_CLASS_ROWS, known)):
            for name in names:
                rows = [getattr(part, name) for part in parts]
                arrays[name] = np.concatenate(rows) if rows else np.zeros(0)
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def load(cls, parts: Iterable[bytes]) -> Memo:
        """Return what several files of `save` hold."""
        memo = cls()
        for part in parts:
            with np.load(io.BytesIO(part), allow_pickle=False) as arrays:
                memo._take({name: arrays[name] for name in arrays.files})
        return memo

    def _take(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        ends, class_ends = np.cumsum(arrays["found"]), np.cumsum(arrays["known"])
        for index, key in enumerate(arrays["key"]):
            rows = slice(ends[index] - arrays["found"][index], ends[index])
            class_rows = slice(class_ends[index] - arrays["known"][index], class_ends[index])
            self._said[key.tobytes()] = (
                Detections(*(arrays[name][rows] for name in _ROWS)),
                Classifications(*(arrays[name][class_rows] for name in _CLASS_ROWS)),
            )


class _Recall:
    """Stands for the two stages that run networks on whole pictures.

    Args:
        said: What was said so far; it grows.
        detect: The stage that finds signs.
        classify: The stage that says which they are.
    """

    def __init__(self, said: dict[bytes, Said], detect: Any, classify: Any) -> None:
        self._said = said
        self._detect, self._classify = detect, classify
        self._key = b""

    def detect(self, prepared: Prepared) -> tuple[Detections, Detections]:
        """Return what was found in a picture, and no further candidates."""
        self._key = _content(prepared)
        known = self._said.get(self._key)
        if known is not None:
            return known[0], Detections.empty()
        found, _ = self._detect(prepared)
        self._said[self._key] = (found, self._classify(prepared.picture, Detections.empty()))
        return found, Detections.empty()

    def classify(self, picture: Image, detections: Detections) -> Classifications:
        """Return what the plausible ones of these were taken for."""
        found, known = self._said[self._key]
        if len(detections) and len(known) != len(detections):
            known = self._classify(picture, detections)
            self._said[self._key] = (found, known)
        if len(detections):
            return known
        empty: Classifications = self._classify(picture, detections)
        return empty


def perceive(address: str, settings: Settings, models: Models | None, start: float, end: float) -> tuple[bytes, float]:
    """Ask the networks about a stretch of a recording.

    Decoding begins with the key frame before the stretch.

    Args:
        address: The recording.
        settings: The whole configuration.
        models: Open models, or None to open them.
        start: Seconds since the start of the recording.
        end: Seconds; infinite for the rest.

    Returns:
        A memo as a file, and the seconds of video that were looked at.

    Raises:
        SourceError: The recording can't be read.
    """
    memo, seconds = Memo(), 0.0
    with (
        Stretch(address, settings.capture, start, end) as stretch,
        Pipeline(settings, models=models, witnesses=(), stages={"track": _Untracked()}) as pipeline,
    ):
        memo.attach(pipeline)
        for frame in stretch:
            pipeline.process(frame)
            seconds = frame.media_time - start
    return memo.save(), max(seconds, 0.0)


class _Untracked:
    """Stands for the tracking where each picture counts for itself."""

    def update(self, detections: Detections, *_: Any) -> tuple[list[Any], list[int]]:
        """Return no track, and that no detection belongs to one."""
        return [], [-1] * len(detections)


def _content(prepared: Prepared) -> bytes:
    """Return what tells a picture from all others."""
    return hashlib.blake2b(np.ascontiguousarray(prepared.picture).data, digest_size=16).digest()
