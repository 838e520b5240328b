"""The sample as a data set: its labels must fit its pictures."""

import numpy as np
import pytest

from signpipe.crops import crop_signs
from signpipe.errors import SourceError
from signpipe.lab.evaluation import sample
from signpipe.lab.evaluation.sample import SMALLEST_SIDE, evenly, sample_crops, sample_scenes
from signpipe.lab.simulation.truth import Truth, read_truth
from signpipe.sources import open_source


@pytest.fixture(scope="module")
def truth() -> Truth:
    return read_truth(sample.SAMPLE.with_suffix(".truth.jsonl"))


@pytest.mark.slow
def test_scenes_have_the_signs_of_their_frames(truth: Truth) -> None:
    frames = [np.array([box.xyxy for box in frame.signs], np.float32).tobytes() for frame in truth.frames]
    scenes = sample_scenes(5)
    assert len(scenes) == 5
    for scene in scenes:
        assert scene.read().shape == (720, 1280, 3)
        assert scene.boxes.tobytes() in frames
        assert not scene.ignore.all()
        sides = (scene.boxes[:, 2:] - scene.boxes[:, :2]).max(1)
        assert scene.ignore[sides < SMALLEST_SIDE].all()


@pytest.mark.slow
def test_a_crop_from_its_surroundings_is_the_crop_from_the_whole_frame(truth: Truth) -> None:
    crops = sample_crops(40)
    assert len(crops) == 40
    cut = {crop_signs(crop.read(), crop.boxes, 0.1, 48).tobytes(): crop.class_ids[0] for crop in crops}
    found = 0
    with open_source(str(sample.SAMPLE)) as video:
        for frame, labels in zip(video, truth.frames, strict=True):
            for box in labels.signs:
                pixels = crop_signs(frame.image, np.array([box.xyxy], np.float32), 0.1, 48).tobytes()
                if pixels in cut:
                    assert cut[pixels] == box.class_id
                    found += 1
    assert found == 40


def test_evenly_takes_the_first_and_the_last() -> None:
    assert evenly(range(100), 3) == [0, 50, 99]
    assert evenly(range(2), 3) == [0, 1]


def test_without_the_sample_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SAMPLE", sample.SAMPLE.with_name("nothing.mp4"))
    with pytest.raises(SourceError, match="--data"):
        sample_scenes(1)
