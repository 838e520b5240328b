"""The real Prometheus scrapes us, and every query of the dashboard and of the alerts has an answer."""

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from signpipe.metrics import Exposition, Meter, MetricsServer
from signpipe.metrics.families import FAMILIES
from tests.sinks.results import CATALOGUE, frame_result, track

DEPLOY = Path(__file__).parents[2] / "deploy"
PATIENCE = 120.0  # seconds


class Prometheus:
    """Debian's Prometheus, which scrapes one target every second."""

    def __init__(self, folder: Path, target: str) -> None:
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")],
            "scrape_configs": [{"job_name": "signpipe", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        self._log = folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                 "--web.listen-address=127.0.0.1:0"], cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        self._address = self._wait_for_address()

    def _wait_for_address(self) -> str:
        """Return where it listens, as its log says."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for line in self._log.read_text().splitlines():
                if 'msg="Listening on"' in line:
                    return line.rpartition("address=")[2].strip()
            time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    def get(self, path: str, **query: str) -> Any:
        url = f"http://{self._address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        return json.load(urllib.request.urlopen(url, timeout=30))["data"]

    def wait_for(self, expression: str) -> list[Any]:
        """Return the answer to a query once there is one."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                found: list[Any] = self.get("query", query=expression)["result"]
            except urllib.error.HTTPError as error:
                if error.code != 503:  # it listens before it is ready
                    raise
                found = []
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"no answer to {expression}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


@pytest.fixture
def scraped() -> Iterator[MetricsServer]:
    """Yield a server whose numbers move, with every family there is."""
    exposition, meter, over = Exposition(), Meter(CATALOGUE), threading.Event()
    for family in FAMILIES.values():
        labels = ["some"] * len(family.labels)
        (meter.observe if family.buckets else meter.count)(family.name, 1, *labels)
    exposition.follow("gate", meter.snapshot)

    def work() -> None:
        index = 0
        while not over.wait(0.05):
            index += 1
            meter.add(frame_result(index, tracks=[track(index // 5)]))

    with MetricsServer(":0", exposition) as server:
        thread = threading.Thread(target=work)
        thread.start()
        yield server
        over.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus isn't installed (apt: prometheus)")
def test_every_query_of_the_dashboard_has_an_answer(scraped: MetricsServer, tmp_path: Path) -> None:
    prometheus = Prometheus(tmp_path, f"{scraped.host}:{scraped.port}")
    try:
        prometheus.wait_for('signpipe_frames_total{source="gate"}')
        dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "signpipe.json").read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                assert prometheus.wait_for(target["expr"].replace("$source", ".*")), panel["title"]
        loaded = [rule["name"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        assert "SignpipeSourceStalled" in loaded
        assert all(rule["health"] != "err" for group in prometheus.get("rules")["groups"] for rule in group["rules"])
        (target,) = prometheus.get("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
    finally:
        prometheus.stop()
