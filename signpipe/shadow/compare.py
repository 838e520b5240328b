"""From results to disagreements: driver, map and judge in step."""

from __future__ import annotations

from signpipe.can.compose import Composer
from signpipe.catalogue import Catalogue
from signpipe.maps import SignMap
from signpipe.settings import CameraSettings, ShadowSettings
from signpipe.shadow.follow import MapFollower
from signpipe.shadow.judge import Disagreement, Judge
from signpipe.shadow.moment import Driver, Moment, stop_age, told_limit
from signpipe.types import Frame, FrameResult, Pose


class Comparer:
    """Compares what the car would have been told with what the driver does and the map says.

    Args:
        settings: What counts.
        camera: Of the frames.
        catalogue: The signs.
        signs: The map, or None.
    """

    def __init__(
        self, settings: ShadowSettings, camera: CameraSettings, catalogue: Catalogue, signs: SignMap | None
    ) -> None:
        self._composer = Composer(catalogue, camera)
        self._follower = MapFollower(signs, catalogue, settings.reach) if signs is not None else None
        self._driver, self._judge = Driver(), Judge(settings, catalogue)

    def update(self, result: FrameResult) -> tuple[Moment, list[Disagreement]]:
        """Take a result in; return what is known then, and what has just become a disagreement."""
        frame = result.frame
        pose, speed = (frame.pose, frame.speed) if isinstance(frame, Frame) else (None, None)
        braking = self._driver.update(frame.media_time, speed)
        passed = self._follower.update(pose, frame.media_time) if self._follower and pose else ()
        # What CAN would say: whoever can't rely on that can't be told.
        bulletin = self._composer.compose(result, frame.captured_at, frame.captured_at)
        moment = Moment(
            frame.media_time, self._driver.travelled, speed, braking, told_limit(bulletin.limit),
            stop_age(result.advisories), self._follower.limit if self._follower else None, passed, not result.is_gap,
        )  # fmt: skip
        return moment, self._judge.update(moment, result.tracks)

    def expected(self, pose: Pose) -> list[tuple[float, float]]:
        """Return where the map has signs before the vehicle: metres ahead and to the right."""
        return self._follower.expected(pose) if self._follower else []
