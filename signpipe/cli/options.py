"""The options that several commands share, each with one name, one meaning and one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from signpipe.lab.data import FORMATS

Split = Literal["train", "val", "test", "all"]

# What is watched, and what is known of it.
MapFileOption = Annotated[
    Path | None, typer.Option("--map", metavar="FILE", help="Signs and limits: GeoJSON, .osm or .osm.pbf.")
]
PositionOption = Annotated[
    str | None,
    typer.Option(
        "--gpx",
        "--position",
        metavar="SOURCE",
        help="Where the vehicle is: GPX, NMEA log, .srt, a recording with positions in it, gpsd://HOST, "
        "tcp://HOST:PORT, serial:DEVICE.",
    ),
]
SpeedDbcOption = Annotated[
    Path | None, typer.Option("--speed-dbc", metavar="FILE", help="Describes the messages of that bus.")
]
SpeedSignalOption = Annotated[
    str | None, typer.Option("--speed-signal", metavar="[MESSAGE.]SIGNAL", help="The signal that is the speed.")
]
LidarOption = Annotated[
    Path | None,
    typer.Option("--lidar", metavar="FOLDER", help="LiDAR sweeps, one per frame: .bin (KITTI), .pcd, .npy."),
]
CalibrationOption = Annotated[
    Path | None, typer.Option("--calibration", metavar="FILE", help="KITTI calibration of camera and LiDAR.")
]
CountryOption = Annotated[
    str | None,
    typer.Option(metavar="CODE|FILE|auto", help="Whose signs they are: see `signpipe countries list`; else de."),
]

# What is measured on.
DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data set, or the folder it lies in; else SIGNPIPE_DATA.")
]
FormatOption = Annotated[str, typer.Option("--format", "-f", metavar="|".join(FORMATS), help="Format of the data set.")]
SplitOption = Annotated[str, typer.Option(metavar="|".join(get_args(Split)), help="The part of it to measure on.")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="A class of the set is one of the catalogue, or sign, ignore, none."),
]
DrawingsOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of drawings of other signs; else those of `signpipe data fetch drawings`, where they are."
    ),
]
SourceOption = Annotated[
    str | None, typer.Option("--source", "-s", help="Video, stream, camera or pictures; the shipped sample if none.")
]
FramesOption = Annotated[int | None, typer.Option(min=1, help="Frames to measure, of each scenario or value.")]

# What is measured.
ModelOption = Annotated[str | None, typer.Option(help="Name in the manifest, or an ONNX file.")]
DetectorOption = Annotated[str | None, typer.Option(help="Detector: name in the manifest, or an ONNX file.")]
ClassifierOption = Annotated[str | None, typer.Option(help="Classifier: name in the manifest, or an ONNX file.")]
ProviderOption = Annotated[str | None, typer.Option(metavar="auto|cpu|cuda|tensorrt", help="Runs the models.")]
ThreadsOption = Annotated[int | None, typer.Option(help="Threads of a model run; 0 is one per core.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="TOML file; see `signpipe settings`.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting; may be repeated.")
]

# What becomes of it.
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write everything measured here.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run of the same --json.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a page with figures here (extra `report`).")]
