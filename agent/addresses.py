"""Where deliveries may go: public addresses, unless the installation allows private ones.

The name is resolved once and the connection made to the address that was checked, so a name that
answers differently the second time gains nothing.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from functools import cache

import httpcore
import httpx

from agent.deadlines import TimedStream
from agent.errors import BadInput

LAST_PORT = 65_535


def check_url(url: str, private: bool) -> str:
    """Return a delivery address that may be stored. Raises BadInput."""
    try:
        parsed = httpx.URL(url)
        host = parsed.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a name DNS cannot spell
        raise BadInput(f"'{url}' is not an address.") from error
    if (parsed.port or 0) > LAST_PORT:
        raise BadInput(f"'{url}' has a port above {LAST_PORT}.")
    if parsed.scheme not in ("http", "https") or not host:
        raise BadInput("A delivery address starts with https:// (or http:// where private addresses are allowed).")
    if parsed.scheme == "http" and not private:
        raise BadInput("A delivery address must use https; http is only for private addresses of a trial.")
    return url


def safe_transport(private: bool, seconds: float) -> httpx.HTTPTransport:
    """Return a transport that connects to public addresses only (to any, if `private`), each time for `seconds`."""
    transport = httpx.HTTPTransport(verify=_certificates())
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001 - httpx offers no other seam for the socket
        ssl_context=_certificates(), network_backend=_Guard(private, seconds)
    )
    return transport


@cache
def _certificates() -> ssl.SSLContext:
    """Return whom a TLS connection trusts; reading them takes longer than many a request."""
    return httpx.create_ssl_context(trust_env=False)


class _Guard(httpcore.NetworkBackend):
    """Connects to checked addresses, or to any if `private`; the whole exchange may take `seconds`."""

    def __init__(self, private: bool, seconds: float) -> None:
        self._private, self._seconds, self._inner = private, seconds, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; the clock runs from now. Raises httpcore.ConnectError for an address that is not public."""
        until = time.monotonic() + self._seconds
        address = host if self._private else _public_address(host, port)
        return TimedStream(self._inner.connect_tcp(address, port, timeout, local_address, socket_options), until)


def _public_address(host: str, port: int) -> str:
    """Resolve a name; return its first address. Raises httpcore.ConnectError unless every address is public."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise httpcore.ConnectError(f"{host} cannot be resolved") from error
    if not found or not all(is_public(str(address)) for address in found):
        raise httpcore.ConnectError(f"{host} is not a public address")
    return str(min(found))


def is_public(address: str) -> bool:
    """Return whether an address is one of the open internet (mapped IPv4 counts as what it maps to)."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_global and not parsed.is_multicast
