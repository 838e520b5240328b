"""`signpipe simulate`: render a drive past signs, with exact truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from signpipe.catalogue import load_catalogue
from signpipe.errors import SettingsError
from signpipe.simulation.record import Plan, record_drive, truth_path
from signpipe.simulation.scene import parse_poles

DEFAULT_SIGNS = (
    "priority_road,speed_limit_80,no_overtaking,road_works+speed_limit_50,island:keep_right,end_no_overtaking,"
    "end_all_restrictions,hidden:children,give_way+roundabout,left:no_entry,stop"
)


def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT.mp4", help="Video to write; its truth is written beside it.")],
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the drive.")] = 20.0,
    fps: Annotated[float, typer.Option(min=1, max=240, help="Frames a second.")] = 25.0,
    size: Annotated[str, typer.Option(help="Width and height of the pictures, in pixels.")] = "1280x720",
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another road; the same one the same.")] = 7,
    speed: Annotated[float, typer.Option(min=5, max=200, help="Speed of the vehicle in km/h.")] = 54.0,
    signs: Annotated[
        str,
        typer.Option(
            help="Signs in the order of the road, by their names in the catalogue, with commas between the poles."
            " A plus sign puts two on one pole; [bold]left:[/], [bold]island:[/] and [bold]hidden:[/] say where."
        ),
    ] = DEFAULT_SIGNS,
) -> None:
    """Render a drive past road signs: an H.264 video, and where each sign is in each frame.

    The truth goes into [bold]OUT.truth.jsonl[/]: a header, then one JSON record a frame. Needs the extra "sim".
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    if not match:
        raise SettingsError(f"The size can't be '{size}'; give it as 1280x720.")
    poles = tuple(parse_poles(signs, load_catalogue()))
    plan = Plan(poles, seconds, fps, (int(match[1]), int(match[2])), speed / 3.6, seed)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("rendering", total=plan.frames)
        truth = record_drive(plan, out, lambda: bar.advance(task))
    print(f"{out}: {plan.frames} frames of a drive past {len(truth.signs)} signs; the truth is in {truth_path(out)}")
