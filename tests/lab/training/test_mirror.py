"""Which signs mirror into which."""

from signpipe.catalogue import load_catalogue
from signpipe.lab.training.classifier_data import MIRROR


def test_mirroring_is_an_involution_that_keeps_shape_and_category() -> None:
    signs = load_catalogue()
    for here, there in MIRROR.items():
        assert MIRROR[there] == here
        assert (signs[here].shape, signs[here].category) == (signs[there].shape, signs[there].category)
