"""What the page costs a person in Chromium: its first paint, and a search from key to paint.

    python benchmarks/page.py --windows 100000

Makes a workspace of made-up candidates (those of ``search_scale.py``) for the packaged model,
serves it, and asks as a browser does: with an empty cache for the first paint, then queries.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import socket
from statistics import median
from typing import Any
from urllib.request import urlopen

from search_scale import Made

from cvseeker.core.insights import Insight
from cvseeker.core.record import Record
from cvseeker.core.records import Resume
from cvseeker.core.workspace import Workspace
from cvseeker.retrieval.models import choose_model, model_identity
from cvseeker.search.index import Candidate, CandidateIndex

TITLES = ("Nurse", "Welder", "Pastry chef", "Data analyst", "Electrician", "Teacher", "Surveyor")
SKILLS = ("Python", "Triage", "Costing", "Kafka", "Brazing", "Phonics", "AutoCAD", "Sedation")
# From what is sent to what is drawn: the frame after the one in which it stands.
SEARCH = """(query) => new Promise((done) => {
  const field = document.getElementById("q");
  field.value = query;
  document.body.addEventListener("htmx:afterSettle", () => requestAnimationFrame(() =>
    requestAnimationFrame(() => done(performance.now() - begun))), { once: true });
  const begun = performance.now();
  field.form.requestSubmit();
})"""
PAINT = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const found = performance.getEntriesByType("navigation")[0];
  done([found.responseStart, found.domContentLoadedEventEnd, performance.now()]);
})))"""


def make(folder: Path, windows: int) -> None:
    """Make a workspace of so many windows, with a record and an index and nothing else."""
    made, choice, place = Made(windows), choose_model(None, download=False), Workspace(folder)

    def work(scratch: Path) -> dict[str, Any]:
        index = CandidateIndex(model=choice.name, folder=scratch)
        for candidates, corpus in made.chunks():
            numbered = [Candidate(one.number + 1, one.passages) for one in candidates]
            with Record.make(folder) as record, record.transaction():
                for one in numbered:
                    record.put(_resume(one), one.passages)  # numbered from 1, too
            index.upsert(numbered, corpus)
            with Record.open(folder) as record:
                index.flush(record.sequence)
        index.choose_engine()
        with Record.open(folder) as record:
            index.flush(record.sequence)
        return {**index.counts, "model": choice.name}

    place.run_stage("index", {}, {"base": model_identity(choice)}, work)


def _resume(one: Candidate) -> Resume:
    number, text = one.number, "\n\n".join(passage.text for passage in one.passages)
    said = {"title": TITLES[number % 7], "employer": f"Works {number % 900}", "years": "7"}
    said |= {"name": f"Ana Prunk {number}", "place": f"Town {number % 300}"}
    insights = [Insight(kind, value, value, 0, 4) for kind, value in said.items()]  # type: ignore[arg-type]
    insights += [Insight("skill", SKILLS[(number + at) % 8], "", 0, 4) for at in (0, 3, 5)]
    return Resume(f"{number}.txt", text, source=f"{number}.txt", insights=tuple(insights))


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a workspace in a process of its own, and wait until it can be searched."""
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "cvseeker", "serve", "-w", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(OSError):
                urlopen(f"{address}/readyz").close()
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def measure(address: str, queries: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what was measured, in milliseconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        paints = []
        for _ in range(20):
            context = browser.new_context()  # with an empty cache
            page = context.new_page()
            page.goto(address, wait_until="load")
            paints.append(page.evaluate(PAINT))
            context.close()
        for at, name in enumerate(("first byte", "content", "paint")):
            yield {"what": name, **_spread([one[at] for one in paints])}
        page = browser.new_page()
        page.goto(address)
        page.evaluate(SEARCH, queries[0])
        yield {"what": "search", **_spread([page.evaluate(SEARCH, one) for one in queries[1:]])}
        browser.close()


def _spread(values: Any) -> dict[str, float]:
    ordered = sorted(values)
    high = ordered[int(0.95 * (len(ordered) - 1))]
    return {"p50_ms": round(median(ordered), 1), "p95_ms": round(high, 1)}


def main() -> None:
    """Print a line of JSON for each thing that was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="of a workspace made before, or to be kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "workspace"
        if not (folder / "index").is_dir():
            make(folder, options.windows)
        asked = [one.texts[0] for one in Made(1).queries(options.queries + 1)]
        with serving(folder) as address:
            for row in measure(address, asked):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
