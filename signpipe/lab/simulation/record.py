"""Write a simulated drive: an H.264 video and, beside it, its truth, a map of its signs and a track of its places."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from signpipe.catalogue import Effect, SignClass
from signpipe.catalogue.countries import load_country
from signpipe.catalogue.rules import RoadKind, read_rules
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.simulation.drive import Drive
from signpipe.lab.simulation.georeference import sign_map, track
from signpipe.lab.simulation.scene import PlacedSign, Pole, lay_out
from signpipe.lab.simulation.truth import Truth, TruthFrame, TruthSign
from signpipe.lab.simulation.uncatalogued import COUNTRY, known_id
from signpipe.types import Image

SUFFIXES = (".mp4", ".mkv")
SMALLEST, LARGEST = 160, 4096  # pixels a side
BT601 = 6  # ITU-T H.273 number of the matrix that the conversion from BGR uses
CODEC = {"preset": "medium", "crf": "27"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Attributes:
        poles: The signs in the order of the road.
        seconds: Length of the drive.
        fps: Frames per second.
        size: Width and height of the pictures, both even.
        speed: Metres per second.
        seed: Makes everything that is left to chance repeatable.
        map_errors: By number of the sign, the wrong class that the map has for it.
    """

    poles: tuple[Pole, ...]
    seconds: float = 20.0
    fps: float = 25.0
    size: tuple[int, int] = (1280, 720)
    speed: float = 15.0
    seed: int = 7
    map_errors: Mapping[int, SignClass] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return round(self.seconds * self.fps)


def truth_path(video: Path) -> Path:
    """Return where the truth of a video lies: "drive.truth.jsonl" beside "drive.mp4"."""
    return video.with_suffix(".truth.jsonl")


def record_drive(plan: Plan, video: Path, progress: Callable[[], None] = lambda: None) -> Truth:
    """Render a drive and write its video, truth, map and track.

    Args:
        plan: What to simulate.
        video: The file to write, .mp4 or .mkv; the truth lies beside it, see `truth_path`, and so do the map and the
            track, which end in .geojson and .gpx.
        progress: Called after each frame.

    Returns:
        The truth without its frames.

    Raises:
        SettingsError: The size can't be encoded, the drive is too short for its signs, or the map is to be wrong about
            a sign that isn't there.
        OutputError: A file can't be written.
    """
    if video.suffix.lower() not in SUFFIXES:
        raise OutputError(f"A drive can't be written as {video.name}; end its name in {' or '.join(SUFFIXES)}.")
    if any(side % 2 or not SMALLEST <= side <= LARGEST for side in plan.size):
        raise SettingsError(
            f"A picture can't be {plan.size[0]}x{plan.size[1]}; give even sides from {SMALLEST} to {LARGEST}."
        )
    scene = lay_out(list(plan.poles), plan.seconds * plan.speed, np.random.default_rng(plan.seed))
    drive = Drive(scene, plan.size, plan.fps, plan.speed, plan.seed)
    truth = Truth(plan.size, plan.fps, round(drive.focal, 3), plan.seed, plan.speed, _signs(scene.signs))
    mapped = sign_map(truth, plan.map_errors)
    try:
        video.parent.mkdir(parents=True, exist_ok=True)
        video.with_suffix(".geojson").write_text(mapped, encoding="utf-8")
        video.with_suffix(".gpx").write_text(track(truth, plan.seconds), encoding="utf-8")
        with truth_path(video).open("w", encoding="utf-8") as lines, encoder(plan.size, plan.fps, video) as encode:
            lines.write(json.dumps(truth.header()) + "\n")
            for index in range(plan.frames):
                picture, boxes = drive.render(index)
                encode(picture)
                rules = _rules(scene.signs, plan.speed * index / plan.fps)
                frame = TruthFrame(index, round(index / plan.fps, 6), boxes, *rules)
                lines.write(json.dumps(asdict(frame)) + "\n")
                progress()
    except OSError as error:  # PyAV's errors of writing are OSErrors too
        raise OutputError(f"The drive {video} can't be written: {error.strerror}.") from None
    return truth


@contextmanager
def encoder(size: tuple[int, int], fps: float, video: Path) -> Iterator[Callable[[Image], None]]:
    """Yield what encodes one picture of a size as H.264; the file is finished however the block ends.

    Raises:
        OSError: The file can't be written.
    """
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=CODEC)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = BT601
        count = 0

        def encode(picture: Image) -> None:
            nonlocal count
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = count, 1 / rate
            container.mux(stream.encode(frame))
            count += 1

        try:
            yield encode
        finally:
            container.mux(stream.encode(None))


def _signs(signs: tuple[PlacedSign, ...]) -> tuple[TruthSign, ...]:
    return tuple(
        TruthSign(
            p.id,
            known_id(p.sign.id),
            p.sign.name,
            (round(p.centre[0], 3), round(p.centre[1], 3), round(p.centre[2], 3)),
            p.hidden,
            p.overgrown,
        )
        for p in signs
    )


def _rules(signs: tuple[PlacedSign, ...], z: float) -> tuple[float | None, bool]:
    """Return the limit in km/h and whether overtaking is banned once the signs before `z` are passed.

    A limit with a plate under it isn't counted: whether it holds isn't a matter of the road.
    """
    rules = load_country(COUNTRY)
    limits = read_rules(rules.rules, rules.unit).limits
    limit: float | None = None
    general: float | None = None
    zone: float | None = None
    ban = False
    under_plates = {p.id - 1 for p in signs if p.sign.effect is Effect.PLATE}
    for placed in sorted((p for p in signs if p.centre[2] < z), key=lambda p: p.centre[2]):
        sign = placed.sign
        value = float(sign.value) if isinstance(sign.value, int | float) else None
        if sign.effect is Effect.LIMIT and placed.id not in under_plates:
            limit = value
        elif sign.effect is Effect.ZONE_LIMIT:
            limit = zone = value
        elif sign.effect in (Effect.TOWN, Effect.END_TOWN):
            kind = RoadKind.TOWN if sign.effect is Effect.TOWN else RoadKind.OUTSIDE
            limit = general = limits[kind].limit
            zone = None
        elif sign.effect is Effect.END_ZONE_LIMIT:
            limit, zone = general, None
        elif sign.effect is Effect.END_ALL or (sign.effect is Effect.END_LIMIT and sign.value == limit):
            limit = general if zone is None else zone
        if sign.effect is Effect.OVERTAKING_BAN and sign.vehicles == "all":
            ban = True
        elif sign.effect is Effect.END_ALL or (sign.effect is Effect.END_OVERTAKING_BAN and sign.vehicles == "all"):
            ban = False
    return limit, ban
