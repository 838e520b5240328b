"""`signpipe evaluate drive`: the limit told on hundreds of simulated kilometres, and a car that obeys it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from signpipe.cli.measuring import with_progress, write_json
from signpipe.cli.options import ConfigOption, HtmlOption, JsonOption
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.errors import SettingsError
from signpipe.lab.evaluation.resume import Resume
from signpipe.settings import Settings, load_settings
from signpipe.version import VERSION

if TYPE_CHECKING:
    from signpipe.lab.simulation.perception import Table


def drive(
    kilometres: Annotated[
        float,
        typer.Option("--km", min=1, max=100_000, help="Kilometres to drive by table, over all kinds and weathers."),
    ] = 400.0,
    closed: Annotated[
        float, typer.Option(min=0, max=100_000, help="Kilometres that a car drives which obeys, with each fault.")
    ] = 30.0,
    pixels: Annotated[
        float, typer.Option(min=0, max=10_000, help="Kilometres to drive in pictures too (extra `simulate`); slow.")
    ] = 0.0,
    leg: Annotated[float, typer.Option(min=0.5, max=100, help="Kilometres of one drive.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="Of roads and chance.")] = 1,
    table: Annotated[
        Path | None, typer.Option(help="Table of `signpipe evaluate perception`; else the one that ships.")
    ] = None,
    stills: Annotated[
        bool,
        typer.Option("--stills", help="Show on the page what the camera saw where it went wrong (extra `simulate`)."),
    ] = False,
    clips: Annotated[
        int,
        typer.Option(min=0, help="Write videos of so many of the worst failures beside the page (extra `simulate`)."),
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    preset: PresetOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure the limit told on simulated roads after Regulation (EU) 2021/1958, and how a car drives that obeys it.

    Motorways, country roads with villages and towns, in seven weathers; by metre and by event, two seconds after each
    sign. Detector and classifier are replayed from a table of rendered signs; `--pixels` drives a part in pictures too.
    What is done is kept beside the `--json` file, so that an interrupted run goes on with `--resume`.
    """
    from signpipe.lab.simulation.perception import SHIPPED, read_table

    if clips and html is None:
        raise SettingsError("The clips are shown by the page; name one by --html.")
    if stills or clips or pixels > 0:
        _require_drawing()  # now, not after a night of driving
    settings = load_settings(config, {"detect.model": detector_of(preset)})
    looks = read_table(table or SHIPPED)
    partial = None if json_file is None else json_file.with_suffix(".partial.jsonl")
    identity = {"version": VERSION, "seed": seed, "leg": leg, "table": looks.about, "score": settings.detect.score}
    kept = Resume(partial, identity, resume)
    amounts = _Amounts(kilometres, closed, pixels, leg, seed)
    metrics = _measure(amounts, looks, settings, kept)
    _print(metrics)
    content = {"task": "drive", **identity, "leg_km": leg, "metrics": metrics}
    del content["leg"]
    if json_file is not None:
        write_json(json_file, content)
        Console().print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)
    if html is not None:
        from signpipe.lab.evaluation.pages.drive import write_drive_page

        shown = _clips(metrics, amounts, clips, html, looks, settings, kept) if clips else []
        write_drive_page(html, content, stills, shown)
        Console().print(f"written to {escape(str(html))}", highlight=False, soft_wrap=True)
    kept.finish()


@dataclass(frozen=True, slots=True)
class _Amounts:
    """How much is driven: kilometres by table, with each fault, and in pictures; of one drive; and the seed."""

    kilometres: float
    closed: float
    pixels: float
    leg: float
    seed: int


def _measure(amounts: _Amounts, looks: Table, settings: Settings, kept: Resume) -> dict[str, Any]:
    from signpipe.lab.evaluation.driving.closed import evaluate_closed
    from signpipe.lab.evaluation.driving.evaluate import evaluate_open, evaluate_pixels, plan
    from signpipe.lab.evaluation.driving.loop import Fault

    leg = amounts.leg
    legs = plan(amounts.kilometres, amounts.seed, leg * 1000, looks.approaches)
    metrics: dict[str, Any] = {
        "open": with_progress(lambda progress: evaluate_open(legs, looks, settings, kept, progress), "driving by table")
    }
    if amounts.closed > 0:
        some = plan(amounts.closed, amounts.seed, leg * 1000, looks.approaches)[: max(round(amounts.closed / leg), 1)]
        metrics["closed"] = with_progress(
            lambda progress: evaluate_closed(some, list(Fault), looks, settings, kept, progress), "obeying"
        )
    if amounts.pixels > 0:
        metres = min(amounts.pixels * 1000, 1000.0)
        few = legs[: max(round(amounts.pixels * 1000 / metres), 1)]
        metrics["pixels"] = with_progress(
            lambda progress: evaluate_pixels(few, metres, looks, settings, kept, progress), "driving in pictures"
        )
    return metrics


def _require_drawing() -> None:
    from signpipe.lab.simulation.render.gl import require_drawing

    require_drawing()


def _clips(
    metrics: dict[str, Any], amounts: _Amounts, most: int, page: Path, looks: Table, settings: Settings, kept: Resume
) -> list[tuple[str, str]]:
    """Write videos of the worst failures into a folder beside the page; return where they lie and what they show."""
    from signpipe.lab.evaluation.pages.clips import write_clips
    from signpipe.lab.evaluation.pages.drive import worst_first

    worst = worst_first(metrics["open"])[:most]
    folder = page.with_name(f"{page.stem}-clips")
    written = with_progress(
        lambda progress: write_clips(worst, amounts.leg * 1000, folder, looks, settings, kept, progress), "drawing"
    )
    return [(f"{folder.name}/{name}", text) for name, text in written]


def _print(metrics: dict[str, Any]) -> None:
    console = Console()
    for name in ("open", *(f"pixels, {how}" for how in ("pictures", "table") if "pixels" in metrics)):
        cells = metrics["open"] if name == "open" else metrics["pixels"][name.rpartition(" ")[2]]
        printed = Printed(title=f"limit told, per cent ({name})")
        for column in ("road and weather", "km", "right", "wrong", "missing", "events", "right", "wrong", "missing"):
            printed.add_column(column, justify="left" if column == "road and weather" else "right")
        for group, cell in cells.items():
            shares = [[f"{100 * cell[by][part]:.1f}" for part in ("right", "wrong", "missing")]
                      for by in ("by_distance", "by_event")]  # fmt: skip
            printed.add_row(group, f"{cell['km']:.1f}", *shares[0], str(cell["events"]), *shares[1])
        console.print(printed)
    if "closed" in metrics:
        printed = Printed(title="a car that obeys")
        for column in ("fault", "km", "s over", "m over", "most, km/h", "stops missed", "needless braking, s"):
            printed.add_column(column, justify="left" if column == "fault" else "right")
        for group, one in metrics["closed"].items():
            printed.add_row(
                group, f"{one['metres'] / 1000:.1f}", f"{one['over_seconds']:.1f}", f"{one['over_metres']:.0f}",
                f"{one['most_over']:.0f}", f"{one['stops_missed']} of {one['stops']}", f"{one['needless']:.1f}",
            )  # fmt: skip
        console.print(printed)
