"""Positions that were recorded beside a video."""

import logging
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.errors import SettingsError, SourceError
from signpipe.geodesy import offset
from signpipe.position import PositionSource, open_position
from signpipe.position.drives import APART, find_drives
from signpipe.position.fix import FASTEST, NEAR, Fix
from signpipe.position.nmea import NmeaReader
from signpipe.position.receivers import _report
from signpipe.position.recorded import plausible
from signpipe.settings import PositionSettings
from signpipe.types import Pose
from tests.position.drives import HOME, at, eastward, gga, gpx, rmc

SPEED = 20.0


def opened(folder: Path, text: str, name: str = "drive.gpx", offset: float = 0.0) -> PositionSource:
    path = folder / name
    path.write_text(text)
    return open_position(PositionSettings(source=str(path), offset=offset))


def metres(pose: Pose) -> tuple[float, float]:
    """Return how far east and north of home a pose is."""
    east, north = offset(*HOME, pose.latitude, pose.longitude)
    return float(east), float(north)


def nmea_drive(seconds: range) -> str:
    drive = eastward(seconds)
    return "\r\n".join(f"{gga(*fix)}\r\n{rmc(*fix, SPEED, 90.0)}" for fix in drive)


@pytest.mark.parametrize("kind", ["gpx", "nmea", "rmc only", "gga only", "gpx in a .txt", "nmea with stamps"])
def test_a_pose_is_interpolated_with_heading_and_speed(tmp_path: Path, kind: str) -> None:
    drive = eastward(range(21))
    text, name = {
        "gpx": (gpx(drive), "drive.gpx"),
        "nmea": (nmea_drive(range(21)), "drive.nmea"),
        "rmc only": ("\n".join(rmc(*fix, SPEED, 90.0) for fix in drive), "drive.log"),
        "gga only": ("\n".join(gga(*fix) for fix in drive), "drive.log"),
        "gpx in a .txt": ("\n " + gpx(drive).partition("?>")[2], "drive.txt"),
        "nmea with stamps": ("\n".join(f"2026-03-01 12:00:00 [gps] {rmc(*fix)}" for fix in drive), "drive.txt"),
    }[kind]
    source = opened(tmp_path, text, name)
    for second in (0.0, 0.5, 9.99, 10.2, 13.7, 20.0):  # midnight comes at 10
        pose = source.at(second, 0.0)
        assert pose is not None
        assert pose.heading == pytest.approx(90, abs=0.5)
        assert pose.speed == pytest.approx(SPEED, rel=0.02)
        assert metres(pose) == pytest.approx((second * SPEED, 0), abs=0.1)
        assert (pose.sigma is not None) == ("gga" in kind or kind == "nmea")
    source.close()


def test_nothing_is_said_before_and_after_the_recording(tmp_path: Path) -> None:
    source = opened(tmp_path, gpx(eastward(range(5, 16))), offset=2.0)
    assert source.at(-2.01, 0.0) is None
    assert source.at(8.01, 0.0) is None
    pose = source.at(0.0, 0.0)
    assert pose is not None
    assert metres(pose)[0] == pytest.approx(7 * SPEED, abs=0.1)  # 2 s after the first position


def test_without_a_source_nothing_is_ever_said() -> None:
    assert open_position(PositionSettings()).at(1.0, 1.0) is None


def test_nothing_is_said_within_a_gap(tmp_path: Path) -> None:
    source = opened(tmp_path, gpx(eastward([*range(6), *range(30, 36)])))
    assert source.at(5.0, 0.0) is not None
    assert source.at(5.1, 0.0) is None
    assert source.at(29.9, 0.0) is None
    pose = source.at(30.0, 0.0)
    assert pose is not None
    assert pose.heading == pytest.approx(90, abs=0.5)


def test_a_vehicle_that_stands_keeps_its_heading(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    drive = eastward(range(6), 10.0) + [
        at(second, 50 + rng.normal(0, 0.2), rng.normal(0, 0.2)) for second in range(6, 30)
    ]
    drive += [at(30 + second, 50, 10.0 * second) for second in range(6)]
    source = opened(tmp_path, gpx(drive))
    for second in (10.0, 15.5, 25.0):
        pose = source.at(second, 0.0)
        assert pose is not None
        assert pose.heading == pytest.approx(90, abs=5)
        assert pose.speed is not None
        assert pose.speed < 1
    pose = source.at(33.0, 0.0)
    assert pose is not None
    assert pose.heading == pytest.approx(0, abs=1)


def test_a_receivers_course_is_not_believed_while_it_stands(tmp_path: Path) -> None:
    lines = [rmc(*fix, SPEED, 90.0) for fix in eastward(range(5))]
    lines += [rmc(*at(5 + second, 80, 0), 0.1, 37.0 * second % 360) for second in range(5)]
    pose = opened(tmp_path, "\n".join(lines), "drive.nmea").at(7.5, 0.0)
    assert pose is not None
    assert pose.heading == pytest.approx(90)


def test_headings_turn_the_short_way_through_north(tmp_path: Path) -> None:
    lines = [rmc(*at(second, 0, 10.0 * second), 10.0, course) for second, course in enumerate((350.0, 10.0))]
    source = opened(tmp_path, "\n".join(lines), "drive.nmea")
    headings = [pose.heading for second in (0.0, 0.25, 0.5, 1.0) if (pose := source.at(second, 0.0))]
    assert headings == pytest.approx([350, 355, 0, 10], abs=0.01)


def test_the_antimeridian_is_crossed(tmp_path: Path) -> None:
    drive = [(float(s), 10.0, (179.999 + s * 0.0005 + 180) % 360 - 180) for s in range(5)]
    source = opened(tmp_path, gpx(drive))
    pose = source.at(2.5, 0.0)
    assert pose is not None
    assert pose.longitude == pytest.approx(-179.99975)
    assert pose.heading == pytest.approx(90, abs=0.5)


def test_speed_course_and_dilution_of_a_gpx_count(tmp_path: Path) -> None:
    inside = (
        "<hdop>2</hdop><extensions><x:TrackPointExtension><x:speed>7.5</x:speed><x:course>200</x:course>"
        "</x:TrackPointExtension></extensions>"
    )
    pose = opened(tmp_path, gpx(eastward(range(5)), inside)).at(2.5, 0.0)
    assert pose is not None
    assert (pose.speed, pose.heading, pose.sigma) == (7.5, 200, 10)


@pytest.mark.parametrize("jumps", [[0], [10], [20], [4, 5, 6], [0, 1, 2], [3, 9, 15]])
def test_jumps_are_dropped_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, jumps: list[int]) -> None:
    drive = [at(second, second * SPEED, 5000.0 + 300 * second if second in jumps else 0.0) for second in range(21)]
    with caplog.at_level(logging.WARNING):
        source = opened(tmp_path, gpx(drive))
    assert [record.getMessage() for record in caplog.records] == [
        f"Of the positions in {tmp_path / 'drive.gpx'}, {len(jumps)} jump; the other {21 - len(jumps)} are used."
    ]
    for second in (3.5, 9.5, 16.5):
        pose = source.at(second, 0.0)
        assert pose is not None
        assert metres(pose) == pytest.approx((second * SPEED, 0), abs=0.1)
        assert pose.heading == pytest.approx(90, abs=0.5)


def test_missing_times_and_disorder_are_told_in_the_same_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drive: list[tuple[float | None, float, float]] = [*eastward(range(21))]
    drive[5], drive[6] = drive[6], drive[5]
    drive[12] = (None, *drive[12][1:])
    drive[15] = at(15, 9000, 9000)
    with caplog.at_level(logging.WARNING):
        source = opened(tmp_path, gpx(drive))
    assert [record.getMessage().partition(", ")[2] for record in caplog.records] == [
        "1 jump, 1 have no time, 1 are out of order; the other 19 are used."
    ]
    for second in (5.5, 12.0, 15.0):
        pose = source.at(second, 0.0)
        assert pose is not None
        assert metres(pose) == pytest.approx((second * SPEED, 0), abs=0.1)


YEAR = 365.25 * 86400


def written(kind: str, drive: list[tuple[float, float, float]]) -> tuple[str, str]:
    """Return a drive as the text and the name of a file."""
    return (gpx(drive), "drive.gpx") if kind == "gpx" else ("\n".join(rmc(*fix) for fix in drive), "drive.nmea")


def driven(source: PositionSource, seconds: Iterable[float]) -> None:
    """Check that a source has the drive to the east from home."""
    for second in seconds:
        pose = source.at(second, 0.0)
        assert pose is not None
        assert metres(pose) == pytest.approx((second * SPEED, 0), abs=0.1)


@pytest.mark.parametrize("kind", ["gpx", "nmea"])
@pytest.mark.parametrize("years", [-56.2, -46.1, -22, -0.1, 19.6])  # 1970, GPS time's first day, its weeks rolled over
@pytest.mark.parametrize("place", [[0], [10], [21], [0, 0, 1, 12]])
def test_positions_with_a_wrong_date_are_dropped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, years: float, place: list[int]
) -> None:
    drive = eastward(range(61))
    for number, index in enumerate(place):
        drive.insert(index, (round(years * YEAR) + number, 50.0, 9.0))
    text, name = written(kind, drive)
    source = opened(tmp_path, text, name)
    driven(source, (0.0, 9.5, 60.0))
    assert [record.getMessage() for record in caplog.records] == [
        f"Of the positions in {tmp_path / name}, {len(place)} have a wrong date; the other 61 are used."
    ]


@pytest.mark.parametrize("kind", ["gpx", "nmea"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("days", [0.25, 1, 400])
def test_of_several_drives_the_main_one_starts_the_clock_and_the_user_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, before: bool, days: float
) -> None:
    shift = days * 86400 * (-1 if before else 1)
    other = [(second + shift, 50.5, 9.0 + second / 1e4) for second in range(20)]
    drive = eastward(range(61))
    text, name = written(kind, other + drive if before else drive + other)
    source = opened(tmp_path, text, name)
    driven(source, (0.0, 9.5, 60.0))
    assert [record.getMessage().partition(" at ")[0] for record in caplog.records] == [
        f"The positions in {tmp_path / name} are of 2 drives; the recording's clock starts with the one of the most "
        "positions,"
    ]
    assert " at 2026-03-01 23:59:50 UTC. If the recording is of another, set position.offset" in caplog.text
    pose = opened(tmp_path, text, name, offset=shift).at(5.0, 0.0)
    assert pose is not None
    assert (pose.latitude, pose.longitude) == pytest.approx((50.5, 9.0005))


def test_of_drives_as_long_the_latest_counts(tmp_path: Path) -> None:
    other = [(second - 3 * 86400.0, 50.5, 9.0) for second in range(21)]
    driven(opened(tmp_path, gpx(other + eastward(range(21)))), (0.0, 20.0))


def test_a_break_of_less_than_an_hour_is_no_other_drive(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    drive = eastward(range(6)) + [at(APART + second, 100.0, 0.0) for second in range(60)]
    driven(opened(tmp_path, gpx(drive)), (0.0, 5.0))
    assert not caplog.records


@given(st.lists(st.tuples(st.floats(-60, 70).filter(lambda years: abs(years) > 0.1), st.integers(0, 100)), max_size=6))
@settings(max_examples=60)
def test_no_few_positions_of_other_years_move_the_clock(strays: list[tuple[float, int]]) -> None:
    fixes = [Fix(*fix) for fix in eastward(range(100))]
    for years, index in strays:
        fixes.insert(index, Fix(years * YEAR, 50.0, 9.0))
    drives = find_drives(fixes)
    assert (drives.start, drives.count, drives.misdated) == (0.0, 1, len(strays))
    assert [fix.time for fix in drives.fixes] == [float(second) for second in range(100)]


def test_a_log_without_dates_goes_on_over_midnight(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dateless = [rmc(*fix).partition("*")[0].split(",") for fix in eastward(range(21))]
    lines = [",".join([*fields[:9], "", *fields[10:]]) for fields in dateless]
    driven(opened(tmp_path, "\n".join(lines), "drive.nmea"), (0.0, 9.5, 20.0))
    assert not caplog.records


def test_a_date_that_is_none_does_not_cost_the_position() -> None:
    fix = NmeaReader().read("$GPRMC,120000,A,5000.0,N,00900.0,E,1.0,2.0,999999,,,A")
    assert fix is not None
    assert fix.time == 43200


def test_a_start_after_the_last_position_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = opened(tmp_path, gpx(eastward(range(21))), offset=21.0)
    assert source.at(0.0, 0.0) is None
    assert "No frame has a position: with position.offset, 21 s, the recording starts after the last" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"])
@pytest.mark.parametrize("prefix", ["", "gpx:", "ns0:"])
@pytest.mark.parametrize("name", ["drive.gpx", "drive"])
def test_gpx_is_read_in_every_encoding_and_with_every_prefix(
    tmp_path: Path, encoding: str, prefix: str, name: str
) -> None:
    text = gpx(eastward(range(21))).replace("<trkseg>", "<name>Œuvre à Köln</name><trkseg>")
    text = text.replace("Œ", "O") if encoding == "iso-8859-1" else text
    for tag in ("gpx", "trk", "trkseg", "trkpt", "time", "name"):
        text = text.replace(f"<{tag}>", f"<{prefix}{tag}>").replace(f"<{tag} ", f"<{prefix}{tag} ")
        text = text.replace(f"</{tag}>", f"</{prefix}{tag}>")
    text = text.replace("xmlns=", f"xmlns:{prefix[:-1]}=" if prefix else "xmlns=")
    declared = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16", "cp1252": "windows-1252"}
    text = text.replace('version="1.0"', f'version="1.0" encoding="{declared.get(encoding, encoding)}"')
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    (tmp_path / name).write_bytes(mark + text.encode(encoding))
    driven(open_position(PositionSettings(source=str(tmp_path / name))), (0.0, 9.5, 20.0))


def test_gpx_that_declares_another_encoding_than_its_own_is_read(tmp_path: Path) -> None:
    text = gpx(eastward(range(21))).replace('version="1.0"', 'version="1.0" encoding="utf-16"', 1)
    driven(opened(tmp_path, text), (0.0, 20.0))


def test_every_point_that_is_left_out_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    drive = eastward(range(21))
    drive[3], drive[7], drive[9] = (3, 95.0, 9.0), (7, float("nan"), 9.0), (9, 50.0, -181.0)
    opened(tmp_path, gpx(drive).replace("<time>2026-03-01T23:59:55Z", "<time>soon"))
    assert "3 are nowhere on earth, 1 have no time; the other 17 are used" in caplog.text
    caplog.clear()
    lines = [rmc(*fix) for fix in eastward(range(21))]
    lines[3] = lines[3].replace("A,50", "A,51")  # its checksum is wrong now
    opened(tmp_path, "\n".join([*lines, "$GPGSV,3,1,11,03*00"]), "drive.nmea")
    assert "1 are damaged; the other 20 are used" in caplog.text


def test_damaged_sentences_and_those_without_a_fix_are_passed_over(tmp_path: Path) -> None:
    good = [rmc(*fix, SPEED, 90.0) for fix in eastward(range(5))]
    bad = [
        rmc(*at(1, 9e3, 9e3), 1.0, 1.0).replace("A*", "A*0"),  # a wrong checksum
        rmc(*at(2, 9e3, 9e3), status="V"),
        gga(*at(2, 9e3, 9e3), quality=0),
        good[3][: len(good[3]) // 2].partition("*")[0],
        "$GPGSV,3,1,11,03,03,111,00*74",
        "$GNRMC,,V,,,,,,,,,,N*4D",
        "$",
        "$GPRMC",
        "\xff\xfe rubbish",
    ]
    source = opened(tmp_path, "\n".join([*bad, *good, *bad]), "drive.nmea")
    pose = source.at(2.0, 0.0)
    assert pose is not None
    assert metres(pose) == pytest.approx((40, 0), abs=0.1)
    assert source.at(4.1, 0.0) is None


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.gpx", "", "are no GPX"),
        ("a.gpx", "<gpx", "are no GPX"),
        ("a.gpx", "<html><body>404</body></html>", "has no position with a time"),
        ("a.gpx", gpx([(None, 50, 9)]), "has no position with a time"),
        ("a.gpx", gpx([]), "has no position with a time"),
        ("a.gpx", gpx([(1.0, 50, 9)]).replace('lat="50', 'lat="x'), "are no GPX"),
        ("a.nmea", "hello\n", "has no position with a time"),
        ("a.nmea", "\x00\x01", "has no position with a time"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        opened(tmp_path, text, name)
    assert name in str(caught.value)


def test_a_missing_file_and_an_unknown_address_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.gpx can't be read \(No such file"):
        open_position(PositionSettings(source=str(tmp_path / "missing.gpx")))
    for address in ("udp://host:1", "gpsd://", "tcp://host", "tcp://host:port", "gpsd://host:99999", "http://x/y.gpx"):
        with pytest.raises(SettingsError, match=r"Positions can't come from .*serial:DEVICE"):
            open_position(PositionSettings(source=address))


FIXES = st.lists(
    st.builds(
        lambda time, east, north: Fix(*at(time, east, north)),
        st.integers(0, 30).map(float), st.floats(-3000, 3000), st.floats(-3000, 3000),
    ),
    max_size=25,
)  # fmt: skip


@given(FIXES)
@settings(max_examples=60)
def test_what_is_kept_can_have_been_driven(fixes: list[Fix]) -> None:
    kept, jumped, _ = plausible(fixes)
    assert bool(kept) == bool(fixes)
    assert len(kept) + jumped == len({fix.time for fix in fixes})
    for before, after in pairwise(kept):
        way = np.hypot(*offset(before.latitude, before.longitude, after.latitude, after.longitude))
        assert after.time > before.time
        assert way <= NEAR + FASTEST * (after.time - before.time) + 1e-6


@given(st.sets(st.integers(0, 40), max_size=15), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_drive_survives_any_minority_of_jumps_in_any_order(jumps: set[int], order: Random) -> None:
    fixes = [Fix(*at(float(s), s * 20.0, 1e5 * (s + 1) if s in jumps else 0.0)) for s in range(41)]
    order.shuffle(fixes)
    kept, jumped, _ = plausible(fixes)
    assert jumped == len(jumps)
    assert [fix.time for fix in kept] == [float(s) for s in range(41) if s not in jumps]


def test_a_long_recording_that_jumps_all_the_time_is_read_in_seconds() -> None:
    fixes = [Fix(*at(float(s), 1e5 * (s % 2), 0.0)) for s in range(4000)]
    kept, jumped, _ = plausible(fixes)
    assert (len(kept), jumped) == (2000, 2000)


FIELDS = st.sampled_from(["A", "1", "N", "E", "120000", "5000.0", "00900.0", "-1", "nan", "inf", ""])
SENTENCES = st.one_of(
    st.text(max_size=80).map("${}".format),
    st.builds(
        lambda kind, fields: f"$GP{kind}," + ",".join(fields),
        st.sampled_from(["RMC", "GGA", "XXX"]),
        st.lists(st.one_of(FIELDS, st.text(max_size=8)), max_size=15),
    ),
)


@given(SENTENCES)
@settings(max_examples=300)
def test_no_sentence_however_damaged_stops_the_reader(sentence: str) -> None:
    fix = NmeaReader().read(sentence)
    if fix is not None:
        assert abs(fix.latitude) <= 90
        assert abs(fix.longitude) <= 180
        assert all(value is None or np.isfinite(value) for value in (fix.speed, fix.course, fix.sigma))


@pytest.mark.parametrize(
    "report",
    [
        "",
        "[" * 60_000,
        "null",
        '{"class":"TPV","mode":2,"lat":NaN,"lon":9}',
        '{"class":"TPV","mode":{},"lat":1,"lon":9}',
    ],
    ids=["empty", "deep", "null", "no number", "no mode"],
)
def test_no_report_however_damaged_stops_the_reader(report: str) -> None:
    assert _report(report) is None


def test_numbers_that_are_none_are_left_out() -> None:
    fix = NmeaReader().read("$GPRMC,120000,A,5000.0,N,00900.0,E,nan,inf,010126,,,A")
    assert fix is not None
    assert (fix.speed, fix.course) == (None, None)
    fix = _report('{"class":"TPV","mode":3,"lat":50,"lon":9,"speed":NaN,"track":"x"}')
    assert fix is not None
    assert (fix.speed, fix.course) == (None, None)
