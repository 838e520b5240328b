"""What holds, and each sign that is seen, on an MQTT broker: for dashboards, and for Home Assistant."""

from __future__ import annotations

import json
import logging
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from signpipe.catalogue import Catalogue
from signpipe.errors import ExtraMissingError, OutputError, SettingsError
from signpipe.settings import MqttSettings
from signpipe.sinks.base import RunInfo
from signpipe.sinks.jsonl import Record, advisory_record, number
from signpipe.types import Frame, FrameResult
from signpipe.version import VERSION

if TYPE_CHECKING:
    import paho.mqtt.client as paho

logger = logging.getLogger(__name__)

ONLINE, OFFLINE = "online", "offline"
REFRESH = 5.0  # seconds after which the limit is told again, with its age, if it is the same
NOTHING: Record = {"kind": "not_available", "value": None}
_QUEUE_FULL = 15  # paho's MQTT_ERR_QUEUE_SIZE; paho is there only where there is a broker
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_SIGNS = 4096  # tracks that are remembered as told
_FAREWELL = 2.0  # seconds that `close` waits for the last messages


class MqttSink:
    """Publishes to a broker; one that is gone costs messages, and nothing else.

    Under the base topic: `availability` (retained; the broker says "offline" when the connection breaks), `limit`
    (retained), `sign` (one message a sign) and `event` (one for each advisory that changes).

    Args:
        settings: Names the broker.
        run: Tells of the source.
        catalogue: Names and titles of the classes.

    Raises:
        SettingsError: The address is none, or password or certificate don't go with it.
        ExtraMissingError: The extra "mqtt" isn't installed.
        OutputError: The certificate of the authority can't be read.
    """

    name = "MQTT messages"

    def __init__(self, settings: MqttSettings, run: RunInfo, catalogue: Catalogue) -> None:
        self._catalogue, self._run, self._discovery = catalogue, run, settings.discovery
        address = _Address(settings.broker or "")
        self._base, self._host = address.topic, f"{address.host}:{address.port}"
        self._told: dict[int, None] = {}
        self._limit: Record = NOTHING
        self._limit_at = 0.0
        self._said: set[str] = set()
        self._connections = self.lost = 0
        self._client = self._open(settings, address)
        self._client.loop_start()  # its thread calls back at once

    def _open(self, settings: MqttSettings, address: _Address) -> paho.Client:
        try:
            import paho.mqtt.client as paho
        except ImportError:
            raise ExtraMissingError("MQTT", "mqtt") from None
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=settings.client_id or "")  # type: ignore[attr-defined]
        client.max_queued_messages_set(settings.buffer)
        client.reconnect_delay_set(settings.reconnect_first, settings.reconnect_longest)
        client.will_set(f"{self._base}/availability", OFFLINE, qos=1, retain=True)
        password = settings.password.get_secret_value() if settings.password else address.password
        if password and not address.user:
            raise SettingsError(f"The password for the MQTT broker {self._host} needs a user: mqtt://USER@HOST/TOPIC.")
        if settings.ca and not address.secure:
            raise SettingsError(
                f"mqtt.ca is for TLS, and mqtt://{self._host} is none: name the broker mqtts://, or leave mqtt.ca out."
            )
        if address.user:
            client.username_pw_set(address.user, password)
        if address.secure:
            try:
                client.tls_set(ca_certs=str(settings.ca) if settings.ca else None)
            except (OSError, ssl.SSLError) as error:
                raise OutputError(
                    f"The certificate {settings.ca} can't be read ({error.strerror or error}); give the PEM file of "
                    "the authority that signed the broker's."
                ) from None
        client.on_connect = self._connected
        client.on_connect_fail = lambda *_: self._say("lost", "can't be reached")
        client.on_disconnect = self._disconnected
        client.connect_async(address.host, address.port, keepalive=settings.keepalive)
        return client

    def write(self, result: FrameResult) -> None:
        """Publish what is new in a result."""
        now = time.monotonic()
        limit = self._limit_of(result)
        changed = any(limit.get(key) != self._limit.get(key) for key in ("kind", "value", "status", "message"))
        if changed or now - self._limit_at > REFRESH:
            self._limit, self._limit_at = limit, now
            self._publish("limit", limit, retain=True)
        for event in result.events:
            self._publish("event", self._stamped(result, advisory_record(event, self._catalogue)), qos=1)
        for track in result.tracks:
            if track.is_sure and track.id not in self._told:
                self._told[track.id] = None
                if len(self._told) > _SIGNS:
                    del self._told[next(iter(self._told))]
                sign = self._catalogue[track.class_id]
                record = {"track_id": track.id, "class_name": sign.name, "title": sign.title}
                record |= {"confidence": number(track.confidence, 4), "verdict": track.verdict.certainty.value}
                self._publish("sign", self._stamped(result, record), qos=1)

    def close(self) -> None:
        """Say that nothing is known any more, and leave.

        Raises:
            OSError: The broker was never reached.
        """
        client = self._client
        with suppress(ValueError, RuntimeError):
            if client.is_connected():
                self._publish("limit", NOTHING, retain=True)
                client.publish(f"{self._base}/availability", OFFLINE, qos=1, retain=True).wait_for_publish(_FAREWELL)
        client.disconnect()
        client.loop_stop()
        if not self._connections:
            raise OSError(f"the broker {self._host} was never reached")
        if self.lost:
            logger.warning("%d messages for the MQTT broker %s were lost.", self.lost, self._host)

    def _limit_of(self, result: FrameResult) -> Record:
        """Return the limit in force; a value that is none tells by its kind why."""
        advisory = next((one for one in result.advisories if one.topic == "speed_limit"), None)
        if advisory is None:
            return NOTHING
        record = advisory_record(advisory, self._catalogue)
        known = record["value"] is not None
        ended = not known and advisory.class_id is not None
        kind = "limit" if known else "general" if ended else "unknown"
        return self._stamped(result, {"kind": kind, **record, "seeing": not result.is_gap})

    def _stamped(self, result: FrameResult, record: Record) -> Record:
        frame = result.frame
        pose = frame.pose if isinstance(frame, Frame) else None
        place = {"latitude": number(pose.latitude, 7), "longitude": number(pose.longitude, 7)} if pose else {}
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"at": at, "media_time": number(frame.media_time, 3), **record, **place}

    def _publish(self, topic: str, record: Record, qos: int = 0, retain: bool = False) -> None:
        """Hand a message over; what must not be lost (qos 1) waits for the broker, as far as the buffer reaches."""
        if qos == 0 and not self._client.is_connected():
            return  # the limit is told again on connecting
        info = self._client.publish(f"{self._base}/{topic}", json.dumps(record, ensure_ascii=False), qos, retain)
        if info.rc == _QUEUE_FULL:
            self.lost += 1
            self._say("full", "has been away for so long that messages are lost")

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._say("refused", f"refuses the connection ({reason})")
            return
        self._connections += 1
        if self._connections > 1:
            self._say("back", "is back")
        client.publish(f"{self._base}/availability", ONLINE, qos=1, retain=True)
        self._publish("limit", self._limit, retain=True)
        for topic, record in self._announcements():
            client.publish(topic, json.dumps(record), qos=1, retain=True)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure and self._connections:
            self._say("lost", f"is lost ({reason})")

    def _say(self, what: str, text: str) -> None:
        """Say something once a run."""
        if what not in self._said:
            self._said.add(what)
            logger.warning("The MQTT broker %s %s. The run goes on.", self._host, text)

    def _announcements(self) -> list[tuple[str, Record]]:
        """Return what makes Home Assistant show the limit and the latest sign by itself."""
        if not self._discovery:
            return []
        node = "".join(char if char.isalnum() else "_" for char in self._base)
        device = {"identifiers": [node], "name": "signpipe", "model": self._run.source, "sw_version": VERSION}
        common = {"availability_topic": f"{self._base}/availability", "device": device}
        limit = {
            "name": "Speed limit", "unique_id": f"{node}_limit", "state_topic": f"{self._base}/limit",
            "value_template": "{{ value_json.value if value_json.kind == 'limit' and value_json.status == 'active' "
            "else 'unknown' }}",
            "json_attributes_topic": f"{self._base}/limit", "icon": "mdi:speedometer",
        }  # fmt: skip
        sign = {
            "name": "Latest sign", "unique_id": f"{node}_sign", "state_topic": f"{self._base}/sign",
            "value_template": "{{ value_json.title }}", "json_attributes_topic": f"{self._base}/sign",
            "icon": "mdi:sign-direction",
        }  # fmt: skip
        prefix = f"{self._discovery}/sensor/{node}"
        return [(f"{prefix}/limit/config", limit | common), (f"{prefix}/sign/config", sign | common)]


class _Address:
    """Parts of mqtt://USER:PASSWORD@HOST:PORT/TOPIC.

    Raises:
        SettingsError: It is none.
    """

    def __init__(self, text: str) -> None:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        topic = unquote(parts.path).strip("/") or "signpipe"
        more = parts.query or parts.fragment  # what follows a ? or #
        if parts.scheme not in _PORTS or not parts.hostname or more or set(topic) & set("+#\0"):
            shown = text.rpartition("@")[2]
            raise SettingsError(
                f"'{shown}' is no MQTT broker: name it mqtt://USER@HOST/TOPIC, or mqtts:// for TLS, without +, # and ?."
            )
        self.host, self.port, self.topic = parts.hostname, port or _PORTS[parts.scheme], topic
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None
        self.secure = parts.scheme == "mqtts"
