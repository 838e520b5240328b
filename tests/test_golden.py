"""The sample is read as it was when somebody last looked at it, within tolerances."""

import copy
from typing import Any

import pytest

from benchmarks.golden import EVERY, differences, essence, read

GOLDEN = read()


def frame_with_a_sign() -> dict[str, Any]:
    return next(frame for frame in GOLDEN if frame["tracks"])


def test_the_golden_output_covers_the_drive() -> None:
    assert [frame["index"] for frame in GOLDEN] == list(range(0, 600, EVERY))
    assert len({track["class_name"] for frame in GOLDEN for track in frame["tracks"]}) >= 8


@pytest.mark.parametrize(
    ("kind", "key", "within", "beyond"),
    [
        ("tracks", "xyxy", [1.0, 1.0, -1.0, 1.0], [1.0, 9.0, 0.0, 0.0]),
        ("tracks", "probability", 0.05, -0.3),
        ("tracks", "verdict", None, "corroborated"),
        ("advisories", "value", None, 130.0),
        ("advisories", "since", 0.1, 1.0),
    ],
)
def test_a_change_beyond_its_tolerance_is_told(kind: str, key: str, within: Any, beyond: Any) -> None:
    golden = frame_with_a_sign()

    def changed(by: Any) -> dict[str, Any]:
        new = copy.deepcopy(golden)
        item = new[kind][0]
        if isinstance(by, list):
            item[key] = [a + b for a, b in zip(item[key], by, strict=True)]
        else:
            item[key] = item[key] + by if isinstance(by, float) and isinstance(item[key], float) else by
        return new

    if within is not None:
        assert not differences(golden, changed(within))
    assert len(differences(golden, changed(beyond))) == 1


def test_a_sign_too_many_is_told() -> None:
    golden = frame_with_a_sign()
    assert differences(golden, golden | {"tracks": [*golden["tracks"], golden["tracks"][0]]})
    assert differences(golden, golden | {"tracks": []})


def test_what_isnt_sure_yet_isnt_compared() -> None:
    unsure = {"class_name": None, "verdict": "uncertain"}
    assert essence({"index": 0, "tracks": [unsure], "advisories": []})["tracks"] == []
