"""What is measured: each family of metrics with its kind, labels and meaning, named as Prometheus names things."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
SOURCE = "source"  # the label that every family has


class Kind(StrEnum):
    """What a family's numbers are."""

    COUNTER = "counter"  # only grows, and starts again at 0 with a new process
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """Metrics of one name.

    Attributes:
        name: As Prometheus shows it; a counter's ends in _total.
        kind: What its numbers are.
        text: What it means, for `# HELP`.
        labels: Besides `source`; each has few values, known beforehand.
        buckets: Upper ends of a histogram's buckets, without infinity.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(f"signpipe_{name}_total", Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(f"signpipe_{name}", Kind.GAUGE, text, labels)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = SECONDS) -> Family:
    return Family(f"signpipe_{name}", Kind.HISTOGRAM, text, labels, buckets)


_ALL = (
    # The source
    _counter("frames", "Pictures that were looked at."),
    _counter("frames_dropped", "Frames of a live source that gave way to a newer one."),
    _counter("frames_damaged", "Frames or files that could not be read."),
    _counter("gaps", "Times that a source had no picture to give."),
    _counter("gap_seconds", "Seconds without a picture."),
    _counter("source_reconnects", "Times that a lost source came back."),
    _counter("source_restarts", "Times that the process of a source was started again."),
    _gauge("source_up", "1 if the source gives pictures, 0 in a gap or once it ended."),
    _gauge("last_frame_timestamp_seconds", "When the latest picture was done with, Unix time."),
    _gauge("start_timestamp_seconds", "When the source was opened, Unix time."),
    # Time
    _histogram("frame_duration_seconds", "From a picture to its result."),
    _histogram("frame_latency_seconds", "From when a picture was taken or read to its result, waiting included."),
    _histogram("stage_duration_seconds", "What each stage took of a picture.", "stage"),
    _histogram("model_duration_seconds", "What all runs of models took of a picture."),
    # What runs
    _gauge("model_info", "1 for each model that runs: its file's SHA-256 and its execution provider.",
           "model", "sha256", "provider"),
    _gauge("provider_as_asked", "1 if the models run on the execution provider that was asked for, else 0."),
    # What is seen
    _counter("detections", "Plausible boxes of signs."),
    _counter("detections_rejected", "Boxes that a rule of plausibility left out.", "rule"),
    _histogram("detection_score", "The detector's score of each plausible box.", buckets=SCORES),
    _counter("tracks", "Signs that were passed, by the best verdict that each reached.", "verdict"),
    _counter("signs_published", "Signs of each class that were published.", "class"),
    _counter("abstentions", "Signs that were passed without a class being sure, by the category that was.", "category"),
    _counter("conflicts", "Signs about which the witnesses contradicted one another."),
    _counter("advisory_events", "Advisories that were issued or changed, went stale or ended.", "status"),
    # Where it goes
    _counter("sink_errors", "Results that an output failed to write.", "sink"),
    _counter("sink_dropped", "Results that an output was too slow to take.", "sink"),
    _gauge("review_items", "Signs in the review queue.", "status"),
    # The process
    _gauge("resident_memory_bytes", "Memory of the process that watches the source."),
    _gauge("open_files", "Files and connections that this process has open."),
    _gauge("threads", "Threads of this process."),
    # Drift
    _gauge("drift_verdict", "What the latest comparison with the reference says: 0 none, 1 watch, 2 drift."),
    _gauge("drift_samples", "Independent values of a feature in the latest comparison.", "feature"),
    _gauge("drift_psi", "Population stability index of a feature against the reference.", "feature"),
    _gauge("drift_q_value", "Adjusted p-value of a feature against the reference (Benjamini-Hochberg).", "feature"),
)  # fmt: skip

FAMILIES = {family.name: family for family in _ALL}
