"""Every Python block of the README and the documents runs, and every command in them is one that there is."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.main import get_command

from signpipe.cli.main import app
from tests.support.clip import cut_sample

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page that are in one of these languages."""
    return [text for language, text in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def commands(page: Path) -> list[str]:
    """Return the lines of a page's blocks that call signpipe."""
    text = page.read_text(encoding="utf-8")
    lines = "\n".join([*blocks(page, "sh", "console"), *INDENTED.findall(BLOCK.sub("", text))]).splitlines()
    parts = [part.strip() for line in lines for part in line.split("#")[0].split("&&")]
    return [part.split(" > ")[0] for part in parts if part.startswith("signpipe ")]


def given(page: str) -> dict[str, Any]:
    """Return the names that a page takes as given, and make the files that it reads."""
    rng = np.random.default_rng(1)
    if page == "docs/reference/augmentation.md":
        crop, picture = (rng.integers(0, 255, size, np.uint8) for size in ((48, 48, 3), (120, 160, 3)))
        return {"picture": picture, "crop": crop, "seed": 1, "index": 2, "textures": None}
    if page == "docs/how-to/data.md":
        folder = Path("my_set")
        folder.mkdir()
        cv2.imwrite(str(folder / "a.png"), np.zeros((40, 60, 3), np.uint8))
        (folder / "val.json").write_text(
            '{"images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],'
            ' "categories": [{"id": 1, "name": "stop_sign"}],'
            ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20]}]}'
        )
    return {}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_sample(tmp_path_factory.mktemp("clip") / "drive.mp4", 12, start=60)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
def test_python_blocks_run_one_after_the_other(
    page: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "drive.mp4")
    names = given(name_of(page)) | {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block, name_of(page), "exec"), names)


COMMANDS = get_command(app)  # once: to build the tree of commands takes longer than to read a page


def options_of(words: list[str]) -> set[str]:
    """Return the options of the command that words call; those of a group's subcommands where it calls none."""
    command: Any = COMMANDS
    for word in words:
        if not hasattr(command, "commands"):
            break
        if type(command).__name__ == "DefaultGroup" and word not in command.commands:
            command = command.commands["run"]
            break
        assert word in command.commands, f"there is no command {word}"
        command = command.commands[word]
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line.split(" | ")[0].removeprefix("signpipe "))
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= options_of(words), line


def test_every_document_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        assert page.relative_to(ROOT / "docs").as_posix() in navigation
