"""`signpipe classes`: signs outside the catalogue from a handful of pictures, without training."""

from __future__ import annotations

import logging
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signpipe.catalogue import Category, Effect, Shape, SignClass, load_catalogue
from signpipe.cli.measuring import open_part, with_progress, write_json
from signpipe.cli.options import ConfigOption, DataOption, FormatOption, JsonOption
from signpipe.errors import OutputError, SettingsError
from signpipe.few_shot.folder import CATALOGUE, open_few_shot, write_few_shot
from signpipe.few_shot.head import FewShotHead
from signpipe.lab.data import ClassMap
from signpipe.lab.evaluation.crops import sample_crops
from signpipe.lab.evaluation.observations import read_crops
from signpipe.lab.few_shot.change import USUAL, open_or_start, rebuilt, with_class, without_class
from signpipe.lab.few_shot.examples import load_examples, read_examples, save_examples
from signpipe.lab.few_shot.prototypes import PrototypeMaker
from signpipe.lab.few_shot.report import CLOSE, Change, Separation, changes, separation
from signpipe.runtime.session import Session, open_session
from signpipe.settings import Settings, load_settings

logger = logging.getLogger(__name__)
classes_app = typer.Typer(
    help="Add signs outside the catalogue from a handful of pictures, without training; "
    "`signpipe run --set classify.few_shot=FOLDER` reads them.",
    no_args_is_help=True,
)
IntoOption = Annotated[
    Path | None, typer.Option("--into", help="Folder of the added classes; else classify.few_shot, else added-classes.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The class, such as no_stopping.")]
DEFAULT_FOLDER = Path("added-classes")
LARGEST_SAMPLE = 2000  # validation crops on which the known classes are checked


@classes_app.command("add")
def add(
    name: NameArgument,
    examples: Annotated[
        Path | None, typer.Option(help="Folder of pictures of the sign, cut out; a handful is enough.")
    ] = None,
    drawing: Annotated[Path | None, typer.Option(help="SVG of the sign; it will do alone.")] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=2, help="What the pictures show around the sign, as a fraction of its side.")
    ] = 0.0,
    category: Annotated[Category, typer.Option(help="What kind of message it carries.")] = Category.INFORMATION,
    shape: Annotated[Shape | None, typer.Option(help="Its outline; else the category's usual one.")] = None,
    effect: Annotated[Effect | None, typer.Option(help="What it does to the drive state; else the usual.")] = None,
    value: Annotated[str | None, typer.Option(help="km/h of a limit or its end, or a word for the others.")] = None,
    title: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    width: Annotated[float | None, typer.Option(min=0.1, max=20, help="Its real width in metres.")] = None,
    height: Annotated[float | None, typer.Option(min=0.1, max=20, help="Its real height in metres.")] = None,
    vienna: Annotated[str, typer.Option(help="Its code in the Vienna Convention.")] = "",
    into: IntoOption = None,
    force: Annotated[bool, typer.Option("--force", help="Add it even if it is too close to another class.")] = False,
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a class, and say what that changes for the known ones.

    A class is known by a prototype: the mean of what the classifier makes of its examples, and of the same examples
    as other observations might show them. With --data or SIGNPIPE_DATA, validation crops of the known classes are read
    with it and without.
    """
    settings = load_settings(config)
    folder = _folder(into, settings)
    sign = _sign(name, category, shape, effect, value, title, (width, height), vienna)
    shown = read_examples(examples, drawing, margin)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    maker = PrototypeMaker(session)
    head = with_class(open_or_start(folder, session, load_catalogue(), maker), sign, maker(name, shown))
    apart = separation(name, shown, head, maker)
    _tell([apart], _changes(head, session, settings, data, format), json_file)
    if apart.too_close and not force:
        raise SettingsError(
            f"'{name}' is too close to '{apart.too_close}' (similarity {apart.neighbours[0][1]:.2f}, {CLOSE} or more), "
            "and nothing was added; give clearer pictures, or --force if one may be read as the other."
        )
    save_examples(folder, name, shown)
    write_few_shot(folder, head, session)
    if sign.shape is Shape.RECTANGLE:
        logger.warning(
            "The shipped detectors hardly find square and oblong signs; '%s' may need one trained for it.", name
        )
    Console().print(
        f"added as class {len(head.catalogue) - 1} in {escape(str(folder))}; read it with  "
        f"signpipe run SOURCE --set classify.few_shot={escape(str(folder))}", highlight=False, soft_wrap=True,
    )  # fmt: skip


@classes_app.command("list")
def list_classes(into: IntoOption = None, config: ConfigOption = None) -> None:
    """List the added classes."""
    settings = load_settings(config)
    folder = _folder(into, settings)
    head = _open(folder, open_session(settings.classify.model, settings.runtime, "classifier"))
    table = Table()
    for column in ("id", "name", "category", "effect", "value", "pictures", "drawing"):
        table.add_column(column)
    for sign in _signs(head):
        pictures = len(list((folder / sign.name).glob("*.png")))
        drawn = "yes" if (folder / f"{sign.name}.svg").is_file() else ""
        cells = (sign.id, sign.name, sign.category, sign.effect, sign.value or "", pictures, drawn)
        table.add_row(*map(str, cells))
    Console().print(table)


@classes_app.command("remove")
def remove(name: NameArgument, into: IntoOption = None, config: ConfigOption = None) -> None:
    """Take an added class out, with its examples; the ids of the ones after it move up."""
    settings = load_settings(config)
    folder = _folder(into, settings)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    write_few_shot(folder, without_class(_open(folder, session), name), session)
    try:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / f"{name}.svg").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"The examples of '{name}' in {folder} can't be removed: {error.strerror}.") from None


@classes_app.command("check")
def check(
    into: IntoOption = None,
    data: DataOption = None,
    format: FormatOption = "gtsrb",  # noqa: A002
    json_file: JsonOption = None,
    config: ConfigOption = None,
) -> None:
    """Say how well the added classes stand apart, and what they change for the known ones."""
    settings = load_settings(config)
    folder = _folder(into, settings)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    head, maker = _open(folder, session), PrototypeMaker(session)
    apart = [separation(sign.name, load_examples(folder, sign.name), head, maker) for sign in _signs(head)]
    _tell(apart, _changes(head, session, settings, data, format), json_file)


@classes_app.command("rebuild")
def rebuild(into: IntoOption = None, config: ConfigOption = None) -> None:
    """Make the prototypes again from the pictures that were kept, as another classifier needs it."""
    settings = load_settings(config)
    folder = _folder(into, settings)
    session = open_session(settings.classify.model, settings.runtime, "classifier")
    _existing(folder)
    head = rebuilt(folder, load_catalogue(), PrototypeMaker(session))
    write_few_shot(folder, head, session)
    Console().print(f"made {len(head.prototypes)} prototypes for {session.entry.path.name}", highlight=False)


def _folder(into: Path | None, settings: Settings) -> Path:
    return into or settings.classify.few_shot or DEFAULT_FOLDER


def _existing(folder: Path) -> Path:
    if not (folder / CATALOGUE).is_file():
        raise SettingsError(f"There are no added classes in {folder}; add one with  signpipe classes add.")
    return folder


def _open(folder: Path, session: Session) -> FewShotHead:
    return open_few_shot(_existing(folder), session, load_catalogue())


def _signs(head: FewShotHead) -> tuple[SignClass, ...]:
    return head.catalogue.classes[len(head.known) :]


def _sign(
    name: str,
    category: Category,
    shape: Shape | None,
    effect: Effect | None,
    value: str | None,
    title: str | None,
    size: tuple[float | None, float | None],
    vienna: str,
) -> SignClass:
    """Return the class that the options describe, with what is usual for its category where they don't say."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SettingsError(f"'{name}' can't name a class; use small letters, digits and _, such as no_stopping.")
    usual_shape, usual_effect, side = USUAL[category]
    does = effect or usual_effect
    if does is None:
        raise SettingsError(f"What a sign of the category {category.value} does isn't plain; say it with --effect.")
    number: float | str | None = value
    if does in (Effect.LIMIT, Effect.END_LIMIT):
        try:
            number = float(value or "")
        except ValueError:
            raise SettingsError(f"The effect {does.value} needs its km/h, such as --value 50.") from None
    wide, high = size
    return SignClass(
        id=0,
        name=name,
        title=title or name.replace("_", " ").capitalize(),
        vienna=vienna,
        category=category,
        shape=shape or usual_shape,
        width=wide or high or side,
        height=high or wide or side,
        effect=does,
        value=number,
    )


def _changes(
    head: FewShotHead,
    session: Session,
    settings: Settings,
    data: Path | None,
    format: str,  # noqa: A002
) -> list[Change] | None:
    """Return what becomes of validation crops of the known classes, or None where there is no data set."""
    if data is None and not os.environ.get("SIGNPIPE_DATA"):
        return None
    dataset, size = open_part(data, format, "val", ClassMap()), int(session.entry.input.shape[1])
    crops = with_progress(
        lambda progress: sample_crops(dataset, LARGEST_SAMPLE, session.entry.margin, size, progress), "reading"
    )
    return changes(read_crops(session, crops.images), crops.labels, head, settings.fallback)


def _tell(apart: list[Separation], known: list[Change] | None, json_file: Path | None) -> None:
    console = Console()
    table = Table(title="How well the added classes stand apart", title_justify="left")
    for column in ("class", "pictures recognised by the rest", "views recognised", "nearest classes (similarity)"):
        table.add_column(column)
    for one in apart:
        recognised = "" if one.recognised is None else f"{one.recognised} of {one.pictures}"
        near = ", ".join(f"{name} {cosine:.2f}" for name, cosine in one.neighbours)
        table.add_row(one.name, recognised, f"{one.views:.0%}", near)
    console.print(table)
    if known is None:
        console.print("What they change for known signs was not measured; give a data set with --data.")
    else:
        _tell_changes(known, console)
    if json_file is not None:
        content: dict[str, Any] = {
            "added": [asdict(one) | {"too_close": one.too_close} for one in apart],
            "known": None if known is None else [asdict(one) for one in known],
        }
        write_json(json_file, content)


def _tell_changes(known: list[Change], console: Console) -> None:
    crops, published_before, published, as_added, right_before, right = (
        sum(column) for column in zip(*(list(asdict(one).values())[1:] for one in known), strict=True)
    )
    console.print(
        f"of {crops} validation crops of known signs one observation publishes {published} ({published_before} without "
        f"the added classes), {as_added} of them as an added class; {right} are read right ({right_before} without)",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    table = Table("class", "crops", "published without", "with", "as an added class", "right without", "with")
    for one in known:
        if one.is_any:
            table.add_row(*map(str, asdict(one).values()))
    if table.row_count:
        console.print(table)
