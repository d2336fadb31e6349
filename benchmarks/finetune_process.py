"""How ``finetune.py`` runs a contender: alone, in a process of its own."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import machine

PEER_LINE = "pip install llama-index-finetuning==0.4.2 sentence-transformers"
CONTENDER = Path(__file__).parent / "finetune_contender.py"


def run_contender(
    name: str, job: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any] | None:
    """Run a contender; ``None`` if it cannot be run, with the reason on the screen."""
    place = Path(job["folder"]).parent
    place.mkdir(parents=True)
    result = place / "result.json"
    more = {"threads": options.threads, "result": str(result), "spawned": time.time()}
    (place / "job.json").write_text(json.dumps({**job, **more}), encoding="utf-8")
    python = sys.executable
    if job["contender"] == "llama-index":
        python = str(Path(shutil.which(options.peer_python) or options.peer_python).absolute())
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(options.threads),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONWARNINGS": "ignore",
    }
    print(f"{name}: training", file=sys.stderr, flush=True)
    began = time.perf_counter()
    process = subprocess.run(
        [python, str(CONTENDER), str(place / "job.json")],
        env=environment,
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - began
    if process.returncode != 0 or not result.is_file():
        hint = f"; it needs: {PEER_LINE}" if name == "llama-index" else ""
        print(f"{name}: {process.stderr.strip().splitlines()[-1:]}{hint}")
        return None
    row: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    print(f"{name}: {row['seconds']:.1f} s", file=sys.stderr, flush=True)
    return {**row, "process_seconds": wall}


def about(options: argparse.Namespace) -> dict[str, Any]:
    """Return where, when and on what the figures are measured."""
    return {
        **machine(),
        "threads": options.threads,
        "options": {name: str(value) for name, value in vars(options).items()},
        "peer": "llama-index-finetuning 0.4.2; mistralai stubbed; val_dataset given; the better of "
        "its best and its last weights counts",
    }
