"""Putting a page together: text is escaped here, so that nothing measured can break the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from signpipe.errors import OutputError
from signpipe.html.figures import data_uri


class Html(str):
    """Markup whose text is escaped already."""

    __slots__ = ()


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1e21; max-width: 1080px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; } h2 { font-size: 1.3em; margin-top: 2em; border-bottom: 1px solid #d0d4d9; }
nav a { margin-right: 1.2em; } table { border-collapse: collapse; margin: 1em 0; font-size: 0.93em; }
th, td { padding: 0.3em 0.7em; border-bottom: 1px solid #e2e5e9; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.2em 0; } figure img { max-width: 100%; } figcaption { color: #51565d; font-size: 0.9em; }
.grid { display: flex; flex-wrap: wrap; gap: 0.6em; } .grid figure { margin: 0; width: 128px; }
.grid img { width: 96px; image-rendering: pixelated; }
.pass { color: #0a6b2d; font-weight: 600; } .fail { color: #b3261e; font-weight: 600; } .none { color: #6b7178; }
@media print { nav { display: none; } }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        title: Its heading.
        body: Its content, from `paragraph`, `table`, `figure`, `grid` and `join`.
    """

    title: str
    body: Html


def page(title: str, sections: Iterable[Section], note: str = "") -> str:
    """Return a whole HTML page that refers to nothing outside itself.

    Args:
        title: Heading and name of the page.
        sections: Its parts in order; each gets an entry in the list of contents.
        note: A line under the heading, such as what was measured and when.
    """
    parts = list(sections)
    links = "".join(f'<a href="#part-{i}">{escape(part.title)}</a>' for i, part in enumerate(parts))
    body = "\n".join(
        f'<section id="part-{i}"><h2>{escape(part.title)}</h2>\n{part.body}\n</section>' for i, part in enumerate(parts)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f'<link rel="icon" href="data:,">\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n'
        f"<p>{escape(note)}</p>\n<nav>{links}</nav>\n{body}\n</body>\n</html>\n"
    )


def write_page(path: Path, title: str, sections: Iterable[Section], note: str = "") -> None:
    """Write a page; see `page`.

    Raises:
        OutputError: The file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(title, sections, note), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}.") from None


def join(*parts: Html) -> Html:
    """Return several pieces as one."""
    return Html("\n".join(parts))


def paragraph(text: str) -> Html:
    """Return a paragraph."""
    return Html(f"<p>{escape(text)}</p>")


def folded(title: str, body: Html) -> Html:
    """Return something long behind a line that opens it."""
    return Html(f"<details><summary>{escape(title)}</summary>\n{body}\n</details>")


def verdict(passed: bool | None) -> Html:
    """Return a word for a table: pass, fail, or not measured."""
    css, word = {True: ("pass", "pass"), False: ("fail", "FAIL"), None: ("none", "not measured")}[passed]
    return Html(f'<span class="{css}">{word}</span>')


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """Return a table.

    Args:
        header: Names of the columns.
        rows: Cells: numbers are set to the right (floats with four places), `Html` is taken as it is, the rest is text.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return Html(f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>")


def figure(picture: bytes | Any, caption: str) -> Html:
    """Return a picture with its caption, embedded in the page.

    Args:
        picture: PNG bytes, or a matplotlib figure.
        caption: What it shows; it serves as the text for those who can't see the picture too.
    """
    text = escape(caption)
    return Html(f'<figure><img alt="{text}" src="{data_uri(picture)}"><figcaption>{text}</figcaption></figure>')


def grid(pictures: Iterable[tuple[bytes, str]]) -> Html:
    """Return small pictures (PNG bytes, caption) side by side."""
    return Html(f'<div class="grid">{"".join(figure(content, caption) for content, caption in pictures)}</div>')


def _cell(value: Any) -> str:
    if isinstance(value, Html):
        return f"<td>{value}</td>"
    if isinstance(value, bool | str) or value is None:
        return f"<td>{escape('' if value is None else str(value))}</td>"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return f'<td class="number">{escape(text)}</td>'
