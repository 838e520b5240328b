"""Keep credentials out of everything that is printed, logged or written."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"(?i)^[a-z][a-z0-9+.-]*:/+")
_QUERY_VALUE = re.compile(r"(?<==)[^&;#]+")
# Some cameras take the login in the path: rtsp://host/user=admin_password=secret_channel=1.sdp
_PATH_SECRET = re.compile(r"(?i)((?:user|usr|login|pass|pwd|token|key|auth|secret)[a-z]*=)[^&;/_?#]+")


def redact(address: str) -> str:
    """Return an address without user, password, or any value of its query; a plain path comes back as it is.

    Everything up to the last `@` counts as credentials: an unescaped password may hold any character.

    >>> redact("rtsp://admin:p@ss@10.0.0.7:554/main?token=abc&channel=2")
    'rtsp://***@10.0.0.7:554/main?token=***&channel=***'
    """
    scheme = _SCHEME.match(address)
    start = scheme.end() if scheme else 0
    rest = address[start:]
    login, at, place = rest.rpartition("@")
    if at and (scheme or ":" in login):
        rest = "***@" + place
    if scheme:
        path, mark, query = rest.partition("?")
        rest = _PATH_SECRET.sub(r"\1***", path) + mark + _QUERY_VALUE.sub("***", query)
    return address[:start] + rest
