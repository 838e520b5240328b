"""What a car saw before a simulated drive went wrong, and what was said of it: a short video of each failure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.errors import OutputError
from signpipe.lab.evaluation.driving.loop import Sample, Told, drive, in_force
from signpipe.lab.evaluation.driving.seer import Shaken, TableSeer
from signpipe.lab.evaluation.pages.stills import scene_of, seed_of
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import Table
from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.world.limits import InForce, limits_of
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.settings import Settings
from signpipe.shadow.clips import Clip
from signpipe.sinks.draw import REGULAR, WHITE, Canvas
from signpipe.sinks.overlay import Overlay
from signpipe.types import FloatArray, Frame, FrameResult, Image

BEFORE, AFTER = 6.0, 1.5  # seconds that are shown around the moment from which a drive wasn't right
WIDTH, HEIGHT = 640, 360  # pixels

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a drive: what happened, what was said, and how the car shook."""

    sample: Sample
    result: FrameResult
    shaken: tuple[float, float]


def write_clips(
    failures: Sequence[dict[str, Any]], length: float, folder: Path, table: Table, settings: Settings, kept: Resume,
    progress: Progress,
) -> list[tuple[str, str]]:  # fmt: skip
    """Write a video of each failure, and return their names in the folder, with what went wrong.

    Args:
        failures: As in the result of `signpipe evaluate drive`.
        length: Metres of the roads.
        folder: For the videos; made where it is missing.
        table: The one that was driven by.
        settings: Those of the drives.
        kept: What an interrupted run left; a video that is done isn't drawn again.
        progress: Told how many videos are done, and how many there are.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        OutputError: A video can't be written.
    """
    written = []
    for done, one in enumerate(failures, 1):
        name = re.sub(r"\W+", "-", f"{one['road']} {one['begin']}") + ".mp4"
        piece = f"clip {name}"
        if kept.get(piece) is None or not (folder / name).is_file():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _write(folder / name, one, length, table, settings)
            except OSError as error:
                raise OutputError(f"The clip {folder / name} can't be written: {error.strerror}.") from None
            kept.put(piece, True)
        text = f"{one['road']}, from {one['begin']} m for {one['metres']} m {one['outcome']}: "
        written.append((name, f"{text}{said(one['true'])} in force, {said(one['told'])} told; {one['blame']}"))
        progress(done, len(failures))
    return written


def said(limit: float | str | None) -> str:
    """Return a limit in words."""
    return "nothing" if limit is None else "no limit" if limit == "none" else f"{limit:g}"


def _write(path: Path, failure: dict[str, Any], length: float, table: Table, settings: Settings) -> None:
    """Write the video of a failure; one that isn't whole has another name."""
    scene, seed = scene_of(failure["road"], length), seed_of(failure["road"])
    seer = TableSeer(scene, table, settings, seed)
    steps = _before(failure["begin"], scene, seer, seed)
    part = path.with_suffix(".part.mp4")
    clip = Clip(part, AFTER)
    for step, picture in zip(steps, _pictures(steps, scene, seer.catalogue), strict=True):
        clip.add(step.sample.time, picture)
    clip.close()
    part.replace(path)


def _before(begin: float, scene: RoadScene, seer: TableSeer, seed: int) -> list[_Step]:
    """Drive a road again, up to a failure and a little on, and return the last seconds."""
    shaken, steps = Shaken(seed), deque[_Step]()
    until = float("inf")

    def take(sample: Sample, result: FrameResult) -> None:
        steps.append(_Step(sample, result, shaken()))

    for sample in drive(scene, seer, watch=take):
        if until == float("inf") and sample.station >= begin - 0.5:  # failures are told in whole metres
            until = sample.time + AFTER
        while steps[0].sample.time < min(until - AFTER, sample.time) - BEFORE:
            steps.popleft()
        if sample.time >= until:
            break
    return list(steps)


def _pictures(steps: Sequence[_Step], scene: RoadScene, catalogue: Catalogue) -> Iterator[Image]:
    """Draw what the camera took in each step, and on it what was said."""
    shrunk = WIDTH / scene.camera.width
    small = replace(scene, camera=replace(scene.camera, width=WIDTH, height=HEIGHT))
    limits, overlay = limits_of(scene), Overlay(catalogue)
    renderer = Renderer(small)

    def moved(boxes: FloatArray) -> FloatArray:
        return distort(np.asarray(boxes, np.float32).reshape(-1, 4) * shrunk, small)

    try:
        for number, step in enumerate(steps):
            sample, result = step.sample, step.result
            assert isinstance(result.frame, Frame)
            taken = renderer.render(sample.station, sample.speed, number, *step.shaken).image
            tracks = [replace(track, xyxy=moved(track.xyxy)[0]) for track in result.tracks]
            seen = replace(result.detections, xyxy=moved(result.detections.xyxy))
            frame = replace(result.frame, image=taken)
            picture = overlay(replace(result, frame=frame, tracks=tracks, detections=seen))
            yield _captioned(picture, in_force(limits, sample.station), sample.told)
    finally:
        renderer.close()


def _captioned(picture: Image, truth: InForce, told: Told) -> Image:
    """Write what is true and what was told in the upper left corner."""
    canvas = Canvas(picture)
    limit = "all limits ended" if told.general else "a stale one" if told.stale else _kmh(told.limit)
    text = f"in force: {'not known yet' if truth.limit is None else _kmh(truth.limit)}   told: {limit}"
    edge, pad, height = canvas.px(12), canvas.px(10), canvas.px(26)
    canvas.card((edge, edge, edge + canvas.text_width(text, 16) + 2 * pad, edge + height))
    canvas.text(edge + pad, edge + height / 2, text, 16, WHITE, REGULAR)
    return canvas.image


def _kmh(limit: float | None) -> str:
    return said("none" if limit == float("inf") else limit)
