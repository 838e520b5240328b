"""The public data sets: where they are at home, and the checksums that are known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

# The University of Copenhagen's archive took both sets over from the Ruhr-Universitaet Bochum (benchmark.ini.rub.de).
_GTSRB = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
_GTSDB = "https://sid.erda.dk/public/archives/ff17dc924eba88d5d01a807357d6614c/"


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip or tar file of a public data set.

    Attributes:
        name: Its file name, at home and while it is here.
        home: The address of the folder it lies in, with a slash at the end.
        place: Where one of its members goes in the data folder, or None for one that isn't needed.
        target: The file or folder that all its members go to.
        md5: Its published MD5, or None where none is known.
        source: Who published that, or the SHA-512.
        sha512: Its published SHA-512, base64 as npm's registry writes it, or None where none is known.
    """

    name: str
    home: str
    place: Callable[[PurePosixPath], PurePosixPath | None]
    target: PurePosixPath
    md5: str | None = None
    source: str | None = None
    sha512: str | None = None


def _gtsrb(member: PurePosixPath) -> PurePosixPath | None:
    """Keep the official layout, GTSRB/Final_Training/Images/00000/00000_00000.ppm, under gtsrb/."""
    return PurePosixPath("gtsrb", *member.parts[1:]) if len(member.parts) > 2 else None


def _gtsrb_truth(member: PurePosixPath) -> PurePosixPath | None:
    return PurePosixPath("gtsrb/Final_Test", member.name) if member.name == "GT-final_test.csv" else None


def _gtsdb(member: PurePosixPath) -> PurePosixPath | None:
    """Keep the scenes and gt.txt; the folders 00 to 42 only hold the boxed signs once more."""
    if len(member.parts) != 2:
        return None
    return PurePosixPath("gtsdb/images" if member.suffix == ".ppm" else "gtsdb", member.name)


def _drawings(member: PurePosixPath) -> PurePosixPath | None:
    """Keep the drawings of signs, package/package_signs/NAME.svg, and the licence."""
    is_sign = member.parent == PurePosixPath("package/package_signs") and member.suffix == ".svg"
    return PurePosixPath("drawings", member.name) if is_sign or member == PurePosixPath("package/LICENSE") else None


PUBLIC: dict[str, tuple[Archive, ...]] = {
    "gtsrb": (
        Archive(
            "GTSRB_Final_Training_Images.zip",
            _GTSRB,
            _gtsrb,
            PurePosixPath("gtsrb/Final_Training"),
            "f33fd80ac59bff73c82d25ab499e03a3",
            "google-deepmind/dm_nevis, dm_nevis/datasets_storage/handlers/german_tsr.py",
        ),
        Archive(
            "GTSRB_Final_Test_Images.zip",
            _GTSRB,
            _gtsrb,
            PurePosixPath("gtsrb/Final_Test/Images"),
            "c7e4e6327067d32654124b0fe9e82185",
            "pytorch/vision, torchvision/datasets/gtsrb.py",
        ),
        Archive(
            "GTSRB_Final_Test_GT.zip",
            _GTSRB,
            _gtsrb_truth,
            PurePosixPath("gtsrb/Final_Test/GT-final_test.csv"),
            "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
            "pytorch/vision, torchvision/datasets/gtsrb.py",
        ),
    ),
    # No published checksum of it is known, so the first download is what later ones are compared with.
    "gtsdb": (Archive("FullIJCNN2013.zip", _GTSDB, _gtsdb, PurePosixPath("gtsdb")),),
    "drawings": (
        Archive(
            "mapillary_sprite_source-1.8.0.tgz",
            "https://registry.npmjs.org/mapillary_sprite_source/-/",
            _drawings,
            PurePosixPath("drawings"),
            source="the npm registry",
            sha512="F4nERlUC/aOXbyMkZzQ8s2OU4oTzxJT8THK5KIM0F8F8mnGeNvTcE2AA1l9EnoyWRBYbiZISeEovPJzTwMkgWA==",
        ),
    ),
}
