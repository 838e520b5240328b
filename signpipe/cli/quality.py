"""`signpipe evaluate streaming|pipeline|risk`: how good the models are together, over time, and when they are sure."""

from __future__ import annotations

from typing import Annotated

import typer

from signpipe.cli.measuring import (
    ConfigOption,
    DataOption,
    FormatOption,
    JsonOption,
    MapOption,
    ModelOption,
    SplitOption,
    measured,
    open_part,
    tell,
    with_progress,
)
from signpipe.data import ClassMap
from signpipe.data.classes import parse_mapping
from signpipe.evaluation.run import evaluate_risk
from signpipe.evaluation.scenes import evaluate_pipeline
from signpipe.evaluation.streaming import evaluate_streaming
from signpipe.settings import load_settings


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
    settings = load_settings(config, {"classify.model": model})
    dataset = open_part(data, format, split, ClassMap(parse_mapping(mapping or [])))
    metrics = with_progress(lambda progress: evaluate_streaming(dataset, settings, progress, fps))
    tell(measured("streaming", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)


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
    settings = load_settings(config, {"classify.model": model})
    dataset = open_part(data, format, split, ClassMap(parse_mapping(mapping or [])))
    metrics = with_progress(lambda progress: evaluate_pipeline(dataset, settings, progress))
    tell(measured("pipeline", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)


def risk(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure risk against coverage: of the signs that would be published after one look, how many are wrong."""
    settings = load_settings(config, {"classify.model": model})
    dataset = open_part(data, format, split, ClassMap(parse_mapping(mapping or [])))
    metrics = with_progress(lambda progress: evaluate_risk(dataset, settings, progress))
    tell(measured("risk", settings.classify.model, "classifier", settings, dataset, split, metrics), json_file)
