"""What a map expects to stand where a sign is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signpipe.catalogue import Catalogue
from signpipe.errors import SettingsError
from signpipe.geodesy import metres_per_degree, place, turn
from signpipe.maps import MapKind, MapSign, open_map
from signpipe.opinion import Opinion, Role
from signpipe.settings import CameraSettings, MapSettings, PositionSettings
from signpipe.types import FloatArray, Frame, Pose, SignTrack

PRIOR_SIGNS = 10.0  # signs that the stated error rate is worth before any was seen
LEAST_ERROR = 0.05  # no map is trusted further, however often it was right: roads change
SIZE_SPREAD = 0.25  # of a sign's size, and with it of its range: the same sign comes in three sizes
BEARING_SIGMA = 4.0  # degrees: a course isn't quite where the camera looks
GATE = 3.0  # sigmas, beyond which an entry is another sign's
UNMAPPED = 1e-4  # signs per square metre near roads that the map doesn't have
ANY_HEADING = 0.5  # weight of an entry that doesn't say for which direction it holds
OPPOSITE = 90.0  # degrees of heading, from which an entry is for others
SAME_ROAD = 45.0  # degrees of heading, up to which a limit is that of the road driven on
LIMIT_REACH = 30.0  # metres from a sign to the points of a road whose limit it may repeat
LIMIT_FAVOUR = 3.0  # how much likelier a limit is that the map has for the road, if the map is right
KINDRED = 0.5  # share of wrong entries that name a class of the same category: a limit was changed
NAMED = 0.5  # probability from which a sign is taken for an entry, which is then named
FLAT = 0.05  # share of all entries together, below which nothing is said


@dataclass(frozen=True, slots=True)
class _Sight:
    """Where a sign stands, as far as a box and a pose tell.

    Attributes:
        latitude: WGS 84 degrees.
        longitude: WGS 84 degrees.
        heading: Direction of travel in degrees.
        bearing: Direction of the line of sight in radians.
        along: Spread along the line of sight in metres.
        across: Spread across it in metres.
        scale: Metres per degree of latitude and per degree of longitude.
    """

    latitude: float
    longitude: float
    heading: float
    bearing: float
    along: float
    across: float
    scale: tuple[float, float]

    def strays(self, entry: MapSign) -> tuple[float, float]:
        """Return how far off an entry lies, in metres and in sigmas."""
        north = self.scale[0] * (entry.latitude - self.latitude)
        east = self.scale[1] * ((entry.longitude - self.longitude + 180) % 360 - 180)
        sin, cos = math.sin(self.bearing), math.cos(self.bearing)
        ahead, aside = east * sin + north * cos, east * cos - north * sin
        return math.hypot(ahead, aside), math.hypot(ahead / self.along, aside / self.across)


class MapWitness:
    """Compares a sign with the entries of a map around the place where it must stand.

    The place follows from the pose, the direction of the box, and the range at which a sign of the size that its
    likely classes have would look so large. Entries are weighed by how well they fit in place and heading, against a
    density of signs that no map has. An entry is right with the map's probability of being right; if it is wrong, any
    class may stand there, one of the same category sooner. So the opinion is bounded: one entry never speaks
    louder than the map's record allows, and without an entry near nothing is said.

    How often the map is wrong is a Beta posterior (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4), which
    starts from the stated rate and learns from each sign that vision alone is sure of: a stale map loses its weight.

    Args:
        settings: The map and how far it is trusted; its file must be set.
        camera: The camera's optics.
        position: How far a position is trusted whose receiver doesn't say.
        catalogue: The classes that there are.

    Attributes:
        name: "map".
        role: PRIOR.
        weight: From the settings.
        expensive: False: an answer takes a fraction of a millisecond.

    Raises:
        SettingsError: No map is set.
        SourceError: The map can't be read.
        ExtraMissingError: It is an extract of OpenStreetMap, and the extra "map" isn't installed.
    """

    name = "map"
    role = Role.PRIOR
    expensive = False

    def __init__(
        self, settings: MapSettings, camera: CameraSettings, position: PositionSettings, catalogue: Catalogue
    ) -> None:
        if settings.file is None:
            raise SettingsError("There is no map to ask; set map.file.")
        self._map = open_map(settings.file, catalogue)
        self.weight = settings.weight
        self._settings = settings
        self._camera = camera
        self._position = position
        self._catalogue = catalogue
        self._right = PRIOR_SIGNS * (1 - settings.error_rate)
        self._wrong = PRIOR_SIGNS * settings.error_rate
        self._sizes = np.array([(sign.width, sign.height) for sign in catalogue])
        kin = np.array([[one.category is other.category for other in catalogue] for one in catalogue], np.float64)
        # Row m: what stands where the map wrongly has m.
        self._mistaken = KINDRED * kin / kin.sum(axis=1, keepdims=True) + (1 - KINDRED) / len(catalogue)

    @property
    def error_rate(self) -> float:
        """Expected share of entries that are wrong, after what was learned."""
        return max(self._wrong / (self._right + self._wrong), LEAST_ERROR)

    def learn(self, agreed: bool) -> None:
        """Take in whether the map was right about a sign that vision alone was sure of; once a track."""
        self._right += agreed
        self._wrong += not agreed

    def __call__(self, track: SignTrack, frame: Frame, /) -> Opinion | None:
        """Say what the map expects where a sign is seen.

        Args:
            track: The sign, by its box and its class probabilities.
            frame: The picture with its pose.

        Returns:
            The opinion, or None without a pose or heading, and where the map has nothing near.
        """
        if frame.pose is None or frame.pose.heading is None or not len(self._map):
            return None
        sight = self._sight(track, frame.pose, frame.pose.heading, frame.image.shape[1])
        near = self._map.near(sight.latitude, sight.longitude, max(GATE * max(sight.along, sight.across), LIMIT_REACH))
        signs = [(entry, weight) for entry in near if (weight := _weight(sight, entry, self._settings.heading_sigma))]
        limits = {entry.class_id for entry in near if _is_limit_here(sight, entry)}
        density = sum(weight for _, weight in signs)
        mapped = density / (density + UNMAPPED)
        if mapped < FLAT:
            return self._limit_opinion(limits) if limits else None
        error = self.error_rate
        unmapped = self._unmapped(limits)
        expected = (1 - mapped) * unmapped
        for entry, weight in signs:
            expected += mapped * weight / density * error * self._mistaken[entry.class_id]
            expected[entry.class_id] += mapped * weight / density * (1 - error)
        log_likelihood = np.log(expected * len(expected)).astype(np.float32)
        # Named is the entry that this sign is, be it right or wrong, by place and by what vision finds likely: several
        # signs on one pole fit alike in place, and a sign that isn't mapped is no conflict with its neighbour.
        belief = (1 - error) * track.probability + error * (self._mistaken @ track.probability)
        fits = [weight * float(belief[entry.class_id]) for entry, weight in signs]
        best = int(np.argmax(fits))
        entry = signs[best][0]
        named = fits[best] >= NAMED * (sum(fits) + UNMAPPED * float(unmapped @ track.probability))
        text = _describe(self._catalogue[entry.class_id].title, sight, entry)
        return Opinion(self.name, log_likelihood, text, entry.class_id if named else None)

    def _sight(self, track: SignTrack, pose: Pose, heading: float, width: int) -> _Sight:
        """Return where a sign stands."""
        focal = self._camera.focal_for(width)
        left, top, right, bottom = (float(edge) for edge in track.xyxy)
        # A box that is cut off is too small in one direction, one seen from the side too narrow: the nearer counts.
        boxes = np.maximum((right - left, bottom - top), 1.0)
        logs = np.log(focal * (self._sizes / boxes).min(axis=1))
        mean = float(logs @ track.probability)
        spread = math.sqrt(float((logs - mean) ** 2 @ track.probability) + SIZE_SPREAD**2)
        depth = math.exp(mean)
        aside = depth * ((left + right) / 2 - width / 2) / focal
        turned = math.radians(heading)
        latitude, longitude = place(
            pose.latitude, pose.longitude,
            depth * math.sin(turned) + aside * math.cos(turned), depth * math.cos(turned) - aside * math.sin(turned),
        )  # fmt: skip
        still = math.hypot(self._settings.sigma, self._position.sigma if pose.sigma is None else pose.sigma)
        distance = math.hypot(depth, aside)
        scale = metres_per_degree(pose.latitude)
        return _Sight(
            float(latitude), float(longitude), heading, turned + math.atan2(aside, depth),
            math.hypot(still, distance * spread), math.hypot(still, distance * math.radians(BEARING_SIGMA)),
            (float(scale[0]), float(scale[1])),
        )  # fmt: skip

    def _unmapped(self, limits: set[int]) -> npt.NDArray[np.float64]:
        """Return what a sign is that the map doesn't have: any, and rather a limit that holds here than another."""
        share = np.ones(len(self._catalogue))
        share[list(limits)] += (LIMIT_FAVOUR - 1) * (1 - self.error_rate)
        return np.asarray(share / share.sum())

    def _limit_opinion(self, limits: set[int]) -> Opinion:
        """Return the opinion where only the limit of the road is mapped."""
        log_likelihood: FloatArray = np.log(self._unmapped(limits) * len(self._catalogue)).astype(np.float32)
        values = " and ".join(str(self._catalogue[class_id].value) for class_id in sorted(limits))
        return Opinion(self.name, log_likelihood, f"this road is mapped with a limit of {values} km/h")


def _weight(sight: _Sight, entry: MapSign, heading_sigma: float) -> float:
    """Return the density per square metre with which a mapped sign may be the one that is seen."""
    if entry.kind is not MapKind.SIGN:
        return 0.0
    sigmas = sight.strays(entry)[1]
    if sigmas > GATE:
        return 0.0
    weight = math.exp(-(sigmas**2) / 2) / (2 * math.pi * sight.along * sight.across)
    if entry.heading is None:
        return weight * ANY_HEADING
    turned = turn(sight.heading, entry.heading)
    return weight * math.exp(-((turned / heading_sigma) ** 2) / 2) if turned < OPPOSITE else 0.0


def _is_limit_here(sight: _Sight, entry: MapSign) -> bool:
    """Return whether an entry is a limit of the road that is driven on."""
    if entry.kind is not MapKind.LIMIT or sight.strays(entry)[0] > LIMIT_REACH:
        return False
    return entry.heading is None or turn(sight.heading, entry.heading) <= SAME_ROAD


def _describe(title: str, sight: _Sight, entry: MapSign) -> str:
    """Say for a person what is mapped and how well it fits."""
    metres = sight.strays(entry)[0]
    heading = (
        "no heading mapped" if entry.heading is None
        else f"heading {turn(sight.heading, entry.heading):.0f} degrees off"
    )  # fmt: skip
    return f"{title[0].lower()}{title[1:]} mapped {metres:.0f} m from here, {heading}"
