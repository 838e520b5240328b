"""Training goes on from an exported network: unfolded, it computes the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from signpipe.errors import SourceError
from signpipe.lab.evaluation.crop_sets import CropSet
from signpipe.lab.training.classifier import ClassifierPlan, ClassifierTraining, first_crops, outputs_of
from signpipe.lab.training.classifier_data import TrainingCrops
from signpipe.lab.training.detector import torch_detector
from signpipe.lab.training.detector_network import build_detector
from signpipe.lab.training.network import SignNet, normalise
from signpipe.lab.training.reader import outputs_of as reader_outputs
from signpipe.lab.training.recover import mean_of, trained_classifier, trained_reader
from signpipe.runtime.manifest import known_models
from signpipe.runtime.session import open_session
from signpipe.settings import RuntimeSettings
from signpipe.types import FloatArray, Image

EXPORT = known_models()["detector-fast-fp32"].path


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)


def rows_of_both(every_kind: bool) -> tuple[FloatArray, FloatArray]:
    """Return what a network unfolded from the export finds in a picture, and what the export does, float32 (300, 6)."""
    picture = noise(256, 320)
    batch = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).permute(2, 0, 1)[None].float() / 255
    model = build_detector("fast", EXPORT, [batch], every_kind)
    model.eval()
    model.end2end = True
    with torch.no_grad():
        rows = model(batch)[0][0].numpy()
    session = open_session(str(EXPORT), RuntimeSettings(provider="cpu", threads=1), "detector")
    return rows, session.run(picture[None])["detections"][0]


def test_a_network_unfolded_from_its_export_gives_the_same_boxes_and_scores() -> None:
    rows, expected = rows_of_both(every_kind=True)
    scores = np.unique(rows[:, 4].round(6))  # an outline each of what has one class in the export
    np.testing.assert_allclose(scores[-8:], np.unique(expected[:, 4].round(6))[-8:], atol=1e-4)
    best, theirs = rows[rows[:, 4].argmax()], expected[expected[:, 4].argmax()]
    np.testing.assert_allclose(best[:4], theirs[:4], atol=0.05)


def test_a_detector_that_tells_no_outlines_apart_gives_the_same_rows_as_its_export() -> None:
    rows, expected = rows_of_both(every_kind=False)
    assert not rows[:, 5].any()
    best, theirs = (np.sort(found[:, 4])[::-1][:8] for found in (rows, expected))
    np.testing.assert_allclose(best, theirs, atol=1e-4)


def test_its_normalisations_have_the_statistics_of_what_it_was_shown() -> None:
    batch = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    model = build_detector("fast", EXPORT, [batch])
    first = model.model[0]
    with torch.no_grad():
        output = first.conv(batch)
    torch.testing.assert_close(first.bn.running_mean, output.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(first.bn.running_var, output.var((0, 2, 3), correction=0), atol=1e-4, rtol=1e-2)


def test_what_is_no_such_export_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(SourceError, match=r"broken.onnx can't be read as ONNX"):
        build_detector("fast", tmp_path / "broken.onnx")
    with pytest.raises(SourceError, match="start from its -fp32 export"):
        build_detector("fast", known_models()["detector-accurate"].path)
    assert torch_detector(build_detector("fast"))(noise(64, 64)).score.max(initial=0.0) < 0.5


def test_a_classifier_unfolded_from_its_export_says_the_same_and_trains_on() -> None:
    export = known_models()["classifier-fp32"].path
    crops = np.random.default_rng(4).integers(0, 255, (24, 48, 48, 3), np.uint8)
    net = trained_classifier(export, [crops[:12], crops[12:]])
    _, features, visible = outputs_of(net, crops)
    session = open_session(str(export), RuntimeSettings(provider="cpu", threads=1), "classifier")
    expected = session.run(crops)
    embedding = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(embedding, expected["embedding"], atol=1e-4)
    np.testing.assert_allclose(visible, expected["visible"], atol=1e-4)
    net.train()  # with the statistics of the batch, which are those that it was unfolded by
    with torch.no_grad():
        trained = net(normalise(torch.from_numpy(crops)))[1]
    np.testing.assert_allclose(trained.numpy(), features, atol=0.05 * np.abs(features).max())


def test_a_classifiers_training_starts_from_an_export_measured_on_its_own_pictures(tmp_path: Path) -> None:
    export = known_models()["classifier-fp32"].path
    sides = np.random.default_rng(5).integers(0, 255, (86, 80, 80, 3), np.uint8)
    pictures = TrainingCrops(CropSet(sides, np.repeat(np.arange(43), 2), sides[:4]), 64, 0, 48, 0.5)
    plan = ClassifierPlan(epochs=1, pictures=64, batch=32, threads=1, start=str(export))
    net = ClassifierTraining(plan, tmp_path, crops=first_crops(pictures, plan.batch)).net
    crops = torch.from_numpy(np.stack([pictures[index][0] for index in range(64)]))
    with torch.no_grad():
        first = net.stem[0](normalise(crops))
    torch.testing.assert_close(net.stem[1].running_mean, first.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(net.stem[1].running_var, first.var((0, 2, 3), correction=0), atol=1e-4, rtol=1e-2)


def test_a_reader_unfolded_from_its_export_says_the_same() -> None:
    export = known_models()["reader-fp32"].path
    crops = np.random.default_rng(6).integers(0, 255, (8, 40, 96, 3), np.uint8)
    _, struck = reader_outputs(trained_reader(export, [crops]), crops)
    session = open_session(str(export), RuntimeSettings(provider="cpu", threads=1), "reader")
    expected = session.run(crops)
    shown = expected["struck"].astype(np.float64)
    wanted = np.log(shown / (1 - shown))  # the same but for the calibration, one factor for all
    np.testing.assert_allclose(struck / wanted, np.median(struck / wanted), rtol=1e-3)


def test_what_is_no_such_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no model"):
        trained_classifier(tmp_path / "none.onnx", [])
    for name in ("classifier", "detector-fast-fp32", "reader-fp32"):
        with pytest.raises(SourceError, match="start from a -fp32 export"):
            trained_classifier(known_models()[name].path, [])
    with pytest.raises(SourceError, match="another network"):
        trained_reader(known_models()["classifier-fp32"].path, [])


def seen_before(widths: tuple[int, int, int] = (32, 32, 32)) -> SignNet:
    """Return a network with chance weights, and the statistics of what it was shown."""
    net = SignNet(widths=widths)
    net.train()
    with torch.no_grad():
        for _ in range(20):
            net(3 * torch.randn(8, 4, 48, 48) + 1)
    net.eval()
    return net


def test_a_mean_is_that_of_what_the_layers_say_whatever_they_are_normalised_by() -> None:
    torch.manual_seed(0)
    one, two = seen_before(), seen_before()
    crops = torch.randn(4, 4, 48, 48)
    with torch.no_grad():
        for mine, own in zip(mean_of([one]).eval()(crops), one(crops), strict=True):
            torch.testing.assert_close(mine, own, atol=1e-3, rtol=1e-3)
        mean = mean_of([one, two]).eval()
        expected = (one.stem[:2](crops) + two.stem[:2](crops)) / 2
        torch.testing.assert_close(mean.stem[:2](crops), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mean.embed.weight, (one.embed.weight + two.embed.weight) / 2)
    assert one.stem[1].running_mean.abs().max() > 0  # they stay as they are


def test_the_mean_of_a_network_and_itself_normalised_by_something_else_is_the_network() -> None:
    first = known_models()["classifier-fp32"].path
    crops = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 3), dtype=np.uint8)
    nets = [trained_classifier(first, [crops[:32]]), trained_classifier(first, [crops[32:] // 2])]
    for mine, own in zip(outputs_of(mean_of(nets), crops), outputs_of(nets[0], crops), strict=True):
        np.testing.assert_allclose(mine, own, atol=2e-3)


def test_different_networks_have_no_mean() -> None:
    with pytest.raises(SourceError, match="Different networks"):
        mean_of([SignNet(widths=(32, 32, 32)), SignNet(widths=(64, 32, 32))])
