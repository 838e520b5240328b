"""Recordings of ROS and MCAP as they are: their topics, and the messages on them."""

from __future__ import annotations

from signpipe.bags.bag import Bag, BagError, Message, Topic
from signpipe.bags.opening import is_bag, open_bag

__all__ = ["Bag", "BagError", "Message", "Topic", "is_bag", "open_bag"]
