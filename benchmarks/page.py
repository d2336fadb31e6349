"""Look at the page in Chromium: a picture of it for the documentation, and how long it takes.

Run: cvseeker demo -w workspace && python benchmarks/page.py workspace --picture docs/page.png

Prints, in milliseconds, medians over the rounds: the first contentful paint of the empty page, and
a search from the last key to hits on the screen. In it are 300 in which more might be typed.
"""

import argparse
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

QUERIES = ("icu nurse night shifts", "backend engineer kafka", "site manager", "hotel front office")
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Measure, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with served(asked.workspace) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=asked.chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(base_url=address, viewport={"width": 1100, "height": 760})
        page.goto("/?q=warm")
        paints, searches = [], []
        for _ in range(asked.rounds):
            page.goto("/", wait_until="networkidle")
            paints.append(page.evaluate(PAINTED))
            searches += [search(page, query) for query in QUERIES]
        print(f"first paint {statistics.median(paints):.0f} ms")
        print(f"search {statistics.median(searches):.0f} ms, slowest {max(searches):.0f} ms")
        if asked.picture:
            page.goto("/?q=icu+nurse+night+shifts", wait_until="networkidle")
            page.screenshot(path=asked.picture)
        browser.close()


def search(page: Any, query: str) -> float:
    """Type a query, and return the milliseconds from its last key to its hits."""
    page.locator("#q").fill("")
    page.locator(".hit").first.wait_for(state="detached")
    page.evaluate(
        "window.shown = new Promise(done => addEventListener('htmx:afterSettle',"
        " () => done(performance.now()), {once: true}))"
    )
    page.locator("#q").press_sequentially(query[:-1])
    begun = page.evaluate("performance.now()")
    page.locator("#q").press_sequentially(query[-1])
    shown: float = page.evaluate("window.shown")
    return shown - begun


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """Serve a workspace on a port that is free."""
    import uvicorn

    from cvseeker.serve import create_app

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(workspace), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


if __name__ == "__main__":
    main()
