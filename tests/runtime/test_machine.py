"""What a result file says of the machine that it was made on."""

import json
import os
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pytest

import signpipe
from signpipe.runtime.machine import describe_machine


def test_names_what_a_result_depends_on() -> None:
    found = describe_machine()
    assert found.python == platform.python_version()
    assert found.packages["numpy"] == version("numpy")
    assert found.signpipe == signpipe.__version__
    assert found.cpu
    assert 1 <= found.cores <= found.logical_cpus <= (os.cpu_count() or 1)
    assert "cpu" in found.providers
    assert len([name for name in found.packages if name.startswith("onnxruntime")]) == 1


def test_can_be_written_as_json() -> None:
    content = asdict(describe_machine())
    assert json.loads(json.dumps(content)).keys() == content.keys()


def checkout(folder: Path) -> Path:
    """Return the package in a checkout with one commit."""
    package = folder / "signpipe"
    package.mkdir()
    (package / "__init__.py").write_text("1\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *command], check=True)
    return package


def test_says_which_commit_runs_and_whether_it_was_altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = checkout(tmp_path)
    monkeypatch.setattr("signpipe.runtime.machine.PACKAGE", package)
    commit = describe_machine().commit
    head = subprocess.run(["git", "-C", tmp_path, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert commit is not None
    assert head.stdout.startswith(commit)
    (package / "__init__.py").write_text("2\n")
    assert describe_machine().commit == f"{commit}-dirty"


def test_an_installed_package_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout(tmp_path)
    installed = tmp_path / "environment" / "signpipe"
    installed.mkdir(parents=True)
    monkeypatch.setattr("signpipe.runtime.machine.PACKAGE", installed)
    assert describe_machine().commit is None
