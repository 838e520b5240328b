"""Write the drive through a scene: a video and, beside it, its truth, a map of its signs and a track of its places."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from signpipe.errors import OutputError, SettingsError
from signpipe.geodesy import place
from signpipe.lab.simulation.record import SUFFIXES, encoder, truth_path
from signpipe.lab.simulation.render.gl import Renderer
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.render.sweep import calibration, sweep
from signpipe.lab.simulation.truth import Truth, TruthBox, TruthFrame, TruthSign
from signpipe.lab.simulation.uncatalogued import known_id
from signpipe.lab.simulation.world.limits import limits_of
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.sight import Sight, camera_at
from signpipe.types import FloatArray, Image

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECEIVER = (1.0, 0.4)  # metres, spread of a receiver's slow and quick errors
SHAKE = 0.0018  # radians, spread of the car's pitching


def record_scene(
    scene: RoadScene, video: Path, fps: float, speed: float, progress: Callable[[int, int], None] | None = None,
    lidar: bool = False,
) -> Truth:  # fmt: skip
    """Drive a scene from its start to its end at one speed.

    Args:
        scene: The road.
        video: The file to write, .mp4 or .mkv; the truth, a map (.geojson) and a track (.gpx) lie beside it.
        fps: Frames per second.
        speed: Metres per second.
        progress: Told how many frames are done, and how many there are.
        lidar: Write a LiDAR sweep a frame too, and how scanner and camera are mounted; see `lidar_paths`.

    Returns:
        The truth without its frames. Its positions are to the right of the start, up and ahead; the limit of a frame is
        None where there is none or none is known.

    Raises:
        SettingsError: The scene can't be drawn here, or is shorter than one frame.
        OutputError: A file can't be written.
    """
    if video.suffix.lower() not in SUFFIXES:
        raise OutputError(f"A drive can't be written as {video.name}; end its name in {' or '.join(SUFFIXES)}.")
    frames = int(scene.alignment.length / speed * fps)
    if frames < 1:
        raise SettingsError(f"The road of {scene.alignment.length:g} m is driven within a frame; lower the speed.")
    camera = scene.camera
    truth = Truth((camera.width, camera.height), fps, camera.focal_pixels, scene.seed, speed, _signs(scene))
    try:
        video.parent.mkdir(parents=True, exist_ok=True)
        video.with_suffix(".geojson").write_text(scene_map(scene), encoding="utf-8")
        video.with_suffix(".gpx").write_text(_track(scene, speed), encoding="utf-8")
        if lidar:
            folder, mounting = lidar_paths(video)
            folder.mkdir(exist_ok=True)
            mounting.write_text(calibration(camera), encoding="utf-8")
        with truth_path(video).open("w", encoding="utf-8") as lines, encoder(truth.size, fps, video) as encode:
            lines.write(json.dumps(truth.header()) + "\n")
            for frame in _pictures(scene, frames, truth, encode, lidar_paths(video)[0] if lidar else None):
                lines.write(json.dumps(asdict(frame)) + "\n")
                if progress is not None:
                    progress(frame.index + 1, frames)
    except OSError as error:
        raise OutputError(f"The drive {video} can't be written: {error.strerror}.") from None
    return truth


def _pictures(
    scene: RoadScene, frames: int, truth: Truth, encode: Callable[[Image], None], sweeps: Path | None
) -> Iterator[TruthFrame]:
    """Draw and encode the pictures of a drive one by one, write the sweeps that go with them, and yield their truth."""
    limits = limits_of(scene)
    renderer = Renderer(scene)
    rng = np.random.default_rng([scene.seed, 21])
    try:
        for index in range(frames):
            station = truth.speed * index / truth.fps
            yaw, pitch = (rng.normal(0, SHAKE, 2) * (0.3, 1.0)).tolist()
            picture = renderer.render(station, truth.speed, index, yaw, pitch)
            encode(picture.image)
            if sweeps is not None:
                points = sweep(scene, station, camera_at(scene, station, yaw, pitch), rng)
                points.tofile(sweeps / f"{index:06}.bin")
            limit = [one.limit for one in limits if one.begin <= station][-1]
            known = None if limit is None or math.isinf(limit) else limit
            yield TruthFrame(index, round(index / truth.fps, 6), _boxes(scene, picture.sight), known)
    finally:
        renderer.close()


def lidar_paths(video: Path) -> tuple[Path, Path]:
    """Return the folder of sweeps beside a video, and the calibration file."""
    return video.with_suffix(".lidar"), video.with_suffix(".calib.txt")


def scene_map(scene: RoadScene) -> str:
    """Return a map of a scene's signs as GeoJSON: points with `class` and `heading`, unknown signs left out."""
    features = []
    for number, sign in enumerate(scene.signs):
        if known_id(sign.sign.id) < 0:
            continue
        x, _, z = scene.alignment.place([sign.at], sign.right, sign.up)[0]
        latitude, longitude = place(*scene.origin, float(x), float(z))
        heading = math.degrees(float(scene.alignment.at(sign.at)[0, 3])) % 360
        features.append({
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [round(float(longitude), 7), round(float(latitude), 7)]},
            "properties": {"class": sign.sign.name, "heading": round(heading, 1)},
        })  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n"


def _track(scene: RoadScene, speed: float) -> str:
    """Return the track that a receiver records, one point a second, with its errors."""
    from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment

    rng = np.random.default_rng([scene.seed, 22])
    bias = rng.normal(0, RECEIVER[0], 2)
    segment = GPXTrackSegment()
    for second in range(math.ceil(scene.alignment.length / speed) + 1):
        x, _, z = scene.alignment.place([min(second * speed, scene.alignment.length)], scene.lane, 0.0)[0]
        east, north = np.array([x, z]) + bias + rng.normal(0, RECEIVER[1], 2)
        latitude, longitude = place(*scene.origin, float(east), float(north))
        segment.points.append(
            GPXTrackPoint(round(float(latitude), 7), round(float(longitude), 7), time=START + timedelta(seconds=second))
        )
    gpx = GPX()
    gpx.creator = "signpipe simulate"
    gpx.tracks.append(GPXTrack())
    gpx.tracks[0].segments.append(segment)
    return gpx.to_xml() + "\n"


def _signs(scene: RoadScene) -> tuple[TruthSign, ...]:
    return tuple(
        TruthSign(number, known_id(sign.sign.id), sign.sign.name, _position(scene, number))
        for number, sign in enumerate(scene.signs)
    )


def _position(scene: RoadScene, number: int) -> tuple[float, float, float]:
    sign = scene.signs[number]
    x, y, z = scene.alignment.place([sign.at], sign.right, sign.up)[0].round(3).tolist()
    return x, y, z


def _boxes(scene: RoadScene, sight: Sight) -> tuple[TruthBox, ...]:
    """Return the truth of a picture, nearest first."""
    edges: FloatArray = distort(np.asarray(sight.boxes, np.float32), scene)
    boxes = []
    for place_ in np.argsort(sight.distance, kind="stable").tolist():
        number = int(sight.signs[place_])
        sign = scene.signs[number].sign
        left, top, right, bottom = (round(float(value), 2) for value in edges[place_])
        visible, distance = round(float(sight.visible[place_]), 3), round(float(sight.distance[place_]), 2)
        boxes.append(TruthBox(number, known_id(sign.id), sign.name, (left, top, right, bottom), visible, distance))
    return tuple(boxes)
