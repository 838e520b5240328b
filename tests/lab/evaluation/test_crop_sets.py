"""What the models learn from, and above all: that it doesn't leak into what they are judged on."""

import pytest

from signpipe.errors import SourceError
from signpipe.lab.data import find_data
from signpipe.lab.evaluation.crop_sets import crops, scenes

try:
    DATA = find_data()
except SourceError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.mark.slow
def test_the_parts_share_no_track_and_every_class_is_judged() -> None:
    train, val = crops(DATA, "train"), crops(DATA, "val")
    assert {c.track for c in train}.isdisjoint(c.track for c in val)
    assert set(val.class_counts()) == set(range(43))
    assert len(train) + len(val) == 39209


def test_scenes_ending_in_7_and_9_are_held_out() -> None:
    train, val = scenes(DATA, "gtsdb", "train"), scenes(DATA, "gtsdb", "val")
    assert {scene.path.stem[-1] for scene in val} == {"7", "9"}
    assert {scene.path for scene in train}.isdisjoint(scene.path for scene in val)
    assert (len(train), len(val)) == (480, 120)


def test_traffic_lights_are_no_signs() -> None:
    names = [name for scene in scenes(DATA, "sy32", "train") for name in scene.names]
    assert set(names) == {"danger", "interdiction", "obligation", "ceder", "stop"}
    assert len(names) > 300
