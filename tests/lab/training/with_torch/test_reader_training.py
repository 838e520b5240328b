"""Training the reader on a handful of drawn signs: it learns, resumes, and what it exports says the same."""

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from signpipe.errors import SourceError
from signpipe.figures.ctc import ALPHABET, CHARACTERS, text_log_probability
from signpipe.lab.augmentation.figured import FiguredSigns
from signpipe.lab.augmentation.lettering import Typeface
from signpipe.lab.training.export_reader import calibrate, write_onnx
from signpipe.lab.training.reader import FigureSet, ReaderPlan, ReaderTraining, drawn_set, outputs_of, text_loss
from signpipe.lab.training.reader_data import FigureCrops, Photographs
from signpipe.lab.training.reader_network import ReaderNet
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings

PLAN = ReaderPlan(epochs=4, pictures=32, batch=16)
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


@pytest.fixture(scope="module")
def crops() -> FigureCrops:
    rng = np.random.default_rng(0)
    clutter = rng.integers(0, 256, (8, 80, 80, 3)).astype(np.uint8)
    plain = [np.full((112, 112, 4), 255, np.uint8)]
    photographs = Photographs(list(clutter), 0.35, [""] * 8, [False] * 8, np.ones(8, np.float32))
    return FigureCrops(FiguredSigns([Typeface(FONT)]), plain, photographs, clutter, seed=0, pool=40)


def test_a_batch_is_always_the_same_and_another_one_differs(crops: FigureCrops) -> None:
    images, texts, struck = crops.batch(3, 16)
    again, same, _ = crops.batch(3, 16)
    np.testing.assert_array_equal(images, again)
    assert texts == same
    assert images.shape == (16, 40, 96, 3)
    assert struck.shape == (16,)
    assert (crops.batch(4, 16)[0] != images).any()
    assert sum(bool(text) for text in texts) >= 4


def test_the_loss_is_what_the_text_costs() -> None:
    columns = torch.randn(3, 24, len(CHARACTERS), generator=torch.Generator().manual_seed(0))
    texts = ["80", "", "7.5t"]
    numbers = [[ALPHABET.index(character) + 1 for character in text] for text in texts]
    log_probability = columns.log_softmax(2).numpy()
    cost = [-text_log_probability(one, [text])[0] for one, text in zip(log_probability, texts, strict=True)]
    assert float(text_loss(columns, numbers)) == pytest.approx(np.mean(cost), rel=1e-4)


def test_it_learns_and_goes_on_where_it_was(crops: FigureCrops, tmp_path: Path) -> None:
    training = ReaderTraining(PLAN, tmp_path)
    losses = [training.run_epoch(crops) for _ in range(2)]
    training.save()
    resumed = ReaderTraining(PLAN, tmp_path)
    resumed.resume()
    assert resumed.epoch == 2
    assert resumed.schedule.get_last_lr() == pytest.approx(training.schedule.get_last_lr())
    for one, other in zip(training.averaged.parameters(), resumed.averaged.parameters(), strict=True):
        assert torch.equal(one, other)
    losses += [resumed.run_epoch(crops) for _ in range(2)]
    assert losses[-1] < losses[0] / 2
    with pytest.raises(SourceError, match="trained with other settings"):
        ReaderTraining(replace(PLAN, seed=1), tmp_path).resume()


def test_what_is_exported_reads_as_the_network_does(crops: FigureCrops, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = ReaderNet().eval()
    wanted: FigureSet = drawn_set(crops, 8, 0)
    write_onnx(net, 2.0, 0.5, tmp_path / "reader.onnx")
    session = open_session(str(tmp_path / "reader.onnx"), RuntimeSettings(provider="cpu"), "reader")
    run = session.run(wanted.images)
    columns, struck = (torch.from_numpy(part) for part in outputs_of(net, wanted.images))
    np.testing.assert_allclose(run["log_probabilities"], (columns / 2.0).log_softmax(2).numpy(), atol=1e-3)
    np.testing.assert_allclose(run["struck"], (struck / 0.5).sigmoid().numpy(), atol=1e-4)


def test_a_network_that_knows_nothing_is_made_less_sure(crops: FigureCrops) -> None:
    torch.manual_seed(0)
    net = ReaderNet().eval()
    with torch.no_grad():
        net.head.weight *= 30
        net.struck.weight *= 30
    temperature, struck = calibrate(net, drawn_set(crops, 24, 1))
    assert temperature > 1.5
    assert struck > 1.0
