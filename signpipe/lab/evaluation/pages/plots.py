"""The figures of the quality report, each from the metrics of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from signpipe.html.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Metrics = dict[str, Any]


def occlusion_curves(metrics: Metrics, other: Metrics | None = None) -> Figure:
    """Draw accuracy over the hidden share, a panel an occluder, beside the ceiling, and of what is published wrong."""
    effects = metrics["occlusion"]
    columns = 4
    drawn = new_figure(11, 2.4 * -(-len(effects) // columns))
    panels = drawn.subplots(-(-len(effects) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, effect) in zip(panels, effects.items(), strict=False):
        hidden = [0.0, *map(float, effect["levels"])]
        for key, label, style in (
            ("ceiling", "ceiling", "k:"), ("accuracy", "accuracy", "C0.-"), ("category_accuracy", "category", "C2-"),
            ("wrong_over_accept", "wrong, though sure", "C3-"),
        ):  # fmt: skip
            axes.plot(
                hidden, [metrics["clean"][key], *(cell[key] for cell in effect["levels"].values())], style, label=label
            )
        if other and name in other.get("occlusion", {}):
            levels = other["occlusion"][name]["levels"]
            values = [other["clean"]["accuracy"], *(cell["accuracy"] for cell in levels.values())]
            axes.plot([0.0, *map(float, levels)], values, "C1.--", label="accuracy, the other")
        axes.set_title(name + (" (held out)" if effect["held_out"] else ""), fontsize=9)
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=7)
    drawn.supxlabel("hidden share of the sign's face")
    return drawn


def corruption_map(metrics: Metrics) -> Figure:
    """Draw a heat map of accuracy, corruption by severity."""
    effects = metrics["corruption"]
    values = np.array([[cell["accuracy"] for cell in effect["levels"].values()] for effect in effects.values()])
    drawn = new_figure(7, 0.3 * len(effects) + 1.2)
    axes = drawn.subplots()
    shown = axes.imshow(values, cmap="RdYlGn", vmin=0.4, vmax=1.0, aspect="auto")
    axes.set_yticks(range(len(effects)), [n + (" (held out)" if e["held_out"] else "") for n, e in effects.items()])
    axes.set_xticks(range(values.shape[1]), list(next(iter(effects.values()))["levels"]))
    axes.set_xlabel("severity")
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=8)
    drawn.colorbar(shown, label="accuracy")
    return drawn


def reliability_diagram(metrics: Metrics) -> Figure:
    """Draw accuracy over confidence."""
    bins = metrics["reliability"]
    drawn = new_figure(5, 4)
    axes = drawn.subplots()
    axes.plot([0, 1], [0, 1], "k:", label="perfect")
    axes.plot([b["confidence"] for b in bins], [b["accuracy"] for b in bins], "C0o-", label="measured")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    axes.grid(alpha=0.3)
    return drawn


def risk_curve(metrics: Metrics) -> Figure:
    """Draw risk over coverage, with the operating point."""
    drawn = new_figure(5.5, 4)
    axes = drawn.subplots()
    axes.plot([p["coverage"] for p in metrics["curve"]], [p["risk"] for p in metrics["curve"]], "C0-", label="risk")
    axes.plot([metrics["coverage"]], [metrics["risk"]], "C3o", label="operating point")
    axes.set(xlabel="coverage: share of signs published", ylabel="risk: share of those that is wrong", xlim=(0, 1.02))
    axes.legend()
    axes.grid(alpha=0.3)
    return drawn


def streaming_curves(metrics: Metrics) -> Figure:
    """Draw accuracy of single frames and of the fused track over the share of frames dropped."""
    drawn = new_figure(9, 3.6)
    panels = drawn.subplots(1, len(metrics["dropped"]))
    for axes, (pattern, shares) in zip(panels, metrics["dropped"].items(), strict=True):
        for key, label in (("single_accuracy", "single frames"), ("fused_accuracy", "fused, each frame"),
                           ("final_accuracy", "fused, at the end"), ("confirmed", "confirmed")):  # fmt: skip
            axes.plot([0.0, *map(float, shares)], [metrics[key], *(c[key] for c in shares.values())], ".-", label=label)
        axes.set(title=f"dropped: {pattern}", xlabel="share of frames dropped")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return drawn


def recall_by_size(metrics: Metrics) -> Figure:
    """Draw the detector's recall by the size of the sign."""
    bands = metrics["recall_by_size"]
    drawn = new_figure(6, 3.2)
    axes = drawn.subplots()
    bars = axes.bar(list(bands), [band["recall"] for band in bands.values()])
    axes.bar_label(bars, [f"n={band['n']}" for band in bands.values()], fontsize=8)
    axes.set(xlabel="longer side in pixels", ylabel="recall", ylim=(0, 1.1))
    return drawn
