"""`signpipe bench`: how fast the pipeline is here, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from signpipe.cli.options import (
    ConfigOption,
    DetectorOption,
    FramesOption,
    HtmlOption,
    JsonOption,
    ProviderOption,
    SetOption,
    SourceOption,
    ThreadsOption,
)
from signpipe.cli.presets import PresetOption, detector_of
from signpipe.cli.run import parse_assignments
from signpipe.errors import SettingsError, SourceError
from signpipe.html import new_figure
from signpipe.lab.bench.compare import compare_results, unlike
from signpipe.lab.bench.page import write_bench_page
from signpipe.lab.bench.result import BenchResult, check_writable, new_result, read_result, write_result
from signpipe.lab.bench.scenarios import SCENARIOS, Plan
from signpipe.lab.bench.sweeps import SWEEPS, list_points, measure_points
from signpipe.lab.bench.tables import print_comparison, print_result
from signpipe.settings import Settings, load_settings
from signpipe.shipped import sample

SAMPLE = sample()
USUAL = ("single", "live", "throughput")
SOAK_FRAMES = 10_000
NEVER = 10**9  # frames of a soak that ends by the clock


class DefaultGroup(TyperGroup):
    """A group of commands whose first one is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` before arguments that name no command and ask for no help."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


bench_app = typer.Typer(
    cls=DefaultGroup,
    help="Measure how fast the pipeline is on this machine, and where the time goes.\n\n"
    "[bold]signpipe bench[/]: single, live and throughput on the shipped sample.\n\n"
    "[bold]signpipe bench single --frames 1000 --json a.json[/]: one scenario, for later.\n\n"
    "[bold]signpipe bench compare a.json b.json[/]: before and after a change.\n\n"
    "Without a command, [bold]run[/] is meant: [bold]signpipe bench run --help[/] explains scenarios and options.",
    rich_markup_mode="rich",
)


@bench_app.command("run")
def run_scenarios(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; {', '.join(USUAL)} if none is given."),
    ] = None,
    source: SourceOption = None,
    frames: FramesOption = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Length of soak, in place of --frames.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Frames per second of live; the source's own if not given.")
    ] = None,
    sources: Annotated[int, typer.Option(min=1, max=64, help="Sources of throughput.")] = 2,
    preset: PresetOption = None,
    model: DetectorOption = None,
    provider: ProviderOption = None,
    threads: ThreadsOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
) -> None:
    """Measure the scenarios, one after the other.

    [bold]single[/]: one frame after the other, as fast as it goes.

    [bold]live[/]: frames come at a rate, the oldest is dropped; latency from capture to advisory,
    and the age of what is known when it is used.

    [bold]throughput[/]: several sources at once.

    [bold]soak[/]: do memory, handles or latency grow? (10,000 frames, --frames, or --minutes)

    Every time comes as p50, p90, p99 and maximum, with a 95 % confidence interval that holds for
    any distribution. A percentile that the frames can't support is left out: p99 needs 368.
    The overhead ratio is the time of a whole frame over that of its model runs.
    """
    settings = _settings(config, assignments, preset, model, provider, threads)
    chosen = list(scenarios or USUAL)
    for name in chosen:
        if name not in SCENARIOS:
            raise SettingsError(f"There is no scenario '{name}'; choose {', '.join(SCENARIOS)}.")
    spec = _source(source)
    _check_outputs(json_file, html_file)
    result = new_result(spec, settings)
    for name in chosen:
        count = frames or (500 if name != "soak" else NEVER if minutes else SOAK_FRAMES)
        seconds = minutes * 60 if minutes and name == "soak" else None
        plan = Plan(spec, count, rate, sources, seconds)
        steps = None if count == NEVER else count * (sources if name == "throughput" else 1)
        with _progress(name, steps) as advance:
            result.scenarios[name] = {"metrics": SCENARIOS[name](plan, settings, advance)}
        if json_file is not None:  # what is done stays, if the next one is interrupted
            write_result(result, json_file)
    _tell(result, json_file, html_file)


@bench_app.command("sweep")
def run_sweeps(
    over: Annotated[list[str], typer.Option("--over", metavar="|".join(SWEEPS), help="What to vary; may be repeated.")],
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Model that the configured one is compared with, over detector or classifier: name in the manifest, "
            "or an ONNX file; may be repeated. If none, what the manifest has."
        ),
    ] = None,
    source: SourceOption = None,
    frames: FramesOption = None,
    preset: PresetOption = None,
    model: DetectorOption = None,
    provider: ProviderOption = None,
    threads: ThreadsOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_file: JsonOption = None,
    html_file: HtmlOption = None,
) -> None:
    """Vary one thing and keep the rest: size, roi, signs, threads, precision, provider, preset or a model.

    The values take turns frame by frame, so that a machine that slows down slows all of them.
    The frames lie in memory; decoding isn't measured.

    [bold]signs[/] draws 0 to 32 signs over a blurred picture of the source;
    [bold]roi[/] searches only a band of the picture;
    [bold]classifier[/] and [bold]detector[/] put models side by side:
    signpipe bench sweep --over classifier --against mine.onnx.
    """
    settings = _settings(config, assignments, preset, model, provider, threads)
    spec = _source(source)
    _check_outputs(json_file, html_file)
    result = new_result(spec, settings)
    for name in over:
        points = list_points(name, spec, settings, against or ())
        count = frames or 100
        with _progress(name, count * len(points)) as advance:
            result.sweeps[name] = measure_points(points, count, advance)
        if json_file is not None:
            write_result(result, json_file)
    _tell(result, json_file, html_file)


@bench_app.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A.json", help="Result file, such as the one before a change.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="Result file, such as the one after it.")],
) -> None:
    """Put two results side by side: each number of both, and the ratio B over A.

    "Better" and "worse" stand where the 95 % intervals don't overlap. Times of different machines,
    or of a busy one, tell little: what differs besides the code is said first.
    """
    one, other = read_result(first), read_result(second)
    print_comparison(compare_results(one, other), unlike(one, other), (first.name, second.name), Console())


def _settings(
    config: Path | None,
    assignments: list[str] | None,
    preset: str | None,
    model: str | None,
    provider: str | None,
    threads: int | None,
) -> Settings:
    overrides: dict[str, Any] = {
        "detect.model": model or detector_of(preset),
        "runtime.provider": provider,
        "runtime.threads": threads,
    }
    return load_settings(config, overrides | parse_assignments(assignments or []))


def _source(source: str | None) -> str:
    if source is None and not SAMPLE.is_file():
        raise SourceError(f"The sample {SAMPLE} is missing; reinstall signpipe, or name a recording with --source.")
    return source or str(SAMPLE)


def _check_outputs(json_file: Path | None, html_file: Path | None) -> None:
    """Find out before measuring whether the result can be written."""
    for path in filter(None, (json_file, html_file)):
        check_writable(path)
    if html_file is not None:
        new_figure()  # raises where matplotlib is missing


@contextmanager
def _progress(name: str, total: int | None) -> Iterator[Any]:
    """Yield a function that moves a bar forward by so many frames."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bars:
        task = bars.add_task(f"measuring {name}", total=total)
        yield lambda frames: bars.update(task, advance=frames)


def _tell(result: BenchResult, json_file: Path | None, html_file: Path | None) -> None:
    """Print the result, and write it where files are asked for."""
    console = Console()
    print_result(result, console)
    if json_file is not None:
        console.print(f"written to {escape(str(json_file))}", highlight=False, soft_wrap=True)
    if html_file is not None:
        write_bench_page(result, html_file)
        console.print(f"written to {escape(str(html_file))}", highlight=False, soft_wrap=True)
