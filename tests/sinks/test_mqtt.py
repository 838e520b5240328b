"""MQTT on the real mosquitto, read by its own mosquitto_sub: cut, restarted, with passwords and TLS."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signpipe.errors import ExtraMissingError, OutputError, SettingsError
from signpipe.settings import MqttSettings, Settings
from signpipe.sinks import RunInfo, open_sinks
from signpipe.sinks.mqtt import MqttSink
from tests.sinks.results import CATALOGUE, advisory, frame_result, track

LIVE = RunInfo("camera 0", live=True, width=320, height=240)
needs_mosquitto = pytest.mark.skipif(
    not (shutil.which("mosquitto") and shutil.which("mosquitto_sub")),
    reason="mosquitto and mosquitto-clients are missing",
)


class Broker:
    """A mosquitto of our own."""

    def __init__(self, folder: Path, lines: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join([f"listener {self.port} 127.0.0.1", *lines, "user root", ""]))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(["mosquitto", "-c", str(self._config)], stderr=subprocess.DEVNULL)
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError("mosquitto doesn't start")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def read(self, topic: str, count: int, *options: str, seconds: int = 15) -> dict[str, list[Any]]:
        """Return messages by topic, as mosquitto_sub gets them."""
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-v", "-C", str(count)]
        done = subprocess.run([*command, "-W", str(seconds), *options], capture_output=True, text=True, check=False)
        messages: dict[str, list[Any]] = {}
        for line in done.stdout.splitlines():
            name, _, text = line.partition(" ")
            messages.setdefault(name, []).append(json.loads(text) if text.startswith("{") else text)
        return messages


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path)
    yield started
    started.stop()


def settings(broker: Broker, **values: Any) -> Settings:
    return Settings(mqtt=MqttSettings(broker=f"mqtt://127.0.0.1:{broker.port}/car/1", keepalive=2, **values))


def wait(done: Any) -> None:
    ends = time.monotonic() + 20
    while not done() and time.monotonic() < ends:
        time.sleep(0.05)
    assert done()


@needs_mosquitto
def test_the_limit_is_retained_each_sign_is_told_once_and_home_assistant_finds_both(broker: Broker) -> None:
    listening = subprocess.Popen(
        ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "car/1/sign", "-C", "2", "-W", "15"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with open_sinks(settings(broker), LIVE, CATALOGUE) as sinks:
        time.sleep(0.3)
        for index in range(20):
            tracks = [track(1), *([track(2, name="stop")] if index > 10 else [])]
            sinks.write(frame_result(index, tracks=tracks, advisories=[advisory()]))
        retained = broker.read("#", 4)
        signs = [json.loads(line) for line in listening.communicate(timeout=20)[0].splitlines()]
    assert retained["car/1/availability"] == ["online"]
    (limit,) = retained["car/1/limit"]
    assert (limit["kind"], limit["value"], limit["status"], limit["seeing"]) == ("limit", 80, "active", True)
    assert [sign["class_name"] for sign in signs] == ["speed_limit_80", "stop"]
    config = retained["homeassistant/sensor/car_1/limit/config"][0]
    assert config["state_topic"] == "car/1/limit"
    assert config["availability_topic"] == "car/1/availability"
    after = broker.read("car/#", 2)
    assert after["car/1/availability"] == ["offline"]
    assert after["car/1/limit"] == [{"kind": "not_available", "value": None}]


@needs_mosquitto
def test_the_broker_says_so_when_a_run_dies(broker: Broker) -> None:
    sink = MqttSink(settings(broker).mqtt, LIVE, CATALOGUE)
    assert broker.read("car/1/availability", 1)["car/1/availability"] == ["online"]
    connection: Any = sink._client.socket()
    connection.shutdown(socket.SHUT_RDWR)  # as if the machine had gone
    sink._client.loop_stop()
    wait(lambda: broker.read("car/1/availability", 1)["car/1/availability"] == ["offline"])


@needs_mosquitto
def test_a_broker_that_is_cut_and_restarted_gets_what_it_missed(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        sink = MqttSink(settings(broker, buffer=3).mqtt, LIVE, CATALOGUE)
        sink.write(frame_result(advisories=[advisory()]))
        wait(sink._client.is_connected)
        broker.stop()
        wait(lambda: not sink._client.is_connected())
        for number in range(8):
            events = [advisory("stop", f"stop {number}", "stop")]
            sink.write(frame_result(advisories=[advisory(message="limit 50", value=50.0)], events=events))
        assert sink.lost >= 4
        broker.start()
        wait(sink._client.is_connected)
        assert broker.read("car/1/limit", 1)["car/1/limit"][0]["value"] == 50
        sink.close()
    said = [record.message for record in caplog.records if record.name == "signpipe.sinks.mqtt"]
    assert sum("is lost" in text for text in said) == 1
    assert sum("is back" in text for text in said) == 1


@needs_mosquitto
def test_a_password_and_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "me", "s3cret"], check=True, capture_output=True)
    lines = ("allow_anonymous false", f"password_file {users}", f"cafile {certificate}", f"certfile {certificate}")
    broker = Broker(tmp_path, (*lines, f"keyfile {key}"))
    try:
        address = f"mqtts://me@127.0.0.1:{broker.port}/car"
        sink = MqttSink(MqttSettings(broker=address, password="s3cret", ca=certificate), LIVE, CATALOGUE)
        options = ("-u", "me", "-P", "s3cret", "--cafile", str(certificate))
        assert broker.read("car/availability", 1, *options)["car/availability"] == ["online"]
        sink.close()
        wrong = MqttSink(MqttSettings(broker=address, password="wrong", ca=certificate), LIVE, CATALOGUE)
        wait(lambda: any("refuses" in record.message for record in caplog.records))
        with pytest.raises(OSError, match="never reached"):
            wrong.close()
    finally:
        broker.stop()
    assert "s3cret" not in caplog.text


def test_a_broker_that_is_not_there_costs_nothing_and_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with open_sinks(Settings(mqtt=MqttSettings(broker="mqtt://127.0.0.1:9/x")), LIVE, CATALOGUE) as sinks:
        for index in range(50):
            sinks.write(frame_result(index, events=[advisory()]))
        wait(lambda: "can't be reached" in caplog.text)
    assert caplog.text.count("can't be reached") == 1
    assert "127.0.0.1:9 was never reached" in sinks.missing["MQTT messages"]


@pytest.mark.parametrize(
    "address",
    [
        "host/topic",
        "http://host",
        "mqtt://",
        "mqtt://u:p@host:port/x",
        "mqtt://h/a%23",
        "mqtt://h/a#b",
        "mqtt://h/a?b=c",
    ],
)
def test_an_address_that_is_none_is_one_sentence_without_its_password(address: str) -> None:
    with pytest.raises(SettingsError, match="is no MQTT broker") as caught:
        MqttSink(MqttSettings(broker=address), LIVE, CATALOGUE)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (MqttSettings(broker="mqtt://h/x", password="s3cret"), "needs a user"),
        (MqttSettings(broker="mqtt://:s3cret@h/x"), "needs a user"),
        (MqttSettings(broker="mqtt://h/x", ca=Path("ca.pem")), "mqtts://"),
    ],
)
def test_what_would_not_be_used_is_refused(settings: MqttSettings, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        MqttSink(settings, LIVE, CATALOGUE)
    assert "s3cret" not in str(caught.value)


def test_a_certificate_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"certificate .+ can't be read"):
        MqttSink(MqttSettings(broker="mqtts://h/x", ca=tmp_path / "no.pem"), LIVE, CATALOGUE)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "paho.mqtt.client", None)
    with pytest.raises(ExtraMissingError, match=r"signpipe\[mqtt\]"):
        MqttSink(MqttSettings(broker="mqtt://h/x"), LIVE, CATALOGUE)
