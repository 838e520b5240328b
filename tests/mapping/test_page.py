"""The page shows signs and roads in a real browser without network, filters them, and can't be broken by names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.html import thumbnail
from signpipe.mapping.comparing import Finding, LimitFinding, Verdict
from signpipe.mapping.entry import State
from signpipe.mapping.merging import merge
from signpipe.mapping.page import write_map_page
from signpipe.mapping.placed import DrivenRoad, LimitStretch
from signpipe.mapping.writers import Naming
from tests.html.test_page import CHROMIUM, Read, browse
from tests.mapping.test_merging import drives

VISITOR = """
<script>
  const before = document.querySelectorAll("#marks g").length;
  document.querySelector("#marks g").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const chosen = document.querySelectorAll(".card.chosen").length;
  const box = map.getAttribute("viewBox");
  map.dispatchEvent(new WheelEvent("wheel", { deltaY: -1, clientX: 200, clientY: 200, cancelable: true }));
  const zoomed = box !== map.getAttribute("viewBox");
  document.querySelector("input[value=gone]").click();
  const after = document.querySelectorAll("#marks g").length;
  document.querySelector("input[name=text]").value = "no entry";
  document.getElementById("filters").dispatchEvent(new Event("input"));
  const found = document.querySelectorAll(".card").length;
  const roads = document.querySelectorAll("#roads polyline").length;
  const note = document.createElement("pre");
  note.id = "note";
  note.textContent = JSON.stringify({ before, chosen, zoomed, after, found, roads, count: count.textContent });
  document.body.replaceChildren(note);
</script>
"""


def written(path: Path) -> str:
    """Write a page of four signs, one of which is gone, and return it."""
    seen, ways = drives(3)
    entries = merge(seen, ways)
    entries[0].state = State.GONE
    entries[1].crop = thumbnail(np.full((8, 8, 3), 200, np.uint8), 16)
    roads = [
        DrivenRoad(
            f"day{day}", [], [point for point in ways if point.drive == f"day{day}"], [], (1372.0, 0.02), (0.0,) * 4
        )
        for day in range(3)
    ]
    limit = LimitStretch("</script><b>day0", 50.0, "limit 50", True, [(50.0, 9.0), (50.001, 9.0)], 111.0)
    findings = [Finding(Verdict.AGREES, entries[1], None, 3), Finding(Verdict.MISSING, entries[2], None, 3)]
    write_map_page(path, entries, roads, Naming(load_catalogue()), findings, [LimitFinding(limit, 30.0, False)])
    return path.read_text(encoding="utf-8")


def test_the_page_stands_alone_and_names_cannot_break_it(tmp_path: Path) -> None:
    content = written(tmp_path / "map.html")
    read = Read()
    read.feed(content)
    assert read.tags.count("script") == 1
    assert "b" not in read.tags
    assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:src|href)="([^"]*)"', content))
    assert "differs" in content
    assert "1 signs agree; 1 differ" in content


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_visitor_chooses_zooms_and_filters(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    path.write_text(written(path).replace("</body>", VISITOR + "</body>"), encoding="utf-8")
    found = re.search(r'<pre id="note">(.*?)</pre>', browse(tmp_path / "profile", "--dump-dom", f"file://{path}"))
    assert found is not None
    said = json.loads(found[1])
    assert said == {
        "before": 4, "chosen": 1, "zoomed": True, "after": 3, "found": 1, "roads": 3, "count": "1 of 4 signs",
    }  # fmt: skip
