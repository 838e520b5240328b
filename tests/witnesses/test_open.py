"""Which witnesses are opened, and what a bad map does to a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import SourceError
from signpipe.opinion import Role
from signpipe.settings import load_settings
from signpipe.witnesses import open_witnesses

CATALOGUE = load_catalogue()
SAMPLES = Path(__file__).parents[2] / "samples"


def names(**overrides: object) -> list[str]:
    settings = load_settings(None, {name.replace("__", "."): value for name, value in overrides.items()})
    return [witness.name for witness in open_witnesses(settings, CATALOGUE)]


def test_only_what_has_something_to_go_by_is_asked() -> None:
    assert names() == ["approach", "template"]
    assert names(template__enabled=False) == ["approach"]
    assert names(map__file=SAMPLES / "drive.geojson", shape__enabled=True) == ["map", "approach", "template", "shape"]


def test_every_witness_brings_its_name_role_and_weight() -> None:
    sections = ("template", "shape", "map")
    settings = load_settings(
        None,
        {f"{name}.weight": weight for weight, name in zip((0.1, 0.2, 0.3), sections, strict=True)}
        | {"shape.enabled": True, "map.file": SAMPLES / "drive.geojson"},
    )
    brought = {one.name: (one.role, one.weight, one.expensive) for one in open_witnesses(settings, CATALOGUE)}
    assert brought == {
        "template": (Role.LOOKS, 0.1, True),
        "shape": (Role.CATEGORY_ONLY, 0.2, True),
        "map": (Role.PRIOR, 0.3, False),
        "approach": (Role.MEASURES, 1.0, False),
    }


def test_a_bad_map_is_one_warning_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stop = (
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": ["x", 1]}, "properties": {"class": "stop"}}'
    )
    (tmp_path / "bad.geojson").write_text(f'{{"type": "FeatureCollection", "features": [{stop}]}}')
    assert names(map__file=tmp_path / "bad.geojson") == ["approach", "template"]
    (warning,) = caplog.messages
    assert "bad.geojson has a bad feature" in warning
    assert warning.endswith("The run goes on without a map.")


def test_a_map_that_isnt_there_ends_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no map"):
        names(map__file=tmp_path / "none.geojson")
