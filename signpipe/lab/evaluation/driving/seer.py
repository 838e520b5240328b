"""Who looks at a simulated road: the table of perception before the tracker, or the whole pipeline on pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.countries import Country, load_country
from signpipe.catalogue.rules import read_rules
from signpipe.figures.reader import Reading
from signpipe.geodesy import place
from signpipe.lab.evaluation.detection import assign, box_iou
from signpipe.lab.simulation.perception import Table, TablePerception
from signpipe.lab.simulation.render.lens import distort
from signpipe.lab.simulation.world.scene import CameraModel, RoadScene
from signpipe.lab.simulation.world.sight import NOTHING, Sight, Watcher, camera_at
from signpipe.opinion import Witness
from signpipe.pipeline import Pipeline
from signpipe.settings import Settings, override_settings
from signpipe.stages.decide import Decide
from signpipe.stages.fallback import Fallback
from signpipe.stages.plates import Plates
from signpipe.stages.track import Track
from signpipe.types import Classifications, Detections, Frame, FrameResult, Gap, Image, Motion, Pose, SignTrack
from signpipe.witnesses.approach import ApproachWitness
from signpipe.witnesses.figures import FiguresWitness
from signpipe.witnesses.map_prior import MapWitness

SHAKE, SHAKE_KEPT = 0.0018, 0.6  # radians of pitching, and what is left of it from picture to picture
OVERLAP = 0.3  # of a box with the sign that it shows
LOOKED = 12.0  # pixels of a side from which a sign counts as seen
SHOWN = 0.6  # visible share, likewise
BEHIND, BEYOND = 130.0, 200.0  # metres around the car without a sign, so that there is nothing to be seen


@dataclass(slots=True)
class SignStory:
    """What became of one sign of the scene.

    Attributes:
        seen: Pictures in which it was large and open enough.
        found: Those in which it was detected.
        right: Those in which the likeliest class was its own.
        sure: Pictures in which its class was published rightly.
        wrong: Pictures in which another class was published for it.
    """

    seen: int = 0
    found: int = 0
    right: int = 0
    sure: int = 0
    wrong: int = 0


@dataclass(slots=True)
class Stories:
    """What became of all signs of a scene, and which sign each track was.

    Attributes:
        signs: By number of the sign.
        tracks: By id of the track, the number of the sign, -1 for none.
    """

    signs: dict[int, SignStory] = field(default_factory=dict)
    tracks: dict[int, int] = field(default_factory=dict)

    def look(self, scene: RoadScene, sight: Sight) -> None:
        """Count the signs in view."""
        for number, visible, side in zip(
            sight.signs.tolist(), sight.visible.tolist(), sight.sides.tolist(), strict=True
        ):
            story = self.signs.setdefault(number, SignStory())
            story.seen += visible >= SHOWN and side >= LOOKED * (scene.camera.width / 1280)

    def judge(self, scene: RoadScene, catalogue: Catalogue, result: FrameResult, shown: list[int]) -> None:
        """Count what was said of each detection; `shown` has the number of the sign that it shows, or -1."""
        said = {track.id: track for track in result.tracks}
        for row, (number, track_id) in enumerate(zip(shown, result.track_ids, strict=True)):
            if track_id >= 0:
                self.tracks[track_id] = number
            if number < 0:
                continue
            story = self.signs.setdefault(number, SignStory())
            name = scene.signs[number].sign.name
            story.found += 1
            likeliest = int(result.classifications.probability[row].argmax())
            story.right += catalogue[likeliest].name == name
            track = said.get(track_id)
            if track is not None and track.is_sure:
                is_right = catalogue[track.class_id].name == name
                story.sure += is_right
                story.wrong += not is_right


class Seer(Protocol):
    """Sees a road, and says what holds."""

    catalogue: Catalogue
    stories: Stories

    def see(self, station: float, time: float, speed: float) -> FrameResult:
        """Take the picture at a station and a time."""

    def miss(self, time: float, since: float) -> FrameResult:
        """Take no picture, as for `since` seconds."""

    def sees_nothing(self, station: float) -> bool:
        """Return whether nothing around a station can be taken for a sign, so that fewer pictures do."""

    def close(self) -> None:
        """Give back what was opened."""


class Shaken:
    """The shaking of a car, the same whoever looks."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 51])
        self._now = np.zeros(2)

    def __call__(self) -> tuple[float, float]:
        """Return yaw and pitch in radians for the next picture."""
        fresh = self._rng.normal(0, SHAKE * (1 - SHAKE_KEPT**2) ** 0.5, 2) * (0.3, 1.0)
        self._now = SHAKE_KEPT * self._now + fresh
        return float(self._now[0]), float(self._now[1])


@dataclass(slots=True)
class _Reader:
    """The reader of figures, replayed.

    Attributes:
        perception: Knows what was read.
        model_ms: Milliseconds that reading took.
    """

    perception: TablePerception
    model_ms: float = 0.0

    def __call__(self, image: Image, xyxy: npt.ArrayLike) -> list[Reading]:
        return self.perception.read(image, xyxy)


class TableSeer:
    """Tracks, fuses and decides over what the table says of a scene's signs; no model runs.

    Of the witnesses the reader of figures is replayed, where the table has it, how boxes grow is asked, and the map,
    where the settings name one: the others need pictures.

    Args:
        scene: The road.
        table: The looks.
        settings: The configuration.
        seed: Of the chance.

    Raises:
        SettingsError: The table lacks a class or a condition of the scene.
    """

    def __init__(self, scene: RoadScene, table: Table, settings: Settings, seed: int) -> None:
        self.stories = Stories()
        self._scene, self._watcher, self._shaken = scene, Watcher(scene), Shaken(seed)
        self._stations = np.array([sign.at for sign in scene.signs])
        country = load_country(scene.country)
        self.catalogue = readable(country, table)
        settings = seen_by(scene.camera, settings)
        rules = read_rules(country.rules, country.unit, country.languages)
        self._perceive = TablePerception(table, scene, self.catalogue, seed, settings.detect.score)
        self._track = Track(settings.track, self.catalogue, settings.camera)
        self._maps = settings.map.file is not None
        witnesses: list[Witness] = [ApproachWitness(settings.camera, self.catalogue)]
        if self._maps:
            witnesses.append(MapWitness(settings.map, settings.camera, settings.position, self.catalogue))
        if settings.figures.enabled and table.reads:
            witnesses.append(FiguresWitness(settings.figures, self.catalogue, _Reader(self._perceive)))
        self._fallback = Fallback(
            settings.fallback, self.catalogue, witnesses, len(load_catalogue()), settings.track.worthless
        )
        self._plates = Plates(self.catalogue, rules.languages)
        self._decide = Decide(settings.decide, self.catalogue, rules, settings.vehicle)
        self._index = 0
        blank = np.zeros((1, 1, 3), np.uint8)
        self._blank = np.broadcast_to(blank, (scene.camera.height, scene.camera.width, 3))

    def see(self, station: float, time: float, speed: float) -> FrameResult:
        """Take the picture at a station and a time."""
        shaken = self._shaken()
        ahead = self._watcher.any_ahead(station)
        sight = self._watcher.look(station, camera_at(self._scene, station, *shaken)) if ahead else NOTHING
        self.stories.look(self._scene, sight)
        detections, classifications, shown = self._perceive(sight, station, time)
        self._index += 1
        frame = Frame(self._blank, self._index, captured_at=time, media_time=time, motion=Motion(speed),
                      pose=pose_at(self._scene, station, speed) if self._maps else None)  # fmt: skip
        tracks, ids = self._track.update(detections, classifications, time, self._blank.shape, speed)
        result = self._say(frame, detections, classifications, tracks, ids, speed)
        self.stories.judge(self._scene, self.catalogue, result, shown.tolist())
        return result

    def miss(self, time: float, since: float) -> FrameResult:
        """Take no picture, as for `since` seconds."""
        gap = Gap(time, time, "simulation", f"no frame for {since:.1f} s", since)
        return self._say(
            gap, Detections.empty(), Classifications.empty(len(self.catalogue)), self._track.gap(time), [], None
        )

    def sees_nothing(self, station: float) -> bool:
        """Return whether no sign stands from `BEHIND` to `BEYOND` metres ahead, and there are no false alarms."""
        near = (self._stations > station - BEHIND) & (self._stations < station + BEYOND)
        return not near.any() and not self._perceive.has_alarms(station)

    def close(self) -> None:
        """Do nothing."""

    def _say(
        self, frame: Frame | Gap, detections: Detections, classifications: Classifications, tracks: list[SignTrack],
        ids: list[int], speed: float | None,
    ) -> FrameResult:  # fmt: skip
        picture = frame if isinstance(frame, Frame) else None
        verdicts = self._fallback(tracks, picture)
        judged = [track.judged(verdict, self.catalogue) for track, verdict in zip(tracks, verdicts, strict=True)]
        judged = self._plates(judged, detections.shape if picture else None)
        shape = self._blank.shape if picture else None
        advisories, events = self._decide.update(judged, frame.media_time, shape, speed)
        return FrameResult(
            frame, detections, classifications, ids, judged, advisories, events, catalogue=self.catalogue
        )


class PixelSeer:
    """Renders every picture and runs the whole pipeline on it.

    Args:
        scene: The road.
        settings: The configuration.
        seed: Of the car's shaking.
        models: Open models, shared with other drives.

    Raises:
        ExtraMissingError: The extra "simulate" isn't installed.
        ModelError: A model can't be used.
    """

    def __init__(self, scene: RoadScene, settings: Settings, seed: int, models: Any = None) -> None:
        from signpipe.lab.simulation.render.gl import Renderer

        self.stories = Stories()
        self._scene, self._shaken = scene, Shaken(seed)
        self._renderer = Renderer(scene)
        self._pipeline = Pipeline(seen_by(scene.camera, settings), models=models)
        self.catalogue = self._pipeline.catalogue
        self._index = 0

    def see(self, station: float, time: float, speed: float) -> FrameResult:
        """Take the picture at a station and a time."""
        picture = self._renderer.render(station, speed, self._index, *self._shaken())
        self._index += 1
        self.stories.look(self._scene, picture.sight)
        frame = Frame(picture.image, self._index, time, time, pose=pose_at(self._scene, station, speed),
                      motion=Motion(speed))  # fmt: skip
        result = self._pipeline.process(frame)
        boxes = distort(np.asarray(picture.sight.boxes, np.float32), self._scene)
        shown = [-1] * len(result.detections)
        if len(boxes) and shown:
            partner = assign(box_iou(result.detections.xyxy, boxes), OVERLAP).tolist()
            shown = [int(picture.sight.signs[one]) if one >= 0 else -1 for one in partner]
        self.stories.judge(self._scene, self.catalogue, result, shown)
        return result

    def miss(self, time: float, since: float) -> FrameResult:
        """Take no picture, as for `since` seconds."""
        return self._pipeline.process(Gap(time, time, "simulation", f"no frame for {since:.1f} s", since))

    def sees_nothing(self, station: float) -> bool:  # noqa: ARG002
        """Return False: there is always something in a picture."""
        return False

    def close(self) -> None:
        """Give graphics memory and models back."""
        self._renderer.close()
        self._pipeline.close()


def readable(country: Country, table: Table) -> Catalogue:
    """Return the signs of a country that a table was asked for: the base classes, then others in their order."""
    base = len(load_catalogue())
    further = {sign.name for sign in country.catalogue.classes[base:]}
    return country.without(further - set(table.names)).catalogue


def pose_at(scene: RoadScene, station: float, speed: float) -> Pose:
    """Return what an exact receiver says at a station."""
    x, _, z = scene.alignment.place([station], scene.lane, 0.0)[0]
    latitude, longitude = place(*scene.origin, float(x), float(z))
    heading = float(np.degrees(scene.alignment.at(station)[0, 3])) % 360
    return Pose(float(latitude), float(longitude), heading, speed, 1.0)


def seen_by(camera: CameraModel, settings: Settings) -> Settings:
    """Return settings that know the focal length of a scene's camera."""
    return override_settings(settings, {"camera.focal": camera.focal_pixels})
