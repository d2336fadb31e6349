"""What the checks cost: their share of the demo's time, and of a search's start.

    python benchmarks/checks.py [--workspace DIR]

Runs ``cvseeker demo`` and then a search, each in a process of its own, with a clock around every
function that hashes, compares, validates, syncs or locks. A check within a check counts once; those
in the processes that read files, and the loading of modules, do not count.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from machine import machine

CHECKS = {
    "core.manifest": "read_manifest write_manifest record_outputs damages foreign_file "
    "is_stage_folder fingerprint_of",
    "core.hashes": "file_hash path_hashes",
    "core.places": "check_output sync",
    "core.conditions": "check_room check_reachable",
    "core.lock": "_wait _release",
    "core.scratch": "refuse_foreign finished_manifest delete",
    "core.workspace:Workspace": "require manifest newer_than output_hashes labels_stage",
    "core.stage_settings:StageSettings": "validated",
    "core.datasets.dataset:RetrievalDataset": "check",
    "retrieval.machine": "wanted_precision",
    "retrieval.models": "model_identity damaged_weight packaged_minilm _check_sizes",
    "retrieval.encoder": "_damage",
    "retrieval.corpus": "require_numbers _is_whole",
    "resumes.discover": "refusal",
    "resumes.originals": "input_hashes",
    "queries.stage": "check_llm",
    "train.stage": "check_finetune",
    "evaluate.stage": "check_evaluate",
    "search.index.segments:Segment": "check",
    "search.stage": "_model_of",
}


class Clock:
    """Seconds and calls of the checks, each thread's outermost only."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._here = threading.local()

    def around(self, name: str, check: Callable[..., Any]) -> Callable[..., Any]:
        """Return the check with the clock around it."""

        def timed(*arguments: Any, **options: Any) -> Any:
            if getattr(self._here, "inside", False):
                return check(*arguments, **options)
            self._here.inside, began = True, time.perf_counter()
            try:
                found = check(*arguments, **options)
                # What is found one by one is looked for while it is asked for.
                return iter(list(found)) if isinstance(found, Iterator) else found
            finally:
                self._here.inside = False
                self.seconds[name] += time.perf_counter() - began
                self.calls[name] += 1

        return timed

    def wind(self) -> None:
        """Put the clock around all checks, wherever they have been imported to."""
        for place, names in CHECKS.items():
            module, _, kind = place.partition(":")
            owner: Any = importlib.import_module(f"cvseeker.{module}")
            owner = getattr(owner, kind) if kind else owner
            for name in names.split():
                self._replace(owner, name)

    def _replace(self, owner: Any, name: str) -> None:
        check = owner.__dict__[name]
        if isinstance(owner, type):
            method = isinstance(check, classmethod)
            timed = self.around(name, check.__func__ if method else check)
            setattr(owner, name, classmethod(timed) if method else timed)
            return
        timed = self.around(name, check)
        for module in [one for key, one in sys.modules.items() if key.startswith("cvseeker")]:
            for known, value in list(vars(module).items()):
                if value is check:
                    setattr(module, known, timed)


def measure(arguments: list[str]) -> None:
    """Run a command with the clock, and write what it showed to the first argument's file."""
    from cvseeker.cli import main as cvseeker

    clock = Clock()
    clock.wind()
    began = time.perf_counter()
    status = cvseeker(arguments[1:])
    whole = time.perf_counter() - began
    shown = {"whole": whole, "seconds": dict(clock.seconds), "calls": dict(clock.calls)}
    Path(arguments[0]).write_text(json.dumps(shown), encoding="utf-8")
    sys.exit(status)


def shown(arguments: list[str]) -> dict[str, Any]:
    """Return what the clock shows of a command in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, __file__, "--measure", file.name, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return dict(json.loads(Path(file.name).read_text(encoding="utf-8")))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, help="where the demo goes; it must not be there")
    options = parser.parse_args()
    workspace = options.workspace or Path(tempfile.mkdtemp()) / "demo"
    found = {
        "demo": shown(["demo", "-w", str(workspace)]),
        "search": shown(["search", "icu nurse, night shifts", "-w", str(workspace)]),
    }
    print(json.dumps(machine()))
    for command, clock in found.items():
        checks = sum(clock["seconds"].values())
        share = f"{100 * checks / clock['whole']:.2f} % of {clock['whole']:.1f} s"
        print(f"\n{command}: checks take {1000 * checks:.0f} ms, {share}")
        for name, seconds in sorted(clock["seconds"].items(), key=lambda item: -item[1])[:8]:
            print(f"  {name:18} {1000 * seconds:8.1f} ms  {clock['calls'][name]:6,} calls")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2:])
    else:
        main()
