"""The looks that the embedding learns, and the pictures that show them."""

from pathlib import Path

import numpy as np
import pytest

from signpipe.catalogue import load_catalogue
from signpipe.catalogue.drawings import drawing_svg
from signpipe.errors import SourceError
from signpipe.lab.data.meant import NO_SIGN
from signpipe.lab.data.uncatalogued import held_back
from signpipe.lab.evaluation.crop_sets import CropSet
from signpipe.lab.training.looks import Looks, read_looks, showing

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")

from signpipe.lab.training.classifier_data import TrainingCrops
from signpipe.lab.training.embedding_data import BESIDE, UNLABELLED, EmbeddingCrops, Sources
from signpipe.lab.training.photographs import Photographs, look_of

NAMES = load_catalogue().names
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (12, 80, 80, 3), dtype=np.uint8)
SHAPE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><rect width="20" height="20" fill="#fff"/>'
    '<rect x="2" y="2" width="{}" height="9" fill="#{}"/></svg>'
)
# Meanings that training may see.
SEEN = [name for name in ("regulatory--a", "regulatory--b", "regulatory--c", "regulatory--d") if not held_back(name)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("drawings")
    for number, name in enumerate(SEEN):
        (tmp_path / f"{name}--g1.svg").write_text(SHAPE.format(3 + 4 * number, "00f"))
    (tmp_path / f"{SEEN[0]}--g2.svg").write_text(SHAPE.format(16, "f00"))
    (tmp_path / "warning--same--g1.svg").write_text(SHAPE.format(3, "00f"))
    (tmp_path / "regulatory--yield--g1.svg").write_text(drawing_svg("give_way"))
    (tmp_path / "regulatory--maximum-speed-limit-90--g1.svg").write_text(SHAPE.format(9, "0f0"))
    return tmp_path


def shares(looks: Looks, first: str, second: str) -> bool:
    return bool(looks.shared[looks.proxy[first], looks.proxy[second]])


def test_a_drawing_of_a_base_class_is_one_with_it(folder: Path) -> None:
    looks = read_looks(folder)
    assert looks.proxy["regulatory--yield--g1"] == NAMES.index("give_way")
    assert looks.looks[NAMES.index("give_way")].base == NAMES.index("give_way")


def test_only_what_means_or_shows_the_same_is_not_pushed_apart(folder: Path) -> None:
    looks = read_looks(folder)
    assert shares(looks, f"{SEEN[0]}--g1", f"{SEEN[0]}--g2")
    assert shares(looks, f"{SEEN[0]}--g1", "warning--same--g1")
    assert not shares(looks, f"{SEEN[0]}--g1", f"{SEEN[1]}--g1")
    assert shares(looks, "limit:90", "regulatory--maximum-speed-limit-90--g1")
    assert not shares(looks, "limit:90", "limit:40")
    assert not shares(looks, "limit:90", "end:90")


def test_every_eighth_meaning_is_never_shown(tmp_path: Path) -> None:
    for number in range(64):
        (tmp_path / f"warning--thing-{number}--g1.svg").write_text(SHAPE.format(number % 16 + 1, f"{number * 40:06x}"))
    looks = read_looks(tmp_path)
    missing = {f"warning--thing-{n}--g1" for n in range(64)} - set(looks.proxy)
    assert missing == {f"warning--thing-{n}--g1" for n in range(64) if held_back(f"warning--thing-{n}")}
    assert 0 < len(missing) < 20


def test_a_folder_without_drawings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no drawings"):
        read_looks(tmp_path)


def test_a_meaning_is_photographed_in_its_drawing_or_in_a_look_of_its_own() -> None:
    assert look_of("stop") == "own:stop"
    assert look_of("speed_limit_40") == "limit:40"
    assert look_of("no_parking") == "regulatory--no-parking--g1"
    assert look_of("parking_taxi") == "photographed:parking_taxi"
    assert look_of(NO_SIGN) == NO_SIGN


def test_what_shows_a_class_is_found_in_every_drawing(folder: Path, tmp_path: Path) -> None:
    for drawing in ("regulatory--yield--g1", f"{SEEN[0]}--g1"):
        (tmp_path / f"{drawing}.svg").write_text((folder / f"{drawing}.svg").read_text())
    (tmp_path / "regulatory--yield--g7.svg").write_text(SHAPE.format(13, "0ff"))
    (tmp_path / "regulatory--maximum-speed-limit-led-120--g1.svg").write_text(SHAPE.format(13, "ff0"))
    looks = read_looks(tmp_path)
    found = {looks.looks[number].name for number in showing(looks, [NAMES.index("give_way")])}
    assert {"own:give_way", "regulatory--yield--g7"} == found
    found = {looks.looks[number].name for number in showing(looks, [NAMES.index("speed_limit_120")])}
    assert {"own:speed_limit_120", "led:120", "regulatory--maximum-speed-limit-led-120--g1"} == found
    assert not showing(looks, [])


def crops(folder: Path, leave_out: tuple[int, ...] = (), beside: float = BESIDE) -> EmbeddingCrops:
    looks = read_looks(folder, ["photographed:thing"])
    pictures = CropSet(np.repeat(NOISE, 8, 0)[:86], np.repeat(np.arange(43), 2), NOISE)
    base = TrainingCrops(pictures, 1000, 0, 48, 0.3, leave_out)
    shown = Photographs(NOISE[:4], ("own:stop", "photographed:thing", NO_SIGN, "unheard"), np.full(4, 40.0, np.float32))
    figure = np.full((112, 112, 4), 255, np.uint8)
    figures = ((looks.proxy["limit:40"], figure), (UNLABELLED, figure))
    return EmbeddingCrops(base, Sources(looks, figures, shown, NOISE), beside)


@pytest.mark.slow
def test_a_look_beyond_the_base_classes_is_cannot_tell_to_them_and_a_base_class_is_itself(folder: Path) -> None:
    data = crops(folder)
    looks = read_looks(folder, ["photographed:thing"])
    seen = set()
    for index in range(160):
        image, target, parts, look = data[index]
        assert image.shape == (48, 48, 3)
        assert target.sum() == pytest.approx(1, abs=1e-4)
        number = int(look)
        if number == len(looks) or (number >= 0 and looks.looks[number].base < 0):
            assert target[-1] == 1
        elif number >= 0:
            assert target[looks.looks[number].base] > 0
        if number == len(looks):
            assert not parts.any()
        seen.add(number)
    assert {UNLABELLED, len(looks), looks.proxy["limit:40"], looks.proxy["photographed:thing"]} <= seen


@pytest.mark.slow
@pytest.mark.parametrize("beside", [0.0, 0.2, 1.0])
def test_other_signs_are_shown_in_the_share_that_is_asked_for(folder: Path, beside: float) -> None:
    data, base = crops(folder, beside=beside), crops(folder, beside=0.0)
    of_base = [np.array_equal(data[i][0], base[i][0]) for i in range(100)]
    assert np.mean(of_base) == pytest.approx(1 - beside, abs=0.12)


@pytest.mark.slow
def test_a_picture_is_the_same_whenever_it_is_asked_for(folder: Path) -> None:
    first, second = crops(folder), crops(folder)
    for index in (0, 5, 9):
        for one, other in zip(first[index], second[index], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_each_look_that_is_known_has_a_first_view(folder: Path) -> None:
    images, looks = crops(folder).first_views()
    known = read_looks(folder, ["photographed:thing"]).proxy
    assert len(images) == len(looks)
    assert set(range(43)) | {known["limit:40"], known["photographed:thing"], known[f"{SEEN[1]}--g1"]} <= set(looks)


@pytest.mark.slow
def test_what_is_left_out_is_shown_in_no_drawing_and_no_photograph(folder: Path) -> None:
    left = {NAMES.index("stop"), NAMES.index("give_way")}
    data = crops(folder, tuple(left))
    assert not left & set(data.first_views()[1].tolist())
    shown = [data[index] for index in range(160)]
    assert not left & {int(look) for *_, look in shown}
    assert not any(target[list(left)].any() for _, target, *_ in shown)
