"""`signpipe evaluate streaming|pipeline|risk`: how good the models are together, over time, and when they are sure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from signpipe.cli.measuring import (
    Advance,
    ConfigOption,
    DataOption,
    FormatOption,
    JsonOption,
    MapOption,
    ModelOption,
    SplitOption,
    measure_signs,
)
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.run import evaluate_risk
from signpipe.lab.evaluation.scenes import evaluate_pipeline
from signpipe.lab.evaluation.streaming import evaluate_streaming
from signpipe.settings import Settings


def streaming(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    fps: Annotated[float, typer.Option(help="Frames a second that are assumed; tracks have no time stamps.")] = 10.0,
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure approaches frame by frame: when a sign is confirmed, what fusion wins, and what dropped frames cost."""

    def timed(dataset: Dataset, settings: Settings, progress: Advance) -> dict[str, Any]:
        return evaluate_streaming(dataset, settings, progress, fps)

    measure_signs("streaming", timed, data, format, split, model, mapping, json_file, config)


def pipeline(
    data: DataOption = None,
    format: FormatOption = "gtsdb",  # noqa: A002
    split: SplitOption = "val",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure the whole pipeline on single pictures: right box and right class, as it would be published."""
    measure_signs("pipeline", evaluate_pipeline, data, format, split, model, mapping, json_file, config)


def risk(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure risk against coverage: of the signs that would be published after one observation, how many are wrong."""
    measure_signs("risk", evaluate_risk, data, format, split, model, mapping, json_file, config)
