"""Clips of what went wrong on simulated drives. Drawing needs OpenGL without a screen."""

import math
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import av
import pytest
from typer.testing import CliRunner

from signpipe.catalogue import load_catalogue
from signpipe.cli.main import app
from signpipe.errors import SettingsError
from signpipe.lab.evaluation.driving.evaluate import scored
from signpipe.lab.evaluation.driving.loop import Told
from signpipe.lab.evaluation.driving.seer import TableSeer
from signpipe.lab.evaluation.pages import clips, drive
from signpipe.lab.evaluation.pages.clips import HEIGHT, WIDTH, said, write_clips
from signpipe.lab.evaluation.resume import Resume
from signpipe.lab.simulation.perception import Look, Table
from signpipe.lab.simulation.render.gl import open_context
from signpipe.lab.simulation.world.limits import InForce
from signpipe.lab.simulation.world.scene import RoadScene
from signpipe.lab.simulation.world.scene_file import parse_scene
from signpipe.settings import load_settings
from signpipe.types import Image

SETTINGS = load_settings()
NAME = "town 3, clear"


def road(*_: Any) -> RoadScene:
    signs = [{"name": "speed_limit_80", "at": 60}, {"name": "speed_limit_50", "at": 150}]
    return parse_scene({"road": [{"length": 260}], "limit": 100, "sign": signs, "name": NAME}, NAME)


def blind_to_50() -> Table:
    made = Table({"of": "a test"}, pictures={"clear": 100})
    for name in load_catalogue().names:
        score = 0.0 if name == "speed_limit_50" else 0.9
        sure: dict[str, Any] = {"classes": (name,), "probability": (0.99,), "novelty": 0.02}
        made.add("clear", name, [Look(side, score, **sure) for side in (9.0, 20.0, 40.0, 90.0)])
    return made


def failures() -> list[dict[str, Any]]:
    made = scored(road(), TableSeer(road(), blind_to_50(), SETTINGS, 3))
    return [failure for score in made.values() for failure in score["failures"] if failure["true"] == 50]


@pytest.mark.system
@pytest.mark.slow
def test_a_failure_is_shown_with_what_was_told_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        open_context().release()
    except SettingsError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(clips, "scene_of", road)
    monkeypatch.setattr(clips, "BEFORE", 2.5)
    monkeypatch.setattr(clips, "AFTER", 0.4)
    captions: list[tuple[float | None, float | None]] = []
    caption = clips._captioned

    def captioned(picture: Image, truth: InForce, told: Told) -> Image:
        captions.append((truth.limit, told.limit))
        return caption(picture, truth, told)

    monkeypatch.setattr(clips, "_captioned", captioned)
    worst, table = failures(), blind_to_50()

    def write(resume: bool) -> list[tuple[str, str]]:
        kept = Resume(tmp_path / "kept.jsonl", {"seed": 1}, resume)
        return write_clips(worst, 260, tmp_path / "c", table, SETTINGS, kept, lambda *_: None)

    [(name, text)] = write(resume=False)
    assert "50 in force, 80 told" in text
    assert (captions[0], captions[-1]) == ((80, 80), (50, 80))
    assert 28 <= len(captions) <= 32  # at ten a second
    with av.open(tmp_path / "c" / name) as video:
        sizes = {(frame.width, frame.height) for frame in video.decode(video=0)}
    assert sizes == {(WIDTH, HEIGHT)}
    assert [file.name for file in (tmp_path / "c").iterdir()] == [name]  # nothing unfinished is left
    drawn = len(captions)
    assert write(resume=True) == [(name, text)]
    assert len(captions) == drawn  # it isn't drawn again


def test_the_page_shows_clips_that_are_loaded_when_they_are_started(tmp_path: Path) -> None:
    empty = {"right": 0.0, "wrong": 1.0, "missing": 0.0}
    cell = {
        "km": 1.0, "by_distance": empty, "by_event": empty, "events": 1, "published_wrong": 0.0, "blame_km": {},
        "failures": [],
    }  # fmt: skip
    content = {"metrics": {"open": {"all": cell}}, "leg_km": 1.0, "table": "a test"}
    drive.write_drive_page(tmp_path / "d.html", content, clips=[("d-clips/a b#1.mp4", "50 <told>")])
    text = (tmp_path / "d.html").read_text(encoding="utf-8")
    [tag] = re.findall(r"<video[^>]*>", text)
    assert 'preload="none"' in tag
    assert "controls" in tag
    [source] = re.findall(r'src="([^"]*)"', tag)
    assert "#" not in source
    assert unquote(source) == "d-clips/a b#1.mp4"
    assert "50 &lt;told&gt;" in text


def test_failures_are_shown_once_and_the_worst_first() -> None:
    small, large = {"metres": 10}, {"metres": 30}
    cells = {"all": {"failures": [large]}, "town, rain": {"failures": [large]}, "town, fog": {"failures": [small]}}
    assert drive.worst_first(cells | {"fog": {"failures": []}}) == [large, small]


def test_limits_are_named() -> None:
    assert [said(one) for one in (None, "none", 50.0)] == ["nothing", "no limit", "50"]
    assert clips._kmh(math.inf) == "no limit"


def test_clips_are_refused_at_once_without_what_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moderngl", None)
    run = CliRunner().invoke(app, ["evaluate", "drive", "--html", str(tmp_path / "d.html"), "--clips", "1"])
    assert run.exit_code != 0
    assert "signpipe[simulate]" in str(run.exception) + run.output
    assert not list(tmp_path.iterdir())


def test_clips_need_a_page() -> None:
    run = CliRunner().invoke(app, ["evaluate", "drive", "--clips", "3"])
    assert isinstance(run.exception, SettingsError)
    assert "--html" in str(run.exception)
