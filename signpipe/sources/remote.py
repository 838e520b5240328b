"""Recordings that lie in an object store or on another machine, read in place through fsspec."""

from __future__ import annotations

from typing import Any

import av.error

from signpipe.errors import ExtraMissingError, SourceError
from signpipe.settings import CaptureSettings
from signpipe.sources.decode import Decoder, NoVideoError
from signpipe.sources.redact import redact
from signpipe.sources.video import VideoSource

REMOTE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "hdfs", "sftp", "webhdfs", "memory"})
_BLOCK = 8 * 2**20  # bytes that are read at a time


class RemoteSource(VideoSource):
    """A recording of which only what is decoded is fetched; closing it closes the connection too."""

    def __init__(self, decoder: Decoder, source_id: str, file: Any) -> None:
        self._file = file
        super().__init__(decoder, source_id)

    def close(self) -> None:
        """Close the recording."""
        super().close()
        self._file.close()


def open_file(spec: str) -> Any:
    """Open a remote file for reading at any place.

    Raises:
        SourceError: It isn't there, or may not be read.
        ExtraMissingError: The library for such addresses isn't installed.
    """
    name = redact(spec)
    try:
        import fsspec

        fs, path = fsspec.core.url_to_fs(spec)
        return fs.open(path, "rb", block_size=_BLOCK, cache_type="readahead")
    except ImportError:
        raise ExtraMissingError(f"reading {spec.partition('://')[0]}:// addresses", "batch") from None
    except FileNotFoundError:
        raise SourceError(f"There is no recording {name}.") from None
    except PermissionError as error:
        raise SourceError(f"{name} can't be read: {error}; check your rights there.") from None
    except Exception as error:  # each store has exceptions of its own
        raise SourceError(f"{name} can't be read ({error or type(error).__name__}).") from None


def open_remote(spec: str, settings: CaptureSettings) -> VideoSource:
    """Open a recording at an address.

    Args:
        spec: Such as s3://bucket/drive.mp4.
        settings: `deinterlace` is what counts.

    Raises:
        SourceError: It isn't there, may not be read, or is no video.
        ExtraMissingError: The library for such addresses isn't installed.
    """
    name, file = redact(spec), open_file(spec)
    try:
        return RemoteSource(Decoder(file, deinterlace=settings.deinterlace), name, file)
    except NoVideoError:
        file.close()
        raise SourceError(f"{name} has no video track that can be decoded.") from None
    except av.error.FFmpegError:
        file.close()
        raise SourceError(f"{name} is no video that can be read, or it is damaged or empty.") from None
