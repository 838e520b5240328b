"""`signpipe review`: from what a run kept to a data set, by the terminal and by the page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from signpipe.lab.data import open_dataset
from signpipe.review import NOT_A_SIGN, ReviewQueue, Status
from tests.cli.conftest import Outcome
from tests.html.test_page import CHROMIUM, browse
from tests.review.items import filled, item, put

Run = Callable[..., Outcome]

# Does on the page what a person would, and puts what the browser would save into the document.
VISITOR = """
<script>
  const [novel, middle, plain, added] = document.querySelectorAll(".item");
  const shown = [...document.querySelectorAll(".item")].filter((card) => card.offsetParent).length;
  URL.createObjectURL = (blob) => { window.saved = blob; return "#"; };
  const before = document.getElementById("save").disabled;
  novel.querySelector("button").click();
  middle.querySelector("button:last-of-type").click();
  plain.querySelector("select").value = "+";
  plain.querySelector("select").dispatchEvent(new Event("change"));
  plain.querySelector("input").value = "Level crossing";
  plain.querySelector("input").dispatchEvent(new Event("input"));
  added.querySelector("button").click();
  document.getElementById("save").click();
  const pictures = [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length;
  const note = document.createElement("pre");
  note.id = "note";
  window.saved.text().then((text) => {
    note.textContent = JSON.stringify({ shown, before, pictures, said: text, count: count.textContent });
    document.body.replaceChildren(note);
  });
</script>
"""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that types lines on standard input."""

    def type_in(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_in


def labels(folder: Path) -> list[str | None]:
    """Return the labels, the oldest item first."""
    return [entry.label.label if entry.label else None for entry in ReviewQueue(folder).items()]


def test_list_shows_every_item_or_those_of_one_status(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, *others) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    outcome = signpipe("review", "list", tmp_path)
    assert outcome.code == 0, outcome.err
    assert all(item_id in outcome.out for item_id in (first, *others))
    assert "speed_limit_80 0.50" in outcome.out
    outcome = signpipe("review", "list", tmp_path, "--status", "labelled")
    assert first in outcome.out
    assert not any(item_id in outcome.out for item_id in others)


def test_one_item_is_labelled_by_the_end_of_its_id(signpipe: Run, tmp_path: Path) -> None:
    _, (first, second, third) = filled(tmp_path)
    assert signpipe("review", "label", tmp_path, first[-6:], "Speed limit 80 km/h", "--by", "ada").code == 0
    assert signpipe("review", "label", tmp_path, second, NOT_A_SIGN).code == 0
    assert signpipe("review", "label", tmp_path, third, "level crossing", "--new").code == 0
    assert labels(tmp_path) == ["speed_limit_80", NOT_A_SIGN, "level_crossing"]
    said = ReviewQueue(tmp_path).items()[0].label
    assert said is not None
    assert said.labeller == "ada"


def test_the_open_ones_are_gone_through_on_the_terminal(
    signpipe: Run, tmp_path: Path, answers: Callable[..., None]
) -> None:
    filled(tmp_path, 6)  # the newest is the most novel and comes first
    answers("1", "n", "s", "stpo", "stop", "new Level crossing", "q")
    outcome = signpipe("review", "label", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "did you mean stop?" in outcome.out
    assert "4 labelled, 2 open" in outcome.out
    assert labels(tmp_path) == [None, "level_crossing", "stop", None, NOT_A_SIGN, "speed_limit_80"]
    answers()
    assert "0 labelled, 2 open" in signpipe("review", "label", tmp_path).out


def test_labels_of_a_file_are_taken_in_though_some_items_are_gone(signpipe: Run, tmp_path: Path) -> None:
    _, (first, *_) = filled(tmp_path / "queue")
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"labels": {first: {"label": "stop"}, "../../etc": {"label": "stop"}}}))
    outcome = signpipe("review", "label", tmp_path / "queue", "--from", file)
    assert outcome.code == 0, outcome.err
    assert "1 labelled, 1 not in the queue any more" in outcome.out
    assert labels(tmp_path / "queue") == ["stop", None, None]


def test_the_page_stands_alone_and_shows_the_most_novel_first(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, second, third) = filled(tmp_path / "queue")
    hostile = put(queue, item(novelty=0.0, source='<script>alert("x")</script>'))
    damaged = put(queue, item(novelty=1.0))
    queue.items()[-1].crop.write_bytes(b"no picture")
    outcome = signpipe("review", "page", tmp_path / "queue", "--out", tmp_path / "page.html")
    assert outcome.code == 0, outcome.err
    text = (tmp_path / "page.html").read_text()
    assert re.findall(r'class="item" id="([^"]+)"', text) == [third, second, first, hostile]
    assert damaged not in text
    assert 'alert("x")' not in text
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert "Speed limit 80 km/h" in text
    assert "1 of 5" in signpipe("review", "page", tmp_path / "queue", "-o", tmp_path / "p.html", "--limit", 2).out


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_what_a_person_chooses_in_a_browser_comes_back_as_labels(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, second, third) = filled(tmp_path / "queue")
    added = put(queue, item(novelty=-0.1, guess="zebra_crossing"))
    done = put(queue, item(novelty=-0.2))
    queue.label(done, "stop", "ada")
    file = tmp_path / "page.html"
    assert signpipe("review", "page", tmp_path / "queue", "--out", file).code == 0
    file.write_text(file.read_text().replace("</body>", f"{VISITOR}</body>"))
    document = browse(tmp_path / "profile", "--virtual-time-budget=5000", "--dump-dom", file.as_uri())
    note = re.search('<pre id="note">(.*?)</pre>', document, re.DOTALL)
    assert note, document[-2000:]
    found = json.loads(note[1])
    assert (found["shown"], found["before"], found["count"]) == (4, True, "4 labelled on this page")
    assert found["pictures"] >= 4  # those of what is folded away needn't be ready
    (tmp_path / "labels.json").write_text(found["said"])
    assert signpipe("review", "label", tmp_path / "queue", "--from", tmp_path / "labels.json").code == 0
    said = {entry.item.id: entry.label.label for entry in queue.items() if entry.label}
    assert said == {
        third: "speed_limit_80",
        second: NOT_A_SIGN,
        first: "level_crossing",
        added: "zebra_crossing",
        done: "stop",
    }


def test_exports_say_what_to_do_with_names_outside_the_catalogue(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, second, _) = filled(tmp_path / "queue")
    queue.label(first, "stop", "ada")
    queue.label(second, "level_crossing", "ada")
    outcome = signpipe("review", "export", tmp_path / "queue", "--format", "yolo", "--out", tmp_path / "yolo")
    assert outcome.code == 0, outcome.err
    assert "--map level_crossing=sign" in outcome.out
    assert signpipe("data", "check", tmp_path / "yolo", "-f", "yolo", "--map", "level_crossing=sign").code in (0, 1)
    outcome = signpipe("review", "export", tmp_path / "queue", "--format", "crops", "--out", tmp_path / "crops")
    assert "signpipe classes add : level_crossing" in outcome.out
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == ["level_crossing", "stop"]


def test_an_export_of_known_classes_needs_no_mapping(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path / "queue")
    queue.label(first, "stop", "ada")
    for format_, read_as in (("coco", "coco"), ("yolo", "yolo"), ("crops", "folder")):
        assert signpipe("review", "export", tmp_path / "queue", "-f", format_, "-o", tmp_path / format_).code == 0
        assert len(open_dataset(tmp_path / format_, read_as)) == 1


def test_prune_spares_the_labelled_until_it_is_told(signpipe: Run, tmp_path: Path) -> None:
    queue, (first, *_) = filled(tmp_path)
    queue.label(first, "stop", "ada")
    assert "0 removed, 3 left" in signpipe("review", "prune", tmp_path).out
    assert "2 removed, 1 left" in signpipe("review", "prune", tmp_path, "--megabytes", 0).out
    assert [entry.status for entry in queue.items()] == [Status.LABELLED]
    assert "1 removed, 0 left" in signpipe("review", "prune", tmp_path, "--labelled").out


def test_bad_input_is_one_sentence(signpipe: Run, tmp_path: Path) -> None:
    _, (first, second, _) = filled(tmp_path / "queue")
    queue = tmp_path / "queue"
    for command in ("list", "page", "label", "prune"):
        signpipe("review", command, tmp_path / "none").assert_one_sentence("There is no review queue", "review.folder")
    signpipe("review", "label", queue, first).assert_one_sentence("a class")
    signpipe("review", "label", queue, first, "stpo").assert_one_sentence("did you mean stop?")
    signpipe("review", "label", queue, "zzz", "stop").assert_one_sentence("no item ends in 'zzz'")
    signpipe("review", "label", queue, "", "stop").assert_one_sentence("several items")
    signpipe("review", "label", queue, "--from", tmp_path / "none").assert_one_sentence("none is missing")
    signpipe("review", "export", queue, "-f", "coco", "-o", tmp_path / "x").assert_one_sentence("labelled yet")
    signpipe("review", "page", queue, "-o", queue / second / "crop.png" / "x").assert_one_sentence("can't be written")
