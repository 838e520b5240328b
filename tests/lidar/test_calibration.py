"""A KITTI calibration file says where the LiDAR's points lie in the picture; a bad one is refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.errors import SourceError
from signpipe.lidar import View, read_calibration
from tests.lidar.kitti import CALIBRATION, needs_kitti

WHOLE = {
    "P2": "700 0 600 0 0 710 180 0 0 0 1 0",
    "R0_rect": "1 0 0 0 1 0 0 0 1",
    "Tr_velo_to_cam": "0 -1 0 0 0 0 -1 0 1 0 0 -0.5",
}


def write(folder: Path, entries: dict[str, str]) -> Path:
    path = folder / "calib.txt"
    path.write_text("".join(f"{key}: {value}\n" for key, value in entries.items()) + "\n", encoding="utf-8")
    return path


def test_a_point_lands_where_the_camera_sees_it(tmp_path: Path) -> None:
    calibration = read_calibration(write(tmp_path, WHOLE))
    view = View(np.array([[10.5, 1, -2, 0.5], [-10, 0, 0, 0.5]], np.float32), calibration)
    assert calibration.focal == pytest.approx((700, 710))
    assert view.depth == pytest.approx([10])  # what lies behind the camera is left out
    assert view.u == pytest.approx([600 - 70])
    assert view.v == pytest.approx([180 + 142])


P2, R0, TR = WHOLE.values()
OTHERS = {"P0": P2, "P1": P2, "P3": P2}
KINDS = {  # as the benchmarks' own files are written
    "object": {"calib.txt": "".join(f"{key}: {value}\n" for key, value in (OTHERS | WHOLE).items())},
    "tracking": {
        "0000.txt": f"P0: {P2}\nP1: {P2}\nP2: {P2}\nP3: {P2}\nR_rect {R0}\nTr_velo_cam {TR}\nTr_imu_velo {TR}\n"
    },
    "odometry": {"calib.txt": f"P0: {P2}\nP1: {P2}\nP2: {P2}\nP3: {P2}\nTr: {TR}\n"},
    "raw": {
        "calib_velo_to_cam.txt": "calib_time: 15-Mar-2012 11:37:16\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.5\n"
        "delta_f: 0.0 0.0\ndelta_c: 0.0 0.0\n",
        "calib_cam_to_cam.txt": "calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.9e-02\nS_00: 1.392e+03 5.12e+02\n"
        f"R_00: {R0}\nT_00: 1 2 3\nR_rect_00: {R0}\nP_rect_00: {P2}\nR_rect_02: {R0}\nP_rect_02: {P2}\n",
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_calibration_of_each_benchmark_of_kitti_is_read(tmp_path: Path, kind: str) -> None:
    expected = read_calibration(write(tmp_path, WHOLE))
    for name, content in KINDS[kind].items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    for name in KINDS[kind]:
        calibration = read_calibration(tmp_path / name)
        np.testing.assert_allclose(calibration.matrix, expected.matrix)
        assert (calibration.focal, calibration.principal) == (expected.focal, expected.principal)


def test_raw_calibration_needs_both_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "calib_cam_to_cam.txt").write_text(KINDS["raw"]["calib_cam_to_cam.txt"], encoding="utf-8")
    with pytest.raises(SourceError, match=r"calib_velo_to_cam\.txt can't be read: No such file"):
        read_calibration(tmp_path / "calib_cam_to_cam.txt")


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("value", [None, "", "1 2 3", "a b c", "nan " * 12])
def test_a_missing_or_malformed_matrix_is_refused_by_name(tmp_path: Path, key: str, value: str | None) -> None:
    entries = {k: v for k, v in WHOLE.items() if k != key} | ({} if value is None else {key: value})
    with pytest.raises(SourceError) as refused:
        read_calibration(write(tmp_path, entries))
    assert key in str(refused.value)
    assert "calib.txt" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be read"):
        read_calibration(tmp_path / "no.txt")
    (tmp_path / "calib.txt").write_bytes(b"\xff\xfe\x00P2")
    with pytest.raises(SourceError, match="no text"):
        read_calibration(tmp_path / "calib.txt")


@needs_kitti
def test_the_real_calibration_is_read() -> None:
    calibration = read_calibration(CALIBRATION)
    assert calibration.focal == pytest.approx((721.54, 721.54), abs=0.01)
    assert calibration.matrix.shape == (3, 4)
