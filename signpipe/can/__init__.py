"""What signpipe says on a CAN bus, how a receiver must read it, and how the vehicle's speed is taken from one."""

from __future__ import annotations

from pathlib import Path

DBC = Path(__file__).with_name("signpipe.dbc")  # the messages, for any tool that reads such files
