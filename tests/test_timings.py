"""Whether the time that a stage takes is booked on that stage: each is slowed down in turn, and only it may show it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.pipeline import STAGES, Pipeline
from signpipe.runtime.session import Models, open_models
from signpipe.settings import RuntimeSettings, Settings
from signpipe.stages.classify import Classify
from signpipe.stages.decide import Decide
from signpipe.stages.detect import Detect
from signpipe.stages.fallback import Fallback
from signpipe.stages.plausibility import Plausibility
from signpipe.stages.preprocess import Preprocess
from signpipe.stages.track import Track

PAUSE = 0.2  # seconds: far longer than any stage takes on a small picture
SETTINGS = Settings(runtime=RuntimeSettings(provider="cpu", threads=1))
PICTURE = np.full((96, 160, 3), 90, np.uint8)


class Slow:
    """A stage that takes its time, in every one of its methods that the pipeline waits for."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage

    def __call__(self, *given: Any) -> Any:
        time.sleep(PAUSE)
        return self._stage(*given)

    def update(self, *given: Any) -> Any:
        time.sleep(PAUSE)
        return self._stage.update(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    opened = open_models(SETTINGS)
    yield opened
    opened.close()


def stage(name: str, models: Models) -> Any:
    catalogue = load_catalogue()
    detector, classifier = models.detector, models.classifier
    assert detector is not None
    assert classifier is not None
    make: dict[str, Callable[[], Any]] = {
        "preprocess": lambda: Preprocess(SETTINGS.preprocess, 32),
        "detect": lambda: Detect(SETTINGS.detect, detector),
        "plausibility": lambda: Plausibility(SETTINGS.plausibility),
        "classify": lambda: Classify(SETTINGS.classify, classifier),
        "track": lambda: Track(SETTINGS.track, catalogue),
        "fallback": lambda: Fallback(SETTINGS.fallback, catalogue, []),
        "decide": lambda: Decide(SETTINGS.decide, catalogue),
    }
    return make[name]()


@pytest.mark.parametrize("slow", STAGES)
def test_a_stage_that_is_slow_is_the_one_that_is_booked_as_slow(slow: str, models: Models) -> None:
    with Pipeline(SETTINGS, models=models, stages={slow: Slow(stage(slow, models))}) as pipeline:
        pipeline(PICTURE, 0.0)  # first allocations
        timings = pipeline(PICTURE, 0.1).timings_ms
    assert {name for name in STAGES if timings[name] >= PAUSE * 1000} == {slow}
    assert PAUSE * 1000 <= timings[slow] <= timings["total"]
    assert timings["models"] < PAUSE * 1000  # waiting is no time of a model


def test_the_total_is_what_the_caller_waits_for(models: Models) -> None:
    with Pipeline(SETTINGS, models=models, stages={"decide": Slow(stage("decide", models))}) as pipeline:
        started = time.perf_counter()
        total = pipeline(PICTURE, 0.0).timings_ms["total"]
        waited = (time.perf_counter() - started) * 1000
    assert PAUSE * 1000 <= total <= waited
