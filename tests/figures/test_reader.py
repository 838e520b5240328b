"""The reader that ships: it reads limits in the catalogue's drawings and others, and nothing where there is nothing."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.errors import ModelError
from signpipe.figures.reader import Reader
from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.augmentation.placing import placed
from signpipe.opinion import Opinion
from signpipe.pipeline import Pipeline
from signpipe.runtime.session import open_session
from signpipe.settings import Settings, load_settings
from signpipe.types import Detections, Image, Prepared
from tests.witnesses.looking import picture

CATALOGUE = load_catalogue()
SIGNS = FiguredSigns([Typeface(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")])
STREET: Image = np.full((80, 80, 3), (96, 104, 92), np.uint8)


@pytest.fixture(scope="module")
def reader() -> Reader:
    settings = load_settings()
    return Reader(open_session(settings.figures.model, settings.runtime, "reader"))


def box(side: int) -> list[float]:
    return [100 - side / 2, 100 - side / 2, 100 + side / 2, 100 + side / 2]


@pytest.mark.parametrize("side", [32, 64])
def test_it_reads_all_limits_of_the_catalogue(reader: Reader, side: int) -> None:
    limits = [sign for sign in CATALOGUE if sign.figures]
    readings = [reader(picture(sign.name, side), box(side))[0] for sign in limits]
    assert [one.text for one in readings] == [sign.figures for sign in limits]
    assert [one.struck > 0.5 for one in readings] == [sign.name.startswith("end_") for sign in limits]


@pytest.mark.parametrize("number", ["5", "15", "40", "45", "90", "110", "130"])
def test_it_reads_limits_that_the_catalogue_doesnt_have(reader: Reader, number: str) -> None:
    texts = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        shown = placed(SIGNS.limit(rng, number, boards=0.0).image, STREET, 32, rng, around=0.5)
        texts.append(reader(shown.image, shown.xyxy)[0].text)
    assert texts.count(number) >= 4


def test_it_reads_nothing_on_signs_without_figures(reader: Reader) -> None:
    names = [sign.name for sign in CATALOGUE if sign.figures is None]
    readings = [reader(picture(name, 48), box(48))[0] for name in names]
    figured = [name for name, one in zip(names, readings, strict=True) if one.text not in ("", "?")]
    assert len(figured) <= 3
    assert all(one.probability < 0.9 for one in readings if one.text not in ("", "?"))


def test_several_signs_are_read_in_one_run(reader: Reader) -> None:
    scene = np.concatenate([picture("speed_limit_50", 60), picture("speed_limit_120", 60)], axis=1)
    boxes = np.array([box(60), box(60)]) + np.array([[0, 0, 0, 0], [200, 0, 200, 0]])
    assert [one.text for one in reader(scene, boxes)] == ["50", "120"]
    assert reader.model_ms > 0
    assert reader(scene, []) == []
    assert reader.model_ms == 0


def test_bad_input_is_refused(reader: Reader) -> None:
    with pytest.raises(ValueError, match="empty picture"):
        reader(np.empty((0, 0, 3), np.uint8), box(20))
    with pytest.raises(ValueError, match="not finite"):
        reader(STREET, [0, 0, np.inf, 1])


def test_another_model_cant_stand_for_it() -> None:
    with pytest.raises(ModelError, match="is a classifier, but a reader is needed here"):
        open_session("classifier", load_settings().runtime, "reader")


@pytest.mark.parametrize("enabled", [True, False])
def test_the_pipeline_reads_what_it_sees_unless_it_is_told_not_to(enabled: bool) -> None:
    def given(_: Prepared) -> tuple[Detections, Detections]:
        return Detections(np.array([box(60)], np.float32), np.ones(1, np.float32)), Detections.empty()

    image = cv2.copyMakeBorder(picture("speed_limit_80", 60), 0, 200, 0, 400, cv2.BORDER_REPLICATE)
    with Pipeline(Settings(figures={"enabled": enabled}), stages={"detect": given}) as pipeline:
        result = pipeline(image, 0.0, independent=True)
    (track,) = result.tracks
    assert (pipeline.models.reader is not None) == enabled
    if enabled:
        assert track.figures is not None
        assert track.figures.text == "80"
        assert result.timings_ms["models"] < result.timings_ms["total"]
    else:
        assert track.figures is None
    opinions: tuple[Opinion, ...] = track.verdict.opinions
    assert ("figures" in [opinion.witness for opinion in opinions]) == enabled
