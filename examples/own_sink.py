"""Send results wherever you like, here into a database: python own_sink.py SOURCE signs.sqlite."""

import sqlite3
import sys

import signpipe


class Database:
    """A sink: `write` gets each result, in a thread of its own, and `close` is called once at the end."""

    name = "database"  # as messages call it

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("create table if not exists events (time real, message text, status text)")

    def write(self, result: signpipe.FrameResult) -> None:
        """Keep what changed with this frame."""
        rows = [(result.frame.media_time, event.message, str(event.status)) for event in result.events]
        self._database.executemany("insert into events values (?, ?, ?)", rows)

    def close(self) -> None:
        """Keep what was written."""
        self._database.commit()
        self._database.close()


with signpipe.watch(sys.argv[1], sinks=[Database(sys.argv[2])]) as results:
    for _ in results:
        pass
