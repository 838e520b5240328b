"""Which addresses may be watched when they come from outside: a server must not be made to ask its own network."""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from signpipe.errors import SettingsError, SourceError
from signpipe.sources.redact import redact

SCHEMES: Final = ("rtsp", "rtsps", "http", "https")

_STRANGE = re.compile(r"[\s\\\x00-\x1f\x7f#<>\"^`{|}]")  # parsers disagree about what these mean in an address
_TUNNELS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))
_MOST_HOPS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


def checked_address(address: str, recordings: Path | None) -> str:
    """Return an address that the API may add, in one form only; where it leads is checked by `settled`.

    Args:
        address: What was asked for.
        recordings: Folder whose files may be added, by their path in it.

    Raises:
        SettingsError: It may not be added; one sentence says why.
    """
    scheme, mark, _ = address.partition("://")
    if not mark:
        return str(_recording(address, recordings))
    if scheme.lower() not in SCHEMES:
        raise SettingsError(f"Sources of the kind '{scheme[:16]}' can't be added: give {', '.join(SCHEMES)}.")
    return urlunsplit(_split(address))


def _recording(name: str, recordings: Path | None) -> Path:
    if recordings is None:
        raise SettingsError("Only addresses can be added; for files, set server.recordings to a folder of recordings.")
    root = recordings.resolve()
    try:
        path = (root / name).resolve()
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise SettingsError("There is no such file in the folder of recordings (server.recordings).")
    return path


def _split(address: str) -> SplitResult:
    """Take an address apart.

    Raises:
        SettingsError: It is none, or one that two parsers might read differently.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, SplitResult("", "", "", "", "")
    if not host or port == 0 or _STRANGE.search(address) or parts.netloc.count("@") > 1:
        raise SettingsError("That is no address of a camera or stream: give SCHEME://[USER:PASSWORD@]HOST[:PORT]/PATH.")
    return parts


def is_public(ip: str) -> bool:
    """Return whether an address of the internet protocol is one of the public network, and no way round to another."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast


def settled(address: str, timeout: float) -> str:
    """Return where an address really leads, which is public at every step.

    A name is looked up now, not when the source was added, and a web server's redirections are followed here: what
    opens the source follows none. A name that resolves differently a moment later isn't noticed.

    Args:
        address: As `checked_address` gave it; what is no address comes back as it is.
        timeout: Seconds for each step.

    Raises:
        SourceError: It leads to a private or local place, or nowhere.
    """
    for _ in range(_MOST_HOPS):
        if "://" not in address:
            return address
        parts = urlsplit(address)
        _check_public(parts, address)
        onward = _redirection(parts, timeout) if parts.scheme in ("http", "https") else None
        if onward is None:
            return address
        address = _next(address, onward)
    raise SourceError(f"The server of {redact(address)} sends from one address to the next without end.")


def refuse_private(address: str) -> None:
    """Refuse at once what `settled` would refuse later; a host that isn't known now may be when it is opened.

    Raises:
        SettingsError: The address is in a private or local network.
    """
    if "://" in address:
        parts = urlsplit(address)
        try:
            found = _lookup(parts)
        except (OSError, UnicodeError):
            return
        if not all(map(is_public, found)):
            raise SettingsError(_private(address))


def _lookup(parts: SplitResult) -> list[str]:
    """Return the addresses of a host."""
    found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _private(address: str) -> str:
    return (
        f"{redact(address)} is in a private or local network; name it in the server's own file, or set "
        "server.private_sources."
    )


def _next(address: str, onward: str) -> str:
    try:
        return checked_address(urljoin(address, onward), None)
    except SettingsError:
        raise SourceError(f"The server of {redact(address)} sends on to an address that can't be watched.") from None


def _check_public(parts: SplitResult, address: str) -> None:
    try:
        found = _lookup(parts)
    except (OSError, UnicodeError):
        raise SourceError(f"The host of {redact(address)} isn't known: check the address and the network.") from None
    if not all(map(is_public, found)):
        raise SourceError(_private(address))


def _redirection(parts: SplitResult, timeout: float) -> str | None:
    """Ask a web server for the head of its answer; return where it sends on to, if it does."""
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # cameras sign their own
        connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.headers.get("Location") if answer.status in _REDIRECTS else None
    except (OSError, http.client.HTTPException, ValueError):
        return None  # opening it will tell why
    finally:
        connection.close()
