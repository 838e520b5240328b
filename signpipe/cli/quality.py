"""`signpipe evaluate classification|streaming|pipeline|risk|metric`: how good the models are, alone and together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from signpipe.cli.measuring import command, measure_signs
from signpipe.cli.options import ConfigOption, DataOption, FormatOption, JsonOption, MapOption, ModelOption, SplitOption
from signpipe.errors import SettingsError
from signpipe.lab.data import Dataset
from signpipe.lab.evaluation.metric import Progress, find_metric
from signpipe.lab.evaluation.run import evaluate_classifier, evaluate_risk
from signpipe.lab.evaluation.scenes import evaluate_pipeline
from signpipe.lab.evaluation.streaming import evaluate_streaming
from signpipe.settings import Settings

classification = command(
    "classification", evaluate_classifier, "gtsrb",
    "Measure how well boxed signs are told apart: accuracy, F1, calibration, confusions, sure mistakes.",
)  # fmt: skip
pipeline = command(
    "pipeline", evaluate_pipeline, "gtsdb",
    "Measure the whole pipeline on single pictures: right box and right class, as it would be published.",
)  # fmt: skip
risk = command(
    "risk", evaluate_risk, "gtsrb",
    "Measure risk against coverage: of the signs that would be published after one observation, how many are wrong.",
)  # fmt: skip


def streaming(
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    fps: Annotated[float, typer.Option(help="Frames per second that are assumed; tracks have no time stamps.")] = 10.0,
    rates: Annotated[str, typer.Option(help="Other rates too, such as 1,2,3,5,10,30 frames a second.")] = "",
    drives: Annotated[
        int, typer.Option(min=0, help="Simulated drives of each kind at each of these rates, beside other trackers.")
    ] = 0,
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure approaches frame by frame: when a sign is confirmed, what fusion wins, and what dropped frames cost."""

    def timed(dataset: Dataset, settings: Settings, progress: Progress) -> dict[str, Any]:
        return evaluate_streaming(dataset, settings, progress, fps, _rates(rates), drives)

    measure_signs("streaming", timed, data, format, split, model, mapping, json_file, config)


def _rates(text: str) -> list[float]:
    """Return the rates in a list such as "1,3,10".

    Raises:
        SettingsError: One is no number.
    """
    try:
        return [float(rate) for rate in text.split(",") if rate.strip()]
    except ValueError:
        raise SettingsError(f"Frame rates must be numbers, such as 1,3,10, not '{text}'.") from None


def metric(
    where: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="Your metric, or FILE.py:FUNCTION.")],
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    split: SplitOption = "val",
    model: ModelOption = None,
    mapping: MapOption = None,
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure a metric of your own: a function of a data set, the settings and a progress that returns numbers by name.

    What it may use is in signpipe.lab.evaluation; signpipe/lab/evaluation/metric.py has one in five lines.
    """
    measured = find_metric(where)
    measure_signs(where.rpartition(":")[2], measured, data, format, split, model, mapping, json_file, config)
