"""Runs the command line inside the test process, as the console script does."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import typer.main

from signpipe.cli.main import main

# The tree of commands is built once and not for each call, which takes longer than most of what is tested.
_command_of = functools.cache(typer.main.get_command)


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def assert_one_sentence(self, *says: str) -> None:
        """Check that the command failed as a bad input must: exit code 2, one sentence, no traceback."""
        assert self.code == 2, self.err
        message = " ".join(self.err.split())
        assert message.startswith("signpipe:"), message
        assert message.count("signpipe: ") == 1, message
        assert "Traceback" not in self.out + self.err
        for word in says:
            assert word in message


@pytest.fixture
def signpipe(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs `signpipe ARGUMENTS` and tells how it ended."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(typer.main, "get_command", _command_of)

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["signpipe", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return call
