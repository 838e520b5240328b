"""Results as a page with plots, which opens from disk without network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from signpipe.html import Html, Section, figure, join, new_figure, paragraph, table, write_page
from signpipe.lab.bench.result import BenchResult
from signpipe.lab.bench.statistics import PERCENTILES
from signpipe.lab.bench.tables import STAGES, headline, missing_percentiles, time_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN = tuple(stage for stage in STAGES if stage != "total")
BLUE, GREY, ORANGE = "#1f5fbf", "#9aa3ad", "#d9730d"


def write_bench_page(result: BenchResult, path: Path) -> None:
    """Write the page.

    Raises:
        OutputError: The file can't be written.
        ExtraMissingError: The extra "report" isn't installed.
    """
    machine = result.machine
    note = (
        f"{machine['cores']} cores of {machine['cpu']}; source {result.source}; signpipe {machine['signpipe']} "
        f"{machine['commit'] or ''}; {machine['date']}"
    )
    sections = [
        *(_scenario(name, scenario["metrics"]) for name, scenario in result.scenarios.items()),
        *(_sweep(name, points) for name, points in result.sweeps.items()),
        *([_peers(result.peers)] if result.peers else []),
        _surroundings(result),
    ]
    note = "; ".join([note, *result.disturbances])
    write_page(path, "How fast signpipe is", sections, note)


def _scenario(name: str, metrics: dict[str, Any]) -> Section:
    header = ("milliseconds", *(f"p{p} (95 % bounds)" for p in PERCENTILES), "max", "n")
    rows = [
        (what.strip(), *(_bounded(times, f"p{p}") for p in PERCENTILES), f"{times.get('max', 0):.4g}", times["n"])
        for what, times in time_rows(metrics)
    ]
    crowds = metrics.get("overhead_ratio_by_signs", {})
    parts = [
        paragraph(f"{headline(name, metrics)}."),
        paragraph(sentence) if (sentence := missing_percentiles(metrics)) else Html(""),
        table(header, rows),
        table(("signs in the picture", "overhead ratio", "n"), [(key, c["p50"], c["n"]) for key, c in crowds.items()]),
    ]
    if metrics["stages_ms"]:
        parts.append(figure(_stages_plot(metrics["stages_ms"]), "Where the time of a frame goes, median and p99."))
    return Section(f"Scenario {name}", join(*parts))


def _sweep(name: str, points: list[dict[str, Any]]) -> Section:
    header = (
        name,
        "frames/s",
        "p50 ms (95 % bounds)",
        "over the first",
        "detect over the first",
        "classify over the first",
        "model runs p50",
        "overhead ratio",
        "signs found",
        "n",
    )
    rows = [
        (
            str(point["value"]),
            point["metrics"]["fps"],
            _bounded(point["metrics"]["latency_ms"], "p50"),
            _bounded(point["metrics"]["ratio_to_first"], "p50"),
            *(_bounded(of_stage, "p50") for of_stage in point["metrics"]["stage_ratio_to_first"].values()),
            point["metrics"]["models_ms"].get("p50"),
            point["metrics"]["overhead_ratio"],
            point["metrics"]["signs_per_frame"],
            point["metrics"]["frames"],
        )
        for point in points
    ]
    return Section(
        f"Sweep over {name}",
        join(table(header, rows), figure(_sweep_plot(name, points), f"Time of a frame by {name}.")),
    )


def _peers(peers: dict[str, Any]) -> Section:
    header = ("", "frames/s", "p50 ms (95 % bounds)", "recall", "precision", "right class", "what")
    rows = [
        (
            name,
            peer["metrics"]["fps"],
            _bounded(peer["metrics"]["latency_ms"], "p50"),
            peer["metrics"].get("recall"),
            peer["metrics"].get("precision"),
            peer["metrics"].get("right_class"),
            peer["what"],
        )
        for name, peer in peers.items()
    ]
    plot = figure(_peers_plot(peers), "Frames per second from the file; on decoded frames where a peer reads none.")
    return Section("Peers", join(table(header, rows), plot))


def _surroundings(result: BenchResult) -> Section:
    machine = [(key, _plain(value)) for key, value in result.machine.items()]
    models = [
        (role, model["name"], model["precision"], provider, share["nodes"], share["time_share"], model["sha256"])
        for role, model in result.models.items()
        for provider, share in model["nodes"].items()
    ]
    settings = [
        (f"{section}.{key}", str(value)) for section, tree in result.settings.items() for key, value in tree.items()
    ]
    header = ("role", "model", "precision", "provider", "nodes run", "share of the time", "sha256")
    return Section(
        "Measured with", join(table(("machine", ""), machine), table(header, models), table(("setting", ""), settings))
    )


def _stages_plot(stages: dict[str, Any]) -> Figure:
    names = [stage for stage in OWN if stages.get(stage, {}).get("n")]
    drawn = new_figure(8, 0.6 + 0.34 * len(names))
    axes = drawn.subplots()
    medians = [stages[name].get("p50", stages[name]["mean"]) for name in names]
    highest = [stages[name].get("p99", stages[name]["max"]) for name in names]
    axes.barh(names, highest, color=GREY, height=0.35, label="p99 (or the longest)")
    axes.barh(names, medians, color=BLUE, height=0.7, label="median (or the mean)")
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds")
    axes.legend()
    return drawn


def _sweep_plot(name: str, points: list[dict[str, Any]]) -> Figure:
    drawn = new_figure(7, 3.2)
    axes = drawn.subplots()
    labels = [str(point["value"]) for point in points]
    latencies = [point["metrics"]["latency_ms"] for point in points]
    medians = [latency.get("p50", latency["mean"]) for latency in latencies]
    bounds = [latency["interval_95"].get("p50", [m, m]) for latency, m in zip(latencies, medians, strict=True)]
    below = [m - low for m, (low, _) in zip(medians, bounds, strict=True)]
    above = [high - m for m, (_, high) in zip(medians, bounds, strict=True)]
    axes.bar(labels, medians, color=BLUE, yerr=(below, above), capsize=4, label="whole frame, with 95 % bounds")
    models = [p["metrics"]["models_ms"].get("p50", p["metrics"]["models_ms"]["mean"]) for p in points]
    axes.plot(labels, models, "_", color=ORANGE, markersize=28, markeredgewidth=3, label="model runs")
    axes.set_xlabel(name)
    axes.set_ylabel("milliseconds, median")
    axes.set_ylim(bottom=0)
    axes.legend()
    return drawn


def _peers_plot(peers: dict[str, Any]) -> Figure:
    drawn = new_figure(7, 0.8 + 0.4 * len(peers))
    axes = drawn.subplots()
    rates = [peer["metrics"]["fps"] or 1e3 / peer["metrics"]["latency_ms"]["mean"] for peer in peers.values()]
    colours = [GREY if name.startswith("floor") else BLUE if name == "signpipe" else ORANGE for name in peers]
    axes.barh(list(peers), rates, color=colours)
    axes.invert_yaxis()
    axes.set_xlabel("frames per second")
    return drawn


def _bounded(times: dict[str, Any], percentile: str) -> str:
    if percentile not in times:
        return "n too small"
    low, high = times["interval_95"][percentile]
    return f"{times[percentile]:.4g} ({low:.4g} to {high:.4g})"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
