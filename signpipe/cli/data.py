"""`signpipe data fetch` and `signpipe data check`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from signpipe.lab.data.archives import PUBLIC
from signpipe.lab.data.check import KINDS, Check, check_dataset
from signpipe.lab.data.classes import ClassMap, parse_mapping
from signpipe.lab.data.fetch import fetch_set
from signpipe.lab.data.opening import FORMATS

data_app = typer.Typer(
    help="Fetch public data sets, and check any data set for what spoils training.", no_args_is_help=True
)

FINDINGS = 1  # exit code of a check that found something
INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended
SHOWN = 5  # findings of a kind in the report; JSON has all


@data_app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(metavar="|".join(PUBLIC), help="Which data set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the data sets.")] = Path("data"),
    base_url: Annotated[str | None, typer.Option(help="Folder of a mirror with the same archives.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the archives after they are unpacked.")] = False,
) -> None:
    """Fetch a public data set from its official home: download, verify, unpack.

    A download that broke off goes on where it did, and what is there already is not fetched again.
    """
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[tuple[str, str], TaskID] = {}

        def show(step: str, archive: str, done: int, total: int | None) -> None:
            if step == "unpack":
                return  # seconds, and counted in files
            if (step, archive) not in tasks:
                tasks[step, archive] = bars.add_task(f"{step} {archive}")
            bars.update(tasks[step, archive], completed=done, total=total)

        try:
            lines = fetch_set(name, out, base_url, keep, progress=show)
        except KeyboardInterrupt:
            bars.stop()
            console.print("Stopped; run the command again to go on from here.")
            raise typer.Exit(INTERRUPTED) from None
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if name == "gtsdb":
        console.print(f"Next:  signpipe data check {out} --format gtsdb", highlight=False, soft_wrap=True, markup=False)


@data_app.command("check")
def check(
    path: Annotated[Path, typer.Argument(help="Folder of the data set, or the file that describes it.")],
    format: Annotated[str, typer.Option("--format", "-f", metavar="|".join(FORMATS), help="Its format.")],  # noqa: A002
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="A class of the set is one of the catalogue, or sign, ignore or none."
        ),
    ] = None,
    one_class: Annotated[
        bool, typer.Option("--one-class", help="Every class is just a sign, as for a detector.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Find what spoils training: bad pictures and boxes, duplicates, leaks between the splits, rare classes.

    Ends with 0 if nothing was found, 1 if something was, and 2 if there is no such data set.
    """
    classes = ClassMap(parse_mapping(mapping or []), one_class)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # damaged pictures are reported by us
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=None)
        result = check_dataset(
            path, format, classes, lambda done, total: bars.update(task, completed=done, total=total)
        )
    if as_json:
        print(json.dumps(result.as_json(), indent=2))
    else:
        report(result, Console())
    if result.findings:
        raise typer.Exit(FINDINGS)


def report(result: Check, console: Console) -> None:
    """Print what a check found, in a form for people."""
    splits = sorted(result.splits)
    boxes = sum(len(image.boxes) for image in result.dataset)
    console.print(
        f"{result.dataset.root}: {len(result.dataset)} pictures, {boxes} boxes", highlight=False, soft_wrap=True
    )
    table = Table()
    table.add_column("boxes of class")
    for split in splits:
        table.add_column(split, justify="right")
    table.add_row("[dim]pictures[/]", *(f"[dim]{result.splits[split]}[/]" for split in splits))
    for name, counts in result.classes.items():
        table.add_row(escape(name), *(str(counts[split]) for split in splits))
    console.print(table)
    for remark in result.remarks:
        console.print(f"note: {remark}", highlight=False, soft_wrap=True, markup=False)
    counts = Counter(finding.kind for finding in result.findings)
    for kind, title in KINDS.items():
        if not counts[kind]:
            continue
        console.print(f"\n{title}: [bold red]{counts[kind]}[/] [dim]({kind})[/]", highlight=False, soft_wrap=True)
        for finding in [finding for finding in result.findings if finding.kind == kind][:SHOWN]:
            console.print(f"  {finding}", highlight=False, soft_wrap=True, markup=False)
        if counts[kind] > SHOWN:
            console.print(f"  ... and {counts[kind] - SHOWN} more; --json lists all", highlight=False, soft_wrap=True)
    if not counts:
        console.print("[green]Nothing found that would spoil training.[/]")
