"""Like is like, other is other, and neighbours in time don't count as witnesses of their own."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from signpipe.drift import Report, Sample, compare, make_reference
from signpipe.drift.comparing import Verdict
from signpipe.drift.monitor import Monitor
from signpipe.drift.reference import PICTURES, SIGNS, Reference, effective_share, share_of_means
from signpipe.errors import SettingsError
from tests.drift.streams import samples


@pytest.fixture(scope="module")
def reference() -> Reference:
    return make_reference(samples(1, 3 * 3600))


def of(report: Report, feature: str) -> Verdict:
    return next(one.verdict for one in report.features if one.feature == feature)


def test_what_is_independent_is_measured() -> None:
    rng = np.random.default_rng(0)
    independent, correlated = rng.normal(size=6000), [0.0]
    for _ in range(5999):
        correlated.append(0.95 * correlated[-1] + np.sqrt(1 - 0.95**2) * rng.normal())
    assert effective_share(independent, PICTURES) > 0.5
    # The correlation time of such a series is (1 + 0.95) / (1 - 0.95) = 39 values.
    assert 0.01 < effective_share(np.array(correlated), PICTURES) < 0.2


@pytest.mark.slow
def test_windows_like_the_reference_are_none_though_a_plain_test_objects(reference: Reference) -> None:
    verdicts, objections = [], 0
    for seed in range(10, 40):
        window = samples(seed, PICTURES)
        verdicts.append(compare(reference, window).verdict)
        bright = [sample.values["brightness"] for sample in window if sample.kind == "picture"]
        objections += int(ks_2samp(bright, reference.values["brightness"]).pvalue < 0.001)
    assert Verdict.DRIFT not in verdicts
    assert objections > 15


def test_a_change_of_camera_or_of_the_signs_is_found_and_named(reference: Reference) -> None:
    report = compare(reference, samples(50, 600, shift=2.5))
    assert report.verdict is Verdict.DRIFT
    assert of(report, "sharpness") is Verdict.DRIFT
    assert of(report, "side") is Verdict.NONE
    unlike = compare(reference, samples(51, 600, unlike=True))
    assert of(unlike, "embedding") is Verdict.DRIFT
    assert of(unlike, "sharpness") is Verdict.NONE


def test_another_mix_of_classes_and_more_abstentions_are_found(reference: Reference) -> None:
    changed = [
        sample.model_copy(update={"labels": {"class": "stop", "sure": "no"}}) if sample.kind == "sign" else sample
        for sample in samples(60, 900)
    ]
    report = compare(reference, changed)
    assert of(report, "class") is Verdict.DRIFT
    assert of(report, "sure") is Verdict.DRIFT


def test_too_few_values_say_nothing(reference: Reference) -> None:
    report = compare(reference, samples(70, 15, shift=9))
    assert report.verdict is Verdict.NONE
    assert {"brightness", "side", "class", "embedding"} <= set(report.few)
    with pytest.raises(SettingsError, match="run for longer"):
        make_reference(samples(71, 100))


def test_embeddings_of_another_classifier_are_not_compared(reference: Reference) -> None:
    others = [sample.model_copy(update={"embedding": (1.0, 0.0)}) for sample in samples(80, 900)]
    assert "embedding" in compare(reference, others).few


def test_a_reference_can_be_made_again_from_its_file(reference: Reference) -> None:
    again = Reference.model_validate_json(reference.model_dump_json())
    now = samples(90, 600)
    assert compare(again, now) == compare(reference, now)


def test_while_running_a_change_is_told_once_it_lasts(reference: Reference) -> None:
    monitor, verdicts = Monitor(reference, every=60), []
    for sample in samples(100, 900) + samples(101, 1200, shift=3, start=900):
        monitor.add(sample)
        verdicts.append((sample.at, monitor.verdict))
    assert all(verdict is Verdict.NONE for at, verdict in verdicts if at < 900)
    told = next(at for at, verdict in verdicts if verdict is Verdict.DRIFT)
    assert 900 + 2 * PICTURES < told < 900 + 3 * PICTURES
    values = {(family, *labels): value for family, value, labels in monitor.values()}
    assert values["signpipe_drift_verdict",] == 2
    assert values["signpipe_drift_psi", "brightness"] > 0.25


@pytest.mark.slow
def test_signs_of_one_street_are_usual_where_streets_differ() -> None:
    rng = np.random.default_rng(7)
    # One street in five is three times as unlike the others as they are.
    streets = rng.normal(size=(400, 16)) * np.where(rng.random(400) < 0.2, 0.9, 0.3)[:, None]

    def drive(seconds: int, first: int) -> list[Sample]:
        made = samples(8, seconds)
        for index, sample in enumerate(made):
            if sample.kind == "sign":
                look = streets[first + int(sample.at) // 300] + rng.normal(size=16)
                made[index] = sample.model_copy(update={"embedding": tuple((look / np.linalg.norm(look)).tolist())})
        return made

    reference = make_reference(drive(6 * 3600, 0))
    by_chance_alone = reference.model_copy(update={"unlike": []})
    later, verdicts = drive(12 * 3600, 100), []
    for start in range(0, 12 * 3600 - 600, 600):
        window = [sample for sample in later if start <= sample.at < start + 600]
        verdicts.append(
            [of(compare(one, window), "embedding") is Verdict.DRIFT for one in (reference, by_chance_alone)]
        )
    ours, plain = np.array(verdicts).sum(axis=0)
    assert ours <= 1
    assert plain >= 3
    elsewhere = [one.model_copy(update={"embedding": (0.25,) * 16}) for one in window]
    assert of(compare(reference, elsewhere), "embedding") is Verdict.DRIFT


def test_stretches_of_like_signs_count_as_few() -> None:
    rng = np.random.default_rng(6)
    alone = np.eye(5)[rng.integers(5, size=3000)]
    stretches = np.eye(5)[np.repeat(rng.integers(5, size=150), 20)]  # twenty of a kind, one after the other
    assert share_of_means(alone, SIGNS) > 0.7
    assert 0.02 < share_of_means(stretches, SIGNS) < 0.12
    assert share_of_means(alone[:3], 0) == 0
