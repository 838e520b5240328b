"""MCAP files of ROS 2, ROS 1 and Foxglove, whole or cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap.records import Channel, Schema
from mcap.records import Message as Record
from mcap.stream_reader import StreamReader
from mcap_protobuf.decoder import DecoderFactory

from signpipe.bags.bag import Bag, BagError, Message, Topic, plain_kind, reason
from signpipe.bags.ros import decoder

NANOSECONDS = 1e9


class McapBag(Bag):
    """An MCAP file. One without its index is read from the start up to its last whole chunk.

    Args:
        path: The file.

    Raises:
        OSError: It can't be opened.
        BagError: Nothing in it can be read.
    """

    def __init__(self, path: Path) -> None:
        self._protobuf = DecoderFactory()
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._decoders: dict[int, Callable[[bytes], Any]] = {}
        self._file = path.open("rb")
        try:
            counts = self._indexed() or self._scanned()
        except BaseException:
            self.close()
            raise
        self.topics = {}
        for number, channel in self._channels.items():
            there = self.topics.get(channel.topic)
            count = counts[number] + (there.count if there else 0)
            self.topics[channel.topic] = Topic(channel.topic, self._kind(channel), count)

    def messages(self, topics: Sequence[str]) -> Iterator[Message]:
        """Yield the messages on some topics: by their times where there is an index, else as they were written.

        Raises:
            BagError: The rest can't be read, though the file has its end.
        """
        try:
            for channel, record in self._cut(topics) if self.is_cut else self._whole(topics):
                decode = self._decoders.get(channel.id) or self._decoder(channel)
                yield Message(
                    channel.topic, self._kind(channel), record.log_time / NANOSECONDS, bytes(record.data), decode
                )
        except Exception as error:  # damaged chunks raise errors of four libraries
            if not self.is_cut:
                raise BagError(reason(error)) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _indexed(self) -> Counter[int] | None:
        """Return how many messages each channel has, by the file's own index; None without one."""
        try:
            summary = make_reader(self._file).get_summary()
        except Exception:  # a file without an end raises errors of several libraries
            return None
        statistics = summary.statistics if summary else None
        if summary is None or statistics is None or (statistics.message_count and not summary.chunk_indexes):
            return None
        self._schemas, self._channels = dict(summary.schemas), dict(summary.channels)
        self.seconds = (statistics.message_end_time - statistics.message_start_time) / NANOSECONDS
        return Counter(statistics.channel_message_counts)

    def _scanned(self) -> Counter[int]:
        """Return how many messages each channel has, by reading on as long as that works."""
        self.is_cut = True
        counts: Counter[int] = Counter()
        first, last = 2**64, 0
        try:
            for record in self._records():
                if isinstance(record, Record):
                    counts[record.channel_id] += 1
                    first, last = min(first, record.log_time), max(last, record.log_time)
        except Exception as error:  # where it ends, whatever stands there is read
            if not counts:
                raise BagError(reason(error)) from None
        self.seconds = max(last - first, 0) / NANOSECONDS
        return counts

    def _records(self) -> Iterator[Any]:
        """Yield the records from the start, and remember schemas and channels."""
        self._file.seek(0)
        for record in StreamReader(self._file).records:
            if isinstance(record, Schema):
                self._schemas[record.id] = record
            elif isinstance(record, Channel):
                self._channels[record.id] = record
            yield record

    def _whole(self, topics: Sequence[str]) -> Iterator[tuple[Channel, Record]]:
        self._file.seek(0)
        for _, channel, record in make_reader(self._file).iter_messages(topics=list(topics)):
            yield channel, record

    def _cut(self, topics: Sequence[str]) -> Iterator[tuple[Channel, Record]]:
        for record in self._records():
            if isinstance(record, Record) and self._channels[record.channel_id].topic in topics:
                yield self._channels[record.channel_id], record

    def _kind(self, channel: Channel) -> str:
        schema = self._schemas.get(channel.schema_id)
        return plain_kind(schema.name) if schema else channel.message_encoding

    def _decoder(self, channel: Channel) -> Callable[[bytes], Any]:
        """Return what makes objects of a channel's messages."""
        schema = self._schemas.get(channel.schema_id)
        decode: Callable[[bytes], Any] | None
        if channel.message_encoding == "protobuf":
            decode = self._protobuf.decoder_for("protobuf", schema)
        else:
            decode = decoder(channel.message_encoding, self._kind(channel))
        if decode is None:
            raise BagError(f"messages in {channel.message_encoding} can't be read")
        self._decoders[channel.id] = decode
        return decode
