"""What ``cvseeker generate --llm`` promises, measured on the fake LLM server.

    python benchmarks/llm.py faults     30 % faults of every sort over 2,000 passages
    python benchmarks/llm.py kills      20 × kill -9 at random moments
    python benchmarks/llm.py storm      a server that allows 20 requests a second
    python benchmarks/llm.py one-more   one résumé added to a finished workspace
    python benchmarks/llm.py memory     100,000 passages

Every run is the real command on a workspace of made-up résumés. Options: --passages N, --seed N.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from cvseeker.core.files import write_jsonl
from cvseeker.core.records import Passage, Resume
from cvseeker.core.workspace import Workspace
from fake_llm.process import FakeServer, running_server

MODEL, KEY = "gpt-4o-mini", "sk-benchmark-0123456789"
PASSAGE_WORDS = 420
# Faults after which another attempt is needed, and those that leave a reply to be used or dropped.
NEED_ANOTHER = (
    "rate_limit",
    "rate_limit_silent",
    "server_error",
    "reset",
    "stall",
    "empty",
    "invalid_json",
    "truncated_json",
)


def sentences() -> list[str]:
    """Return the sentences of the packaged résumés in plain text, to make others of."""
    folder = resources.files("cvseeker") / "examples" / "resumes"
    texts = [file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".txt")]
    lines = {line.strip() for text in texts for line in text.splitlines()}
    return sorted(line for line in lines if len(line.split()) > 5 and "@" not in line)


def made_up_words(chance: random.Random, number: int) -> list[str]:
    """Return words of two to four syllables, as products and places have them."""
    starts = "b br c ch d dr f g gr h k l m n p r s st t tr v".split()
    ends = "a e i o u al er in on".split()
    return [
        "".join(chance.choice(starts) + chance.choice(ends) for _ in range(chance.randint(2, 4)))
        for _ in range(number)
    ]


def made_up_passages(number: int, seed: int) -> Iterator[Passage]:
    """Yield passages of about 3,000 characters, each of a person of its own.

    They alternate stretches of the packaged résumés and words from a vocabulary of 50,000, so that
    no two are alike and each has words that few others have.
    """
    lines = [line.split() for line in sentences()]
    vocabulary = made_up_words(random.Random(seed), 50_000)
    for position in range(number):
        chance = random.Random(f"{seed} {position}")
        words: list[str] = []
        while len(words) < PASSAGE_WORDS:
            line = chance.choice(lines)
            begin = chance.randrange(len(line))
            words += line[begin : begin + 8]
            words += [f"{chance.choice(vocabulary)},", f"{chance.choice(vocabulary)}."]
        name = f"made-up/{position:06}.txt"
        text = " ".join(words[:PASSAGE_WORDS])
        yield Passage(f"{name}:0", name, text, person_group=name)


def make_workspace(folder: Path, number: int, seed: int) -> Workspace:
    """Make a workspace as if so many résumés had been ingested."""
    workspace = Workspace(folder)

    def work(scratch: Path) -> dict[str, Any]:
        resumes = (
            Resume(passage.resume_id, passage.text) for passage in made_up_passages(number, seed)
        )
        write_jsonl(scratch / "resumes.jsonl", (resume.to_dict() for resume in resumes))
        passages = made_up_passages(number, seed)
        write_jsonl(scratch / "passages.jsonl", (passage.to_dict() for passage in passages))
        return {"passages": number}

    workspace.run_stage("ingest", {"seed": seed}, {"passages": str(number)}, work)
    return workspace


def start(workspace: Workspace, server: FakeServer, *options: str) -> "subprocess.Popen[bytes]":
    """Start the command; what it says goes to a log in the workspace."""
    command = [sys.executable, "-m", "cvseeker", "generate", "-w", str(workspace.path)]
    command += ["--llm", MODEL, "--llm-url", server.url, *options]
    with (workspace.path / "log.txt").open("ab") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env={**os.environ, "OPENAI_API_KEY": KEY},
            start_new_session=True,
        )


def outcome(workspace: Workspace) -> dict[str, str]:
    """Return the hashes of the finished stage's files."""
    return {
        name: digest
        for name, digest in workspace.output_hashes("queries").items()
        if "manifest" not in name
    }


def key_is_nowhere(folder: Path) -> bool:
    """Tell whether no file holds the key."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return all(KEY.encode() not in path.read_bytes() for path in files)


def faults(folder: Path, passages: int, seed: int) -> dict[str, Any]:
    """Run against a server that fails in every way it knows."""
    workspace = make_workspace(folder, passages, seed)
    config = folder / "config.toml"
    config.write_text("[llm]\ntimeout_seconds = 2.0\n", encoding="utf-8")
    with running_server(
        latency=0.1, fault_rate=0.3, stall=5.0, seed=seed, api_key=KEY, count_abandoned=True
    ) as server:
        began = time.monotonic()
        status = start(workspace, server, "--config", str(config)).wait()
        seconds = time.monotonic() - began
        stats = server.stats(by_key=False)
    manifest = workspace.manifest("queries") or {"counts": {}}
    needed = passages + sum(stats["faults"].get(name, 0) for name in NEED_ANOTHER)
    rows = [json.loads(line) for line in (folder / "queries" / "passages.jsonl").open()]
    return {
        "exit status": status,
        "seconds": round(seconds, 1),
        "faults": stats["faults"],
        "requests": stats["attempts"],
        "requests that the faults made necessary": needed,
        "passages with queries or a reason": sum(bool(row["outcome"]) for row in rows),
        "passages by outcome": manifest["counts"]["passages"],
        "queries dropped": manifest["counts"]["dropped"],
        "key is nowhere": key_is_nowhere(folder),
    }


def kills(folder: Path, passages: int, seed: int) -> dict[str, Any]:
    """Kill the command at random moments, and compare with an undisturbed run."""
    chance = random.Random(seed)
    calm = make_workspace(folder / "calm", passages, seed)
    killed = make_workspace(folder / "killed", passages, seed)
    # A server that counts a reply as delivered whether or not anybody was there to read it.
    with running_server(latency=0.5, api_key=KEY, count_abandoned=True) as server:
        began = time.monotonic()
        start(calm, server).wait()
        seconds = time.monotonic() - began
        server.reset()
        done = 0
        while done < 20:
            process = start(killed, server)
            try:
                # The runs get shorter as more is done; a kill must still meet the work.
                process.wait(timeout=chance.uniform(0.5, max(2.0, seconds / 6)))
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                done += 1
        final = start(killed, server).wait()
        stats = server.stats(by_key=False)
    return {
        "undisturbed, seconds": round(seconds, 1),
        "kills": done,
        "exit status after": final,
        "same data set": outcome(calm) == outcome(killed),
        "requests": stats["attempts"],
        "successful requests repeated": stats["repeated"],
        "passages": passages,
    }


def storm(folder: Path, passages: int, seed: int) -> dict[str, Any]:
    """Run against a server that allows 20 requests a second."""
    results = {}
    for latency, told in ((0.05, True), (0.5, False), (1.9, True)):
        workspace = make_workspace(folder / f"{latency}", passages, seed)
        with running_server(latency=latency, rate=20, retry_after=told, api_key=KEY) as server:
            start(workspace, server, "--max-concurrency", "256").wait()
            stats = server.stats(by_key=False)
        counts = (workspace.manifest("queries") or {"counts": {}})["counts"]
        seconds = stats["last_delivery"] - stats["first_request"]
        results[f"latency {latency} s, Retry-After {'sent' if told else 'not sent'}"] = {
            "answered a second, of 20": round(stats["delivered"] / seconds, 2),
            "refused (429)": stats["attempts"] - stats["delivered"],
            "unanswered": counts.get("unanswered"),
        }
    return results


def one_more(folder: Path, passages: int, seed: int) -> dict[str, Any]:
    """Add one résumé to a finished workspace."""
    workspace = make_workspace(folder, passages, seed)
    with running_server(latency=0.05, api_key=KEY) as server:
        start(workspace, server).wait()
        before = server.stats(by_key=False)["attempts"]
        make_workspace(folder, passages + 1, seed)
        start(workspace, server).wait()
        after = server.stats(by_key=False)["attempts"]
    return {"requests for the first run": before, "requests for one more": after - before}


def memory(folder: Path, passages: int, seed: int) -> dict[str, Any]:
    """Watch the memory of the command and of the process that sends for it."""
    workspace = make_workspace(folder, passages, seed)
    with running_server(latency=0.05, api_key=KEY) as server:
        began = time.monotonic()
        process = start(workspace, server, "--max-concurrency", "256")
        peak, parts = watch_memory(process)
        status = process.wait()
        seconds = time.monotonic() - began
    counts = (workspace.manifest("queries") or {"counts": {}})["counts"]
    return {
        "exit status": status,
        "seconds": round(seconds),
        "peak of all processes together, MiB": round(peak),
        "peak by process, MiB": {name: round(size) for name, size in parts.items()},
        "queries": counts.get("queries"),
        "size of passages.jsonl, MiB": round(
            (folder / "ingest" / "passages.jsonl").stat().st_size / 2**20
        ),
    }


def watch_memory(process: "subprocess.Popen[bytes]") -> tuple[float, dict[str, float]]:
    """Return the peak of what a process and its children hold, summed and one by one, in MiB.

    Anonymous memory and files of one's own; what the page cache holds of files read is not counted.
    """
    peak, parts = 0.0, {"command": 0.0, "sender": 0.0}
    done = threading.Event()
    threading.Thread(target=lambda: (process.wait(), done.set()), daemon=True).start()
    while not done.wait(0.2):
        own = resident(process.pid)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        others = children.read_text().split() if children.exists() else []
        sender = sum(resident(int(pid)) for pid in others)
        parts = {
            "command": max(parts["command"], own),
            "sender": max(parts["sender"], sender),
        }
        peak = max(peak, own + sender)
    return peak, parts


def resident(pid: int) -> float:
    """Return a process's resident memory in MiB, 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0


RUNS = {
    "faults": (faults, 2_000),
    "kills": (kills, 2_000),
    "storm": (storm, 1_200),
    "one-more": (one_more, 300),
    "memory": (memory, 100_000),
}


def main() -> None:
    """Run one of the measurements and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", choices=RUNS)
    parser.add_argument("--passages", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    run, passages = RUNS[options.run]
    with tempfile.TemporaryDirectory(prefix="cvseeker-llm-") as folder:
        result = run(Path(folder), options.passages or passages, options.seed)
    print(json.dumps({options.run: result}, indent=2))


if __name__ == "__main__":
    main()
