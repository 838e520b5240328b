"""The virtual road says what it promises, and the drives through it are counted rightly."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signpipe.catalogue import Effect, load_catalogue
from signpipe.errors import SettingsError, SourceError
from signpipe.geodesy import offset
from signpipe.lab.data import open_dataset
from signpipe.lab.evaluation.approach import PICTURE
from signpipe.lab.evaluation.approaching import MARGIN, Sign, Windscreen, boxed, read_signs, under
from signpipe.lab.evaluation.conditions import Condition
from signpipe.lab.evaluation.fallback import MISTAKEN, UNCATALOGUED, evaluate_fallback
from signpipe.lab.evaluation.publishing import evaluate_publishing
from signpipe.lab.evaluation.virtual_road import EMPTY, REVERSED, SHIFT, SHIFTED, VirtualRoad
from signpipe.maps import SignMap, open_map
from signpipe.settings import CameraSettings, Settings
from tests.lab.evaluation.drawn import NAMES, drawn_dataset, drawn_tracks, yolo_of

CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> list[Sign]:
    return read_signs(drawn_dataset(tmp_path_factory.mktemp("tracks")), 100, 4, lambda *_: None)


@pytest.fixture(scope="module")
def road(signs: list[Sign]) -> VirtualRoad:
    return VirtualRoad(signs, CATALOGUE)


def written(road: VirtualRoad, kind: str, folder: Path) -> SignMap:
    road.write_map(kind, folder / f"{kind}.geojson")
    return open_map(folder / f"{kind}.geojson", CATALOGUE)


def test_signs_come_closer_and_keep_their_place_in_the_square(signs: list[Sign]) -> None:
    assert sorted(CATALOGUE[sign.class_id].name for sign in signs) == sorted(NAMES)
    for sign in signs:
        assert (np.diff(sign.sizes.max(1)) > 0).all()
        assert list(sign.times) == [0.0, 0.1, 0.2, 0.3]
        for square, size in zip(sign.squares, sign.sizes, strict=True):
            assert square.shape[0] == pytest.approx(size.max() * (1 + 2 * MARGIN), abs=1)


def test_a_set_without_tracks_is_one_sentence(tmp_path: Path) -> None:
    yolo = open_dataset(yolo_of(drawn_dataset(tmp_path / "drawn"), tmp_path / "yolo"), "yolo", "val")
    with pytest.raises(SourceError, match="has no tracks"):
        read_signs(yolo, 10, 4, lambda *_: None)


def test_the_sign_is_where_its_box_is(signs: list[Sign]) -> None:
    windscreen = Windscreen()
    for number in (3, 0):
        square, size = signs[0].squares[number], signs[0].sizes[number]
        image = windscreen.show(square)
        assert image.shape == (*PICTURE, 3)
        left, top, right, bottom = boxed(size).xyxy[0]
        assert (right - left, bottom - top) == pytest.approx(size)
        assert (left + right, top + bottom) == (PICTURE[1], PICTURE[0])
        changed = np.argwhere((image != 114).any(2))
        assert changed.min(0) == pytest.approx([PICTURE[0] / 2 - square.shape[0] / 2 + 0.5] * 2, abs=400)
        assert np.ptp(changed[:, 0]) < square.shape[0]  # nothing is left of the larger one before


def test_hidden_signs_are_the_same_in_every_run_and_clean_ones_untouched(signs: list[Sign]) -> None:
    others = np.zeros((1, 48, 48, 3), np.uint8)
    leaves = Condition("occlusion", "leaves", 0.5)
    first, again = (under(leaves, signs[0], CATALOGUE, others) for _ in range(2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert any((one != two).any() for one, two in zip(first, signs[0].squares, strict=True))
    assert under(Condition("clean"), signs[0], CATALOGUE, others) == list(signs[0].squares)


def test_a_sign_looks_as_large_as_its_distance_says(road: VirtualRoad, signs: list[Sign]) -> None:
    focal = CameraSettings().focal_for(PICTURE[1])
    for sign in signs:
        real = CATALOGUE[sign.class_id]
        assert road.distance(sign, 1) * sign.sizes[1].max() / focal == pytest.approx(max(real.width, real.height))
    behind = road.pose(2, signs[2], 0)
    nearer = road.pose(2, signs[2], 3)
    _, north = offset(behind.latitude, behind.longitude, nearer.latitude, nearer.longitude)
    assert north == pytest.approx(road.distance(signs[2], 0) - road.distance(signs[2], 3), rel=1e-3)


def test_wrong_maps_are_wrong_as_they_say(road: VirtualRoad, signs: list[Sign], tmp_path: Path) -> None:
    truth = {number: sign.class_id for number, sign in enumerate(signs)}
    everything = written(road, "wrong", tmp_path)
    assert len(everything) == len(signs)
    for number, sign in enumerate(signs):
        pose = road.pose(number, sign, 3)
        (entry,) = everything.near(pose.latitude, pose.longitude, 150)
        named, true = CATALOGUE[entry.class_id], CATALOGUE[truth[number]]
        assert named.id != true.id
        assert named.category is true.category
        assert (named.effect is Effect.LIMIT) or true.effect is not Effect.LIMIT
        (aside,) = written(road, SHIFTED, tmp_path).near(pose.latitude, pose.longitude, 150)
        east, _ = offset(entry.latitude, entry.longitude, aside.latitude, aside.longitude)
        assert east == pytest.approx(SHIFT, rel=1e-3)
        (turned,) = written(road, REVERSED, tmp_path).near(pose.latitude, pose.longitude, 150)
        assert (turned.heading, turned.class_id) == (180, true.id)
    assert len(written(road, EMPTY, tmp_path)) == 0


def test_the_vehicle_is_as_fast_as_its_signs_come_nearer(road: VirtualRoad, signs: list[Sign]) -> None:
    for number, sign in enumerate(signs):
        speed = road.pose(number, sign, 0).speed
        assert speed is not None
        assert speed * (sign.times[-1] - sign.times[0]) == pytest.approx(
            road.distance(sign, 0) - road.distance(sign, len(sign.times) - 1)
        )


def test_the_lidar_sees_the_plate_at_its_distance_and_size(road: VirtualRoad, signs: list[Sign]) -> None:
    for printed in (False, True):
        sweep = road.sweep(signs[0], 3, printed)
        assert sweep.dtype == np.float32
        ahead = road.distance(signs[0], 3)
        plate = sweep[np.abs(sweep[:, 0] - ahead) < 0.1]
        plate = plate[plate[:, 2] > -1.5]
        wide = 2.5 if printed else CATALOGUE[signs[0].class_id].width
        assert np.ptp(plate[:, 1]) == pytest.approx(wide, abs=0.1)
        assert sweep[:, 2].min() == pytest.approx(-1.73, abs=0.05)


@pytest.mark.slow
def test_a_right_map_reads_hidden_signs_and_outcomes_add_up(signs: list[Sign], tmp_path: Path) -> None:
    approaches = open_dataset(drawn_tracks(tmp_path, frames=16), "gtsrb", "val")
    metrics = evaluate_fallback(approaches, Settings(), lambda *_: None, len(signs), only=("map right", "clean"))
    assert set(metrics["sets"]) == {"clean", "map right, clean", "map right, half hidden"}
    for cells in metrics["sets"].values():
        for cell in cells.values():
            assert cell["right"] + cell["wrong"] + cell["abstained"] == pytest.approx(1)
            assert cell["n"] == len(signs)
    clean = metrics["sets"]["clean"]
    assert clean["vision"]["right"] > 0.5
    assert clean["vision"]["wrong"] == 0
    assert "figures" in clean, "the reader is heard as a usual run hears it"
    assert clean["all"]["right"] == clean["vision"]["right"], "what was read on the last sign isn't heard of the next"
    assert clean["approach"]["right"] == clean["vision"]["right"]  # nothing that comes nearer is ruled out
    hidden = metrics["sets"]["map right, half hidden"]
    assert hidden["map"]["right"] >= hidden["vision"]["right"]
    assert metrics["right_gained_on_clean"] == clean["all"]["right"] - clean["vision"]["right"]
    assert "wrong_removed_under_occlusion" not in metrics


def test_unknown_sets_and_rates_are_one_sentence(tmp_path: Path) -> None:
    dataset = drawn_dataset(tmp_path)
    with pytest.raises(SettingsError, match=r"No set is called fog; there are: clean, "):
        evaluate_fallback(dataset, Settings(), lambda *_: None, 1, only=("fog",))
    with pytest.raises(SettingsError, match="between 0 and 1"):
        evaluate_publishing(dataset, Settings(), lambda *_: None, 1.5)


@pytest.mark.slow
def test_a_map_that_has_what_a_sign_outside_the_catalogue_is_taken_for_makes_nothing_right(
    signs: list[Sign], tmp_path: Path
) -> None:
    approaches = open_dataset(drawn_tracks(tmp_path, frames=16), "gtsrb", "val")
    clear = read_signs(approaches, len(signs), 8, lambda *_: None)
    outside = [replace(sign, class_id=-1, name=f"like {sign.name}") for sign in clear]
    metrics = evaluate_fallback(
        approaches, Settings(), lambda *_: None, 1, uncatalogued=outside, only=("map of", "outside")
    )
    plain, mistaken = metrics["sets"][UNCATALOGUED], metrics["sets"][MISTAKEN]
    assert plain["vision"]["wrong"] > 0.5, "they look as what the catalogue has"
    for cell in (*plain.values(), *mistaken.values()):
        assert (cell["right"], cell["n"]) == (0, len(outside))
    assert mistaken["map"]["wrong"] >= mistaken["vision"]["wrong"]


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_with_what_was_done(signs: list[Sign], tmp_path: Path) -> None:
    approaches, keep = open_dataset(drawn_tracks(tmp_path, frames=16), "gtsrb", "val"), tmp_path / "result.json.part"
    steps: list[int] = []

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    def run(progress: Callable[[int, int], None], resume: bool = True, observations: int = 4) -> dict[str, Any]:
        only = ("clean", "map right, clean")
        return evaluate_fallback(approaches, Settings(), progress, len(signs), observations, (), only, keep, resume)

    with pytest.raises(KeyboardInterrupt):
        run(interrupt, resume=False)
    head, clean = (json.loads(line) for line in keep.read_text().splitlines())
    assert clean["name"] == "clean: clean"
    clean["piece"]["vision"] = [[False, True, 0.0, 0.99]] * len(signs)  # so that it shows who is believed
    keep.write_text(f"{json.dumps(head)}\n{json.dumps(clean)}\n")
    with pytest.raises(SettingsError, match="had another observations"):
        run(lambda *_: None, observations=5)
    metrics = run(lambda done, _: steps.append(done))
    assert steps == [1, 2]
    assert metrics["sets"]["clean"]["vision"]["wrong"] == 1
    assert metrics["sets"]["map right, clean"]["vision"]["right"] > 0.5
    assert not keep.exists()


@pytest.mark.slow
def test_few_tracks_promise_little_and_say_so(tmp_path: Path) -> None:
    metrics = evaluate_publishing(drawn_dataset(tmp_path), Settings(), lambda *_: None, 0.001, observations=4)
    assert not metrics["promised"]
    assert metrics["lowest_rate"] == pytest.approx(1 / (len(NAMES) + 1))
    asked = metrics["rates"]["0.001"]
    assert asked["wrong"] == 0
    assert set(asked["hidden"]) == {"0.3", "0.5", "0.7"}
    assert list(metrics["rates"]) == sorted(metrics["rates"], key=float)
