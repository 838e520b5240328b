"""Stored signs: counted once, held while the disk is full, kept while the clock is wrong."""

import json
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signpipe.errors import OutputError
from signpipe.serve.database import Database, SignFilter
from signpipe.serve.store import SignStore
from signpipe.serve.wire import pack, unpack
from tests.support.limits import file_size_limit

YEAR = 365 * 86400.0


def sign(track: int = 1, run: str = "r1", **others: Any) -> dict[str, Any]:
    values = {
        "source": "road", "run": run, "track": track, "class_name": "stop", "title": "Stop", "category": "priority",
        "probability": 0.99, "verdict": "confirmed", "reason": "vision", "witnesses": "vision", "conflict": None,
        "media_time": 1.0, "latitude": None, "longitude": None, "ended": False,
    }  # fmt: skip
    return values | others


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "signpipe.db")


@pytest.fixture
def store(database: Database) -> SignStore:
    return SignStore(database, YEAR, 1000)


def stored(database: Database) -> list[dict[str, Any]]:
    return database.signs(SignFilter(), None, 500)


def test_a_sign_is_stored_once_however_often_it_is_told(store: SignStore, database: Database) -> None:
    first = store.put(sign(probability=0.8), b"a")
    second = store.put(sign(probability=0.9, ended=True), b"b")
    assert first["id"] == second["id"]
    (found,) = stored(database)
    assert (found["probability"], found["ended"]) == (0.9, True)
    assert found["first"] <= found["last"]
    assert database.crop(found["id"]) == b"b"


def test_what_a_dead_run_saw_isnt_counted_again(store: SignStore, database: Database) -> None:
    store.put(sign(track=4), b"a")
    store.put(sign(track=1, run="r2"), b"b")
    store.put(sign(track=1, run="r2", ended=True), b"c")
    (found,) = stored(database)
    assert (found["run"], found["track"], found["ended"]) == ("r1", 4, True)


def test_two_signs_of_a_new_run_are_two(store: SignStore, database: Database) -> None:
    store.put(sign(track=4), b"a")
    store.put(sign(track=1, run="r2"), b"b")
    store.put(sign(track=2, run="r2"), b"c")
    store.put(sign(track=3, run="r2", class_name="yield"), b"d")
    store.put(sign(track=4, run="r2", source="elsewhere"), b"e")
    assert len(stored(database)) == 4


def test_a_sign_that_comes_later_is_another(store: SignStore, database: Database) -> None:
    store.put(sign(track=4), b"a")
    store.put(sign(track=1, run="r2", media_time=60.0), b"b")
    assert len(stored(database)) == 2


def test_signs_wait_while_the_disk_is_full_and_are_stored_then(store: SignStore, database: Database) -> None:
    store.put(sign(), b"a")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with file_size_limit(8192):
        for track in range(2, 40):
            assert store.put(sign(track=track), bytes(20_000))["track"] == track
        trouble = store.trouble
    assert trouble
    assert store.held
    signal.signal(signal.SIGXFSZ, before)

    def released() -> bool:
        store.retry()
        return not store.held

    end = time.monotonic() + 60
    while not released() and time.monotonic() < end:
        time.sleep(0.1)
    assert store.trouble is None
    assert store.lost == 0
    assert sorted(one["track"] for one in stored(database)) == list(range(1, 40))


def test_what_was_held_is_stored_before_what_comes_next(store: SignStore, database: Database) -> None:
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with file_size_limit(8192):
        for track in range(1, 30):
            store.put(sign(track=track, probability=0.5), bytes(20_000))
        assert store.held
    signal.signal(signal.SIGXFSZ, before)
    store.put(sign(track=29, probability=0.9, ended=True), b"a")
    assert (store.held, store.trouble, store.lost) == (0, None, 0)
    found = {one["track"]: one for one in stored(database)}
    assert sorted(found) == list(range(1, 30))
    assert (found[29]["probability"], found[29]["ended"]) == (0.9, True)


def test_only_so_many_signs_are_kept(database: Database) -> None:
    store = SignStore(database, YEAR, 3)
    for track in range(8):
        store.put(sign(track=track), b"")
    store.retry()
    assert [one["track"] for one in stored(database)] == [7, 6, 5]


def test_pages_have_each_sign_once(store: SignStore, database: Database) -> None:
    for track in range(7):
        store.put(sign(track=track, class_name="stop" if track % 2 else "yield"), b"")
    pages, before = [], None
    while page := database.signs(SignFilter(class_name="yield"), before, 2):
        pages += page
        before = page[-1]["id"]
    assert [one["track"] for one in pages] == [6, 4, 2, 0]


def test_a_database_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(OutputError, match="can't be used"):
        Database(tmp_path / "x.db")
    with sqlite3.connect(tmp_path / "y.db") as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="later version"):
        Database(tmp_path / "y.db")


@settings(deadline=None, max_examples=30)
@given(
    message=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()),
    blob=st.binary(),
)
def test_messages_come_through_as_they_were(message: dict[str, Any], blob: bytes) -> None:
    told = message | {"type": "x"}
    assert unpack(pack(told, blob)) == (told, blob)


@settings(deadline=None)
@given(data=st.binary() | st.binary().map(lambda body: pack({"type": "x"}) + body).map(lambda whole: whole[:-1]))
def test_nonsense_of_a_process_is_refused_or_read(data: bytes) -> None:
    try:
        message, _ = unpack(data)
    except ValueError:
        return
    assert isinstance(message["type"], str)
    json.dumps(message)
