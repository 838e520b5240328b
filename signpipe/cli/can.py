"""`signpipe can`: the messages, and what a receiver makes of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signpipe.can import DBC
from signpipe.can.bus import BusError, faults, open_bus
from signpipe.can.receiver import Receiver
from signpipe.errors import OutputError, SourceError
from signpipe.sinks.files import refuse_existing

can_app = typer.Typer(no_args_is_help=True, help="What `signpipe run --can` says, and how it must be read.")

_EVERY = 0.5  # seconds between two lines


@can_app.command("dbc")
def dbc(
    out: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write it; standard output if none.")
    ] = None,
) -> None:
    """Give the file that describes the messages, for any tool that reads DBC."""
    if out is None:
        typer.echo(DBC.read_text(encoding="utf-8"), nl=False)
        return
    refuse_existing(out, "CAN database", "remove it first")
    try:
        out.write_bytes(DBC.read_bytes())
    except OSError as error:
        raise OutputError(f"The CAN database can't be written to {out} ({error.strerror}); choose another.") from None


@can_app.command("listen")
def listen(
    bus: Annotated[str, typer.Argument(metavar="BUS", help="INTERFACE:CHANNEL, such as socketcan:can0.")],
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so long.")] = None,
    fd: Annotated[bool, typer.Option("--fd", help="The bus is CAN FD.")] = False,
) -> None:
    """Read a bus with the reference receiver, and print twice a second what may be believed."""
    receiver, console = Receiver(), Console(soft_wrap=True, highlight=False)
    try:
        opened = open_bus(bus, fd)
        with faults(), opened:
            ends, due = time.monotonic() + (seconds or float("inf")), time.monotonic() + _EVERY
            while (now := time.monotonic()) < ends:
                frame = opened.recv(max(min(due, ends) - now, 0.0))
                now = time.monotonic()
                if frame is not None and not frame.is_error_frame:
                    receiver.receive(frame.arbitration_id, bytes(frame.data), now)
                if now >= due:
                    due = now + _EVERY
                    console.print(_line(receiver, now), markup=False)
    except BusError as error:
        raise SourceError(f"The CAN bus {bus} can't be read ({error}); bring it up, or name another.") from None


def _line(receiver: Receiver, now: float) -> str:
    """Return what may be believed, in a line."""
    status, limit, ahead = receiver.status(now), receiver.limit(now), receiver.ahead(now)
    value = "" if limit.value is None else f" {limit.value:g} {'mph' if limit.unit == 2 else 'km/h'}"
    stale = " (stale)" if limit.validity == 2 else ""
    next_value = "" if ahead.value is None else f" {ahead.value:g}"
    counts = ", ".join(f"{verdict} {count}" for verdict, count in sorted(receiver.counts.items()))
    return (
        f"signpipe {_word(status.state.name)}  limit: {_word(limit.kind.name)}{value}{stale}  "
        f"next: {_word(ahead.kind.name)}{next_value}  frames: {counts or 'none'}"
    )


def _word(name: str) -> str:
    return name.lower().replace("_", " ")
