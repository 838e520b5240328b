"""`signpipe explain`: why a sign was read as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signpipe.cli.options import ConfigOption
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.run import parse_assignments
from signpipe.errors import SettingsError, SourceError
from signpipe.html import new_figure, write_page
from signpipe.lab.explain.history import History, Recorder
from signpipe.lab.explain.page import Explainer
from signpipe.settings import load_settings
from signpipe.sinks.files import refuse_inputs
from signpipe.sources.redact import redact
from signpipe.watching import Watch, watch

MOST = 12  # tracks on a page


def explain(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="As for  signpipe run; a recording, most often.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("explained.html"),
    track: Annotated[
        int | None, typer.Option(min=1, help="Number of the track, as a run shows it; else the least sure one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=f"All tracks, the {MOST} least sure ones at most.")] = False,
    map_file: Annotated[Path | None, typer.Option("--map", metavar="FILE", help="As for  signpipe run.")] = None,
    position: Annotated[
        str | None, typer.Option("--gpx", "--position", metavar="SOURCE", help="As for  signpipe run.")
    ] = None,
    lidar: Annotated[Path | None, typer.Option(metavar="FOLDER", help="As for  signpipe run.")] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help="As for  signpipe run.")] = None,
    preset: PresetOption = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.")] = None,
    config: ConfigOption = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting; may be repeated.")
    ] = None,
) -> None:
    """Run a source, and explain on one HTML page how a sign in it came to be read as it was.

    The page shows the crops over time, the evidence in each frame, who said what and why that was or wasn't enough,
    and which part of the crop the classifier goes by.
    """
    new_figure()  # so that a missing extra is told before the run, not after it
    overrides = {
        "map.file": map_file,
        "position.source": position,
        "lidar.sweeps": lidar,
        "lidar.calibration": calibration,
        "detect.model": detector_of(preset),
    }
    settings = load_settings(config, overrides | parse_assignments(assignments or []))
    refuse_inputs({"page": out}, [source, *settings.inputs, *([config] if config else [])])
    with watch(source, settings) as results:
        histories = _follow(results, frames)
        explainer = Explainer(results.catalogue, settings, results.pipeline.classify.read)
        chosen = _choose(histories, track, every, explainer, redact(source))
        sections = [explainer.section(history) for history in chosen]
    write_page(out, f"Signs of {redact(source)}, explained", sections, f"{len(histories)} signs were followed.")
    told = ", ".join(f"{history.id} ({explainer.name(history)})" for history in chosen)
    Console().print(f"track {told}: {out}", highlight=False, soft_wrap=True, markup=False)


def _follow(results: Watch, frames: int | None) -> list[History]:
    """Run the source to its end, and return what became of its tracks."""
    entry = results.pipeline.classify.entry
    recorder = Recorder(entry.margin, int(entry.input.shape[1]))
    for number, result in enumerate(results, start=1):
        recorder.add(result)
        if number == frames:
            break
    return recorder.histories


def _choose(
    histories: list[History], track: int | None, every: bool, explainer: Explainer, source: str
) -> list[History]:
    """Return the tracks that are asked for.

    Raises:
        SourceError: There is no track at all.
        SettingsError: There is none of that number.
    """
    if not histories:
        raise SourceError(f"No sign was followed in {source}, so there is nothing to explain.")
    if track is not None:
        chosen = [history for history in histories if history.id == track]
        if not chosen:
            there = ", ".join(f"{history.id} ({explainer.name(history)})" for history in histories)
            raise SettingsError(f"There is no track {track} in {source}; there are {there}.")
        return chosen
    least_sure = sorted(histories, key=lambda history: history.doubt)
    return sorted(least_sure[:MOST], key=lambda history: history.id) if every else least_sure[:1]
