"""Kill ``cvseeker run`` at random moments and compare the outcome with an undisturbed one.

    python benchmarks/kill.py SOURCE [--kills 10] [--base MODEL] [--seed 1]

Runs once undisturbed, then again with as many kills (SIGKILL to the process and its children), each
followed by the same command, and compares the two ``metrics.json``, seconds left out.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def start(source: Path, workspace: Path, base: list[str], log: Any) -> "subprocess.Popen[bytes]":
    """Start the command in a process group of its own, so that the kill reaches its children."""
    command = [sys.executable, "-m", "cvseeker", "run", str(source), "-w", str(workspace), *base]
    return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def without_seconds(value: Any) -> Any:
    """Leave out what no two runs share."""
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key != "seconds"}
    return value


def metrics(workspace: Path) -> Any:
    """Return a finished workspace's metrics, seconds left out."""
    text = (workspace / "evaluation" / "metrics.json").read_text(encoding="utf-8")
    return without_seconds(json.loads(text))


def main() -> int:
    """Run, kill, run again, compare; return 0 if the metrics are equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--base", default=None)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    base = ["--base", options.base] if options.base else []
    folder = Path(tempfile.mkdtemp(prefix="cvseeker-kill-"))
    with (folder / "log.txt").open("wb") as log:
        began = time.monotonic()
        if start(options.source, folder / "calm", base, log).wait() != 0:
            print(f"the undisturbed run failed; see {folder / 'log.txt'}")
            return 1
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.0f} s", flush=True)
        chance = random.Random(options.seed)
        for kill in range(1, options.kills + 1):
            process = start(options.source, folder / "killed", base, log)
            try:
                process.wait(timeout=chance.uniform(0.0, seconds / options.kills * 2))
                print(f"kill {kill}: the run had ended before", flush=True)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                left = sorted(path.name for path in (folder / "killed").glob("*"))
                hidden = sorted(path.name for path in (folder / "killed").glob(".*"))
                print(f"kill {kill}: stages {left}, in progress {hidden}", flush=True)
        status = start(options.source, folder / "killed", base, log).wait()
    equal = status == 0 and metrics(folder / "calm") == metrics(folder / "killed")
    print(f"after {options.kills} kills: metrics {'equal' if equal else 'DIFFER'} ({folder})")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
