"""Drives added up, and gates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy.stats import poisson as distribution

from signpipe.errors import SettingsError, SourceError
from signpipe.lab.evaluation.interval import poisson
from signpipe.lab.shadow.gates import check_gates, read_gates
from signpipe.lab.shadow.report import Report, summarise, write_report
from signpipe.lab.shadow.verdicts import read_verdicts, take_in
from signpipe.shadow.store import read_drive
from tests.lab.shadow.drives import write_drive

BRAKED, ALLOWED, MISSED = "would_have_braked", "would_have_allowed_more", "sign_missed"
GATES = """
[manager]
name = "Ada Lovelace"
date = 2026-11-27

[[gate]]
name = "track"
kilometres = 20
faults = {would_have_allowed_more = 10}

[[gate]]
name = "closed road"
kilometres = 100
hours = 1
cover = {"night" = 5, "motorway, night" = 5}
faults = {all = 10}

[[gate]]
name = "public road"
kilometres = 100
"""


def say(folder: Path, **verdicts: str) -> None:
    """Give verdicts on events by their number: `e1="fault"`."""
    drive = read_drive(folder)
    said = {drive.events[int(number[1:]) - 1].id: {"verdict": verdict} for number, verdict in verdicts.items()}
    file = folder / "saved.json"
    file.write_text(json.dumps({"by": "ada", "verdicts": said}))
    assert take_in(drive, read_verdicts(file), None, "user") == (len(said), 0)


def total(*folders: Path) -> Report:
    return summarise([read_drive(folder) for folder in folders])


@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_garwoods_interval_is_exact(count: int) -> None:
    low, high = poisson(count)
    assert distribution.cdf(count, high) == pytest.approx(0.025)
    assert distribution.sf(count - 1, low) == pytest.approx(0.025 if count else 1)


def test_kilometres_hours_and_events_are_added_up(tmp_path: Path) -> None:
    one = write_drive(tmp_path / "a", 50.0, (BRAKED, MISSED))
    two = write_drive(tmp_path / "b", 30.0, (BRAKED,), light="night", road="motorway")
    report = total(one, two)
    assert (report.kilometres, report.hours) == pytest.approx((80.0, 80 / 60))
    assert report.covered(["night"]) == report.covered(["motorway", "night"]) == 30.0
    assert report.rates[BRAKED].events == report.rates[BRAKED].faults == report.rates[BRAKED].open == 2
    assert report.rates["all"].per_100 == pytest.approx(3 / 0.8)
    assert report.rates[ALLOWED].interval == pytest.approx((0.0, 3.689 / 0.8), rel=1e-3)


def test_an_event_counts_as_a_fault_until_a_person_says_that_it_is_none(tmp_path: Path) -> None:
    folder = write_drive(tmp_path / "a", 100.0, (BRAKED, BRAKED, BRAKED, MISSED))
    say(folder, e1="no_fault", e2="unclear", e3="fault")
    rate = total(folder).rates[BRAKED]
    assert (rate.events, rate.faults, rate.open) == (3, 2, 0)
    assert (total(folder).rates["all"].faults, total(folder).rates["all"].open) == (3, 1)
    say(folder, e3="no_fault", e4="no_fault")
    assert total(folder).rates["all"].faults == 1


def test_gates_say_what_is_missing_and_come_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(GATES)
    gates = read_gates(tmp_path / "gates.toml")
    folder = write_drive(tmp_path / "a", 120.0, (BRAKED,))
    checked = check_gates(gates, total(folder))
    assert (checked.manager, checked.date, len(checked.sha256)) == ("Ada Lovelace", "2026-11-27", 64)
    assert [one.passed for one in checked.gates] == [False, False, False]
    assert checked.gates[0].open == ("nobody has looked at 1 events",)
    say(folder, e1="no_fault")
    track, closed, public = check_gates(gates, total(folder)).gates
    assert (track.passed, track.open) == (True, ())
    assert closed.open == ("0.0 of 5 km on night", "0.0 of 5 km on motorway, night")
    assert public.open == ("the gate before it, closed road, isn't passed",)
    night = write_drive(tmp_path / "b", 20.0, light="night", road="motorway")
    assert all(one.passed for one in check_gates(gates, total(folder, night)).gates)


def test_a_gate_goes_by_the_upper_bound_of_the_interval(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(GATES)
    folder = write_drive(tmp_path / "a", 25.0)  # no fault at all, but up to 14.8 a 100 km
    (track, *_) = check_gates(read_gates(tmp_path / "gates.toml"), total(folder)).gates
    assert track.open == (f"{ALLOWED}: up to 14.8 faults a 100 km (95 %), at most 10 are allowed",)


def test_the_report_is_a_page_and_json(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(GATES)
    report = total(write_drive(tmp_path / "a", 120.0, (BRAKED,)))
    checked = check_gates(read_gates(tmp_path / "gates.toml"), report)
    write_report(report, checked, tmp_path / "report.html", tmp_path / "report.json")
    text = (tmp_path / "report.html").read_text()
    for words in ("Ada Lovelace", "closed road", "Not covered yet", "town at night in snow", "120.00"):
        assert words in text
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["rates"]["all"]["faults"] == 1
    assert content["gates"]["gates"][0]["passed"] is False


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[manager]", "[other]"), "a safety manager must set them"),
        (('"night" = 5', '"fogg" = 5'), "'fogg' is no road, light or weather"),
        (("all = 10", "crashes = 1"), "'crashes' is no disagreement"),
        (("kilometres = 20", 'kilometres = "many"'), "gate.0.kilometres"),
        (("kilometres = 20", "kilometres = = 20"), "no valid TOML"),
    ],
)
def test_gates_that_cannot_be_used_are_one_sentence(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    (tmp_path / "gates.toml").write_text(GATES.replace(*change))
    with pytest.raises(SettingsError, match=says) as caught:
        read_gates(tmp_path / "gates.toml")
    assert "\n" not in str(caught.value)


def test_a_drive_counts_once(tmp_path: Path) -> None:
    folder = write_drive(tmp_path / "a")
    with pytest.raises(SourceError, match="given twice"):
        total(folder, tmp_path / "a" / ".." / "a")
