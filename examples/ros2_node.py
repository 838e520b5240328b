"""A ROS 2 node: pictures in, `vision_msgs/Detection2DArray` and what the driver should know out.

source /opt/ros/humble/setup.bash
python examples/ros2_node.py --ros-args -r image:=/camera/image_raw
"""

import contextlib
import sys

import signpipe
from signpipe.bags.pictures import picture_of
from signpipe.bags.vision import serialise

try:
    import rclpy
    from rclpy.node import Node
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image
    from std_msgs.msg import String
    from vision_msgs.msg import Detection2DArray
except ImportError as error:
    sys.exit(f"This example needs ROS 2 with vision_msgs ({error}): source /opt/ros/DISTRO/setup.bash first.")


class SignNode(Node):  # type: ignore[misc]  # its types are known where ROS is
    """Passes each picture through the pipeline; the queue holds one, so that a busy pipeline sees the newest."""

    def __init__(self) -> None:
        super().__init__("signpipe")
        self.pipeline = signpipe.Pipeline()
        self.detections = self.create_publisher(Detection2DArray, "signs", 10)
        self.messages = self.create_publisher(String, "advisories", 10)
        profile = qos_profile_sensor_data
        profile.depth = 1
        self.create_subscription(Image, "image", self.look, profile)

    def look(self, message: Image) -> None:
        """Take the next picture, a `sensor_msgs/Image`."""
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        result = self.pipeline(picture_of("sensor_msgs/msg/Image", message), stamp / 1e9)
        self.detections.publish(serialise(result.tracks, self.pipeline.catalogue, stamp, message.header.frame_id))
        for event in result.events:
            self.messages.publish(String(data=f"{event.message} ({event.status})"))


rclpy.init(args=sys.argv)
with contextlib.suppress(KeyboardInterrupt):
    rclpy.spin(SignNode())
