"""A server that answers every request with whatever bytes a test wants, for as long as it wants."""

import contextlib
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Attack = Callable[[], Iterable[bytes]]
MIB = 2**20


class HostileServer:
    """The server; ``attack`` makes the bytes of each answer, ``sent`` counts those that went out.

    ``requests`` are what it was sent, headers and body.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.attack: Attack = list
        self.sent = 0
        self.requests: list[bytes] = []
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    def serve(self) -> None:
        """Answer until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
            while len(body) < length:
                body += connection.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            for piece in self.attack():
                connection.sendall(piece)
                self.sent += len(piece)


@contextmanager
def running_hostile() -> Iterator[HostileServer]:
    """Run a server for the length of a ``with`` block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HostileServer(listener)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def answer(body: bytes | str, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    content = body.encode() if isinstance(body, str) else body
    fixed = ["Connection: close", f"Content-Length: {len(content)}"]
    lines = [f"HTTP/1.1 {status}", *fixed, *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def endless(first: bytes | str, piece: bytes) -> Iterator[bytes]:
    """Yield a beginning, and then one piece for ever."""
    yield first.encode() if isinstance(first, str) else first
    while True:
        yield piece


def bomb(size: int) -> bytes:
    """Return gzipped blanks, a thousandth of their size."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return b"".join(packer.compress(b" " * MIB) for _ in range(size // MIB)) + packer.flush()
