"""`signpipe evaluate`: how good the models are on labelled pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from signpipe.cli.country import country
from signpipe.cli.drive import drive
from signpipe.cli.evaluate_map import map_
from signpipe.cli.fallback import fallback, publishing
from signpipe.cli.figures import figures
from signpipe.cli.measuring import measured, open_part, tell, with_progress
from signpipe.cli.novelty import novelty
from signpipe.cli.options import ConfigOption, DataOption, FormatOption, JsonOption, MapOption, ModelOption, SplitOption
from signpipe.cli.perception import perception
from signpipe.cli.planted import shadow
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.quality import classification, metric, pipeline, risk, streaming
from signpipe.cli.realism import realism
from signpipe.cli.report import report
from signpipe.cli.robustness import robustness
from signpipe.cli.rules import rules
from signpipe.lab.data import ClassMap
from signpipe.lab.data.classes import parse_mapping
from signpipe.lab.evaluation.run import evaluate_detector
from signpipe.settings import load_settings
from signpipe.types import SHAPES

evaluate_app = typer.Typer(help="Measure the models on labelled pictures.", no_args_is_help=True)


@evaluate_app.command("detection")
def detection(
    data: DataOption = None,
    format: FormatOption = "gtsdb",  # noqa: A002
    split: SplitOption = "val",
    preset: PresetOption = None,
    model: ModelOption = None,
    mapping: MapOption = None,
    every_sign: Annotated[
        bool,
        typer.Option(
            "--every-sign",
            help="Ask for signs of every kind (squares, boards, plates), in gtsdb too, whose own boxes are of 43; "
            "tells outlines apart, and gives average precision even where not all signs are boxed.",
        ),
    ] = False,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure how well signs are found, whatever their class: average precision, recall by size, false alarms.

    The detector sees each picture at the one scale that the pipeline runs it at.
    """
    settings = load_settings(config, {"detect.model": model or detector_of(preset)})
    # btsd boxes signs of every kind itself; those that a detector found besides are no truth to judge detectors by.
    kinds = dict.fromkeys(SHAPES, "sign") if every_sign and format == "gtsdb" else {}
    dataset = open_part(data, format, split, ClassMap(kinds | parse_mapping(mapping or []), one_class=True))
    metrics = with_progress(lambda progress: evaluate_detector(dataset, settings, progress, every_sign))
    tell(measured("detection", settings.detect.model, "detector", settings, dataset, split, metrics), json_file)


for measure in (
    classification,
    country,
    robustness,
    novelty,
    fallback,
    publishing,
    rules,
    shadow,
    perception,
    drive,
    realism,
    streaming,
    pipeline,
    risk,
    metric,
    figures,
    report,
):
    evaluate_app.command(measure.__name__)(measure)
evaluate_app.command("map")(map_)
