"""What a server may answer: so much, within such a time, and itself rather than by another one."""

import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from cvseeker.llm.endpoint import Endpoint
from cvseeker.llm.request import TIME_OUT, BrokenError, FatalError, SendError
from cvseeker.llm.sdk import ENCODING, http_library

MIB = 2**20
MOST_BYTES: ContextVar[int] = ContextVar("MOST_BYTES", default=16 * MIB)
"""How long the reply to the request at hand may be, unpacked; an ordinary completion has 4 KB."""
MOST_SECONDS: ContextVar[float | None] = ContextVar("MOST_SECONDS", default=None)
"""How long it may take from its headers on; ``None``: as long as the endpoint may take in all."""


def bound(endpoint: Endpoint) -> Callable[[Any], None]:
    """Return what is to be called with a response before anything of its body is read."""

    def check(response: Any) -> None:
        if response.has_redirect_location:
            raise _redirected(response, endpoint)
        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("identity", ENCODING):
            raise BrokenError("reply packed in a way that was not asked for")
        response.encoding = "utf-8"  # as JSON is, whatever its headers say
        if packed == ENCODING:
            del response.headers["content-encoding"]
        seconds = MOST_SECONDS.get() or endpoint.timeout_seconds
        response.stream = _stream(response.stream, packed == ENCODING, time.monotonic() + seconds)

    return check


def _redirected(response: Any, endpoint: Endpoint) -> FatalError:
    """Return why nothing is sent where a server points to: passages and key are for it alone."""
    try:
        parts = urlsplit(response.headers["location"])
        elsewhere = (parts.hostname or "itself").encode("ascii", "replace").decode()[:80]
    except ValueError:
        elsewhere = "nowhere"
    return FatalError(
        f"{endpoint.url}: sends requests on to {elsewhere} ({response.status_code}), which is not "
        f"followed; give the address that answers itself ({endpoint.url_option})"
    )


def _stream(stream: Any, packed: bool, until: float) -> Any:
    """Return a response's body, unpacked and bounded, to be read in either way."""
    http = http_library()
    most = MOST_BYTES.get()
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress if packed else None
    left = most

    def take(piece: bytes) -> bytes:
        nonlocal left
        if time.monotonic() > until:
            raise BrokenError(TIME_OUT)
        try:
            piece = inflate(piece, left + 1) if inflate else piece
        except zlib.error:
            raise BrokenError("reply cannot be unpacked") from None
        left -= len(piece)
        if left < 0:
            raise SendError(f"reply longer than {most / MIB:,.0f} MiB")
        return piece

    class Bounded(http.AsyncByteStream, http.SyncByteStream):  # type: ignore[misc, name-defined]
        """The body of a response."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in stream:
                yield take(piece)

        def __iter__(self) -> Iterator[bytes]:
            return map(take, stream)

        async def aclose(self) -> None:
            """Close an asynchronous body."""
            await stream.aclose()

        def close(self) -> None:
            """Close a synchronous body."""
            stream.close()

    return Bounded()
