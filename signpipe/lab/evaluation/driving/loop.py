"""The loop: a car drives a road, perception looks, what is told goes over CAN messages, and the car may obey."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from signpipe.can.bulletin import Limit, NextLimit, Signs
from signpipe.can.codec import Codec
from signpipe.can.compose import Composer
from signpipe.can.receiver import Receiver
from signpipe.lab.evaluation.driving.seer import Seer
from signpipe.lab.evaluation.driving.vehicle import Car, ObedientDriver, SeeingDriver
from signpipe.lab.simulation.world.limits import InForce, limits_of
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.settings import CameraSettings
from signpipe.types import Advisory, AdvisoryStatus, Frame, FrameResult

STEP = 0.1  # seconds from picture to picture, and from message to message
LONG_STEP = 0.5  # seconds from picture to picture where there is nothing to be seen, in a drive without messages
RATE_WINDOW = 2.0  # seconds over which the rate of results is taken
LONGEST = 3600.0  # seconds after which a drive is given up


class Fault(StrEnum):
    """What is made to go wrong on the way."""

    NONE = "none"
    BLIND = "blind for 2 s"
    WRONG_MAP = "wrong map"
    FROZEN = "frozen sender"
    LOST = "frames lost"


# Every so many seconds for so many seconds.
PERIODS = {Fault.BLIND: (40.0, 2.0), Fault.FROZEN: (40.0, 3.0)}
LOSS = 0.3  # share of frames that are lost


def is_on(fault: Fault, time: float) -> bool:
    """Return whether a fault that comes and goes is there at a time."""
    every, lasts = PERIODS.get(fault, (1.0, 0.0))
    return time % every >= every - lasts


@dataclass(slots=True)
class Told:
    """What was told of the speed limit.

    Attributes:
        limit: km/h; infinite where it was told that there is none; None where none is known, or it is stale.
        general: Whether it was told that all limits ended, without the value of the general one.
        stale: Whether a limit was told as stale.
        expired: Whether that is because it wasn't renewed for too long; else a sign made it doubtful.
        track: The track that it rests on.
    """

    limit: float | None = None
    general: bool = False
    stale: bool = False
    expired: bool = False
    track: int | None = None


@dataclass(slots=True)
class Sample:
    """One step of a drive.

    Attributes:
        time: Seconds.
        station: Metres.
        metres: Driven in the step.
        speed: Metres per second.
        acceleration: m/s2.
        told: What was told of the limit.
        available: Whether the car's receiver had a limit to go by.
        stop: Whether the receiver was told of a stop ahead.
        faulty: Whether a fault was on.
    """

    time: float
    station: float
    metres: float
    speed: float
    acceleration: float
    told: Told
    available: bool
    stop: bool
    faulty: bool


@dataclass(slots=True)
class Link:
    """The CAN messages between signpipe and the car, encoded and decoded; faults happen on the way.

    Attributes:
        composer: Says what a result means.
        codec: Makes frames of it.
        receiver: What the car believes.
        session: Of the sender.
        cycle: Number of the next cycle.
        held: The frames that a frozen sender repeats.
        times: When results came of late.
    """

    composer: Composer
    codec: Codec = field(default_factory=Codec)
    receiver: Receiver = field(default_factory=Receiver)
    session: int = 7
    cycle: int = 0
    held: list[tuple[int, bytes]] = field(default_factory=list)
    times: deque[float] = field(default_factory=deque)

    def pass_on(self, result: FrameResult, time: float, fault: Fault) -> tuple[Limit, NextLimit, Signs]:
        """Send one cycle, and return what the car believes then."""
        if isinstance(result.frame, Frame):
            self.times.append(time)
        while self.times and self.times[0] < time - RATE_WINDOW:
            self.times.popleft()
        rate = len(self.times) / RATE_WINDOW if time > RATE_WINDOW else None
        if fault is not Fault.FROZEN or not is_on(fault, time) or not self.held:
            bulletin = self.composer.compose(result, time, time, rate)
            self.held = list(self.codec.encode(bulletin, self.cycle, self.session))
        for number, (identifier, data) in enumerate(self.held):
            if fault is not Fault.LOST or _unlucky(self.cycle, number) >= LOSS:
                self.receiver.receive(identifier, data, time)
        self.cycle += 1
        return self.receiver.limit(time), self.receiver.ahead(time), self.receiver.signs(time)


def _unlucky(cycle: int, number: int) -> float:
    """Return a number in 0..1 that looks like chance and is the same in each run."""
    return math.modf(abs(math.sin(cycle * 12.9898 + number * 78.233)) * 43758.5453)[0]


def drive(
    scene: RoadScene, seer: Seer, obeys: bool = False, fault: Fault = Fault.NONE, camera: CameraSettings | None = None,
    begin: float = 0.0, end: float | None = None, watch: Callable[[Sample, FrameResult], None] | None = None,
) -> Iterator[Sample]:  # fmt: skip
    """Drive a road, and yield what happened in each step.

    Args:
        scene: The road.
        seer: Who looks.
        obeys: True for a car that goes by the CAN messages; else a driver who sees all drives.
        fault: What goes wrong on the way; without `obeys` only a blind camera and a wrong map matter.
        camera: Its focal length, for what is told of distances; that of the scene, if None.
        begin: Station of the start.
        end: Station of the end; that of the road, if None.
        watch: Shown each step with its result.
    """
    limits = limits_of(scene)
    stops = stops_of(scene)
    seeing = SeeingDriver(limits, stops)
    link = Link(Composer(seer.catalogue, camera or CameraSettings(focal=scene.camera.focal_pixels))) if obeys else None
    obedient = ObedientDriver(in_force(limits, begin).kind)
    car = Car(begin)
    car.speed = min(seeing.wanted(car), 130 / 3.6)
    time, seen, end = 0.0, 0.0, scene.alignment.length if end is None else end
    while car.station < end and time < LONGEST:
        blind = fault is Fault.BLIND and is_on(fault, time)
        result = seer.miss(time, time - seen) if blind else seer.see(car.station, time, car.speed)
        seen = seen if blind else time
        told, available, stop = told_by(result.advisories), True, False
        if link is None:
            wanted = seeing.wanted(car)
        else:
            obedient.kind = in_force(limits, car.station).kind
            limit, ahead, signs = link.pass_on(result, time, fault)
            wanted = obedient.wanted(limit, ahead, signs)
            available, stop = not obedient.unavailable, signs.stop.name == "AHEAD"
        before, step = car.station, LONG_STEP if link is None and seer.sees_nothing(car.station) else STEP
        acceleration = car.drive(wanted, step)
        sample = Sample(time, before, car.station - before, car.speed, acceleration, told, available, stop,
                        is_on(fault, time))  # fmt: skip
        if watch is not None:
            watch(sample, result)
        yield sample
        time = round(time + step, 6)


def in_force(limits: list[InForce], station: float) -> InForce:
    """Return what is true at a station."""
    return [one for one in limits if one.begin <= station][-1]


def stops_of(scene: RoadScene) -> list[float]:
    """Return the stations of the stop signs that concern the car."""
    return [sign.at for sign in scene.signs if sign.applies and sign.sign.name == "stop"]


def told_by(advisories: list[Advisory]) -> Told:
    """Return what the advisories tell of the speed limit."""
    advisory = next((one for one in advisories if one.topic == "speed_limit"), None)
    if advisory is None:
        return Told()
    if advisory.status is not AdvisoryStatus.ACTIVE:
        left = (advisory.expires_in, advisory.expires_in_metres)
        return Told(stale=True, expired=any(one is not None and one < 0 for one in left), track=advisory.track_id)
    if isinstance(advisory.value, int | float):
        return Told(float(advisory.value), track=advisory.track_id)
    if advisory.origin == "implicit":
        return Told(math.inf, track=advisory.track_id)
    return Told(general=advisory.class_id is not None, track=advisory.track_id)
