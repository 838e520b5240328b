"""Putting a page together from templates that escape all text, so that nothing measured can break the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from signpipe.errors import OutputError
from signpipe.html.figures import data_uri

Html = Markup  # markup whose text is escaped already


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        title: Its heading.
        body: Its content, from `paragraph`, `table`, `figure`, `grid` and `join`.
    """

    title: str
    body: Html


class _Cell(NamedTuple):
    text: str
    number: bool


def templates(package: str = "signpipe.html") -> Environment:
    """Return the templates in the folder `templates` of a package; what they are given is escaped unless it is `Html`.

    A name that a template uses and isn't given is an error, not an empty place.
    """
    return Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@lru_cache(maxsize=1)
def _ours() -> Environment:
    return templates()


def _part(name: str, *arguments: Any) -> Html:
    """Return one of the pieces of `parts.html`."""
    return Html(getattr(_ours().get_template("parts.html").module, name)(*arguments))


def page(title: str, sections: Iterable[Section], note: str = "") -> str:
    """Return a whole HTML page that refers to nothing outside itself, but for a `video` beside it.

    Args:
        title: Heading and name of the page.
        sections: Its parts in order; each gets an entry in the list of contents.
        note: A line under the heading, such as what was measured and when.
    """
    return _ours().get_template("page.html").render(title=title, sections=list(sections), note=note)


def write_page(path: Path, title: str, sections: Iterable[Section], note: str = "") -> None:
    """Write a page; see `page`. It may replace an older page, but nothing else.

    Raises:
        OutputError: The file can't be written, or holds something else.
    """
    try:
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as there:
                if not there.read(64).lstrip().lower().startswith(b"<!doctype html"):
                    raise OutputError(f"The page would overwrite {path}, which is no page; choose another name for it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(title, sections, note), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None


def join(*parts: Html) -> Html:
    """Return several pieces as one."""
    return Html("\n").join(parts)


def heading(text: str) -> Html:
    """Return a heading within a section."""
    return _part("heading", text)


def paragraph(text: str) -> Html:
    """Return a paragraph."""
    return _part("paragraph", text)


def folded(title: str, body: Html) -> Html:
    """Return something long behind a line that opens it."""
    return _part("folded", title, body)


def verdict(passed: bool | None) -> Html:
    """Return a word for a table: pass, fail, or not measured."""
    return _part("verdict", *{True: ("pass", "pass"), False: ("fail", "FAIL"), None: ("none", "not measured")}[passed])


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """Return a table.

    Args:
        header: Names of the columns.
        rows: Cells: numbers are set to the right (floats with four places), `Html` is taken as it is, the rest is text.
    """
    return _part("table", header, [[_cell(value) for value in row] for row in rows])


def figure(picture: bytes | Any, caption: str) -> Html:
    """Return a picture with its caption, embedded in the page.

    Args:
        picture: PNG bytes, or a matplotlib figure.
        caption: What it shows; it serves as the text for those who can't see the picture too.
    """
    return _part("figure", data_uri(picture), caption)


def video(address: str, caption: str) -> Html:
    """Return a video with its caption; it lies beside the page and is loaded when it is started.

    Args:
        address: Where it lies, seen from the page, with slashes between folders.
        caption: What it shows.
    """
    return _part("video", quote(address), caption)


def grid(pictures: Iterable[tuple[bytes, str]]) -> Html:
    """Return small pictures (PNG bytes, caption) side by side."""
    return _part("grid", [(data_uri(content), caption) for content, caption in pictures])


def _cell(value: Any) -> _Cell:
    if isinstance(value, bool | str) or value is None:
        return _Cell("" if value is None else value if isinstance(value, str) else str(value), False)
    return _Cell(f"{value:.4f}" if isinstance(value, float) else str(value), True)
