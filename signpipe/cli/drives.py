"""What drives tell a map: read from records or from tables of a batch, or watched now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from signpipe.catalogue import Catalogue, load_catalogue
from signpipe.catalogue.countries import load_country
from signpipe.errors import ExtraMissingError, SignpipeError, SourceError
from signpipe.lidar import read_calibration
from signpipe.mapping.driven import place_recording, place_watched, sizes_of
from signpipe.mapping.placed import DrivenRoad
from signpipe.mapping.records import read_recording
from signpipe.mapping.watched import gather_watched
from signpipe.position import find_positions, tracks_beside
from signpipe.settings import AUTO, CountrySettings, Settings, override_settings
from signpipe.watching import watch

Driven = tuple[DrivenRoad, Catalogue, str | None]  # with its signs, and the code of their country


@dataclass(slots=True)
class Drives:
    """What drives tell.

    Attributes:
        roads: Those that could be used.
        catalogue: Their signs.
        country: Code of their country, or None with a catalogue of one's own.
        failed: How many couldn't be used.
    """

    roads: list[DrivenRoad]
    catalogue: Catalogue
    country: str | None
    failed: int = 0


def gather_drives(drives: Sequence[str], settings: Settings, in_time: bool) -> Drives:
    """Place the signs of each drive; one that can't be used is reported, and the others go on.

    Args:
        drives: Records, folders of a batch, or recordings.
        settings: The whole configuration.
        in_time: False to look for a delay between pictures and positions first.

    Raises:
        SignpipeError: None can be used: what is wrong with the last one.
    """
    console = Console(stderr=True, soft_wrap=True)
    gathered = Drives([], load_catalogue(), None)
    last: SignpipeError | None = None
    for read in _readers(drives, settings, in_time):
        try:
            road, gathered.catalogue, gathered.country = read()
        except SignpipeError as error:
            if last is not None:
                _leave_out(console, last)
            gathered.failed, last = gathered.failed + 1, error
        else:
            gathered.roads.append(road)
    if last is not None:
        if not gathered.roads:
            raise last
        _leave_out(console, last)
    return gathered


def _leave_out(console: Console, error: SignpipeError) -> None:
    console.print(f"[yellow]left out:[/] {escape(str(error))}", highlight=False)


def _readers(drives: Iterable[str], settings: Settings, in_time: bool) -> Iterator[Callable[[], Driven]]:
    """Yield what reads each drive; the folder of a batch has many."""
    for drive in drives:
        path = Path(drive)
        if not (path / "recordings").is_dir() and not (path / "manifest.json").is_file():
            yield partial(_place, drive, settings, in_time)
            continue
        try:
            from signpipe.batch.roads import recordings_in
        except ModuleNotFoundError:
            raise ExtraMissingError("reading the tables of a batch", "batch") from None
        yield from (partial(_read_tables, folder, settings) for folder in recordings_in(path))


def _read_tables(folder: Path, settings: Settings) -> Driven:
    """Read what a batch made of a recording."""
    from signpipe.batch.roads import read_road

    road, country = read_road(folder)
    return road, *_signs_of(country, settings)


def _place(drive: str, settings: Settings, in_time: bool) -> Driven:
    """Place the signs of one drive: read where its results were written, else watched now."""
    path = Path(drive)
    if path.suffix.lower() != ".jsonl":
        return _watch(drive, settings, in_time)
    recording = read_recording(path)
    catalogue, country = _signs_of(recording.country, settings)
    return place_recording(recording, settings.camera, sizes_of(catalogue), in_time), catalogue, country


def _watch(drive: str, settings: Settings, in_time: bool) -> Driven:
    """Watch a recording with its positions, and place its signs."""
    path, named = Path(drive), settings.position.source is not None
    found = None if named or "://" in drive else find_positions(path)
    if not named and found is None:
        raise SourceError(
            f"The recording {drive} has no positions: put its track beside it as "
            f"{tracks_beside(path.name, path.is_dir())[0]}, or name it with --gpx."
        )
    settings = _calibrated(override_settings(settings, {} if named else {"position.source": str(found)}))
    with watch(drive, settings) as results:
        country = results.pipeline.country
        recording = gather_watched(path.name, country.code if country else None, results)
        made_at = None if found == path else results.info.made_at
    catalogue, code = _signs_of(recording.country, settings)
    road = place_watched(
        recording,
        results.settings.camera,
        sizes_of(catalogue),
        made_at,
        one_clock=in_time or found == path,
        named=named,
    )
    return road, catalogue, code


def _calibrated(settings: Settings) -> Settings:
    """Return the settings with the focal length of a camera that was calibrated with a LiDAR."""
    calibration = settings.lidar.calibration
    if calibration is None or settings.camera.focal is not None:
        return settings
    return override_settings(settings, {"camera.focal": read_calibration(calibration).focal[0]})


def _signs_of(country: str | None, settings: Settings) -> tuple[Catalogue, str | None]:
    """Return the classes of a recording and the code of their country."""
    code = country or settings.country.code
    loaded = load_country(CountrySettings().code if code == AUTO else code)
    return loaded.catalogue, loaded.code
