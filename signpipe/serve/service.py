"""Everything that the server is made of, opened and closed together."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from signpipe.errors import OutputError, SettingsError
from signpipe.review import ReviewQueue
from signpipe.runtime.cores import usable_cores
from signpipe.serve.addresses import checked_address, refuse_private
from signpipe.serve.database import AddedSource, Database
from signpipe.serve.detection import Detection
from signpipe.serve.feed import Feed
from signpipe.serve.hub import Hub
from signpipe.serve.jobs import Jobs
from signpipe.serve.metrics import Metrics
from signpipe.serve.process import prepare
from signpipe.serve.security import FAILURE_RATE, FAILURES, Access, Buckets, is_loopback, known_hash
from signpipe.serve.settings import ServeSettings, Tree, pipeline_settings
from signpipe.serve.store import SignStore
from signpipe.serve.supervisor import Supervisor
from signpipe.serve.worker import Task
from signpipe.settings import Settings, override_settings
from signpipe.sources.redact import redact


class Service:
    """The parts of the server.

    Args:
        settings: The whole file.

    Raises:
        SettingsError: It would listen beyond this machine without a token, or a setting can't be used.
        OutputError: The folder or the database can't be used.
        ModelError: A model can't be used.

    Attributes:
        settings: The whole file.
        access: Who is let in.
        failures: Counts wrong tokens.
        database: What is remembered.
        hub: Tells what happens.
        metrics: Counts, for Prometheus.
        store: Keeps signs.
        supervisor: Keeps sources running.
        jobs: Recordings that were sent in.
        detection: Single pictures.
        review: The queue of signs that wait for a person.
        viewers: Live views and streams of events that are open.
        detecting: Requests whose pictures are in memory.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        server = settings.server
        self.access = _access(settings)  # takes the token out of the environment before any process can inherit it
        if settings.sources:
            prepare()
        self.failures = Buckets(FAILURE_RATE, FAILURES)
        self.viewers = self.detecting = 0
        self._feeds: dict[str, Feed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        data = server.data
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutputError(f"The folder {data} can't be used ({error.strerror}); name another (--data).") from None
        self.review = ReviewQueue(data / "review")
        self.hub, self.metrics = Hub(), Metrics(self)
        common = self._settings_of(None)
        memory = None if server.memory is None else server.memory * 2**20
        with ExitStack() as stack:
            self.detection = Detection(common, settings.limits.picture_megapixels)
            stack.callback(self.detection.close)
            self.catalogue = self.detection.catalogue
            self.database = Database(data / "signpipe.db")
            stack.callback(self.database.close)
            self.store = SignStore(self.database, server.retention * 86400, server.most_signs)
            self.supervisor = Supervisor(
                self.store,
                self.hub.publish,
                self._show,
                self.metrics.exposition,
                server.processes,
                memory,
                server.silence,
            )
            stack.callback(self.supervisor.close)
            jobs = settings.jobs
            self.jobs = Jobs(
                self.database, data, _tree(common), self.hub.publish, parallel=jobs.parallel,
                attempts=jobs.attempts, days=jobs.days, memory=memory, privacy=server.privacy,
            )  # fmt: skip
            stack.callback(self.jobs.close)
            self._add_known_sources()
            self._stack = stack.pop_all()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell what happens in the server's loop from now on."""
        self._loop = loop
        self.hub.open(loop)

    def close(self) -> None:
        """End everything, and keep what has to be kept."""
        self._stack.close()

    @property
    def alive(self) -> bool:
        """Whether what looks after sources and jobs goes on."""
        return self.supervisor.rounds.alive and self.jobs.rounds.alive

    def feed(self, name: str) -> Feed:
        """Return the live pictures of a source."""
        assert self._loop is not None
        if name not in self._feeds:
            self._feeds[name] = Feed(lambda: self.supervisor.ask_for_picture(name), self._loop)
        return self._feeds[name]

    def add_source(self, name: str, address: str, own: Tree) -> None:
        """Watch a source that came over the API, and remember it.

        Args:
            name: Its name.
            address: As it was given.
            own: Settings of this source alone.

        Raises:
            SettingsError: It may not be watched.
            KeyError: There is one of that name.
            sqlite3.Error: It can't be remembered.
        """
        checked = checked_address(address, self.settings.server.recordings)
        guarded = not self.settings.server.private_sources
        if guarded:
            refuse_private(checked)
        task = self._task(name, checked, own, guarded)
        self.supervisor.add(task, _shown(checked), added=True)
        self.database.add_source(AddedSource(name, checked, own))

    def remove_source(self, name: str) -> None:
        """End a source that came over the API, and forget it.

        Raises:
            KeyError: There is none of that name.
            PermissionError: It is one of the server's own file.
        """
        if not self.supervisor.added(name):
            raise PermissionError(name)
        self.database.remove_source(name)
        self.supervisor.remove(name)
        self._feeds.pop(name, None)

    def _add_known_sources(self) -> None:
        for source in self.settings.sources:
            task = self._task(source.name, source.address, source.settings, guarded=False)
            self.supervisor.add(task, _shown(source.address), added=False)
        named = {source.name for source in self.settings.sources}
        for added in self.database.sources():
            if added.name not in named:
                guarded = not self.settings.server.private_sources
                task = self._task(added.name, added.address, added.settings, guarded)
                self.supervisor.add(task, _shown(added.address), added=True)

    def _task(self, name: str, address: str, own: Tree, guarded: bool) -> Task:
        tree = _tree(self._settings_of(own))
        tree["output"], tree["metrics"] = {"status": False}, {}  # the server shows them all
        return Task(name, address, tree, self.settings.server.privacy, guarded)

    def _settings_of(self, own: Tree | None) -> Settings:
        """Return the pipeline's settings, with what the server sees to: threads, and where unsure signs are kept."""
        server = self.settings.server
        threads = server.threads or max(usable_cores() // max(len(self.settings.sources), 1), 1)
        given = pipeline_settings(self.settings, own)
        review = {"review.folder": server.data / "review", "review.privacy": server.privacy}
        return override_settings(given, {"runtime.threads": given.runtime.threads or threads, **review})

    def _show(self, name: str, picture: bytes) -> None:
        feed = self._feeds.get(name)
        if feed is not None:
            feed.put(picture)


def _access(settings: ServeSettings) -> Access:
    """Return who is let in.

    Raises:
        SettingsError: Nobody is asked for a token, although others than this machine could ask.
    """
    server = settings.server
    token_hash = known_hash(server.data)
    if token_hash is None and not is_loopback(server.host):
        raise SettingsError(
            f"To listen on {server.host}, which other machines can reach, a token is needed: make one with  signpipe "
            f"serve --new-token --data {server.data}  or give one in SIGNPIPE_TOKEN."
        )
    return Access(token_hash)


def _shown(address: str) -> str:
    """Return an address as clients may see it: without its login, and of a file its name alone."""
    return redact(address) if "://" in address else Path(address).name or address


def _tree(settings: Settings) -> Tree:
    """Return settings as they cross to another process: plain values, secrets as they are."""
    tree: Tree = settings.model_dump(mode="json")
    if settings.mqtt.password is not None:
        tree["mqtt"]["password"] = settings.mqtt.password.get_secret_value()
    return tree
