"""`signpipe simulate`: render a drive past signs, with exact truth."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from signpipe.catalogue import Catalogue, SignClass, load_catalogue
from signpipe.cli.measuring import with_progress
from signpipe.errors import OutputError, SettingsError
from signpipe.lab.simulation.drives import record_drive as record_street
from signpipe.lab.simulation.record import Plan, record_drive, truth_path
from signpipe.lab.simulation.scene import parse_poles, sign_named
from signpipe.lab.simulation.streets import make_street, street_geojson
from signpipe.lab.simulation.uncatalogued import roadside_catalogue
from signpipe.sinks.files import refuse_existing

DEFAULT_SIGNS = (
    "priority_road,speed_limit_80,no_overtaking,road_works+speed_limit_50,island:keep_right,end_no_overtaking,"
    "end_all_restrictions,overgrown:speed_limit_80,hidden:children,no_stopping,give_way+roundabout,left:no_entry,stop"
)
CHANGED = 0.1  # of a street's signs, the share that come, go, change or are spoilt between its drives


SignsOption = Annotated[
    str,
    typer.Option(
        help="Signs in the order of the road, by their names in the catalogue (or no_stopping, width_limit, no_riders, "
        "falling_rocks, which stand for unknown ones; zone_30, end_zone_30, town, end_town, pedestrian_crossing, "
        "parking, plate_when_wet, ...), with commas between the poles. A plus sign puts two on one pole; "
        "[bold]left:[/] and [bold]island:[/] say where; [bold]hidden:[/] puts a plant before it for a while, "
        "[bold]overgrown:[/] leaves for good."
    ),
]
MapErrorOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NUMBER:CLASS",
        help="Put a wrong class on the map for a sign, by its number from 0 in the order of the road.",
    ),
]
SceneOption = Annotated[
    Path | None,
    typer.Option(
        help="Drive through a described scene instead, from end to end: TOML, or OpenDRIVE (.xodr); its camera, "
        "length, seed and signs are its own. Needs the extra [bold]simulate[/]."
    ),
]
LidarOption = Annotated[
    bool,
    typer.Option(
        "--lidar", help="With --scene: a LiDAR sweep a frame in OUT.lidar, and OUT.calib.txt, both as KITTI's are."
    ),
]
DrivesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        help="Write the records of so many drives there and back along a street, for [bold]signpipe map[/], "
        "with the errors of boxes, classes and receivers, and no pictures.",
    ),
]


def simulate(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.mp4|FOLDER", help="Video to write, with its truth beside it; with --drives, a new folder."
        ),
    ],
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length of the drive.")] = 24.0,
    fps: Annotated[float, typer.Option(min=1, max=240, help="Frames per second.")] = 25.0,
    size: Annotated[str, typer.Option(help="Width and height of the pictures, in pixels.")] = "1280x720",
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another road; the same one the same.")] = 7,
    speed: Annotated[float, typer.Option(min=5, max=200, help="Speed of the vehicle in km/h.")] = 54.0,
    signs: SignsOption = DEFAULT_SIGNS,
    map_error: MapErrorOption = None,
    scene: SceneOption = None,
    lidar: LidarOption = False,
    drives: DrivesOption = None,
    metres: Annotated[float, typer.Option(min=200, max=50_000, help="Length of that street.")] = 2000.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
) -> None:
    """Render a drive past road signs: an H.264 video, and where each sign is in each frame.

    Without [bold]--scene[/], the signs stand along a plain winding road by day; with it, road, towns, traffic, weather,
    light and camera are as its file says (docs/simulation.md).

    The truth goes into [bold]OUT.truth.jsonl[/]: a header, then one JSON record per frame. A map of the signs goes into
    [bold]OUT.geojson[/] and a GPS track into [bold]OUT.gpx[/]. With --drives,
    [bold]FOLDER/drive-1.jsonl[/] and so on are the records, and [bold]FOLDER/truth.geojson[/] says where the signs are.
    """
    if drives is not None:
        _records(out, drives, metres, seed, overwrite)
        return
    picture = _size(size)
    if not overwrite:
        _refuse_existing(out, lidar)
    if scene is not None:
        _simulate_scene(scene, out, fps, speed / 3.6, lidar)
        return
    if lidar:
        raise SettingsError("LiDAR sweeps are made of a described scene only; give one with --scene.")
    catalogue = load_catalogue()
    poles = tuple(parse_poles(signs, roadside_catalogue()))
    errors = dict(_map_error(text, catalogue) for text in map_error or [])
    _simulate_road(Plan(poles, seconds, fps, picture, speed / 3.6, seed, errors), out)


def _refuse_existing(out: Path, lidar: bool) -> None:
    """Refuse to write over a drive that is there already.

    Raises:
        OutputError: One of its files is there.
    """
    files = {"video": out, "truth": truth_path(out), "map": out.with_suffix(".geojson"),
             "track": out.with_suffix(".gpx")}  # fmt: skip
    if lidar:
        from signpipe.lab.simulation.render.record import lidar_paths

        files |= dict(zip(("sweeps", "calibration"), lidar_paths(out), strict=True))
    for what, path in files.items():
        refuse_existing(path, what)


def _size(text: str) -> tuple[int, int]:
    """Read "1280x720"."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match:
        raise SettingsError(f"The size can't be '{text}'; give it as 1280x720.")
    return int(match[1]), int(match[2])


def _simulate_road(plan: Plan, out: Path) -> None:
    """Render the drive along a plain road."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rendering", total=plan.frames)
        truth = record_drive(plan, out, lambda: bar.advance(task))
    print(
        f"{out}: {plan.frames} frames of a drive past {len(truth.signs)} signs; the truth is in {truth_path(out)},"
        f" a map and a track in {out.with_suffix('.geojson').name} and {out.with_suffix('.gpx').name}"
    )


def _simulate_scene(path: Path, out: Path, fps: float, speed: float, lidar: bool) -> None:
    """Render the drive through a described scene."""
    from signpipe.lab.simulation.render.record import record_scene
    from signpipe.lab.simulation.world.scene_file import read_scene

    scene = read_scene(path)
    truth = with_progress(lambda progress: record_scene(scene, out, fps, speed, progress, lidar), "rendering")
    print(
        f"{out}: a drive of {scene.alignment.length:.0f} m past {len(truth.signs)} signs; the truth is in "
        f"{truth_path(out)}, a map and a track in {out.with_suffix('.geojson').name} and {out.with_suffix('.gpx').name}"
    )


def _records(folder: Path, drives: int, metres: float, seed: int, overwrite: bool) -> None:
    """Write the records of drives along a street, and the truth.

    Raises:
        OutputError: A file is there already, or can't be written.
    """
    catalogue = load_catalogue()
    street = make_street(np.random.default_rng(seed), catalogue, metres, drives, CHANGED)
    files = [folder / f"drive-{number + 1}.jsonl" for number in range(drives)]
    if not overwrite:
        for path in (*files, folder / "truth.geojson"):
            refuse_existing(path, "simulation")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "truth.geojson").write_text(street_geojson(street, drives), encoding="utf-8")
        for number, path in enumerate(files):
            rng = np.random.default_rng((seed, number))
            with path.open("w", encoding="utf-8") as lines:
                for record in record_street(street, catalogue, number, rng):
                    lines.write(json.dumps(record) + "\n")
    except OSError as error:
        raise OutputError(f"The drives can't be written to {folder}: {error.strerror}.") from None
    print(f"{folder}: {drives} drives past {len(street.signs)} signs; where these are is in truth.geojson")


def _map_error(text: str, catalogue: Catalogue) -> tuple[int, SignClass]:
    """Read "4:speed_limit_100"."""
    number, _, name = text.partition(":")
    if not number.isdecimal() or not name:
        raise SettingsError(f"A map error can't be '{text}'; give it as 4:speed_limit_100.")
    return int(number), sign_named(name, catalogue)
