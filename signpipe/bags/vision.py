"""Signs as ROS 2 tells them: `vision_msgs/Detection2DArray`, serialised without ROS."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from signpipe.catalogue import Catalogue
from signpipe.types import SignTrack, TrackState

DETECTIONS: Final = "vision_msgs/msg/Detection2DArray"
# https://github.com/ros-perception/vision_msgs, version 4 (Humble and later).
_DEFINITIONS: Final = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id\n",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}


@cache
def _store() -> Any:
    store = get_typestore(Stores.ROS2_HUMBLE)
    for name, text in _DEFINITIONS.items():
        store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    return store


def definition() -> bytes:
    """Return the definition of the message and of all that it holds, as MCAP's encoding "ros2msg" wants it."""
    text, _ = _store().generate_msgdef(DETECTIONS, ros_version=2)
    return str(text).encode()


def serialise(tracks: list[SignTrack], catalogue: Catalogue, nanoseconds: int, frame_id: str) -> bytes:
    """Return a Detection2DArray in CDR: a detection a track that is shown, with its number as its id.

    Args:
        tracks: Of a frame; a class that may not be published is told as "unknown", or as its category.
        catalogue: Names of the classes.
        nanoseconds: Of the header's stamp, since 1970.
        frame_id: Of the camera.
    """
    types = _store().types

    def make(name: str, *values: Any) -> Any:
        return types[name](*values)

    stamp = make("builtin_interfaces/msg/Time", nanoseconds // 10**9, nanoseconds % 10**9)
    header = make("std_msgs/msg/Header", stamp, frame_id)
    origin = make("geometry_msgs/msg/Point", 0.0, 0.0, 0.0)
    unknown = make("geometry_msgs/msg/Pose", origin, make("geometry_msgs/msg/Quaternion", 0.0, 0.0, 0.0, 1.0))
    pose = make("geometry_msgs/msg/PoseWithCovariance", unknown, np.zeros(36))
    detections = []
    for track in tracks:
        if track.state is TrackState.TENTATIVE:
            continue
        name = catalogue[track.class_id].name if track.is_sure else track.verdict.category or "unknown"
        said = make("vision_msgs/msg/ObjectHypothesis", name, track.confidence if track.is_sure else track.score)
        x1, y1, x2, y2 = (float(edge) for edge in track.xyxy)
        centre = make("vision_msgs/msg/Pose2D", make("vision_msgs/msg/Point2D", (x1 + x2) / 2, (y1 + y2) / 2), 0.0)
        box = make("vision_msgs/msg/BoundingBox2D", centre, x2 - x1, y2 - y1)
        result = make("vision_msgs/msg/ObjectHypothesisWithPose", said, pose)
        detections.append(make("vision_msgs/msg/Detection2D", header, [result], box, str(track.id)))
    return bytes(_store().serialize_cdr(make(DETECTIONS, header, detections), DETECTIONS))
