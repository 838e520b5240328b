"""What ships beside the code is found in a checkout and in an installed wheel."""

from pathlib import Path

import pytest

from signpipe import __version__, shipped
from signpipe.errors import SourceError
from signpipe.few_shot.pack import open_prototypes
from signpipe.few_shot.signs import PROTOTYPES
from signpipe.lab.data import find_data
from signpipe.runtime.manifest import load_manifest
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.version import VERSION


def test_a_checkout_has_models_and_sample_beside_the_package() -> None:
    assert shipped.sample().is_file()
    assert load_manifest(shipped.shipped("models"))
    assert shipped.checkout() == Path(__file__).parents[1]
    assert __version__ == VERSION


def test_the_shipped_prototypes_are_of_the_shipped_classifier() -> None:
    """An export of the classifier makes them anew: else a country's signs would go without names."""
    session = open_session("classifier-world", RuntimeSettings(provider="cpu"), "classifier")
    assert open_prototypes(shipped.shipped("models") / PROTOTYPES, session).names


def test_an_installed_package_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "signpipe"
    for inside in ("_models", "_samples"):
        (package / inside).mkdir(parents=True)
    monkeypatch.setattr(shipped, "PACKAGE", package)
    assert shipped.shipped("models") == package / "_models"
    assert shipped.sample() == package / "_samples" / "drive.mp4"
    monkeypatch.delenv("SIGNPIPE_DATA", raising=False)
    with pytest.raises(SourceError, match="No data set is given"):
        find_data()
