"""What README.md and the documents say of the service and of drift, from the committed result files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.readme_tables import table

RESULTS = Path(__file__).parent / "results"
Row = tuple[str, str, str]


def read(name: str) -> dict[str, Any]:
    """Return the content of a result file."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def service_rows() -> list[Row]:
    """Return how the service does, for the README."""
    counts, soak, load = read("serve-faults")["counts"], read("serve-soak"), read("serve-load")
    return [
        (
            "[Service](docs/serving.md): killed at random moments",
            f"{_lost(counts)} in {counts['kills']} kills, {counts['server']} of them of the server",
            f"{counts['jobs']} jobs under way, one source",
        ),
        (
            "Service: growth in memory",
            f"{_growth(soak, 'megabytes')} MB an hour of {soak['last']['megabytes']:.0f} (95 % interval); handles "
            f"{_growth(soak, 'handles')}, threads {_growth(soak, 'threads')}",
            f"{soak['minutes']:.0f} minutes, {soak['sources']} sources, {soak['last']['frames']} pictures",
        ),
        (
            "Service: pictures a second, over a bare FastAPI with the same pipeline",
            f"{load['rate_ratio_median']:.3f}; p99 {load['p99_ratio']:.3f}",
            f"{load['requests_each']} pictures each from {load['clients']} clients, in turns",
        ),
        *drift_rows(),
    ]


def drift_rows() -> list[Row]:
    """Return how soon drift is told, and how often for nothing."""
    ours = read("drift")["monitors"]["signpipe"]
    changes = ours["changes"]
    found, drives = (sum(change[key] for change in changes.values()) for key in ("found", "drives"))
    times = ", ".join(
        f"{name} {change['median_seconds'] / 60:.0f}" for name, change in changes.items() if change["median_seconds"]
    )
    return [
        (
            "[Drift](docs/drift.md): fog, dirt, a knocked camera, another country, sharpening",
            f"told on {found} of {drives} drives; minutes in the median: {times}; false alarms "
            f"{ours['false_alarms']} in {ours['hours']:.0f} hours ({ours['false_alarms_a_week']} a week; 95 %: at most "
            f"{ours['upper_a_week']})",
            "drives put together from real photographs",
        )
    ]


def endurance() -> str:
    """Return the table of docs/serving.md."""
    counts, soak, load, demo = (read(f"serve-{name}") for name in ("faults", "soak", "load", "demo"))
    counts = counts["counts"]
    first, *later = [one["picture"] for one in demo["rounds"]]
    turns = f"turns: {min(load['rate_ratios'])} to {max(load['rate_ratios'])}"
    rows = [
        (
            "`benchmarks/serve.py faults`",
            f"{counts['kills']} kills at random moments, {counts['server']} of the server and {counts['process']} of "
            "one of its processes, a job always being under way",
            f"{_lost(counts)}; {counts['databases_damaged']} damaged databases, {counts['processes_left']} processes "
            "left over",
        ),
        (
            "`benchmarks/serve.py soak`",
            f"{soak['minutes']:.0f} minutes, {soak['sources']} sources with {soak['last']['frames']} pictures "
            "together, a client that asks and one that never reads",
            f"memory of all processes {_growth(soak, 'megabytes')} MB an hour of {soak['last']['megabytes']:.0f}, of "
            f"the server alone {_growth(soak, 'server_megabytes')} of {soak['last']['server_megabytes']:.0f}; handles "
            f"{_growth(soak, 'handles')}, threads {_growth(soak, 'threads')}; {soak['last']['restarts']} restarts "
            "(a process might say nothing for 300 s)",
        ),
        (
            "`benchmarks/serve.py load`",
            f"{load['requests_each']} pictures from {load['clients']} clients, beside a bare FastAPI that runs the "
            f"same pipeline, in {load['rounds']} turns",
            f"{load['rate_ratio_median']:.3f} times its pictures a second ({turns}); its p99 of "
            f"{load['bare']['p99_ms']:.0f} ms is {load['p99_ratio']:.3f} of ours (wanted of both: 0.9)",
        ),
        (
            "`benchmarks/serve_demo.py`",
            "`signpipe serve --demo` in an environment that was just made, until Chromium shows the sample drive",
            f"{first:.0f} s after the install, {', '.join(f'{one:.0f}' for one in later)} s when started again; the "
            f"install itself took {demo['install_seconds']:.0f} s (load average then: {demo['load_average']:.1f})",
        ),
    ]
    return table(("command", "what was run", "what was seen"), rows)


def drift_table() -> str:
    """Return the tables of docs/drift.md."""
    result = read("drift")
    monitors = result["monitors"]
    changes = list(monitors["signpipe"]["changes"])
    rows = []
    for name, one in monitors.items():
        cells = [_time(one["changes"][change]) for change in changes]
        alarms = f"{one['false_alarms']} in {one['hours']:.0f} h: {one['false_alarms_a_week']} a week"
        share = f"{100 * one['share_ringing']:.1f} %"
        rows.append((name, f"{alarms} (95 %: at most {one['upper_a_week']})", share, *cells))
    return table(("monitor", "false alarms", "of the time", *changes), rows)


def _time(change: dict[str, Any]) -> str:
    if change["median_seconds"] is None:
        return f"{change['found']} of {change['drives']}"
    if not change["longest_seconds"]:
        return "rings before it"
    return (
        f"{change['found']} of {change['drives']}, {change['median_seconds']:.0f} s (at most "
        f"{change['longest_seconds']:.0f} s)"
    )


def _lost(counts: dict[str, Any]) -> str:
    return f"{counts['jobs_lost']} of {counts['jobs']} jobs lost, {counts['signs_doubled']} signs doubled"


def _growth(soak: dict[str, Any], what: str) -> str:
    growth = soak[f"{what}_an_hour"]
    low, high = growth["interval"]
    return f"{growth['slope']:+.1f} ({low:+.1f} to {high:+.1f})"
