"""`signpipe drift`: whether a source still shows what it did."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from signpipe.drift import Reference, Report, Sample, compare, make_reference, read_reference, read_samples
from signpipe.drift.comparing import Verdict
from signpipe.errors import OutputError
from signpipe.html import Html, Section, grid, heading, join, paragraph, table, write_page

_SHOWN = 8  # small pictures of each kind
_DRIFTED = 1
_COLOURS = {Verdict.NONE: "green", Verdict.WATCH: "yellow", Verdict.DRIFT: "bold red"}
_SAYS = {
    Verdict.NONE: "No feature differs from the reference by more than chance and by enough to matter.",
    Verdict.WATCH: "Something begins to differ from the reference.",
    Verdict.DRIFT: "This isn't what the reference was made on.",
}


def drift(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="File of the reference (.json).")],
    samples: Annotated[
        list[Path], typer.Argument(metavar="SAMPLES...", help="Files of  signpipe run --samples, in order of time.")
    ],
    make: Annotated[bool, typer.Option("--make", help="Make the reference of these samples instead.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a reference that is there.")] = False,
    html: Annotated[Path | None, typer.Option(help="Page with pictures of then and now.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="The result as JSON; - is standard output.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 on drift.")] = False,
) -> None:
    """Compare what a run saw with a reference: weather, camera, country, firmware, and what the models make of it.

    Once all is as it should be: [bold]signpipe run 0 --samples days.jsonl[/] and [bold]signpipe drift reference.json
    days.jsonl --make[/]. Later: [bold]signpipe drift reference.json today.jsonl[/]. All the time: [bold]signpipe run 0
    --drift reference.json --metrics :9464[/].
    """
    if make:
        if reference.exists() and not overwrite:
            raise OutputError(f"{reference} is there already; give --overwrite to replace it.")
        made = make_reference(read_samples(samples))
        made.write(reference)
        print(f"{reference}: {len(made.values)} features of {max(made.counts.values(), default=0)} pictures and signs")
        return
    then, now = read_reference(reference), list(read_samples(samples))
    report = compare(then, now)
    if json_file:
        _write_json(json_file, report)
    if html:
        write_page(html, "Drift", _sections(then, now, report), f"{reference.name} against {len(now)} samples")
    _print(report, Console(stderr=json_file == Path("-")))
    if strict and report.verdict is Verdict.DRIFT:
        raise typer.Exit(_DRIFTED)


def _write_json(path: Path, report: Report) -> None:
    text = json.dumps(report.to_dict(), indent=1)
    if path == Path("-"):
        print(text)
        return
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None


def _rows(report: Report) -> list[list[str]]:
    return [
        [
            one.feature,
            str(one.samples),
            _number(one.then),
            _number(one.now),
            f"{one.psi:.3f}",
            f"{one.q:.2g}",
            one.verdict,
        ]
        for one in report.features
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


_HEADER = ("feature", "samples", "median then", "median now", "PSI", "adjusted p", "verdict")


def _print(report: Report, console: Console) -> None:
    shown = Table(*_HEADER)
    for row in _rows(report):
        shown.add_row(*row, style=_COLOURS[Verdict(row[-1])])
    console.print(shown)
    if report.few:
        console.print(f"too few values: {', '.join(report.few)}", highlight=False)
    console.print(f"[{_COLOURS[report.verdict]}]{report.verdict.value}[/]: {_SAYS[report.verdict]}", highlight=False)


def _sections(then: Reference, now: list[Sample], report: Report) -> list[Section]:
    scenes = [sample.jpeg for sample in now if sample.kind == "picture" and sample.jpeg]
    signs = [sample.jpeg for sample in now if sample.kind == "sign" and sample.jpeg]
    few = f"Too few values: {', '.join(report.few)}." if report.few else "There were enough values of each feature."
    return [
        Section("Verdict", join(paragraph(f"{report.verdict.value}: {_SAYS[report.verdict]}"), paragraph(few))),
        Section("Features", table(_HEADER, _rows(report))),
        Section("Then and now", join(_pictures("Scenes then", then.scenes), _pictures("Scenes now", scenes),
                                     _pictures("Signs then", then.signs), _pictures("Signs now", signs))),
    ]  # fmt: skip


def _pictures(title: str, jpegs: list[str]) -> Html:
    chosen = [jpegs[int(index)] for index in np.linspace(0, len(jpegs) - 1, min(_SHOWN, len(jpegs))).round()]
    if not chosen:
        return join(heading(title), paragraph("None were kept."))
    return join(heading(title), grid([(_png(jpeg), "") for jpeg in chosen]))


def _png(jpeg: str) -> bytes:
    image = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        image = np.zeros((1, 1, 3), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()
