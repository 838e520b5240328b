"""The README tells the truth: its numbers, its files and its commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from signpipe.cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_numbers_are_those_of_the_result_files() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "readme.py"), "--check"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert README.count("<!-- numbers:") == README.count("<!-- /numbers -->") == 1


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_linked_files_are_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_commands_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(
        re.findall(r"^signpipe (\w+)", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)), re.MULTILINE)
    )
    assert {"run", "doctor", "models"} <= named
    assert named <= set(commands)
