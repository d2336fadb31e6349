"""Start the fake server as a process of its own, for tests and benchmarks."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fake_llm.options import join_lists, to_arguments

SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True, slots=True)
class FakeServer:
    """A running server; ``url`` is the base URL for an OpenAI client."""

    url: str
    process: "subprocess.Popen[str]"

    def stats(self, *, by_key: bool = True) -> dict[str, Any]:
        """Return what the server counted; ``by_key`` adds the counts of each content."""
        return self._ask("GET", f"/stats?by_key={by_key:d}")

    def reset(self, **options: Any) -> None:
        """Make the server forget its counts, files and batches.

        It has the options of its start again, but for those given here: one process can serve
        many tests. Its address stays.
        """
        self._ask("POST", "/reset", json.dumps(join_lists(options)))

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        """Send a request that no proxy setting leads astray."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise ValueError(answer["error"]["message"])
        return answer


@contextmanager
def running_server(**options: Any) -> Iterator[FakeServer]:
    """Run a server for the length of a ``with`` block.

    It ends with the block, and also with this process if that is killed. The options are those of
    :class:`fake_llm.options.Options`; a `RuntimeError` says that it does not start.
    """
    options = {**options, "until_stdin_closes": True}
    command = [sys.executable, str(SERVER), *to_arguments(options)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the fake server ended with {process.wait(10)} at its start")
            yield FakeServer(url, process)
        finally:
            process.kill()
