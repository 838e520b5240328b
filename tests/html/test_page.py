"""The page: it stands alone, shows its figures in a real browser, and can't be broken by what is put into it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from signpipe.errors import OutputError
from signpipe.html import (
    Section,
    figure,
    folded,
    grid,
    heading,
    join,
    new_figure,
    page,
    paragraph,
    table,
    templates,
    thumbnail,
    verdict,
    write_page,
)
from signpipe.html.page import Html

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=900,900",
)  # fmt: skip


class Read(HTMLParser):
    """The tags that open in a page, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in ("meta", "link"):
            self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def red_square() -> bytes:
    return thumbnail(np.full((8, 8, 3), (0, 0, 255), np.uint8), 400)


def browse(profile: Path, *arguments: str) -> str:
    """Run headless Chromium to its end and return what it printed."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_text_is_escaped_and_nothing_outside_is_needed() -> None:
    parts = [
        Section(
            "a < b", join(paragraph("<script>alert(1)</script>"), table(["n&m"], [["<b>"], [0.5], [verdict(True)]]))
        ),
        Section("figures", figure(red_square(), 'a "red" square')),
    ]
    text = page("x <y>", parts)
    assert "<script>" not in text
    assert "<td>&lt;b&gt;</td>" in text
    assert '<td class="number">0.5000</td>' in text
    assert '<span class="pass">pass</span>' in text
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert 'alt="a &#34;red&#34; square"' in text


def test_markup_survives_only_as_html() -> None:
    assert "<i>x</i>" in table(["a"], [[Html("<i>x</i>")]])
    assert "&lt;i&gt;" in table(["a"], [["<i>x</i>"]])


@given(text=st.text())
def test_no_text_can_break_the_page(text: str) -> None:
    section = Section(text, join(paragraph(text), table([text], [[text]]), folded(text, heading(text))))
    found = Read()
    found.feed(page(text, [section], text))
    assert " ".join(found.tags) == (
        "html head title style body h1 p nav a section h2 p table thead tr th tbody tr td details summary h3"
    )
    assert sum(piece.strip() == text.strip() for piece in found.texts) >= 9 or not text.strip()


def test_a_template_that_lacks_a_value_fails_instead_of_showing_nothing() -> None:
    with pytest.raises(UndefinedError):
        templates().get_template("page.html").render(title="x")


@pytest.mark.parametrize(("size", "shown"), [((100, 200), (25, 50)), ((10, 20), (10, 20))])
def test_a_thumbnail_keeps_the_aspect_and_is_never_blown_up(size: tuple[int, int], shown: tuple[int, int]) -> None:
    small = thumbnail(np.zeros((*size, 3), np.uint8), 50)
    decoded = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (*shown, 3)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        write_page(tmp_path / "file" / "page.html", "x", [])


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_the_figures(tmp_path: Path) -> None:
    drawn = new_figure(4, 3)
    axes = drawn.subplots()
    axes.set_facecolor("#00a000")
    write_page(tmp_path / "page.html", "test", [
        Section("plot", figure(drawn, "green")), Section("pictures", grid([(red_square(), "red")])),
    ])  # fmt: skip
    address = (tmp_path / "page.html").as_uri()
    browse(tmp_path / "profile", f"--screenshot={tmp_path / 'shot.png'}", address)
    shot = cv2.imread(str(tmp_path / "shot.png"))
    assert shot is not None
    blue, green, red = (shot[..., i].astype(int) for i in range(3))
    assert ((green > 140) & (red < 30) & (blue < 30)).sum() > 10_000
    assert ((red > 230) & (green < 30) & (blue < 30)).sum() > 5_000
