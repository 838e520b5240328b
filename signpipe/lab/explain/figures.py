"""The figures of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from signpipe.catalogue import Catalogue
from signpipe.html import new_figure
from signpipe.lab.explain.history import History
from signpipe.settings import FallbackSettings
from signpipe.types import Certainty, FloatArray, Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES = 4  # classes that are drawn
SHADES = {Certainty.CONFIRMED: "#d9efdf", Certainty.CORROBORATED: "#dbe8f7", Certainty.UNCERTAIN: "#fbf0d3"}
MAPPED = 0.05  # fall of the probability below which a map is all noise and is drawn as nothing


def evidence_figure(history: History, catalogue: Catalogue, settings: FallbackSettings) -> Figure:
    """Draw the likeliest classes' probability over time, fused (lines) and of single observations (dots)."""
    times = np.array([moment.media_time for moment in history.moments])
    fused = np.stack([moment.track.probability for moment in history.moments])
    seen = [moment for moment in history.moments if moment.single is not None]
    drawn = new_figure(10, 4)
    axes = drawn.subplots()
    for start, end, verdict in _stretches(history):
        if verdict in SHADES:
            axes.axvspan(start, end, color=SHADES[verdict], lw=0)
    for number, class_id in enumerate(np.argsort(-fused.max(axis=0), kind="stable")[:CURVES]):
        axes.plot(times, fused[:, class_id], f"C{number}-", label=catalogue[int(class_id)].name)
        single = [float(moment.single[class_id]) for moment in seen if moment.single is not None]
        axes.plot([moment.media_time for moment in seen], single, f"C{number}.", ms=4, alpha=0.6)
    axes.plot(times, [moment.track.novelty for moment in history.moments], "k:", lw=1, label="novelty")
    axes.axhline(settings.accept, color="#51565d", lw=0.8, ls="--", label="accept")
    axes.set(xlabel="seconds", ylabel="probability", ylim=(-0.02, 1.02))
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    return drawn


def _stretches(history: History) -> list[tuple[float, float, Certainty]]:
    """Return from when to when each verdict held."""
    result: list[tuple[float, float, Certainty]] = []
    for moment in history.moments:
        if result and result[-1][2] is moment.track.verdict.certainty:
            result[-1] = (result[-1][0], moment.media_time, result[-1][2])
        else:
            if result:
                result[-1] = (result[-1][0], moment.media_time, result[-1][2])
            result.append((moment.media_time, moment.media_time, moment.track.verdict.certainty))
    return result


def sensitivity_figure(crop: Image, fall: FloatArray, drawings: list[tuple[str, Image]]) -> Figure:
    """Draw a crop, the same with what the classifier goes by, and drawings beside it.

    Args:
        crop: BGR uint8 (S, S, 3).
        fall: float32 (S, S), from `occlusion_map`.
        drawings: A title and a BGRA uint8 (H, W, 4) picture each.
    """
    drawn = new_figure(2.4 * (2 + len(drawings)) + 0.6, 2.7)
    panels = drawn.subplots(1, 2 + len(drawings))
    rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
    panels[0].imshow(rgb)
    panels[0].set_title("largest crop", fontsize=9)
    grey = np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    panels[1].imshow(grey)
    most = max(float(fall.max()), MAPPED)
    alpha = np.clip(fall / most, 0, 1) * 0.75
    shown = panels[1].imshow(fall, cmap="inferno", vmin=0, vmax=most, alpha=alpha)
    drawn.colorbar(shown, ax=panels[1], fraction=0.046)
    panels[1].set_title("fall if hidden", fontsize=9)
    for axes, (title, picture) in zip(panels[2:], drawings, strict=True):
        axes.imshow(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA))
        axes.set_title(title, fontsize=9)
    for axes in panels:
        axes.axis("off")
    return drawn
