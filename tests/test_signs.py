"""Which signs a run can name: prototypes make a country's, and added classes come after them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.errors import SettingsError
from signpipe.few_shot.folder import write_few_shot
from signpipe.few_shot.head import FewShotHead
from signpipe.few_shot.pack import DrawnPrototypes, write_prototypes
from signpipe.few_shot.signs import open_signs
from signpipe.position.country import country_at
from signpipe.runtime.session import Session
from signpipe.settings import WORLD, Settings, load_settings
from signpipe.sources import Sensors
from signpipe.types import Classifications, FloatArray, Pose
from signpipe.watching import located

BASE = load_catalogue()
DIMENSIONS = 8


@dataclass
class StandIn:
    """As much of a session as belongs to its file."""

    entry: Any = field(default_factory=lambda: SimpleNamespace(path=Path("c.onnx"), sha256="ab" * 32))


SESSION = cast(Session, StandIn())


def unit(axis: int) -> FloatArray:
    return np.asarray(np.eye(DIMENSIONS)[axis], np.float32)


@pytest.fixture
def prototypes(tmp_path: Path) -> Path:
    """Prototypes of no parking, on axis 0, and of a stop sign, on axis 1."""
    path = tmp_path / "prototypes.npz"
    content = DrawnPrototypes(
        ("regulatory--no-parking--g1", "own:stop"), np.stack([unit(0), unit(1)]), "ab" * 32, 50.0, 0.6
    )
    write_prototypes(path, content)
    return path


def settings(country: str, prototypes: Path | None, few_shot: Path | None = None) -> Settings:
    return load_settings(
        None, {"country.code": country, "country.prototypes": prototypes, "classify.few_shot": few_shot}
    )


def seen(axis: int, of_class: int) -> Classifications:
    """Return one crop whose embedding lies on an axis, and that the network takes for a class."""
    probability = np.zeros((1, len(BASE)), np.float32)
    probability[0, of_class] = 0.9
    return Classifications(probability, unit(axis)[None], np.full(1, 0.5, np.float32))


@pytest.mark.parametrize("code", ["de", "be"])
def test_a_country_names_what_its_prototypes_show(prototypes: Path, code: str) -> None:
    signs = open_signs(settings(code, prototypes), SESSION)
    assert signs.country.code == code
    assert signs.catalogue.names == load_country(code).catalogue.names
    assert signs.head is not None
    named = signs.head(seen(0, BASE.by_name("no_entry").id)).probability[0]
    assert signs.catalogue[int(named.argmax())].name == "no_parking"
    known = signs.head(seen(1, BASE.by_name("stop").id)).probability[0]
    assert signs.catalogue[int(known.argmax())].name == "stop"


def test_what_a_country_does_not_have_is_never_named(prototypes: Path) -> None:
    signs = open_signs(settings("us", prototypes), SESSION)
    absent = signs.catalogue.by_name("no_overtaking_goods")
    assert not absent.present
    assert signs.head is not None
    assert signs.head(seen(5, absent.id)).probability[0, absent.id] == 0


def test_without_prototypes_only_the_known_classes_are_named(tmp_path: Path) -> None:
    another = cast(Session, StandIn(SimpleNamespace(path=Path("own.onnx"), sha256="cd" * 32)))
    signs = open_signs(load_settings(), another)
    assert signs.head is None
    assert signs.catalogue.names == BASE.names
    with pytest.raises(SettingsError, match=r"another classifier|can't be read"):
        open_signs(load_settings(None, {"country.code": "be"}), another)
    with pytest.raises(SettingsError, match="can't be read"):
        open_signs(settings("de", tmp_path / "missing.npz"), SESSION)
    with pytest.raises(SettingsError, match="There is no country 'atlantis'"):
        open_signs(settings("atlantis", None), SESSION)


def test_added_classes_come_last_and_stand_for_the_countrys(prototypes: Path, tmp_path: Path) -> None:
    own = [
        replace(load_country("de").catalogue.by_name("no_parking"), id=43),
        replace(load_country("de").catalogue.by_name("parking"), id=44, name="my_own"),
    ]
    known = np.tile(unit(7), (len(BASE), 1))
    catalogue = type(BASE)([*BASE, *own])
    write_few_shot(tmp_path / "own", FewShotHead(catalogue, np.stack([unit(3), unit(4)]), known), SESSION)
    signs = open_signs(settings("de", prototypes, tmp_path / "own"), SESSION)
    assert len(signs.catalogue) == len(load_country("de").catalogue) + 1
    assert signs.catalogue.names[-2:] == ("no_parking", "my_own")
    assert [sign.id for sign in signs.catalogue] == list(range(len(signs.catalogue)))
    assert signs.head is not None
    for axis, name in ((3, "no_parking"), (4, "my_own"), (1, "stop")):
        probability = signs.head(seen(axis, BASE.by_name("stop").id)).probability[0]
        assert len(probability) == len(signs.catalogue)
        assert signs.catalogue[int(probability.argmax())].name == name


def test_a_pipeline_alone_cannot_tell_the_country(prototypes: Path) -> None:
    with pytest.raises(SettingsError, match="can't tell the country"):
        open_signs(settings("auto", prototypes), SESSION)


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [(50.88, 4.70, "be"), (49.01, 8.40, "de"), (46.05, 14.51, "si"), (51.51, -0.13, "gb"), (-33.87, 151.21, "au")],
)
def test_a_position_lies_in_a_country(latitude: float, longitude: float, code: str) -> None:
    assert country_at(latitude, longitude) == code


@pytest.mark.parametrize(
    ("pose", "code", "says"),
    [
        (Pose(50.88, 4.70, None, None, None), "be", None),
        (None, "de", "No position tells the country"),
        (Pose(64.13, -21.9, None, None, None), "de", "no file of the country 'is'"),
    ],
)
def test_a_run_that_finds_its_country_says_where_it_does_not(
    pose: Pose | None, code: str, says: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    sensors = cast(Sensors, SimpleNamespace(start=lambda: pose))
    assert located(load_settings(None, {"country.code": "auto"}), sensors).country.code == code
    assert [record.message for record in caplog.records if says and says in record.message] or says is None
    assert located(load_settings(None, {"country.code": "fr"}), sensors).country.code == "fr"


def test_a_country_that_is_named_brings_the_classifier_of_its_prototypes() -> None:
    assert load_settings(overrides={"country.code": "be"}).classifier == WORLD
    assert load_settings(overrides={"country.code": "be", "classify.model": "mine.onnx"}).classifier == "mine.onnx"
    assert load_settings().classifier == load_settings().classify.model
