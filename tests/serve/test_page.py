"""The live page in a real browser: a source is added, signs appear, a label is given and is in the export."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from typer.testing import CliRunner

from benchmarks.serve_demo import watch
from signpipe.cli.main import app
from signpipe.review import ReviewQueue, Status
from tests.review.items import item, put
from tests.support.serving import PATIENCE, Server

CHROMIUM = shutil.which("chromium")
TOKEN = "a-token-for-the-browser-0123456789abcdef"

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(clip, folder / "drive.mp4")
    with Server(folder, {"server": {"recordings": str(folder)}}) as server:
        yield server


@pytest.fixture
def page(browser: Browser, opened: Server) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    shown = context.new_page()
    errors: list[str] = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(opened.address)
    yield shown
    context.close()
    assert errors == []


def test_a_source_is_added_signs_appear_and_a_label_is_exported(page: Page, opened: Server, tmp_path: Path) -> None:
    queue = ReviewQueue(opened.data / "review")
    waiting = item(guess="stop")
    put(queue, waiting)
    page.locator("#adding summary").click()
    page.get_by_label("Name").fill("road")
    page.get_by_label("Address").fill("drive.mp4")
    page.get_by_label("play again and again").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("article.source .state")).to_have_text("running")
    expect(page.locator("img.view")).to_have_js_property("naturalWidth", 960)
    expect(page.locator("#signs li").first).to_be_visible()
    page.locator("#signs summary").first.click()
    expect(page.locator("#signs details p").first).to_contain_text("vision")
    expect(page.locator("#review-guesses")).to_contain_text("Stop")
    page.locator("#main").focus()
    page.keyboard.press("1")
    expect(page.locator("#review-said")).to_have_text("Labelled stop.")
    (entry,) = queue.items(Status.LABELLED)
    assert entry.label is not None
    assert (entry.item.id, entry.label.label, entry.label.labeller) == (waiting.id, "stop", "page")
    command = ["review", "export", str(queue.folder), "--format", "crops", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert [path.parent.name for path in (tmp_path / "out").rglob("*.png")] == ["stop"]
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#no-sources")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_everyone_can_use_it(page: Page, opened: Server, scheme: str, width: int) -> None:
    put(ReviewQueue(opened.data / "review"), item())
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    page.locator("#adding summary").click()
    expect(page.locator("#review")).to_be_visible()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"


def test_the_demo_shows_the_sample_drive_live(browser: Browser) -> None:
    seen = watch(Path(sys.executable).with_name("signpipe"), browser, None)
    assert seen["address"] <= seen["picture"] <= seen["sign"]


def test_keys_reach_everything(page: Page) -> None:
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement?.id || document.activeElement?.textContent?.trim() || ''"))
    assert {"Add a source", "sign-source", "Skip to the sources"} <= reached


def test_a_token_is_asked_for_once(browser: Browser, tmp_path: Path) -> None:
    with Server(tmp_path, {}, environment={"SIGNPIPE_TOKEN": TOKEN}, token=TOKEN) as server:
        context = browser.new_context()
        shown = context.new_page()
        shown.goto(server.address)
        expect(shown.get_by_label("Token")).to_be_focused()
        shown.get_by_label("Token").fill("wrong" * 10)
        shown.keyboard.press("Enter")
        expect(shown.locator("#login-error")).to_have_text("That isn't the token.")
        shown.get_by_label("Token").fill(TOKEN)
        shown.keyboard.press("Enter")
        expect(shown.locator("#connection")).to_have_text("live")
        shown.reload()
        expect(shown.locator("#connection")).to_have_text("live")
        context.close()
