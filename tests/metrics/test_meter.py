"""The meter counts what the results say, and its snapshot survives a pipe."""

import json
import threading

import numpy as np

from signpipe.metrics import Meter, Snapshot
from signpipe.metrics.families import FAMILIES, Kind
from signpipe.metrics.meter import MOST_SERIES, OTHER
from signpipe.types import AdvisoryStatus, Certainty, TrackState
from tests.sinks.results import CATALOGUE, advisory, frame_result, gap_result, track


def value(snapshot: Snapshot, family: str, *labels: str) -> float | None:
    found = {(name, *names): number for name, names, number in snapshot["values"]}
    return found.get((f"signpipe_{family}", *labels))


def histogram(snapshot: Snapshot, family: str, *labels: str) -> tuple[list[int], float]:
    (found,) = [
        (counts, total)
        for name, names, counts, total in snapshot["histograms"]
        if (name, *names) == (f"signpipe_{family}", *labels)
    ]
    return found


def test_frames_detections_timings_and_rejections_are_counted() -> None:
    meter = Meter(CATALOGUE)
    for index in range(5):
        meter.add(frame_result(index, tracks=[track(1), track(2, name="stop")]))
    snapshot = meter.snapshot()
    assert value(snapshot, "frames_total") == 5
    assert value(snapshot, "frames_dropped_total") == 3  # as the results say it, not added up
    assert value(snapshot, "detections_total") == 10
    assert value(snapshot, "detections_rejected_total", "aspect") == 10
    assert value(snapshot, "source_up") == 1
    counts, total = histogram(snapshot, "stage_duration_seconds", "detect")
    bounds = FAMILIES["signpipe_stage_duration_seconds"].buckets
    assert counts[bounds.index(0.05)] == 5  # 31 ms lies between 25 and 50
    assert sum(counts) == 5
    assert np.isclose(total, 5 * 0.03125)
    assert np.isclose(histogram(snapshot, "frame_duration_seconds")[1], 5 * 0.0415)


def test_a_sign_counts_once_by_its_best_verdict_when_it_is_passed() -> None:
    meter = Meter(CATALOGUE)
    unsure = track(1, certainty=Certainty.UNCERTAIN, category="prohibitory")
    meter.add(frame_result(0, tracks=[unsure, track(2, state=TrackState.TENTATIVE)]))
    meter.add(frame_result(1, tracks=[track(1)]))
    meter.add(frame_result(2, tracks=[unsure]))
    assert value(meter.snapshot(), "tracks_total", "confirmed") == 0
    meter.add(frame_result(3))
    snapshot = meter.snapshot()
    assert value(snapshot, "tracks_total", "confirmed") == 1
    assert value(snapshot, "tracks_total", "uncertain") == 0
    assert value(snapshot, "signs_published_total", "speed_limit_80") == 1
    assert value(snapshot, "abstentions_total", "prohibitory") is None


def test_a_sign_that_was_never_sure_is_an_abstention_and_one_in_view_counts_at_the_end() -> None:
    meter = Meter(CATALOGUE)
    meter.add(frame_result(0, tracks=[track(1, certainty=Certainty.UNCERTAIN, category="danger")]))
    meter.finish()
    snapshot = meter.snapshot()
    assert value(snapshot, "tracks_total", "uncertain") == 1
    assert value(snapshot, "abstentions_total", "danger") == 1
    assert value(snapshot, "source_up") == 0


def test_a_long_silence_is_one_gap_and_its_seconds_are_counted_once() -> None:
    meter = Meter(CATALOGUE)
    for duration in (2.5, 5.0, 7.5):  # as the capture reports it, again and again
        meter.add(gap_result(duration=duration))
    meter.add(frame_result(9))
    meter.add(gap_result(duration=2.0))
    snapshot = meter.snapshot()
    assert value(snapshot, "gaps_total") == 2
    assert value(snapshot, "gap_seconds_total") == 9.5
    assert value(snapshot, "source_up") == 0


def test_events_are_counted_by_what_became_of_the_advisory() -> None:
    meter = Meter(CATALOGUE)
    meter.add(frame_result(0, events=[advisory(), advisory(status=AdvisoryStatus.STALE)]))
    assert value(meter.snapshot(), "advisory_events_total", "stale") == 1


def test_no_label_can_grow_without_end() -> None:
    meter = Meter(CATALOGUE)
    for index in range(MOST_SERIES + 50):
        meter.count("signpipe_detections_rejected_total", 1, f"rule {index}")
    snapshot = meter.snapshot()
    series = [labels for name, labels, _ in snapshot["values"] if name == "signpipe_detections_rejected_total"]
    assert len(series) == MOST_SERIES + 1
    assert value(snapshot, "detections_rejected_total", OTHER) == 50


def test_a_histogram_holds_each_value_once_under_its_bound() -> None:
    bounds = FAMILIES["signpipe_frame_duration_seconds"].buckets
    values = [*np.random.default_rng(3).uniform(0, 8, 200), *bounds]  # a value on a bound lies under it
    meter = Meter(CATALOGUE)
    for one in values:
        meter.observe("signpipe_frame_duration_seconds", one)
    counts, total = histogram(meter.snapshot(), "frame_duration_seconds")
    assert sum(counts) == len(values)
    assert np.isclose(total, sum(values))
    for position, bound in enumerate(bounds):
        assert sum(counts[: position + 1]) == sum(one <= bound for one in values)


def test_a_snapshot_is_plain_and_whole_while_another_thread_counts() -> None:
    meter = Meter(CATALOGUE)
    done = threading.Event()

    def work() -> None:
        for index in range(300):
            meter.add(frame_result(index, tracks=[track(index // 10)]))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        snapshot = meter.snapshot()
        assert json.loads(json.dumps(snapshot)) == snapshot
        durations = [sum(counts) for name, _, counts, _ in snapshot["histograms"] if name.endswith("latency_seconds")]
        assert durations in ([], [value(snapshot, "frames_total")])
    thread.join()
    assert value(meter.snapshot(), "frames_total") == 300


def test_names_are_as_prometheus_wants_them() -> None:
    for family in FAMILIES.values():
        assert family.name.startswith("signpipe_")
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert bool(family.buckets) == (family.kind is Kind.HISTOGRAM)
        assert not any(unit in family.name for unit in ("_ms", "milliseconds", "megabytes"))
