"""Sweeps come from KITTI, numpy and PCD files; what is damaged is refused with one sentence, or warned of in a run."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypcd4.pypcd4 import Encoding, PointCloud

from signpipe.errors import SettingsError, SourceError
from signpipe.lidar import open_sweeps, read_sweep
from signpipe.settings import LidarSettings
from signpipe.types import FloatArray
from tests.lidar.kitti import SWEEP, needs_kitti

POINTS = (np.random.default_rng(0).integers(0, 64, (500, 4)) / 64).astype(np.float32)  # exact in ascii, compressible
ENCODINGS = pytest.mark.parametrize("encoding", [Encoding.ASCII, Encoding.BINARY, Encoding.BINARY_COMPRESSED])


def opened(folder: Path) -> LidarSettings:
    return LidarSettings(sweeps=folder, calibration=folder / "calib.txt")


def pcd(path: Path, encoding: Encoding, fields: tuple[str, ...] = ("x", "y", "z", "intensity")) -> Path:
    columns = [POINTS[:, k] for k in range(len(fields))]
    PointCloud.from_points(columns, fields, [np.float32] * len(fields)).save(path, encoding=encoding)
    return path


@given(st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_kitti_and_numpy_files_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, n: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("sweeps")
    points = np.random.default_rng(seed).random((n, 4), np.float32)
    points.tofile(folder / "a.bin")
    np.save(folder / "a.npy", points)
    for name in ("a.bin", "a.npy"):
        read = read_sweep(folder / name)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, points)


def street() -> FloatArray:
    """Return a made-up scene: ground, walls and reflectances; thousands of points, as every real sweep has."""
    rng = np.random.default_rng(7)
    ground = np.column_stack([rng.normal(0, 20, (4000, 2)), rng.normal(-1.7, 0.05, 4000)])
    walls = np.column_stack([rng.normal(0, 20, 4000), rng.choice([-9.0, 11.0], 4000), rng.uniform(-1.7, 6, 4000)])
    return np.column_stack([np.concatenate([ground, walls]), rng.beta(1, 3, 8000)]).astype(np.float32)


EXTRAS: dict[int, Callable[[FloatArray], npt.NDArray[Any]]] = {
    3: lambda scene: scene[:, :3],
    4: lambda scene: scene,
    5: lambda scene: np.column_stack([scene[:, :3], np.round(scene[:, 3] * 255), np.arange(len(scene)) % 32]),
    6: lambda scene: np.column_stack([scene, np.linspace(-0.1, 0, len(scene)), np.arange(len(scene)) % 64]),
}


@pytest.mark.parametrize("columns", EXTRAS)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("count", [8000, 7980, 7777])  # whole with every number of columns, with some, and with one
@pytest.mark.parametrize("scene", ["made up", "exact"])
def test_a_file_of_other_columns_is_read_with_its_own(
    tmp_path: Path, columns: int, kind: str, count: int, scene: str
) -> None:
    points = street()[:count]
    if scene == "exact":  # few digits: the lower halves of its float64 are zeros
        points = np.round(points * 64) / np.float32(64)
    EXTRAS[columns](points).astype(kind).tofile(tmp_path / "a.bin")
    np.save(tmp_path / "a.npy", EXTRAS[columns](points).astype(kind))
    expected = points if columns > 3 else np.column_stack([points[:, :3], np.zeros(count)])
    for name in ("a.bin", "a.npy"):
        np.testing.assert_allclose(read_sweep(tmp_path / name), expected, atol=0.5 / 255 + 1e-6)


@needs_kitti
@pytest.mark.parametrize("columns", EXTRAS)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_real_sweep_is_read_whatever_its_columns(tmp_path: Path, columns: int, kind: str) -> None:
    points = np.fromfile(SWEEP, np.float32).reshape(-1, 4)
    points = points[: len(points) // 60 * 60]
    EXTRAS[columns](points).astype(kind).tofile(tmp_path / "a.bin")
    np.testing.assert_allclose(read_sweep(tmp_path / "a.bin")[:, :3], points[:, :3])


def test_a_sweep_of_nuscenes_is_known_by_its_name(tmp_path: Path) -> None:
    points = np.array([[1, 2, 3, 255, 4], [4, 5, 6, 51, 31], [7, 8, 9, 0, 0], [1, 1, 1, 0, 0]], np.float32)
    points.tofile(tmp_path / "n015__LIDAR_TOP__1533.pcd.bin")  # 80 bytes: as many as five of KITTI's points
    read = read_sweep(tmp_path / "n015__LIDAR_TOP__1533.pcd.bin")
    assert read[:, :3] == pytest.approx(points[:, :3])
    assert read[:, 3] == pytest.approx([1, 0.2, 0, 0])


def test_points_without_a_return_dont_hide_what_the_columns_are(tmp_path: Path) -> None:
    scene = EXTRAS[5](street())
    scene[::2] = np.nan
    scene.astype(np.float32).tofile(tmp_path / "a.bin")
    np.testing.assert_allclose(read_sweep(tmp_path / "a.bin")[:, :3], scene[1::2, :3], rtol=1e-6)


@ENCODINGS
@pytest.mark.parametrize(
    "name", ["intensity", "Intensity", "INTENSITY", "reflectance", "Reflectivity", "i", "I", "remission"]
)
def test_pcd_files_come_back_in_every_encoding(tmp_path: Path, encoding: Encoding, name: str) -> None:
    path = pcd(tmp_path / "a.pcd", encoding, ("x", "y", "z", name))
    assert encoding.value.encode() in path.read_bytes()[:400]
    np.testing.assert_array_equal(read_sweep(path), POINTS)


def test_a_pcd_file_may_have_more_fields_in_any_order_and_capitals(tmp_path: Path) -> None:
    fields = ("ring", "X", "Y", "Z", "time", "Intensity")
    columns = [np.arange(500, dtype=np.float32), *POINTS.T[:3], np.zeros(500, np.float32), POINTS[:, 3]]
    cloud = PointCloud.from_points(columns, fields, [np.float32] * 6)
    cloud.save(tmp_path / "a.pcd", encoding=Encoding.BINARY)
    np.testing.assert_array_equal(read_sweep(tmp_path / "a.pcd"), POINTS)


def test_a_pcd_file_without_intensity_gets_none(tmp_path: Path) -> None:
    sweep = read_sweep(pcd(tmp_path / "a.pcd", Encoding.BINARY, ("x", "y", "z")))
    np.testing.assert_array_equal(sweep[:, :3], POINTS[:, :3])
    assert not sweep[:, 3].any()


def test_reflectances_up_to_255_are_scaled_and_points_without_return_left_out(tmp_path: Path) -> None:
    points = np.array([[1, 2, 3, 255], [np.nan, 0, 0, 9], [4, 5, 6, 51]], np.float32)
    np.save(tmp_path / "a.npy", points)
    assert read_sweep(tmp_path / "a.npy") == pytest.approx(np.array([[1, 2, 3, 1], [4, 5, 6, 0.2]]))


def cut_bin(path: Path) -> Path:
    path.with_suffix(".bin").write_bytes(POINTS.tobytes()[:-3])
    return path.with_suffix(".bin")


def empty(path: Path) -> Path:
    path.with_suffix(".bin").touch()
    return path.with_suffix(".bin")


def no_numbers(path: Path) -> Path:
    np.full((3, 4), np.nan, np.float32).tofile(path.with_suffix(".bin"))
    return path.with_suffix(".bin")


def wrong_shape(path: Path) -> Path:
    np.save(path.with_suffix(".npy"), POINTS[:, :2])
    return path.with_suffix(".npy")


def five_columns_cut(path: Path) -> Path:
    cut = path.with_name("000001.pcd.bin")
    cut.write_bytes(np.column_stack([POINTS, POINTS[:, 0]]).tobytes()[:-4])
    return cut


def random_bytes(path: Path) -> Path:
    path.with_suffix(".bin").write_bytes(np.random.default_rng(5).bytes(240_000))
    return path.with_suffix(".bin")


def text(path: Path) -> Path:
    path.with_suffix(".bin").write_text("1.0 2.0 3.0 0.5\n" * 300)
    return path.with_suffix(".bin")


def no_npy(path: Path) -> Path:
    path.with_suffix(".npy").write_bytes(b"\x93NUMPY\x01")
    return path.with_suffix(".npy")


def cut_pcd(encoding: Encoding) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        whole = pcd(path.with_suffix(".pcd"), encoding).read_bytes()
        path.with_suffix(".pcd").write_bytes(whole[: len(whole) * 2 // 3])
        return path.with_suffix(".pcd")

    return write


def promising(encoding: Encoding) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        whole = pcd(path.with_suffix(".pcd"), encoding).read_bytes()
        more = whole.replace(b"POINTS 500", b"POINTS 900").replace(b"WIDTH 500", b"WIDTH 900")
        path.with_suffix(".pcd").write_bytes(more)
        return path.with_suffix(".pcd")

    return write


def flat_pcd(path: Path) -> Path:
    return pcd(path.with_suffix(".pcd"), Encoding.BINARY, ("x", "y"))


def no_pcd(path: Path) -> Path:
    path.with_suffix(".pcd").write_text("hello\nworld\n")
    return path.with_suffix(".pcd")


def other(path: Path) -> Path:
    path.with_suffix(".las").write_bytes(b"LASF")
    return path.with_suffix(".las")


@pytest.mark.parametrize(
    "damage",
    [cut_bin, five_columns_cut, random_bytes, text, empty, no_numbers, wrong_shape, no_npy, flat_pcd, no_pcd, other]
    + [kind(encoding) for kind in (cut_pcd, promising) for encoding in (Encoding.BINARY, Encoding.BINARY_COMPRESSED)]
    + [promising(Encoding.ASCII)],
)
def test_what_is_no_whole_sweep_is_refused_in_one_sentence_that_names_it(
    tmp_path: Path, damage: Callable[[Path], Path]
) -> None:
    path = damage(tmp_path / "000001")
    with pytest.raises(SourceError) as refused:
        read_sweep(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_missing_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"can't be read"):
        read_sweep(tmp_path / "no.bin")


def write_sweeps(folder: Path, *names: str) -> list[FloatArray]:
    sweeps = []
    for number, name in enumerate(names):
        sweeps.append(POINTS + np.float32(number) * np.array([1, 0, 0, 0], np.float32))
        sweeps[-1].tofile(folder / name)
    return sweeps


def test_sweeps_belong_to_frames_in_natural_order(tmp_path: Path) -> None:
    sweeps = write_sweeps(tmp_path, "2.bin", "9.bin", "10.bin")
    (tmp_path / "calib.txt").touch()
    opened_sweeps = open_sweeps(opened(tmp_path))
    assert len(opened_sweeps) == 3
    for index, sweep in enumerate(sweeps):
        read = opened_sweeps.at(index)
        assert read is not None
        np.testing.assert_array_equal(read, sweep)


def test_a_bad_sweep_is_one_warning_and_its_frame_goes_on_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_sweeps(tmp_path, "0.bin", "1.bin", "2.bin")
    (tmp_path / "1.bin").write_bytes(b"12345")
    sweeps = open_sweeps(opened(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert sweeps.at(0) is not None
        assert sweeps.at(1) is None
        assert sweeps.at(1) is None
        assert sweeps.at(2) is not None
    assert len(caplog.records) == 1
    assert "1.bin" in caplog.text


def test_after_the_last_sweep_there_is_none_and_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_sweeps(tmp_path, "0.bin")
    sweeps = open_sweeps(opened(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert [sweeps.at(index) for index in (1, 2, 3)] == [None] * 3
    assert len(caplog.records) == 1


def test_files_that_are_no_sweeps_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_sweeps(tmp_path, "0.bin", "1.pcd.bin")
    for name in ("calib.txt", "b.las", "a.ply", ".hidden"):
        (tmp_path / name).touch()
    assert len(open_sweeps(opened(tmp_path))) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"In the folder of sweeps {tmp_path}, 2 files are passed over that are none (.bin, .npy, .pcd), such as a.ply."
    ]


def test_a_folder_without_sweeps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no LiDAR sweeps"):
        open_sweeps(opened(tmp_path))
    with pytest.raises(SourceError, match="can't be listed"):
        open_sweeps(opened(tmp_path / "missing"))
    with pytest.raises(SettingsError):
        open_sweeps(LidarSettings())
