"""Fetching public sets from a server on this machine: resumed, verified, safely unpacked, readable."""

import base64
import dataclasses
import hashlib
import io
import json
import random
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from typer.testing import CliRunner, Result

from signpipe.cli.data import data_app
from signpipe.errors import OutputError, SettingsError, SourceError
from signpipe.lab.data import open_dataset
from signpipe.lab.data.archives import PUBLIC
from signpipe.lab.data.download import Downloader
from signpipe.lab.data.fetch import LOCK, fetch_set
from signpipe.lab.data.uncatalogued import find_drawings
from signpipe.lab.data.unpack import unpack
from tests.lab.data.conftest import write_gtsdb, write_gtsrb, write_picture, write_text
from tests.lab.data.serving import Site, serve

BODY = random.Random(0).randbytes(700_000)
IMPATIENT = Downloader(tries=3, pause=0.01, timeout=5)


def quiet(_done: int, _total: int | None) -> None:
    """Show no progress."""


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        running.files["/a.zip"] = BODY
        yield running


def zip_of(folder: Path, prefix: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                zipped.write(path, f"{prefix}{path.relative_to(folder).as_posix()}")
    return buffer.getvalue()


def tar_of(files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
    return buffer.getvalue()


class TestDownload:
    def fetch(self, site: Site, target: Path) -> None:
        IMPATIENT.fetch(f"{site.url}/a.zip", target, quiet)

    def test_goes_on_where_the_connection_broke_off_again_and_again(self, site: Site, tmp_path: Path) -> None:
        site.cuts = [100_000, 1, 250_000, 300_000]
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY
        starts = [None, "bytes=100000-", "bytes=100001-", "bytes=350001-", "bytes=650001-"]
        assert [wanted for _, wanted in site.requests] == starts
        assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]

    def test_goes_on_after_the_program_was_stopped(self, site: Site, tmp_path: Path) -> None:
        def stop(done: int, _total: int | None) -> None:
            if done > 300_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            IMPATIENT.fetch(f"{site.url}/a.zip", tmp_path / "a.zip", stop)
        kept = (tmp_path / "a.zip.part").stat().st_size
        assert 0 < kept < len(BODY)
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY
        assert site.requests[-1] == ("/a.zip", f"bytes={kept}-")

    def test_starts_anew_where_the_server_knows_no_ranges(self, site: Site, tmp_path: Path) -> None:
        site.ranges = False
        site.cuts = [100_000]
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY

    def test_never_puts_two_versions_of_a_file_together(self, site: Site, tmp_path: Path) -> None:
        site.cuts = [100_000] * 3
        with pytest.raises(SourceError):
            Downloader(tries=1, pause=0.01).fetch(f"{site.url}/a.zip", tmp_path / "a.zip", quiet)
        site.files["/a.zip"], site.tag, site.cuts = BODY[::-1], '"2"', []
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY[::-1]

    def test_a_part_that_is_whole_already_is_taken(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "a.zip.part").write_bytes(BODY)
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY
        assert len(site.requests) == 1

    def test_a_part_that_is_longer_than_the_file_is_thrown_away(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "a.zip.part").write_bytes(BODY + b"more")
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_an_error_that_may_pass_is_tried_again(self, site: Site, tmp_path: Path, code: int) -> None:
        site.codes = [code, code]
        self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == BODY

    @pytest.mark.parametrize("code", [403, 404, 410])
    def test_an_error_that_stays_is_told_at_once(self, site: Site, tmp_path: Path, code: int) -> None:
        site.codes = [code] * 9
        with pytest.raises(SourceError, match=f"the server says {code} .*--base-url"):
            self.fetch(site, tmp_path / "a.zip")
        assert len(site.requests) == 1

    def test_gives_up_after_some_tries_without_progress_and_keeps_what_came(self, site: Site, tmp_path: Path) -> None:
        site.cuts = [500_000] + [0] * 9
        with pytest.raises(SourceError, match=r"failed 3 times in a row .*0\.5 MB are kept"):
            self.fetch(site, tmp_path / "a.zip")
        assert (tmp_path / "a.zip.part").stat().st_size == 500_000
        assert not (tmp_path / "a.zip").exists()

    def test_a_server_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with serve() as gone:
            url = gone.url
        with pytest.raises(SourceError, match=r"failed 3 times in a row .*refused"):
            IMPATIENT.fetch(f"{url}/a.zip", tmp_path / "a.zip", quiet)

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "ftp://a/b", "a.zip", "https://me:secret@host/a.zip", "http://"]
    )
    def test_other_addresses_are_refused_without_repeating_them(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(SourceError, match="must start with http") as error:
            IMPATIENT.fetch(url, tmp_path / "a.zip", quiet)
        assert "secret" not in str(error.value)

    def test_progress_ends_at_the_total(self, site: Site, tmp_path: Path) -> None:
        seen: list[tuple[int, int | None]] = []
        IMPATIENT.fetch(f"{site.url}/a.zip", tmp_path / "a.zip", lambda done, total: seen.append((done, total)))
        assert seen[0] == (0, len(BODY))
        assert seen[-1] == (len(BODY), len(BODY))
        assert seen == sorted(seen)

    def test_a_folder_that_cannot_be_written_is_an_error(self, site: Site, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="can't be written"):
            self.fetch(site, tmp_path / "file" / "a.zip")


class TestUnpack:
    def anywhere(self, member: PurePosixPath) -> PurePosixPath:
        return member

    def refused(self, tmp_path: Path, name: str, mode: int = 0) -> None:
        archive = tmp_path / "a.zip"
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("fine.txt", "fine")
            zipped.writestr(info, "../../etc")
        with pytest.raises(SourceError, match="don't trust it"):
            unpack(archive, tmp_path / "out", self.anywhere)
        assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]

    @pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil"])
    def test_a_name_that_leads_out_refuses_the_archive_before_anything_is_written(
        self, tmp_path: Path, name: str
    ) -> None:
        self.refused(tmp_path, name)

    def test_a_link_refuses_the_archive(self, tmp_path: Path) -> None:
        self.refused(tmp_path, "link", stat.S_IFLNK | 0o777)

    def test_a_size_beyond_reason_refuses_the_archive(self, tmp_path: Path) -> None:
        archive = tmp_path / "a.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("a", "x")
            for info in zipped.filelist:
                info.file_size = 30_000_000_000  # as the directory at the end will say
        with pytest.raises(SourceError, match="would unpack to 30 GB"):
            unpack(archive, tmp_path / "out", self.anywhere)

    @pytest.mark.parametrize("content", [b"", b"<html>not found</html>", zip_of(Path(__file__).parent, "")[:-100]])
    def test_what_is_no_whole_zip_file_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(SourceError, match="delete it and fetch it again"):
            unpack(tmp_path / "a.zip", tmp_path / "out", self.anywhere)

    def test_damage_inside_is_an_error(self, tmp_path: Path) -> None:
        content = bytearray(zip_of(Path(__file__).parent, ""))
        name_length, extra_length = struct.unpack("<HH", content[26:30])
        content[30 + name_length + extra_length + 10] ^= 0xFF
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(SourceError, match="CRC"):
            unpack(tmp_path / "a.zip", tmp_path / "out", self.anywhere)

    def test_a_tar_file_is_unpacked_too(self, tmp_path: Path) -> None:
        (tmp_path / "a.tgz").write_bytes(tar_of({"package/a.svg": b"<svg/>", "package/b/c.txt": b"c"}))
        assert unpack(tmp_path / "a.tgz", tmp_path / "out", self.anywhere) == 2
        assert (tmp_path / "out" / "package" / "a.svg").read_bytes() == b"<svg/>"

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
    def test_what_is_no_file_refuses_a_tar_file(self, tmp_path: Path, kind: bytes) -> None:
        (tmp_path / "a.tgz").write_bytes(tar_of({"package/a.svg": b"<svg/>"}, kind))
        with pytest.raises(SourceError, match="don't trust it"):
            unpack(tmp_path / "a.tgz", tmp_path / "out", self.anywhere)
        assert not (tmp_path / "out").exists()

    def test_a_tar_file_that_broke_off_is_an_error(self, tmp_path: Path) -> None:
        whole = tar_of({f"package/{number}.svg": random.Random(number).randbytes(5000) for number in range(9)})
        (tmp_path / "a.tgz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SourceError, match="delete it and fetch it again"):
            unpack(tmp_path / "a.tgz", tmp_path / "out", self.anywhere)


class TestDrawings:
    @pytest.fixture
    def home(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
        (archive,) = PUBLIC["drawings"]
        content = tar_of({
            "package/package_signs/regulatory--stop--g1.svg": b"<svg/>",
            "package/package_objects/object--bench.svg": b"<svg/>",
            "package/LICENSE": b"MIT",
        })  # fmt: skip
        site.files[f"/{archive.name}"] = content
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        monkeypatch.setitem(PUBLIC, "drawings", (dataclasses.replace(archive, sha512=digest),))
        return site

    def test_signs_and_licence_are_kept_and_found_by_themselves(
        self, home: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home.cuts = [50]
        (line,) = fetch_set("drawings", tmp_path / "data", home.url, downloader=IMPATIENT)
        assert "its SHA-512 is that of the npm registry" in line
        assert sorted(p.name for p in (tmp_path / "data" / "drawings").iterdir()) == [
            "LICENSE",
            "regulatory--stop--g1.svg",
        ]
        monkeypatch.setenv("SIGNPIPE_DATA", str(tmp_path / "data"))
        assert find_drawings() == tmp_path / "data" / "drawings"
        monkeypatch.setenv("SIGNPIPE_DATA", str(tmp_path / "nothing"))
        monkeypatch.chdir(tmp_path)
        assert find_drawings() == Path("data/drawings")
        assert find_drawings(tmp_path) == tmp_path

    def test_another_package_is_refused(self, home: Site, tmp_path: Path) -> None:
        home.files[f"/{PUBLIC['drawings'][0].name}"] = tar_of({"package/LICENSE": b"mine"})
        with pytest.raises(SourceError, match=r"has the SHA-512 .* it was deleted"):
            fetch_set("drawings", tmp_path / "data", home.url, downloader=IMPATIENT)
        assert not (tmp_path / "data" / "drawings").exists()


class TestGtsdb:
    @pytest.fixture
    def home(self, site: Site, tmp_path: Path) -> Site:
        write_gtsdb(tmp_path / "official")
        for picture in (tmp_path / "official" / "images").iterdir():
            picture.rename(tmp_path / "official" / picture.name)
        write_picture(tmp_path / "official" / "14" / "00000.ppm", 5, 32, 32)
        write_text(tmp_path / "official" / "ReadMe.txt", "read me")
        site.files["/FullIJCNN2013.zip"] = zip_of(tmp_path / "official", "FullIJCNN2013/")
        return site

    def fetch(self, home: Site, out: Path, keep: bool = False) -> list[str]:
        return fetch_set("gtsdb", out, home.url, keep, IMPATIENT)

    def test_is_readable_when_fetched(self, home: Site, tmp_path: Path) -> None:
        (line,) = self.fetch(home, tmp_path / "data")
        assert "no published checksum of it is known" in line
        dataset = open_dataset(tmp_path / "data", "gtsdb")
        assert [len(image.boxes) for image in dataset] == [2, 1, 0]
        assert sorted(p.name for p in (tmp_path / "data").iterdir()) == [LOCK, "gtsdb"]
        assert not (tmp_path / "data" / "gtsdb" / "14").exists()

    def test_what_is_there_is_not_fetched_again(self, home: Site, tmp_path: Path) -> None:
        self.fetch(home, tmp_path / "data")
        asked = len(home.requests)
        (line,) = self.fetch(home, tmp_path / "data")
        assert "was fetched before" in line
        assert len(home.requests) == asked

    def test_what_was_deleted_is_fetched_again_and_must_be_the_same(self, home: Site, tmp_path: Path) -> None:
        self.fetch(home, tmp_path / "data")
        lost = tmp_path / "data" / "gtsdb" / "images" / "00003.ppm"
        lost.unlink()
        (line,) = self.fetch(home, tmp_path / "data")
        assert "its SHA-256 is that of the first download" in line
        assert lost.exists()
        lost.unlink()
        home.files["/FullIJCNN2013.zip"] = zip_of(tmp_path / "official", "Other/")
        with pytest.raises(SourceError, match=r"has the SHA-256 .*in fetched\.json before; delete its entry"):
            self.fetch(home, tmp_path / "data")
        assert not (tmp_path / "data" / "FullIJCNN2013.zip").exists()

    def test_the_lock_file_has_size_and_checksums(self, home: Site, tmp_path: Path) -> None:
        self.fetch(home, tmp_path / "data")
        content = home.files["/FullIJCNN2013.zip"]
        entry = json.loads((tmp_path / "data" / LOCK).read_text())["FullIJCNN2013.zip"]
        assert entry["size"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()

    def test_an_archive_that_is_there_is_used(self, home: Site, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "FullIJCNN2013.zip").write_bytes(home.files["/FullIJCNN2013.zip"])
        self.fetch(home, tmp_path / "data", keep=True)
        assert home.requests == []
        assert (tmp_path / "data" / "FullIJCNN2013.zip").exists()

    def test_an_archive_of_something_else_is_refused(self, home: Site, tmp_path: Path) -> None:
        home.files["/FullIJCNN2013.zip"] = zip_of(Path(__file__).parent, "a/b/c/")
        with pytest.raises(SourceError, match="none of the files that belong to the data set"):
            self.fetch(home, tmp_path / "data")


class TestGtsrb:
    @pytest.fixture
    def home(self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
        """Serve small archives in the official layout, known by their MD5 as the real ones are."""
        write_gtsrb(tmp_path / "training", classes=(1, 14))
        write_picture(tmp_path / "test" / "Final_Test" / "Images" / "00000.ppm", 7, 40, 44)
        write_text(
            tmp_path / "truth" / "GT-final_test.csv",
            "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n00000.ppm;40;44;4;5;35;38;14\n",
        )
        contents = [
            zip_of(tmp_path / "training", "GTSRB/"),
            zip_of(tmp_path / "test", "GTSRB/"),
            zip_of(tmp_path / "truth", ""),
        ]
        archives = []
        for archive, content in zip(PUBLIC["gtsrb"], contents, strict=True):
            site.files[f"/{archive.name}"] = content
            archives.append(dataclasses.replace(archive, md5=hashlib.md5(content).hexdigest()))
        monkeypatch.setitem(PUBLIC, "gtsrb", tuple(archives))
        return site

    def test_training_and_test_set_are_readable_when_fetched(self, home: Site, tmp_path: Path) -> None:
        lines = fetch_set("gtsrb", tmp_path / "data", home.url, downloader=IMPATIENT)
        assert all("its MD5 is the published one" in line for line in lines)
        assert len(open_dataset(tmp_path / "data", "gtsrb")) == 60
        assert len(open_dataset(tmp_path / "data", "gtsrb", "val")) == 12
        assert [i.class_ids.tolist() for i in open_dataset(tmp_path / "data", "gtsrb-test")] == [[14]]

    def test_a_damaged_archive_is_deleted_and_not_unpacked(self, home: Site, tmp_path: Path) -> None:
        name = PUBLIC["gtsrb"][0].name
        home.files[f"/{name}"] += b"\0"
        with pytest.raises(SourceError, match=f"{name} has the MD5 .* it was deleted"):
            fetch_set("gtsrb", tmp_path / "data", home.url, downloader=IMPATIENT)
        assert list((tmp_path / "data").iterdir()) == []

    def test_only_what_is_missing_is_fetched_after_a_failure(self, home: Site, tmp_path: Path) -> None:
        last = f"/{PUBLIC['gtsrb'][2].name}"
        content = home.files.pop(last)
        with pytest.raises(SourceError, match="404"):
            fetch_set("gtsrb", tmp_path / "data", home.url, downloader=IMPATIENT)
        home.files[last] = content
        home.requests.clear()
        fetch_set("gtsrb", tmp_path / "data", home.url, downloader=IMPATIENT)
        assert home.requests == [(last, None)]


def test_every_public_archive_has_an_https_home_and_its_checksum_a_source() -> None:
    for archive in (archive for archives in PUBLIC.values() for archive in archives):
        assert archive.home.startswith("https://")
        assert archive.home.endswith("/")
        assert (archive.md5 is None and archive.sha512 is None) == (archive.source is None)


def test_an_unknown_set_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no public data set 'coco' to fetch; it is one of gtsrb, gtsdb"):
        fetch_set("coco", tmp_path)


def test_a_lock_file_that_is_damaged_is_an_error(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("{")
    with pytest.raises(SourceError, match="delete it to fetch the data set anew"):
        fetch_set("gtsdb", tmp_path)


class TestCommand:
    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(data_app, ["fetch", *map(str, arguments)])

    def test_fetches_from_a_mirror_and_says_what_it_did(self, site: Site, tmp_path: Path) -> None:
        write_gtsdb(tmp_path / "official")
        write_text(tmp_path / "official" / "00099.ppm", "a scene")
        site.files["/mirror/FullIJCNN2013.zip"] = zip_of(tmp_path / "official", "FullIJCNN2013/")
        site.cuts = [200]
        result = self.run("gtsdb", "--out", tmp_path / "data", "--base-url", f"{site.url}/mirror/")
        assert result.exit_code == 0
        assert "FullIJCNN2013.zip: 2 files in" in result.output
        assert (tmp_path / "data" / "gtsdb" / "images" / "00099.ppm").exists()

    def test_a_wrong_name_is_one_sentence(self, tmp_path: Path) -> None:
        assert isinstance(self.run("coco", "--out", tmp_path).exception, SettingsError)
