"""Recordings of ROS and MCAP for the tests, written by rosbags and by the writer of mcap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

from signpipe.types import Image
from tests.support.videos import picture

BEGIN = 1_700_000_000.0
STORES = {"ros1": get_typestore(Stores.ROS1_NOETIC), "cdr": get_typestore(Stores.ROS2_HUMBLE)}
CHUNK = 4_000  # bytes


@dataclass
class Written:
    """What is to be written.

    Attributes:
        messages: Topic, type, seconds from the start, and the fields.
        encoding: "cdr" (ROS 2) or "ros1".
    """

    encoding: str = "cdr"
    messages: list[tuple[str, str, float, dict[str, Any]]] = field(default_factory=list)

    def add(self, topic: str, kind: str, at: float, **fields: Any) -> None:
        self.messages.append((topic, kind, at, fields))

    def serialised(self) -> Iterator[tuple[str, str, int, bytes]]:
        """Yield topic, type, nanoseconds and the bytes of each message, by their times."""
        store = STORES[self.encoding]
        for topic, kind, at, fields in sorted(self.messages, key=lambda message: message[2]):
            header = self.header(BEGIN + at)
            message = store.types[kind](header=header, **fields)
            to_bytes = store.serialize_cdr if self.encoding == "cdr" else store.serialize_ros1
            yield topic, kind, round((BEGIN + at + 0.01) * 1e9), bytes(to_bytes(message, kind))

    def header(self, stamp: float, frame: str = "camera") -> Any:
        types = STORES[self.encoding].types
        time = types["builtin_interfaces/msg/Time"](sec=int(stamp), nanosec=int(stamp % 1 * 1e9))
        counted = {"seq": 0} if self.encoding == "ros1" else {}
        return types["std_msgs/msg/Header"](stamp=time, frame_id=frame, **counted)


def raw(image: Image | np.ndarray[Any, Any], encoding: str, fill: int = 0, **more: Any) -> dict[str, Any]:
    """Return the fields of an Image whose rows are filled up with `fill` bytes."""
    height = image.shape[0] * 2 // 3 if encoding in ("nv12", "nv21", "i420") else image.shape[0]
    rows = np.ascontiguousarray(image).view(np.uint8).reshape(image.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, fill)))
    return {
        "height": height, "width": image.shape[1], "encoding": encoding, "is_bigendian": 0, "step": rows.shape[1],
        "data": rows.ravel(),
    } | more  # fmt: skip


def jpeg(image: Image) -> dict[str, Any]:
    data = cv2.imencode(".jpg", image)[1].ravel()
    return {"format": "bgr8; jpeg compressed bgr8", "data": data}


def fix(written: Written, latitude: float, longitude: float, status: int = 0) -> dict[str, Any]:
    types = STORES[written.encoding].types
    return {
        "status": types["sensor_msgs/msg/NavSatStatus"](status=status, service=1), "latitude": latitude,
        "longitude": longitude, "altitude": 100.0, "position_covariance": np.array([4.0, 0, 0, 0, 4, 0, 0, 0, 9]),
        "position_covariance_type": 2,
    }  # fmt: skip


def camera_info(written: Written, focal: float) -> dict[str, Any]:
    types, upper = STORES[written.encoding].types, written.encoding == "ros1"
    roi = types["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    matrices = {
        "d": np.zeros(5), "k": np.array([focal, 0, 80, 0, focal, 48, 0, 0, 1.0]), "r": np.eye(3).ravel(),
        "p": np.array([focal + 1, 0, 80, 0, 0, focal + 1, 48, 0, 0, 0, 1, 0.0]),
    }  # fmt: skip
    named = {key.upper() if upper else key: value for key, value in matrices.items()}
    size = {"height": 96, "width": 160, "distortion_model": "plumb_bob", "binning_x": 0, "binning_y": 0, "roi": roi}
    return named | size


def cloud(written: Written, points: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the fields of a PointCloud2 of x, y, z, a ring, and intensities."""
    point_field = STORES[written.encoding].types["sensor_msgs/msg/PointField"]
    layout = np.dtype({"names": ["x", "y", "z", "ring", "intensity"], "formats": ["<f4", "<f4", "<f4", "<u2", "<f4"],
                       "offsets": [0, 4, 8, 12, 16], "itemsize": 24})  # fmt: skip
    table = np.zeros(len(points), layout)
    for column, name in enumerate(("x", "y", "z", "intensity")):
        table[name] = points[:, column]
    fields = [
        point_field(name=name, offset=offset, datatype=datatype, count=1)
        for name, offset, datatype in (("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("ring", 12, 4), ("intensity", 16, 7))
    ]
    return {
        "height": 1, "width": len(points), "fields": fields, "is_bigendian": False, "point_step": 24,
        "row_step": 24 * len(points), "data": np.frombuffer(table.tobytes(), np.uint8), "is_dense": True,
    }  # fmt: skip


def drive(encoding: str = "cdr", frames: int = 12) -> Written:
    """Return a drive northwards at 10 m/s: numbered pictures at 10 a second, positions, sweeps, and the camera's focus.

    Each sweep's first point has the number of its picture as its x.
    """
    written = Written(encoding)
    for number in range(frames):
        written.add(
            "/cam/image_raw/compressed", "sensor_msgs/msg/CompressedImage", number / 10, **jpeg(picture(number))
        )
        points = np.array([[number + 1, 0, 0, 0.5], [np.nan, 0, 0, 0], [9, 9, 9, 1.0]])
        written.add("/lidar", "sensor_msgs/msg/PointCloud2", number / 10 - 0.02, **cloud(written, points))
    for number in range(-5, frames // 2 + 6):
        place = fix(written, 50.0 + number * 2 / 111_229, 9.0)
        written.add("/gps/fix", "sensor_msgs/msg/NavSatFix", number / 5, **place)
    written.add("/cam/camera_info", "sensor_msgs/msg/CameraInfo", 0.0, **camera_info(written, 321.0))
    return written


def write_ros1(path: Path, written: Written) -> Path:
    writer = Writer1(path)
    writer.set_compression(Writer1.CompressionFormat.LZ4)
    writer.chunk_threshold = CHUNK
    with writer as bag:
        _fill(bag, written, "ros1")
    return path


def write_ros2(folder: Path, written: Written, storage: str = "sqlite3") -> Path:
    """Write a folder of ROS 2, and return it."""
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    with Writer2(folder, version=9, storage_plugin=plugin) as bag:
        _fill(bag, written, "cdr")
    return folder


def _fill(bag: Any, written: Written, encoding: str) -> None:
    connections: dict[str, Any] = {}
    for topic, kind, at, data in written.serialised():
        if topic not in connections:
            connections[topic] = bag.add_connection(topic, kind, typestore=STORES[encoding])
        bag.write(connections[topic], at, data)


def write_mcap(path: Path, written: Written) -> Path:
    """Write an MCAP file in chunks, as ROS 1 or ROS 2 does."""
    ros1 = written.encoding == "ros1"
    with path.open("wb") as file:
        writer = McapWriter(file, chunk_size=CHUNK, compression=CompressionType.ZSTD)
        writer.start(profile="ros1" if ros1 else "ros2")
        channels: dict[str, int] = {}
        for topic, kind, at, data in written.serialised():
            if topic not in channels:
                name = kind.replace("/msg/", "/") if ros1 else kind
                schema = writer.register_schema(name, "ros1msg" if ros1 else "ros2msg", b"")
                channels[topic] = writer.register_channel(topic, written.encoding, schema)
            writer.add_message(channels[topic], at, data, at)
        writer.finish()
    return path
