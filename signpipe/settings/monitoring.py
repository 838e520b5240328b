"""The sections about watching a run from outside."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from signpipe.settings.sections import Section


class MetricsSettings(Section):
    """What Prometheus is told."""

    listen: str | None = Field(
        None, description="HOST:PORT at which metrics are served, or :9464 for this machine alone; none serves none."
    )


class DriftSettings(Section):
    """Whether what is seen is still what the models were chosen on."""

    samples: Path | None = Field(
        None, description="File of samples for `signpipe drift`: a line a second, and one a sign; none writes none."
    )
    reference: Path | None = Field(
        None, description="Reference to compare with while running, as `signpipe drift --make` makes it."
    )
    every: float = Field(60.0, ge=1, le=86_400, description="Seconds between two comparisons while running.")
