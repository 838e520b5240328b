"""`signpipe shadow`: a drive, its page in a real browser, verdicts, report and gates."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signpipe.lab.shadow.page import write_review_page
from signpipe.lab.shadow.verdicts import stored
from signpipe.shadow.store import read_drive
from tests.cli.conftest import Outcome
from tests.html.test_page import browse
from tests.lab.shadow.drives import write_drive
from tests.lab.shadow.test_report import BRAKED, GATES, MISSED
from tests.support.clip import SAMPLE, cut_sample

Run = Callable[..., Outcome]
CHROMIUM = shutil.which("chromium")

# Presses keys as a supervisor would, and puts what the browser would save into the document.
VISITOR = """
<script>
  URL.createObjectURL = (blob) => { window.saved = blob; return "#"; };
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const before = document.getElementById("save").disabled;
  document.getElementById("by").value = "Grace";
  press("1"); press("k"); press("2"); press("3"); press("j"); press("k"); press("k"); press("1"); press("x");
  document.querySelectorAll(".note")[1].value = "a lorry";
  const marked = [...document.querySelectorAll(".event")].map((event) => event.className);
  document.getElementById("save").click();
  const note = document.createElement("pre");
  note.id = "note";
  window.saved.text().then((text) => {
    note.textContent = JSON.stringify({ before, marked, said: text, count: count.textContent });
    document.body.replaceChildren(note);
  });
</script>
"""


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_one_key_an_event_gives_verdicts_that_are_taken_in(signpipe: Run, tmp_path: Path) -> None:
    folder = write_drive(tmp_path / "a", 100.0, (BRAKED, MISSED, MISSED))
    assert signpipe("shadow", "page", folder).code == 0
    page = folder / "review.html"
    page.write_text(page.read_text().replace("</body>", f"{VISITOR}</body>"))
    document = browse(tmp_path / "profile", "--virtual-time-budget=5000", "--dump-dom", page.as_uri())
    note = re.search('<pre id="note">(.*?)</pre>', document, re.DOTALL)
    assert note, document[-2000:]
    found = json.loads(note[1])
    assert found["before"] is True
    assert found["count"] == "2 verdicts on this page, 1 events open"
    # 1 on the first; back to it, 2; 3 on the second; on to the third and back twice: 1 on the first again
    assert [re.findall("fault|no_fault|unclear", name) for name in found["marked"]] == [["fault"], ["unclear"], []]
    (tmp_path / "verdicts.json").write_text(found["said"])
    outcome = signpipe("shadow", "verdict", folder, "--from", tmp_path / "verdicts.json")
    assert "2 verdicts taken in" in outcome.out
    said = stored(folder)
    assert {name: (one["verdict"], one["by"], one["note"]) for name, one in said.items()} == {
        "0001-would_have_braked": ("fault", "Grace", ""),
        "0002-sign_missed": ("unclear", "Grace", "a lorry"),
    }
    write_review_page(page, read_drive(folder))
    assert "Grace said unclear" in page.read_text()


def test_the_report_checks_gates_and_says_so_by_its_exit_code(signpipe: Run, tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(GATES)
    folder = write_drive(tmp_path / "a", 60.0)
    outcome = signpipe("shadow", "report", folder, "--gates", tmp_path / "gates.toml", "--gate", "track")
    assert outcome.code == 0, outcome.err
    assert "gate track: passed" in outcome.out
    assert "60.0 of 100 km" in outcome.out
    outcome = signpipe("shadow", "report", folder, "--gates", tmp_path / "gates.toml", "--gate", "public road")
    assert outcome.code == 1
    assert "gate public road: NOT passed" in outcome.out


def test_bad_input_is_one_sentence(signpipe: Run, tmp_path: Path) -> None:
    folder = write_drive(tmp_path / "a", 60.0)
    (tmp_path / "gates.toml").write_text(GATES)
    out, gates = tmp_path / "new", tmp_path / "gates.toml"
    for bus in ("can.bus=virtual:x", "mqtt.broker=mqtt://host/x"):
        outcome = signpipe("shadow", SAMPLE, "--out", out, "--set", bus)
        outcome.assert_one_sentence("In shadow mode nothing is connected", bus.split("=")[0])
    signpipe("shadow", SAMPLE, "--out", folder).assert_one_sentence("isn't empty")
    signpipe("shadow", "report", out).assert_one_sentence("There is no drive of shadow mode")
    signpipe("shadow", "report", folder, "--gate", "track").assert_one_sentence("--gates gates.toml")
    signpipe("shadow", "report", folder, "--gates", gates, "--gate", "moon").assert_one_sentence(
        "no gate 'moon'", "track, closed road, public road"
    )
    signpipe("shadow", "verdict", folder, "--from", gates).assert_one_sentence("holds no verdicts")


@pytest.mark.slow
def test_a_drive_past_signs_that_the_map_has_wrong_is_recorded_and_signed_off(signpipe: Run, tmp_path: Path) -> None:
    video = cut_sample(tmp_path / "drive.mp4", 130)
    places = json.loads(SAMPLE.with_suffix(".geojson").read_text())
    for feature in places["features"]:
        if feature["properties"]["class"] == "speed_limit_80":
            feature["properties"]["class"] = "speed_limit_30"
    (tmp_path / "map.geojson").write_text(json.dumps(places))
    arguments = ("--gpx", SAMPLE.with_suffix(".gpx"), "--map", tmp_path / "map.geojson", "--out", tmp_path / "a")
    outcome = signpipe("shadow", video, *arguments)
    assert outcome.code == 0, outcome.err
    drive = read_drive(tmp_path / "a")
    assert any(event.kind == MISSED and "Speed limit 30" in event.reason for event in drive.events)
    assert all((tmp_path / "a" / "events" / event.id / "clip.mp4").stat().st_size > 1000 for event in drive.events)
    assert 'src="events/' in (tmp_path / "a" / "review.html").read_text()
