"""Samples of a run for `signpipe drift`, and the comparison with a reference while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from signpipe.catalogue import Catalogue
from signpipe.drift import Observer, Reference, Sample, read_reference
from signpipe.drift.monitor import Monitor
from signpipe.settings import DriftSettings, Settings
from signpipe.sinks.base import RunInfo
from signpipe.sinks.files import refuse_existing, refuse_inputs
from signpipe.sinks.lines import LineFile
from signpipe.types import FrameResult


class DriftSink:
    """Takes samples, writes them, and compares them with a reference, as far as each is asked for.

    Args:
        settings: What is asked for.
        run: Names the source.
        catalogue: Names of the classes.
        reference: What to compare with, or None.

    Raises:
        OutputError: The samples can't be written.
    """

    name = "list of samples"

    def __init__(
        self, settings: DriftSettings, run: RunInfo, catalogue: Catalogue, reference: Reference | None
    ) -> None:
        self._observer = Observer(catalogue)
        self._monitor = Monitor(reference, settings.every, run.source) if reference else None
        self._file = LineFile(settings.samples, self.name, run.source) if settings.samples else None

    def write(self, result: FrameResult) -> None:
        """Take the samples of a result.

        Raises:
            OSError: They can't be written.
        """
        self._take(self._observer.add(result))

    def close(self) -> None:
        """Write the signs that are in view at the end, and close the file."""
        self._take(self._observer.finish())
        if self._file:
            self._file.close()

    def values(self) -> Iterable[tuple[str, float, tuple[str, ...]]]:
        """Return family, number and labels for the metrics."""
        return self._monitor.values() if self._monitor else ()

    def _take(self, samples: Iterator[Sample]) -> None:
        for sample in samples:
            if self._monitor:
                self._monitor.add(sample)
            if self._file:
                self._file.write(sample.record())


def open_drift(settings: Settings, run: RunInfo, catalogue: Catalogue) -> DriftSink | None:
    """Open what the settings ask for, or return None where that is nothing.

    Raises:
        SettingsError: The reference can't be read.
        OutputError: The samples can't be written, or would overwrite something.
    """
    drift = settings.drift
    if drift.samples is None and drift.reference is None:
        return None
    reference = read_reference(drift.reference) if drift.reference else None
    if drift.samples:
        if not settings.output.overwrite:
            refuse_existing(drift.samples, DriftSink.name, "give --overwrite (output.overwrite) to replace it")
        inputs = (*run.inputs, *([str(drift.reference)] if drift.reference else []))
        refuse_inputs({DriftSink.name: drift.samples}, (run.source, *inputs))
    return DriftSink(drift, run, catalogue, reference)
