"""Signs of one drive are where they truly are, as far as the drive can tell, and it says how far that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.geodesy import place
from signpipe.lab.simulation.drives import FOCAL
from signpipe.mapping.driven import place_recording, sizes_of
from signpipe.mapping.optics import project, seen_width
from signpipe.mapping.recording import FRAME_COLUMNS, Recording
from signpipe.mapping.trajectory import find_trajectory
from signpipe.settings import CameraSettings
from tests.mapping.streets import CATALOGUE, NONE, USUAL, driven, nearest, recorded, street

SIZES = sizes_of(CATALOGUE)


def test_without_errors_signs_are_found_within_decimetres() -> None:
    along = street()
    road = driven(along, errors=NONE)
    found = [nearest(along, sign) for sign in road.signs]
    assert {number for number, _ in found} == set(range(len(along.signs)))
    assert np.median([error for _, error in found]) < 0.35
    for sign, (number, _) in zip(road.signs, found, strict=True):
        true = along.signs[number]
        assert sign.best == true.name
        assert sign.height == pytest.approx(true.place[2], abs=0.35)
        assert abs((sign.facing - np.degrees(true.facing) + 180) % 360 - 180) < 15


def test_stray_boxes_and_shaking_cost_little() -> None:
    along = street()
    errors = replace(NONE, strays=0.05, shake=(0.08, 0.25), missed=0.2)
    assert np.median([nearest(along, sign)[1] for sign in driven(along, errors=errors).signs]) < 0.6


def test_focal_length_and_mounting_are_learned_from_the_drive() -> None:
    road = driven(street(), errors=replace(NONE, focal=(1.18, 1.18), mounting=2.0))
    focal, spread = road.focal
    assert focal == pytest.approx(1.18 * FOCAL, rel=0.06)
    assert 0 < spread < 0.1


def test_a_given_focal_length_stands() -> None:
    recording = recorded(street())
    road = place_recording(recording, CameraSettings(focal=1000.0), SIZES)
    assert road.focal[0] == pytest.approx(1000, rel=0.04)


@pytest.mark.slow
def test_stated_spreads_are_those_of_the_errors() -> None:
    along, distances = street(), []
    for number in range(3):
        for sign in driven(along, number).signs:
            true = along.signs[nearest(along, sign)[0]].place
            east, north = _metres(sign.latitude, sign.longitude)
            off = np.array([east - true[0], north - true[1]])
            distances.append(off @ np.linalg.solve(sign.spread, off))
    # Chi squared of 2 degrees has 1.39; but all signs of a drive err together, so that three drives tell little.
    assert 0.2 < np.median(distances) < 8


def test_a_smoothed_path_errs_less_than_the_receiver() -> None:
    along = street(length=900.0)
    exact, noisy = (recorded(along, 5, errors) for errors in (NONE, replace(USUAL, receiver=(4.0, 4.0))))
    true = find_trajectory(exact.frames, "a").at(exact.frames["time"])[0]
    path = find_trajectory(noisy.frames, "b")
    raw = np.stack(_metres(noisy.frames["latitude"], noisy.frames["longitude"]), axis=1)
    smooth = np.stack(_metres(*path.globe(path.at(noisy.frames["time"])[0])), axis=1)
    truth = np.stack(_metres(*find_trajectory(exact.frames, "a").globe(true)), axis=1)
    kept = np.isfinite(smooth).all(axis=1) & np.isfinite(truth).all(axis=1)
    rms = [float(np.sqrt(np.mean((one - truth)[kept] ** 2))) for one in (raw, smooth)]
    assert rms[1] < rms[0]


@pytest.mark.parametrize("steps", [[1.0] * 30 + [0.6], [1.0, 2.5, 1.0, 1.0, 4.0, 1.0] * 5])
def test_positions_at_uneven_times_are_smoothed_to_where_it_was(steps: list[float]) -> None:
    time = np.concatenate([[0.0], np.cumsum(steps)])
    latitude, longitude = place(50.0, 9.0, np.zeros(len(time)), 20.0 * time)
    frames = {name: np.full(len(time), np.nan) for name in FRAME_COLUMNS}
    frames |= {"time": time, "latitude": latitude, "longitude": longitude}
    for name, value in (("sigma", 4.0), ("speed", 20.04), ("heading", 0.1)):
        frames[name] = np.full(len(time), value)
    path = find_trajectory(frames, "drive")
    assert np.abs(path.position - np.column_stack([0.0 * time, 20.0 * time])).max() < 1.5


def test_nothing_is_said_of_where_it_was_in_a_gap() -> None:
    frames = dict(recorded(street()).frames)
    gap = (frames["time"] > 10) & (frames["time"] < 25)
    frames["latitude"] = np.where(gap, np.nan, frames["latitude"])
    path = find_trajectory(frames, "drive")
    assert np.isnan(path.at(np.array([17.0]))[0]).all()
    assert np.isfinite(path.at(np.array([5.0]))[0]).all()
    assert np.isnan(path.at(np.array([-1.0]))[0]).all()


def test_a_recording_without_positions_says_so() -> None:
    recording = recorded(street())
    recording.frames["latitude"] = np.full_like(recording.frames["latitude"], np.nan)
    with pytest.raises(SourceError, match="no positions"):
        place_recording(recording, CameraSettings(), SIZES)
    for name in recording.frames:
        recording.frames[name] = recording.frames[name][:2]
    with pytest.raises(SourceError, match="no positions"):
        place_recording(Recording("a", None, recording.frames), CameraSettings(), SIZES)


def test_a_place_appears_where_a_pinhole_shows_it() -> None:
    right, down, depth = project(np.array([[3.0, 20.0, 1.0]]), np.zeros(1), np.zeros(1))
    assert (right[0], down[0], depth[0]) == pytest.approx((0.15, -0.05, 20.0))
    turned = project(np.array([[20.0, -3.0, 1.0]]), np.array([np.pi / 2]), np.zeros(1))
    assert [value[0] for value in turned] == pytest.approx([0.15, -0.05, 20.0])
    straight = seen_width(np.zeros(1), np.array([10.0]), np.zeros(1), np.array([np.pi]))
    assert straight[0] == pytest.approx(0.1)
    assert seen_width(np.zeros(1), np.array([10.0]), np.zeros(1), np.array([np.pi + 1.0]))[0] < straight[0]


def _metres(latitude: np.ndarray | float, longitude: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    from signpipe.geodesy import offset
    from signpipe.lab.simulation.streets import ORIGIN

    return offset(*ORIGIN, latitude, longitude)


def test_ranges_of_a_lidar_place_signs_of_unusual_sizes_nearer() -> None:
    along = street()
    unusual = replace(along, signs=tuple(replace(sign, size=(0.75, 0.75)) for sign in along.signs))
    without, ranged = (
        place_recording(
            recorded(unusual, 0, replace(NONE, boxes=1.0, shake=USUAL.shake, lidar=lidar)),
            CameraSettings(focal=FOCAL),
            SIZES,
        )
        for lidar in (None, 0.06)
    )
    off = [np.median([nearest(along, sign)[1] for sign in road.signs]) for road in (without, ranged)]
    assert off[1] < min(0.4, off[0])
    for other, sign in zip(without.signs, ranged.signs, strict=True):
        assert sign.east_variance + sign.north_variance < other.east_variance + other.north_variance
