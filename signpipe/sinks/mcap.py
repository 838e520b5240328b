"""A recording of a run that Foxglove opens as it is: MCAP, in Foxglove's own schemas."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2

from signpipe.catalogue import Catalogue
from signpipe.errors import ExtraMissingError, OutputError
from signpipe.settings import CameraSettings, McapSettings
from signpipe.sinks.base import RunInfo
from signpipe.sinks.files import prepare_file
from signpipe.sinks.jsonl import advisory_record, number
from signpipe.types import Frame, FrameResult, Pose, SignTrack, TrackState

IMAGE, ANNOTATIONS, LOCATION, POSE = "/camera/image", "/camera/annotations", "/location", "/vehicle/pose"
ADVISORIES, TIMINGS, SIGNS, DETECTIONS = (
    f"/signpipe/{name}" for name in ("advisories", "timings", "signs", "detections")
)
_CAMERA, _VEHICLE, _EARTH = "camera", "vehicle", "enu"
_SURE, _UNSURE = (0.1, 0.9, 0.2, 1.0), (1.0, 0.75, 0.0, 1.0)  # red, green, blue, opacity
_NANOSECONDS = 1_000_000_000


class McapSink:
    """Writes pictures, boxes, positions, advisories and timings. What is written survives a kill up to the last chunk.

    Args:
        settings: Names the file.
        run: When the run began; the messages' times count from there.
        catalogue: Titles of the signs.
        camera: Its focal length tells how far a sign is; the default is `CameraSettings()`.

    Raises:
        ExtraMissingError: The extra "mcap" isn't installed.
        OutputError: The file can't be written.
    """

    name = "MCAP recording"

    def __init__(
        self, settings: McapSettings, run: RunInfo, catalogue: Catalogue, camera: CameraSettings | None = None
    ) -> None:
        try:
            import foxglove
            from foxglove import channels, mcap, messages
        except ImportError:
            raise ExtraMissingError("Writing MCAP", "mcap") from None
        path = settings.file or Path()
        prepare_file(path, self.name, run.source)
        self._camera = camera or CameraSettings()
        self._catalogue, self._quality, self._messages = catalogue, settings.quality, messages
        self._start = int(run.started.timestamp() * _NANOSECONDS)
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(f"The MCAP recording can't be written to {path} ({error.strerror}).") from None
        context = self._context = foxglove.Context()  # the channels are closed with it
        options = mcap.MCAPWriteOptions(chunk_size=settings.chunk, profile="")
        self._writer: Any = foxglove.open_mcap(self._file, context=context, writer_options=options)
        self._image = channels.CompressedImageChannel(IMAGE, context=context)
        self._annotations = channels.ImageAnnotationsChannel(ANNOTATIONS, context=context)
        self._location = channels.LocationFixChannel(LOCATION, context=context)
        self._pose = channels.PoseInFrameChannel(POSE, context=context)
        self._signs = channels.PosesInFrameChannel(SIGNS, context=context)
        self._detections = _ros_channel(foxglove, context) if settings.vision_msgs else None
        self._advisories = foxglove.Channel(ADVISORIES, message_encoding="json", context=context)
        self._timings = foxglove.Channel(TIMINGS, message_encoding="json", context=context)

    def write(self, result: FrameResult) -> None:
        """Append what a result says.

        Raises:
            OSError: It can't be written.
        """
        frame = result.frame
        at = self._start + int(frame.media_time * _NANOSECONDS)
        stamp = self._messages.Timestamp(sec=at // _NANOSECONDS, nsec=at % _NANOSECONDS)
        if isinstance(frame, Frame):
            picture = cv2.imencode(".jpg", frame.image, (cv2.IMWRITE_JPEG_QUALITY, self._quality))[1].tobytes()
            compressed = self._messages.CompressedImage(timestamp=stamp, frame_id=_CAMERA, data=picture, format="jpeg")
            self._image.log(compressed, log_time=at)
            self._annotations.log(self._boxes(result, stamp), log_time=at)
            self._signs.log(self._places(result.tracks, frame, stamp), log_time=at)
            if frame.pose is not None:
                self._location.log(self._fix(frame.pose, stamp), log_time=at)
                self._pose.log(self._heading(frame.pose, stamp), log_time=at)
            if self._detections is not None:
                from signpipe.bags.vision import serialise

                self._detections.log(serialise(result.tracks, self._catalogue, at, _CAMERA), log_time=at)
        said = [advisory_record(advisory, self._catalogue) for advisory in result.advisories]
        self._advisories.log({"seeing": not result.is_gap, "advisories": said}, log_time=at)
        self._timings.log({stage: number(ms, 3) for stage, ms in result.timings_ms.items()}, log_time=at)

    def close(self) -> None:
        """Finish the recording; a second call does nothing."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            self._file.close()

    def _boxes(self, result: FrameResult, stamp: Any) -> Any:
        """Return the boxes of the tracks with what each is; tentative ones without."""
        points, texts = [], []
        for track in result.tracks:
            colour = self._messages.Color(**dict(zip("rgba", _SURE if track.is_sure else _UNSURE, strict=True)))
            x1, y1, x2, y2 = (float(edge) for edge in track.xyxy)
            corners = [self._messages.Point2(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
            kind = self._messages.PointsAnnotationType.LineLoop
            points.append(
                self._messages.PointsAnnotation(
                    timestamp=stamp, type=kind, points=corners, outline_color=colour, thickness=2
                )
            )
            if track.state is not TrackState.TENTATIVE:
                place = self._messages.Point2(x=x1, y=max(y1 - 4, 12))
                text = self._title(track)
                texts.append(
                    self._messages.TextAnnotation(
                        timestamp=stamp, position=place, text=text, font_size=14, text_color=colour
                    )
                )
        return self._messages.ImageAnnotations(timestamp=stamp, points=points, texts=texts)

    def _title(self, track: SignTrack) -> str:
        if track.is_sure:
            return f"{self._catalogue[track.class_id].title} {track.confidence:.2f}"
        return f"unknown {track.verdict.category or 'sign'}"

    def _fix(self, pose: Pose, stamp: Any) -> Any:
        return self._messages.LocationFix(
            timestamp=stamp, frame_id=_VEHICLE, latitude=pose.latitude, longitude=pose.longitude
        )

    def _places(self, tracks: list[SignTrack], frame: Frame, stamp: Any) -> Any:
        """Return where the signs stand that are sure, in metres to the right of the camera, down, and ahead of it."""
        height, width = frame.image.shape[:2]
        focal = self._camera.focal_for(width)
        poses = []
        for track in tracks:
            if not track.is_sure or track.state is TrackState.TENTATIVE:
                continue
            sign = self._catalogue[track.class_id]
            ahead = focal * math.sqrt(sign.width * sign.height) / max(track.side, 1.0)
            x, y = (float(track.xyxy[i] + track.xyxy[i + 2]) / 2 for i in (0, 1))
            right, down = (x - width / 2) * ahead / focal, (y - height / 2) * ahead / focal
            poses.append(self._posed((right, down, ahead), 0.0))
        return self._messages.PosesInFrame(timestamp=stamp, frame_id=_CAMERA, poses=poses)

    def _heading(self, pose: Pose, stamp: Any) -> Any:
        """Return where the vehicle points: 0 is east, counterclockwise; no turn at all where that isn't known."""
        yaw = 0.0 if pose.heading is None else math.radians(90 - pose.heading)
        return self._messages.PoseInFrame(timestamp=stamp, frame_id=_EARTH, pose=self._posed((0.0, 0.0, 0.0), yaw))

    def _posed(self, place: tuple[float, float, float], yaw: float) -> Any:
        x, y, z = place
        turned = self._messages.Quaternion(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
        return self._messages.Pose(position=self._messages.Vector3(x=x, y=y, z=z), orientation=turned)


def _ros_channel(foxglove: Any, context: Any) -> Any:
    """Return a channel for ROS 2's detections.

    Raises:
        ExtraMissingError: The extra "ros" isn't installed.
    """
    try:
        from signpipe.bags import vision
    except ImportError:
        raise ExtraMissingError("Writing vision_msgs", "ros") from None
    schema = foxglove.Schema(name=vision.DETECTIONS, encoding="ros2msg", data=vision.definition())
    return foxglove.Channel(DETECTIONS, schema=schema, message_encoding="cdr", context=context)
