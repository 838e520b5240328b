"""The sections about watching a run from outside."""

from __future__ import annotations

from pydantic import Field

from signpipe.settings.sections import Section


class MetricsSettings(Section):
    """What Prometheus is told."""

    listen: str | None = Field(
        None, description="HOST:PORT at which metrics are served, or :9464 for this machine alone; none serves none."
    )
