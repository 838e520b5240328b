"""The sections about what a car and its tools speak."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from signpipe.settings.sections import Section


class CanSettings(Section):
    """What is told on a CAN bus, in the messages of signpipe.dbc."""

    bus: str | None = Field(
        None, description="INTERFACE:CHANNEL, such as socketcan:can0, virtual:test or udp_multicast:239.74.163.2."
    )
    fd: bool = Field(False, description="Send frames of CAN FD.")
    bitrate: int | None = Field(
        None, ge=1000, le=10_000_000, description="Bits per second, for adapters that set it; socketcan has its own."
    )


class MotionSettings(Section):
    """What the vehicle's own bus tells of its motion."""

    source: str | None = Field(
        None,
        description="can:INTERFACE:CHANNEL, or can:FILE of a recording (.asc, .blf, .log, .csv, .mf4, .trc); live or "
        "recorded speed goes into expiry.",
    )
    dbc: Path | None = Field(None, description="File that describes the bus's messages: .dbc, .arxml, .kcd or .sym.")
    speed: str | None = Field(None, description="Signal of the speed: NAME or MESSAGE.NAME; its unit is the file's.")
    yaw_rate: str | None = Field(None, description="Signal of the yaw rate: NAME or MESSAGE.NAME.")
    unit: str | None = Field(
        None, pattern=r"^(km/h|mph|m/s|kn)$", description="Unit of the speed, where the file doesn't say."
    )
    offset: float = Field(
        0.0, ge=-1e9, le=1e9, description="Seconds after the first frame of a recorded bus at which the pictures start."
    )


class MqttSettings(Section):
    """What is told to an MQTT broker."""

    broker: str | None = Field(
        None, description="mqtt://USER@HOST[:PORT]/TOPIC, or mqtts:// for TLS; the topic is signpipe unless said."
    )
    password: SecretStr | None = Field(
        None, description="Of the user; best given as the variable SIGNPIPE_MQTT__PASSWORD."
    )
    ca: Path | None = Field(None, description="PEM file of the authority that signed the broker's certificate.")
    client_id: str | None = Field(None, description="Name of this client; none takes a random one.")
    discovery: str = Field("homeassistant", description="Topic under which Home Assistant looks; empty is none.")
    buffer: int = Field(256, ge=1, le=100_000, description="Events that wait for a broker that is away; more are lost.")
    keepalive: int = Field(15, ge=2, le=3600, description="Seconds of silence that tell the broker that we are gone.")
    reconnect_first: int = Field(1, ge=1, le=3600, description="Seconds before the first new try; doubles each time.")
    reconnect_longest: int = Field(30, ge=1, le=3600, description="Longest wait before a new try.")


class McapSettings(Section):
    """A recording of the run for Foxglove."""

    file: Path | None = Field(None, description="Where to write it, such as drive.mcap.")
    quality: int = Field(85, ge=1, le=100, description="JPEG quality of the pictures.")
    vision_msgs: bool = Field(
        False, description="Also write the signs as ROS 2 tells them, vision_msgs/Detection2DArray (extra ros)."
    )
    chunk: int = Field(
        1024 * 1024, ge=1024, le=2**30, description="Bytes of a chunk: what is lost at most when a run is killed."
    )
