"""`signpipe review`: the signs that nothing was sure of, before a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.cli.person import say, user_name
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.review.labels import parse_label, read_labels
from signpipe.review import NOT_A_SIGN, ReviewQueue, Status
from signpipe.review.queue import Queued
from signpipe.settings import ReviewSettings

review_app = typer.Typer(
    help="Look at the signs that nothing was sure of, and say what they are.", no_args_is_help=True
)

FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The queue: what review.folder was set to.")]
StatusOption = Annotated[Status | None, typer.Option(help="Only these.")]


@review_app.command("list")
def list_items(folder: FolderArgument, status: StatusOption = None) -> None:
    """List the items, the oldest first."""
    entries = _open(folder).items(status)
    table = Table(title=f"{len(entries)} signs", title_justify="left")
    for column in ("item", "status", "why", "vision's guess", "novelty", "px", "again", "source", "at", "label"):
        right = column in ("novelty", "px", "again", "at")
        table.add_column(column, justify="right" if right else "left", no_wrap=column == "item")
    for entry in entries:
        item, top = entry.item, entry.item.top
        table.add_row(
            item.id,
            entry.status,
            ", ".join(item.why),
            f"{top[0].name} {top[0].probability:.2f}" if top else "",
            f"{item.novelty:.2f}",
            f"{item.side:.0f}",
            str(entry.again or ""),
            item.picture or item.source,
            f"{item.media_time:.1f} s",
            entry.label.label if entry.label else "",
        )
    Console().print(table, markup=False)


@review_app.command("page")
def page(
    folder: FolderArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("review.html"),
    status: StatusOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Most items on the page, the most novel first.")] = 500,
) -> None:
    """Write a contact sheet, one HTML file for any browser, on which the signs can be labelled.

    It needs no server: its button saves the labels as a file, which  [bold]signpipe review label FOLDER --from
    FILE[/]  takes in.
    """
    from signpipe.lab.review.contact import write_contact_sheet

    entries = _open(folder).items(status)
    shown = write_contact_sheet(out, entries, load_catalogue(), limit)
    say(f"{shown} of {len(entries)} signs on {out}")


@review_app.command("ask")
def ask(
    folder: FolderArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many at most.")] = 20,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Contact sheet of them, to label them on; see `review page`.")
    ] = None,
) -> None:
    """Say which open signs are worth labelling first: undecided, novel, often seen, and unlike one another."""
    from signpipe.lab.review.asking import propose
    from signpipe.lab.review.contact import write_contact_sheet

    entries = _open(folder).items()
    waiting = [entry for entry in entries if entry.status is Status.OPEN]
    proposals = propose(waiting, [entry for entry in entries if entry.status is not Status.OPEN], count)
    table = Table(title=f"{len(proposals)} of {len(waiting)} open signs", title_justify="left")
    for column in ("item", "vision's guess", "undecided", "novelty", "unlike", "again", "worth"):
        table.add_column(column, justify="left" if column in ("item", "vision's guess") else "right")
    for one in proposals:
        item = one.entry.item
        guess = f"{item.top[0].name} {item.top[0].probability:.2f}" if item.top else ""
        numbers = (f"{value:.2f}" for value in (one.uncertainty, one.novelty, one.unlike))
        table.add_row(item.id, guess, *numbers, str(one.entry.again or ""), f"{one.worth:.3f}")
    Console().print(table, markup=False)
    if out is not None:
        shown = write_contact_sheet(out, [one.entry for one in proposals], load_catalogue(), count)
        say(f"{shown} signs on {out}")


@review_app.command("label")
def label(
    folder: FolderArgument,
    item: Annotated[str | None, typer.Argument(metavar="[ITEM]", help="Id of an item, or its end.")] = None,
    class_: Annotated[
        str | None, typer.Argument(metavar="[CLASS]", help=f"A class of the catalogue, or {NOT_A_SIGN}.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--from", help="Labels that the page saved.")] = None,
    new: Annotated[bool, typer.Option("--new", help="CLASS is a new name, for a sign outside the catalogue.")] = False,
    labeller: Annotated[str | None, typer.Option("--by", help="Who says so; else the user's name.")] = None,
) -> None:
    """Say what a sign is: one item, all of a file, or, with neither, the open ones one after another."""
    if (item is None) != (class_ is None) or (item is not None and file is not None):
        raise SettingsError("Give an item and a class, or --from a file, or neither to go through the open ones.")
    queue, catalogue = _open(folder), load_catalogue()
    who = labeller or user_name()
    with _writing(folder):
        if item is not None and class_ is not None:
            entry = _find(queue, item)
            queue.label(entry.item.id, parse_label(class_, catalogue, new), who)
        elif file is not None:
            _take_in(queue, file, catalogue, who)
        else:
            _go_through(queue, catalogue, who)


@review_app.command("export")
def export(
    folder: FolderArgument,
    format: Annotated[str, typer.Option("--format", "-f", metavar="coco|yolo|crops", help="What kind.")],  # noqa: A002
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder.")],
) -> None:
    """Export what was labelled as a data set: for detection, or as crops in a folder per class."""
    from signpipe.lab.review.export import export_queue

    catalogue = load_catalogue()
    counts = export_queue(_open(folder), out, format, catalogue)
    table = Table(title=f"{sum(counts.values())} signs in {out}", title_justify="left")
    table.add_column("class")
    table.add_column("signs", justify="right")
    for name, count in sorted(counts.items()):
        table.add_row(name, str(count))
    Console().print(table, markup=False)
    foreign = sorted(set(counts) - {*catalogue.names, NOT_A_SIGN})
    if foreign and format != "crops":
        say(f"outside the catalogue, to be read with  --map {foreign[0]}=sign : {', '.join(foreign)}")
    elif foreign:
        say(f"outside the catalogue, for  signpipe classes add : {', '.join(foreign)}")


@review_app.command("prune")
def prune(
    folder: FolderArgument,
    megabytes: Annotated[float | None, typer.Option(min=0, max=1e9, help="Largest size; else as by default.")] = None,
    days: Annotated[
        float | None, typer.Option(min=0, max=36_500, help="Age from which they go; else as by default.")
    ] = None,
    labelled: Annotated[bool, typer.Option("--labelled", help="Remove all labelled ones; export them first.")] = False,
) -> None:
    """Remove the oldest unlabelled items; labelled ones stay unless --labelled says otherwise."""
    queue, defaults = _open(folder), ReviewSettings()
    if labelled:
        removed = queue.remove_labelled()
    else:
        removed = queue.prune(
            defaults.megabytes if megabytes is None else megabytes, defaults.days if days is None else days
        )
    count = len(queue)
    say(f"{len(removed)} removed, {count} left, {queue.megabytes:.1f} MB")


def _open(folder: Path) -> ReviewQueue:
    if not folder.is_dir():
        raise SourceError(
            f"There is no review queue {folder}; `signpipe run --set review.folder={folder}` fills one as it goes."
        )
    queue = ReviewQueue(folder)
    try:
        queue.refresh()
    except OSError as error:
        raise SourceError(f"The review queue {folder} can't be read: {error.strerror}.") from None
    return queue


def _find(queue: ReviewQueue, text: str) -> Queued:
    entries = [entry for entry in queue.items() if entry.item.id.endswith(text)]
    if len(entries) != 1:
        found = "several items end" if entries else "no item ends"
        raise SettingsError(f"In {queue.folder} {found} in '{text}'; `signpipe review list` shows their ids.")
    return entries[0]


def _take_in(queue: ReviewQueue, file: Path, catalogue: Catalogue, who: str) -> None:
    """Take the labels of a file in; those of items that are gone are counted."""
    labels = read_labels(file, catalogue)
    present = queue.refresh()
    taken = {item_id: said for item_id, said in labels.items() if item_id in present}
    for item_id, said in taken.items():
        queue.label(item_id, said, who)
    gone = len(labels) - len(taken)
    say(f"{len(taken)} labelled" + (f", {gone} not in the queue any more" if gone else ""))


def _go_through(queue: ReviewQueue, catalogue: Catalogue, who: str) -> None:
    """Ask about the open items, the most novel first, until all are answered or the answers end."""
    entries = sorted(queue.items(Status.OPEN), key=lambda entry: -entry.item.novelty)
    if entries:
        say(f"A number or a class;  n  no sign;  new NAME  a sign outside the catalogue;  s  skip;  q  end. By {who}.")
    done = 0
    for position, entry in enumerate(entries, 1):
        _present(entry, f"{position} of {len(entries)}")
        said = _ask(entry, catalogue)
        if said is None:
            break
        if said:
            queue.label(entry.item.id, said, who)
            done += 1
    say(f"{done} labelled, {len(queue.items(Status.OPEN))} open")


def _present(entry: Queued, position: str) -> None:
    item = entry.item
    where = f"{item.picture or item.source} at {item.media_time:.1f} s"
    say(f"\n{position}: {item.id}  {where}, {item.side:.0f} px, novelty {item.novelty:.2f} ({', '.join(item.why)})")
    say(f"  {item.reason}" + (f"; {item.conflict}" if item.conflict else ""))
    say(f"  {entry.crop}")
    for number, choice in enumerate(item.top, 1):
        say(f"  {number}  {choice.name}  {choice.probability:.2f}")


def _ask(entry: Queued, catalogue: Catalogue) -> str | None:
    """Return the label that was given, an empty text to go on without one, or None to end."""
    while True:
        print("> ", end="", flush=True)
        answer = sys.stdin.readline()
        words = answer.strip()
        if not answer or words == "q":
            return None
        if words in ("", "s"):
            return ""
        if words == "n":
            return NOT_A_SIGN
        if words.isdecimal() and 0 < int(words) <= len(entry.item.top):
            return entry.item.top[int(words) - 1].name
        try:
            return parse_label(words.removeprefix("new "), catalogue, new=words.startswith("new "))
        except SettingsError as error:
            say(str(error).replace("add --new", "put 'new' before it"))


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Make one sentence of what goes wrong while a label is written."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The label can't be written to {folder} ({error.strerror}); what was labelled before is kept."
        ) from None
