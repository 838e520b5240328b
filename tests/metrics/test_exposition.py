"""Prometheus can read what is served: checked by its own tool, and over HTTP."""

import shutil
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

import signpipe
from signpipe.errors import OutputError, SettingsError
from signpipe.metrics import Exposition, Meter, MetricsServer
from signpipe.metrics.families import FAMILIES
from signpipe.metrics.serving import parse_address
from signpipe.types import Detections, Image, Prepared
from tests.sinks.results import CATALOGUE, frame_result, track

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed (prometheus)")


class Blind:
    """A detector of one's own that finds nothing."""

    def __call__(self, _: Prepared) -> tuple[Detections, Detections]:
        return Detections.empty(), Detections.empty()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return value by name and label values."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(frames: int) -> Meter:
    meter = Meter(CATALOGUE)
    meter.describe([("detector-fast", "ab12", "CPUExecutionProvider")], True)
    for index in range(frames):
        meter.add(frame_result(index, tracks=[track(1)]))
    return meter


def test_snapshots_of_several_workers_become_one_answer() -> None:
    exposition = Exposition()
    exposition.update("north", counted(3).snapshot())
    exposition.update("south", counted(5).snapshot())
    exposition.put("south", "signpipe_source_restarts_total", 2)
    exposition.put("east", "signpipe_source_up", 0)  # of which no snapshot has come yet
    found = samples(exposition.render()[0].decode())
    assert found["signpipe_frames_total", "north"] == 3
    assert found["signpipe_frames_total", "south"] == 5
    assert found["signpipe_source_restarts_total", "south"] == 2
    assert found["signpipe_source_up", "east"] == 0
    assert found["signpipe_frame_duration_seconds_bucket", "+Inf", "south"] == 5
    assert found["signpipe_frame_duration_seconds_count", "south"] == 5
    exposition.remove("south")
    exposition.remove("nobody")
    assert ("signpipe_frames_total", "south") not in samples(exposition.render()[0].decode())


def test_what_was_put_stands_for_what_the_snapshot_says() -> None:
    exposition = Exposition()
    exposition.update("north", counted(1).snapshot())
    exposition.put("north", "signpipe_source_up", 0)  # the supervisor knows that the worker is gone
    assert samples(exposition.render()[0].decode())["signpipe_source_up", "north"] == 0


def test_a_snapshot_of_another_version_is_read_as_far_as_it_is_known() -> None:
    exposition = Exposition()
    snapshot = counted(1).snapshot()
    snapshot["values"].append(["signpipe_of_the_future_total", [], 1.0])
    exposition.update("north", snapshot)
    assert b"of_the_future" not in exposition.render()[0]


def test_own_metrics_go_into_the_same_registry_and_openmetrics_can_be_asked_for() -> None:
    exposition = Exposition()
    Counter("http_requests", "Requests.", registry=exposition.registry).inc()
    assert b"http_requests_total 1.0" in exposition.render()[0]
    content, kind = exposition.render("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")


@needs_promtool
def test_promtool_finds_nothing_to_object_to() -> None:
    exposition, meter = Exposition(), counted(3)
    for family in FAMILIES.values():  # each family once, whoever sets it otherwise
        labels = ["some"] * len(family.labels)
        (meter.observe if family.buckets else meter.count)(family.name, 1, *labels)
    exposition.update("north", meter.snapshot())
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition.render()[0], capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_a_run_serves_its_metrics_until_it_is_closed() -> None:
    pictures = [np.full((120, 160, 3), index, np.uint8) for index in range(4)]
    settings = {"metrics": {"listen": ":0"}, "output": {"status": False}}
    stages = {"detect": Blind()}
    with signpipe.watch(pictures, stages=stages, **settings) as watching:  # type: ignore[arg-type]
        list(watching)
        url = watching.metrics_url
        assert url is not None
        assert url.startswith("http://127.0.0.1:")
        found = samples(urllib.request.urlopen(url, timeout=20).read().decode())
        assert watching.snapshot()["values"]
    source = watching.info.source_id
    assert found["signpipe_frames_total", source] == 4
    assert found["signpipe_stage_duration_seconds_count", source, "decide"] == 4
    assert found["signpipe_source_reconnects_total", source] == 0
    assert found["signpipe_provider_as_asked", source] == 1
    assert found["signpipe_resident_memory_bytes", source] > 1e7
    models = [key for key in found if key[0] == "signpipe_model_info"]
    assert any("classifier" in key for key in models)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=20)


def test_review_queue_and_outputs_are_counted_too(tmp_path: Path) -> None:
    class Broken:
        name = "broken"

        def write(self, _: object) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    pictures: list[Image] = [np.zeros((120, 160, 3), np.uint8)] * 3
    settings = {"review": {"folder": tmp_path / "queue"}, "output": {"status": False}}
    with signpipe.watch(pictures, sinks=[Broken()], stages={"detect": Blind()}, **settings) as watching:  # type: ignore[arg-type]
        list(watching)
    exposition = Exposition()
    exposition.update("north", watching.snapshot())
    found = samples(exposition.render()[0].decode())
    assert found["signpipe_sink_errors_total", "broken", "north"] == 3
    assert found["signpipe_review_items", "north", "open"] == 0


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with MetricsServer(":0", Exposition()) as server:
        with pytest.raises(OutputError, match=r"can't be served at 127\.0\.0\.1:\d+.*another port"):
            MetricsServer(f":{server.port}", Exposition())
        server.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:9464", ("::1", 9464)),
        ("cam:80", ("cam", 80)),
    ],
)
def test_addresses_are_read(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "9464", ":", ":99999", "a:b", "http://x:1", "::1:9464"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match="no address to listen at"):
        parse_address(text)
