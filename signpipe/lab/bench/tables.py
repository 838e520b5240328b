"""Results as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.lab.bench.compare import Difference
from signpipe.lab.bench.result import BenchResult
from signpipe.lab.bench.statistics import PERCENTILES, smallest_sample
from signpipe.lab.bench.sweeps import MODELS

# In the order in which a frame goes through them; what isn't there is left out.
STAGES = ("wait", "preprocess", "detect", "plausibility", "classify", "track", "fallback", "decide", "total")
ABSENT = "-"


def print_result(result: BenchResult, console: Console) -> None:
    """Print everything that a result holds."""
    machine = result.machine
    console.print(
        f"{machine['cores']} cores of {escape(machine['cpu'])}; {escape(result.source)}; signpipe "
        f"{machine['signpipe']} {machine['commit'] or ''}",
        highlight=False,
    )
    for sentence in result.disturbances:
        console.print(f"[yellow]{sentence}: times are too long, and ratios rough[/]", highlight=False)
    for role, model in result.models.items():
        ran = ", ".join(f"{share['nodes']} nodes on {name}" for name, share in model["nodes"].items())
        console.print(f"{role} {model['name']} ({model['precision'] or 'precision unknown'}): {ran}", highlight=False)
    for name, scenario in result.scenarios.items():
        _print_scenario(name, scenario["metrics"], console)
    for name, points in result.sweeps.items():
        _print_points(f"sweep over {name}", name, [(str(p["value"]), p["metrics"]) for p in points], console)
    if result.peers:
        _print_peers(result.peers, console)


def print_comparison(
    differences: list[Difference], unlike: list[str], names: tuple[str, str], console: Console
) -> None:
    """Print every number of two results with their ratio."""
    for reason in unlike:
        console.print(f"[yellow]not the same, {escape(reason)}[/]", highlight=False)
    table = Table(title=f"{names[1]} against {names[0]}", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for column in ("where", "metric"):
        table.add_column(column)
    for column in ("A", "B", "B / A"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in differences:
        colour = "green" if row.better else "red"
        verdict = {True: f"[{colour}]{'better' if row.better else 'worse'}[/]", False: "within the bounds", None: ""}
        table.add_row(
            row.where, row.metric, f"{row.first:.4g}", f"{row.second:.4g}", f"{row.ratio:.3f}", verdict[row.clear]
        )
    console.print(table)


def headline(name: str, metrics: dict[str, Any]) -> str:
    """Return the main numbers of a scenario in one line."""
    parts = [f"{metrics['fps']:.1f} frames/s over {metrics['frames']} frames"]
    if "sources" in metrics:
        parts[0] += f" of {metrics['sources']} sources together, {metrics['threads_per_source']} threads each"
    bounds = metrics.get("overhead_ratio_interval_95")
    within = f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else ""
    if "overhead_ratio" in metrics:
        parts.append(f"overhead ratio {metrics['overhead_ratio']:.3f}{within}")
    if "dropped" in metrics:
        parts.append(f"{metrics['dropped']} dropped at {metrics['rate']:.1f} frames/s")
    parts.append(f"{metrics['cpu_seconds_per_frame'] * 1e3:.1f} ms of CPU per frame")
    if metrics["peak_memory_mb"] is not None:
        parts.append(f"peak memory {metrics['peak_memory_mb']:.0f} MB")
    for what, drift in metrics.get("drift", {}).items():
        parts.append(f"{what} {drift['early']:.4g} early, {drift['late']:.4g} late")
    return f"{name}: {'; '.join(parts)}"


def time_rows(metrics: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each distribution of times, and the distribution."""
    yield "latency", metrics["latency_ms"]
    if "age_ms" in metrics:
        yield "age when used", metrics["age_ms"]
    yield "model runs", metrics["models_ms"]
    for stage in STAGES:
        if stage in metrics["stages_ms"]:
            yield f"  {stage}", metrics["stages_ms"][stage]


def missing_percentiles(metrics: dict[str, Any]) -> str:
    """Return a sentence on the percentiles that were left out, or nothing."""
    n = metrics["latency_ms"]["n"]
    left_out = [f"p{p} needs {smallest_sample(p)}" for p in PERCENTILES if n < smallest_sample(p)]
    return f"{n} frames are too few for some percentiles: {', '.join(left_out)}." if left_out else ""


def _print_scenario(name: str, metrics: dict[str, Any], console: Console) -> None:
    console.print()
    console.print(f"[bold]{headline(name, metrics)}[/]", highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("ms", no_wrap=True)
    for column in (*(f"p{p}" for p in PERCENTILES), "max", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for row, times in time_rows(metrics):
        cells = [_cell(times, f"p{p}") for p in PERCENTILES]
        table.add_row(row, *cells, f"{times['max']:.0f}" if "max" in times else ABSENT, str(times["n"]))
    console.print(table)
    crowds = ", ".join(
        f"{crowd['p50']:.3f} with {signs} signs (n {crowd['n']})"
        for signs, crowd in metrics.get("overhead_ratio_by_signs", {}).items()
    )
    console.print(f"overhead ratio {crowds}", highlight=False)
    if sentence := missing_percentiles(metrics):
        console.print(f"[yellow]{sentence}[/]", highlight=False)


def _print_points(title: str, name: str, points: list[tuple[str, dict[str, Any]]], console: Console) -> None:
    console.print()
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column(name, no_wrap=True)
    stage = MODELS.get(name)  # what runs a model is compared by itself where that is what differs
    compared = (f"{stage} over first",) if stage else ("models", "overhead")
    for column in ("fps", "p50 ms", "over first", *compared, "signs", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for value, metrics in points:
        table.add_row(
            Path(value).name,
            f"{metrics['fps']:.1f}",
            _cell(metrics["latency_ms"], "p50"),
            _cell(metrics["ratio_to_first"], "p50"),
            *(
                (_cell(metrics["stage_ratio_to_first"][stage], "p50"),)
                if stage
                else (_cell(metrics["models_ms"], "p50", bounds=False), f"{metrics['overhead_ratio']:.3f}")
            ),
            f"{metrics['signs_per_frame']:.1f}",
            str(metrics["frames"]),
        )
    console.print(table)


def _print_peers(peers: dict[str, Any], console: Console) -> None:
    table = Table(title="the same frames, the same detector", title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("peer", no_wrap=True)
    for column in ("fps", "p50 ms", "CPU ms", "recall", "precision", "class", "wrong"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, peer in peers.items():
        metrics = peer["metrics"]
        fps = ABSENT if metrics["fps"] is None else f"{metrics['fps']:.1f}"
        shares = [metrics.get(share) for share in ("recall", "precision", "right_class", "wrong_class")]
        cells = [ABSENT if share is None else f"{share:.3f}" for share in shares]
        cpu = f"{metrics['cpu_seconds_per_frame'] * 1e3:.0f}"
        table.add_row(name, fps, _cell(metrics["latency_ms"], "p50"), cpu, *cells)
    console.print(table)


def _cell(times: dict[str, Any], percentile: str, bounds: bool = True) -> str:
    """Return a percentile with its bounds, such as "21.3 (20.9-22.0)"."""
    if percentile not in times:
        return ABSENT
    value = times[percentile]
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    low, high = times["interval_95"][percentile]
    return f"{value:.{digits}f}" + (f" ({low:.{digits}f}-{high:.{digits}f})" if bounds else "")
