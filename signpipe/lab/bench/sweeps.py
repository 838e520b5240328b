"""One thing varied, everything else the same: size, region of interest, signs, threads, provider, or a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from signpipe.errors import SettingsError, SourceError
from signpipe.lab.bench.pictures import CrowdedPictures
from signpipe.lab.bench.recorder import Recorder
from signpipe.lab.bench.statistics import describe
from signpipe.pipeline import Pipeline
from signpipe.runtime.cores import usable_cores
from signpipe.runtime.manifest import ModelEntry, load_manifest
from signpipe.runtime.providers import PROVIDERS, why_not
from signpipe.settings import Settings
from signpipe.sources import open_source
from signpipe.types import Frame, Image

SIZES = ((640, 360), (960, 540), (1280, 720), (1600, 900), (1920, 1080))
BANDS = ((0.0, 1.0), (0.0, 0.8), (0.1, 0.8), (0.2, 0.7), (0.3, 0.6))
SIGNS = (0, 1, 2, 4, 8, 16, 32)
RESIDENT = 60  # frames that are held in memory and played over and over
INTERVAL = 0.04  # seconds between frames
WARM_UP = 3  # frames
MODELS = {"detector": "detect", "classifier": "classify"}  # by role: the stage, and the section that says which
SHORTEST_MS = 0.1  # a stage that had nothing to do in a frame is compared with nothing

Progress = Callable[[int], None]
Pictures = Callable[[int], Image]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of what is varied.

    Attributes:
        value: The value, as it is printed.
        settings: The configuration with it.
        pictures: Gives the picture of a frame, BGR uint8 (H, W, 3).
    """

    value: int | str
    settings: Settings
    pictures: Pictures


def list_points(over: str, source: str, settings: Settings, against: Sequence[str] = ()) -> list[Point]:
    """Return the values that a sweep goes through.

    Args:
        over: One of `SWEEPS`.
        source: What `open_source` takes; its first frames are held in memory and played over and over.
        settings: The configuration that the rest is taken from.
        against: For a sweep over detectors or classifiers: those that the configured one is compared with, names in the
            manifest or ONNX files; if none, what the manifest has.

    Raises:
        SettingsError: There is no such sweep, it has nothing to vary here, or it isn't over models and some are given.
        SourceError: The source can't be read.
    """
    if over not in SWEEPS:
        raise SettingsError(f"There is no sweep over '{over}'; choose {', '.join(SWEEPS)}.")
    if against and over not in MODELS:
        raise SettingsError(f"A sweep over {over} compares no models; give --against with {' or '.join(MODELS)}.")
    images = _resident(source, settings)
    points = _models(over, settings, images, against) if over in MODELS else _POINTS[over](settings, images)
    if not points:
        raise SettingsError(f"There is no {over} to vary: the manifest lists no detector like {settings.detect.model}.")
    return points


def measure_points(points: list[Point], frames: int, progress: Progress) -> list[dict[str, Any]]:
    """Measure every point, in turns of one frame, so that a machine that slows down slows all of them.

    The frames lie in memory: decoding isn't measured.

    Args:
        points: From `list_points`.
        frames: Frames of each point.
        progress: Told of each frame that is done.

    Returns:
        A dictionary each: `value` and `metrics`: the times of `Recorder.times`, `fps` of the pipeline alone, and
        `ratio_to_first`: the time of each frame over that of the first point's frame just before it; and
        `stage_ratio_to_first`: the same of each stage that runs a model, over the frames that gave it work in both.

    Raises:
        SignpipeError: A model can't be used.
    """
    with ExitStack() as stack:
        pipelines = [stack.enter_context(Pipeline(point.settings)) for point in points]
        recorders = [Recorder() for _ in points]
        for pipeline, point in zip(pipelines, points, strict=True):
            for index in range(WARM_UP):
                pipeline.process(_frame(point, index))
        for index in range(WARM_UP, WARM_UP + frames):
            for pipeline, point, recorder in zip(pipelines, points, recorders, strict=True):
                result = pipeline.process(_frame(point, index))
                recorder.add(result, 0.0, result.timings_ms["total"])
                progress(1)
        return [
            {"value": point.value, "metrics": _metrics(recorder, recorders[0])}
            for point, recorder in zip(points, recorders, strict=True)
        ]


def _metrics(recorder: Recorder, first: Recorder) -> dict[str, Any]:
    """Return the times of a point, its frames/s without decoding, and how its frames compare with the first point's."""
    times = recorder.times()
    ratios = np.array(recorder.latencies_ms) / np.array(first.latencies_ms)
    stages = {stage: describe(_stage_ratios(recorder, first, stage)) for stage in MODELS.values()}
    return {
        "fps": round(1e3 / times["latency_ms"]["mean"], 2),
        **times,
        "ratio_to_first": describe(ratios),
        "stage_ratio_to_first": stages,
    }


def _stage_ratios(recorder: Recorder, first: Recorder, stage: str) -> npt.NDArray[np.float64]:
    own, reference = (np.array(one.stage_ms(stage), np.float64) for one in (recorder, first))
    worked = (own >= SHORTEST_MS) & (reference >= SHORTEST_MS)
    return np.asarray(own[worked] / reference[worked])


def _frame(point: Point, index: int) -> Frame:
    return Frame(point.pictures(index), index, 0.0, index * INTERVAL, "bench")


def _resident(source: str, settings: Settings) -> list[Image]:
    """Return the first pictures of a source."""
    with open_source(source, settings.capture) as opened:
        images = [frame.image for frame in islice(opened, RESIDENT)]
    if not images:
        raise SourceError(f"The source {source} has no picture to measure with.")
    return images


def _looped(images: list[Image]) -> Pictures:
    return lambda index: images[index % len(images)]


def _changed(settings: Settings, section: str, **values: Any) -> Settings:
    """Return settings in which some values of a section are others."""
    changed = type(getattr(settings, section)).model_validate(getattr(settings, section).model_dump() | values)
    return settings.model_copy(update={section: changed})


def _sizes(settings: Settings, images: list[Image]) -> list[Point]:
    def scaled(width: int, height: int) -> Pictures:
        return lambda index: np.asarray(
            cv2.resize(images[index % len(images)], (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )

    return [Point(f"{width}x{height}", settings, scaled(width, height)) for width, height in SIZES]


def _bands(settings: Settings, images: list[Image]) -> list[Point]:
    return [
        Point(f"{top}-{bottom}", _changed(settings, "preprocess", roi_top=top, roi_bottom=bottom), _looped(images))
        for top, bottom in BANDS
    ]


def _signs(settings: Settings, images: list[Image]) -> list[Point]:
    return [Point(count, settings, CrowdedPictures(images[0], count)) for count in SIGNS]


def _threads(settings: Settings, images: list[Image]) -> list[Point]:
    counts = [2**power for power in range(10) if 2**power <= 2 * usable_cores()]
    return [Point(count, _changed(settings, "runtime", threads=count), _looped(images)) for count in counts]


def _providers(settings: Settings, images: list[Image]) -> list[Point]:
    working = [name for name in reversed(PROVIDERS) if why_not(name) is None]
    return [Point(name, _changed(settings, "runtime", provider=name), _looped(images)) for name in working]


def _precisions(settings: Settings, images: list[Image]) -> list[Point]:
    family = _family(settings.detect.model)
    variants = [entry for entry in _entries(settings, "detector") if _family(entry.name) == family]
    settings = _changed(settings, "runtime", variant="named")  # what is compared is what is named, on a GPU too
    return [Point(e.precision, _changed(settings, "detect", model=e.name), _looped(images)) for e in variants]


def _presets(settings: Settings, images: list[Image]) -> list[Point]:
    plain = [entry for entry in _entries(settings, "detector") if entry.name == _family(entry.name)]
    return [
        Point(e.name.removeprefix("detector-"), _changed(settings, "detect", model=e.name), _looped(images))
        for e in plain
    ]


def _models(role: str, settings: Settings, images: list[Image], against: Sequence[str]) -> list[Point]:
    """Return the configured model of a role first, and each that it is compared with."""
    section = MODELS[role]
    own: str = getattr(settings, section).model
    others = against or [entry.name for entry in _entries(settings, role)]
    settings = _changed(settings, "runtime", variant="named")  # what is compared is what is named, on a GPU too
    return [Point(n, _changed(settings, section, model=n), _looped(images)) for n in dict.fromkeys((own, *others))]


def _entries(settings: Settings, role: str) -> list[ModelEntry]:
    return [entry for entry in load_manifest(settings.runtime.models).values() if entry.role == role]


def _family(name: str) -> str:
    """Return the name of a model without its precision: "detector-fast" of "detector-fast-fp32"."""
    base, _, last = name.rpartition("-")
    return base if last in ("fp32", "fp16", "bf16", "int8") else name


_POINTS: dict[str, Callable[[Settings, list[Image]], list[Point]]] = {
    "size": _sizes,
    "roi": _bands,
    "signs": _signs,
    "threads": _threads,
    "precision": _precisions,
    "provider": _providers,
    "preset": _presets,
}
SWEEPS = (*_POINTS, *MODELS)
