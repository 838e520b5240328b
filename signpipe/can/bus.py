"""Opening a CAN bus by its name, and what can go wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from signpipe.errors import ExtraMissingError, SettingsError

if TYPE_CHECKING:
    import can

NAMES = "name it INTERFACE:CHANNEL, such as socketcan:can0, virtual:test or udp_multicast:239.74.163.2"


class BusError(OSError):
    """A bus can't be opened or used; says why."""


def import_can() -> Any:
    """Import python-can.

    Raises:
        ExtraMissingError: The extra "can" isn't installed.
    """
    try:
        import can
    except ImportError:
        raise ExtraMissingError("CAN", "can") from None
    return can


def check_name(name: str) -> tuple[str, str]:
    """Return interface and channel of a bus's name.

    Raises:
        SettingsError: It is none.
        ExtraMissingError: The extra "can" isn't installed.
    """
    interface, colon, channel = name.partition(":")
    known = sorted(import_can().VALID_INTERFACES)
    if not colon or not channel or interface not in known:
        told = f"there is no interface '{interface}'" if colon and channel else "it lacks its channel"
        raise SettingsError(f"'{name}' is no CAN bus, since {told}: {NAMES}; interfaces are {', '.join(known)}.")
    return interface, channel


def open_bus(name: str, fd: bool = False, bitrate: int | None = None) -> can.BusABC:
    """Open a bus.

    Args:
        name: INTERFACE:CHANNEL, as python-can has them.
        fd: True for CAN FD.
        bitrate: Bits per second, for adapters that set it; None leaves it as it is.

    Raises:
        SettingsError: The name is none of a bus.
        ExtraMissingError: The extra "can" isn't installed.
        BusError: It can't be opened; says why.
    """
    library = import_can()
    interface, channel = check_name(name)
    options: dict[str, Any] = {"fd": True} if fd or interface == "udp_multicast" else {}
    if bitrate is not None:
        options["bitrate"] = bitrate
    with faults():
        bus: can.BusABC = library.Bus(interface=interface, channel=channel, ignore_config=True, **options)
    return bus


@contextmanager
def faults() -> Iterator[None]:
    """Turn whatever a driver raises into a `BusError`.

    Raises:
        BusError: The body raised something.
    """
    library = import_can()
    try:
        yield
    except library.CanInterfaceNotImplementedError as error:
        raise BusError(f"its driver isn't there ({error})") from None
    except library.CanError as error:
        raise BusError(str(error) or type(error).__name__) from None
    except OSError as error:
        raise BusError(error.strerror or str(error)) from None
    except (ValueError, TypeError, AttributeError) as error:  # what drivers make of options that they don't know
        raise BusError(str(error)) from None
