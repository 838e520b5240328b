"""What is in deploy/ is checked by the tools whose files they are."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from signpipe.metrics.families import FAMILIES, Kind

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "signpipe.json").read_text())
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed (prometheus)")


def tool(name: str) -> str:
    """Return a command of the environment that the tests run in, or skip."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} isn't installed")
    return found


def check(*command: str | Path, cwd: Path = DEPLOY) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_prometheus_takes_the_rules_and_they_ring_when_they_should() -> None:
    check("promtool", "check", "rules", "prometheus/alerts.yml")
    check("promtool", "test", "rules", "alerts.test.yml", cwd=DEPLOY / "prometheus")
    check("promtool", "check", "config", "--syntax-only", "prometheus/prometheus.yml")


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert check(tool("hadolint"), "Dockerfile") == ""


def test_what_the_dockerfile_copies_is_there_and_nobody_is_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for names in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE):
        assert all((DEPLOY.parent / name).exists() for name in names.split())
    stages = re.split(r"^FROM .+ AS (\w+)$", text, flags=re.MULTILINE)
    built = dict(zip(stages[1::2], stages[2::2], strict=True))
    assert all("USER 10001:10001" in built[target] for target in ("cpu", "cuda"))
    steps = set(re.findall(r"image\.sh (\w+)", text))
    assert steps == set(re.findall(r"^(\w+)\)", (DEPLOY / "image.sh").read_text(), re.MULTILINE))


def test_the_compose_file_follows_its_specification_and_mounts_what_is_there() -> None:
    check(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml")
    for service in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values():
        mounts = [mount.split(":")[0] for mount in service["volumes"] if mount.startswith("./")]
        made = {"./metrics.token"}  # by the operator, with a token of the server
        assert all((DEPLOY / mount).exists() for mount in set(mounts) - made)


def test_the_manifests_follow_kubernetes_schemas() -> None:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    assert files
    check(tool("kubernetes-validate"), "--strict", *files)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "signpipe.service"
    text = (DEPLOY / "systemd" / "signpipe.service").read_text()
    unit.write_text(text.replace("/opt/signpipe/bin/signpipe", sys.executable))
    assert check(tool("systemd-analyze"), "verify", unit, cwd=tmp_path) == ""


def names_in(text: str) -> set[str]:
    """Return the names of our metrics in a query, histograms by their family."""
    histograms = {name for name, family in FAMILIES.items() if family.kind is Kind.HISTOGRAM}
    found = set(re.findall(r"\bsignpipe_[a-z_]+", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) if name not in FAMILIES else name for name in found} | (
        found & histograms
    )


def test_dashboard_and_alerts_ask_for_what_there_is_and_the_dashboard_shows_all_of_it() -> None:
    shown = names_in(json.dumps(DASHBOARD))
    asked = names_in((DEPLOY / "prometheus" / "alerts.yml").read_text())
    assert shown | asked <= set(FAMILIES)
    assert shown == set(FAMILIES)
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert all(x + width <= 24 for x, _, width, _ in places)
