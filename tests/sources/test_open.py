"""What a person names is told apart, and what can't be opened is refused in one sentence."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signpipe.errors import SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources import open_source, redact
from tests.support.videos import write_video


def refusal(spec: str) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(spec, CaptureSettings(open_timeout=1))
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("spec", ["", " ", "no/such/file.mp4", "no-such-thing", "x" * 5000, "a\0b.mp4"])
def test_what_is_not_there_is_refused(spec: str) -> None:
    assert "There is no source" in refusal(spec) or "can't be opened" in refusal(spec)


@pytest.mark.parametrize("spec", ["ftp://host/a.mp4", "file:///a.mp4", "concat://a|b"])
def test_an_unknown_kind_of_address_is_refused_with_what_is_accepted(spec: str) -> None:
    assert "rtsp:// or http://" in refusal(spec)


@pytest.mark.parametrize("content", [b"", b"hello world, this is no video\n" * 100, bytes(5000)])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.txt", "a"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(str(path))
    assert str(path) in message
    assert ("is empty" in message) == (not content)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no regular file" in refusal(str(pipe))


def test_a_name_with_a_colon_is_a_file_and_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4").rename(tmp_path / "tcp:a.mp4")
    monkeypatch.chdir(tmp_path)
    source = open_source("tcp:a.mp4", CaptureSettings())
    assert source.read() is not None
    source.close()


class TestRedact:
    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("rtsp://10.0.0.7/main", "rtsp://10.0.0.7/main"),
            ("rtsp://joe:secret@10.0.0.7:554/main", "rtsp://***@10.0.0.7:554/main"),
            ("rtsp://joe:se@cr/et@10.0.0.7/main", "rtsp://***@10.0.0.7/main"),
            ("rtsp://joe@10.0.0.7/main", "rtsp://***@10.0.0.7/main"),
            ("RTSP://joe:secret@host/", "RTSP://***@host/"),
            ("rtsp:/joe:secret@host/", "rtsp:/***@host/"),
            ("joe:secret@host/stream", "***@host/stream"),
            ("http://host/video?user=joe&pwd=secret", "http://host/video?user=***&pwd=***"),
            ("rtsp://h/user=joe&password=secret&channel=1.sdp", "rtsp://h/user=***&password=***&channel=1.sdp"),
            ("rtsp://h/user=joe_password=secret_channel=1", "rtsp://h/user=***_password=***_channel=1"),
            ("some/folder/film@home.mp4", "some/folder/film@home.mp4"),
            ("frames/*.png", "frames/*.png"),
        ],
    )
    def test_examples(self, address: str, shown: str) -> None:
        assert redact(address) == shown

    @given(st.text(st.characters(exclude_characters="\n\r", codec="ascii"), min_size=4))
    def test_no_password_is_ever_shown(self, password: str) -> None:
        marked = f"<{password}>"
        assert marked not in redact(f"rtsp://joe:{marked}@host:554/stream")
        assert marked not in redact(f"http://joe:{marked}@host/stream?x=1")
