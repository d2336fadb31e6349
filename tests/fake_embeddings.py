"""A fake embedding server: deterministic vectors, faults on demand, and a count of every text."""

import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIM = 8


def vector_of(text: str, dim: int = DIM) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Return a text's vector: drawn by its hash, unit length."""
    vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=dim)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class FakeEmbeddings(ThreadingHTTPServer):
    """The server.

    Attributes
    ----------
    faults
        One for each request to come, empty for none; the rest have none.
    answered
        Text → times that a good row of it was sent; whoever hung up before it came paid too.
    bodies, headers
        Of every request, in their order.
    latency
        Seconds from a request's arrival to its reply.
    most_texts
        Texts that a request may have.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[str] = []
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.latency = 0.0
        self.most_texts = 10_000
        self.dim = DIM
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Base URL for a client."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that hung up."""

    def rows_for(self, texts: Sequence[str], dim: int, fault: str) -> list[dict[str, Any]]:
        """Return a reply's rows as a fault leaves them, and count those that are good."""
        rows = [
            {"object": "embedding", "index": index, "embedding": vector_of(text, dim).tolist()}
            for index, text in enumerate(texts)
        ]
        spoiled = range(0)
        if fault == "shuffled":
            rows.reverse()
        elif fault == "missing":
            spoiled = range(1, 2)
            del rows[1]
        elif fault == "nan":
            spoiled = range(1)
            rows[0]["embedding"][0] = float("nan")
        elif fault == "duplicate":
            spoiled = range(len(texts))
            rows[0]["index"] = 1
        elif fault == "beyond":
            spoiled = range(len(texts))
            rows[0]["index"] = len(texts)
        self.answered.update(text for at, text in enumerate(texts) if at not in spoiled)
        return rows


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeEmbeddings

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.headers.append({name.lower(): text for name, text in self.headers.items()})
            fault = server.faults.pop(0) if server.faults else ""
        time.sleep(server.latency)
        texts = body["input"]
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "401":
            sent = self.headers["Authorization"]
            self._send(401, {"error": {"message": f"Incorrect API key: {sent}"}})
        elif fault in ("429", "500"):
            self._send(int(fault), {"error": {"message": fault}}, {"Retry-After": "0.05"})
        elif len(texts) > server.most_texts:
            self._send(413, {"error": {"message": f"at most {server.most_texts} texts"}})
        elif fault == "garbled":
            self._send(200, b'{"data": [{"index": 0, "embed')
        else:
            with server.lock:
                dim = body.get("dimensions") or server.dim
                rows = server.rows_for(texts, dim, fault)
            usage = {"prompt_tokens": sum(len(text.split()) for text in texts)}
            self._send(200, {"object": "list", "data": rows, "usage": usage})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": len(content)}
        for name, value in {**sent, **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def running_embeddings() -> Iterator[FakeEmbeddings]:
    """Run a server in a thread of this process for the length of a ``with`` block."""
    server = FakeEmbeddings()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
