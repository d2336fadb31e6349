"""Write queries with an LLM: LlamaIndex's generator and CVSeeker's side by side, in one run.

    python benchmarks/generate.py [--passages 6000] [--in-flight 256] [--latency 1.9] [--json FILE]

Both ask the fake LLM server in ``tests/fake_llm`` over HTTP, on this machine, about passages of the
same make. CVSeeker's figures include its start-up and its filters: they are of the whole process,
by the clock. LlamaIndex's leave its imports out. It wants an older ``openai`` and so an environment
of its own, whose Python ``--peer-python`` names, with

    pip install llama-index-finetuning==0.4.2 llama-index-llms-openai

Its package imports a name that ``mistralai`` no longer has; a stub stands in for that module, which
the generator does not use.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from machine import machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

PEER_LINE = "pip install llama-index-finetuning==0.4.2 llama-index-llms-openai"
MODEL = "gpt-4o-mini"
RESUMES = Path(__file__).parents[1] / "src" / "cvseeker" / "examples" / "resumes"
# Read by the drop-in and by the original alike: only the import differs.
CELL = """
import json, sys, time
{prelude}
from llama_index.core.schema import TextNode
from {package} import generate_qa_embedding_pairs

corpus = json.load(open(sys.argv[2], encoding="utf-8"))["corpus"]
nodes = [TextNode(text=text, id_=key) for key, text in corpus.items()]
{llm}
began = time.perf_counter()
dataset = generate_qa_embedding_pairs(nodes, llm, output_path=sys.argv[3], verbose=False{more})
print(json.dumps({{"seconds": time.perf_counter() - began, "queries": len(dataset.queries)}}))
"""
STUB = """
import types, warnings
warnings.simplefilter("ignore")
def stand_in(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})
for name in ("mistralai", "mistralai.models"):
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__, module.__getattr__ = [], stand_in
"""
PEER_LLM = """from llama_index.llms.openai import OpenAI
llm = OpenAI(model="gpt-4o-mini", api_base=sys.argv[1], api_key="fictional")"""


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant's figures; rates are passages a second, memory in MiB."""

    name: str
    passages: int
    seconds: float
    queries: int
    rate: float
    steady_rate: float
    most_in_flight: int
    prompt_tokens: float
    cpu_ms: float
    peak_mib: float


def main() -> int:
    """Run the contestants one after the other and print a table."""
    options = read_options()
    from fake_llm.process import running_server

    rows = []
    with tempfile.TemporaryDirectory() as name, running_server(latency=options.latency) as server:
        folder = Path(name)
        for contestant in options.only.split(","):
            count = options.peer_passages if contestant == "peer" else options.passages
            corpus = folder / f"{contestant}-corpus.json"
            corpus.write_text(json.dumps(write_corpus(count, options.seed)), encoding="utf-8")
            server.reset()
            command = command_of(contestant, server.url, corpus, folder, options)
            row = measure(contestant, command, count, server, options.latency)
            if row is None:
                return 1
            rows.append(row)
    print(table(rows, options.in_flight / options.latency))
    if options.json:
        options.json.write_text(json.dumps(facts(rows, options), indent=2) + "\n", encoding="utf-8")
    return 0


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=6000)
    parser.add_argument("--peer-passages", type=int, default=24, help="it takes one at a time")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency", type=float, default=1.9, help="seconds")
    parser.add_argument("--peer-python", default=sys.executable, help="has llama-index-finetuning")
    parser.add_argument("--only", default="peer,command,drop-in", help="which ones, in this order")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def write_corpus(count: int, seed: int) -> dict[str, Any]:
    """Return passages of some 130 words, drawn from the bundled résumés', in LlamaIndex's form."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(RESUMES.glob("*.txt"))]
    words = sorted({word for text in texts for word in re.findall(r"\b[a-z]{4,}\b", text)})
    corpus = {}
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")
        lines = [f"Reference {number}."]
        for year in range(2024, 2012, -1):
            drawn = " ".join(rng.choices(words, k=8))
            lines.append(f"{year}: {drawn}, {rng.randint(3, 90)} {rng.choice(words)}.")
        corpus[f"p{number}"] = "\n".join(lines)
    return {"corpus": corpus, "queries": {}, "relevant_docs": {}, "mode": "text"}


def command_of(
    contestant: str, url: str, corpus: Path, folder: Path, options: argparse.Namespace
) -> list[str]:
    """Return a contestant's command."""
    out = folder / f"{contestant}.json"
    if contestant == "command":
        flags = f"--llm {MODEL} --style questions --max-concurrency {options.in_flight}".split()
        files = ["--corpus", str(corpus), "--out", str(out), "--llm-url", url]
        return [sys.executable, "-m", "cvseeker", "generate", *files, *flags]
    if contestant == "peer":
        fields = {"prelude": STUB, "package": "llama_index.finetuning", "llm": PEER_LLM, "more": ""}
        python = options.peer_python
    else:
        more = f", llm_url=sys.argv[1], max_concurrency={options.in_flight}"
        llm = f"llm = {MODEL!r}"
        fields = {"prelude": "", "package": "cvseeker.llama_index", "llm": llm, "more": more}
        python = sys.executable
    return [python, "-c", CELL.format(**fields), url, str(corpus), str(out)]


def measure(name: str, command: list[str], count: int, server: Any, latency: float) -> Row | None:
    """Run a contestant; ``None`` if it cannot be run, with the reason on the screen."""
    environment = {**os.environ, "OPENAI_API_KEY": "fictional", "PYTHONWARNINGS": "ignore"}
    before = os.times()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = watch(process)
    seconds = time.perf_counter() - began
    shown, complaints = process.communicate()
    after = os.times()
    if process.returncode != 0:
        print(f"{name}: {complaints.strip().splitlines()[-1:]}; for the peer: {PEER_LINE}")
        return None
    stats = server.stats()
    if stats["delivered"] < count:
        print(f"{name}: only {stats['delivered']} of {count} passages were answered")
        return None
    told = json.loads(shown.splitlines()[-1]) if name != "command" else {}
    if name == "peer":
        seconds = told["seconds"]
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Row(
        name=name,
        passages=count,
        seconds=seconds,
        queries=told.get("queries", 0) or count_queries(command),
        rate=count / seconds,
        steady_rate=steady_rate(stats, latency),
        most_in_flight=stats["max_in_flight"],
        prompt_tokens=stats["billed"]["prompt_tokens"] / stats["billed"]["requests"],
        cpu_ms=1000 * cpu / count,
        peak_mib=peak,
    )


def watch(process: "subprocess.Popen[str]") -> float:
    """Wait for a process; return the peak memory of it and its children together, in MiB."""
    import psutil

    peak = 0
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            family = [parent, *parent.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.1)
    return peak / 2**20


def count_queries(command: list[str]) -> int:
    """Return the number of queries in the command's output."""
    out = Path(command[command.index("--out") + 1])
    return len(json.loads(out.read_text(encoding="utf-8"))["queries"])


def steady_rate(stats: dict[str, Any], latency: float) -> float:
    """Return the replies a second once the start is over and before the end is near.

    Replies come in waves as long as the latency: only whole waves are counted.
    """
    times = sorted(moment for row in stats["by_key"].values() for moment in row["times"])
    begin = stats["first_request"] + 5 * latency
    waves = int((times[-1] - latency - begin) / latency)
    if waves < 1:
        return len(times) / (times[-1] - stats["first_request"])
    end = begin + waves * latency
    return sum(begin < moment <= end for moment in times) / (waves * latency)


def table(rows: list[Row], ideal: float) -> str:
    """Return the figures as text."""
    peer = next((row.rate for row in rows if row.name == "peer"), None)
    lines = [
        f"ideal: {ideal:.1f} passages/s (in flight ÷ latency); {os.cpu_count()} processors, load "
        f"{os.getloadavg()[0]:.1f}",
        f"{'':9}{'passages':>9}{'seconds':>9}{'per s':>8}{'× peer':>8}{'of ideal':>9}{'steady':>9}"
        f"{'in flight':>10}{'tokens':>8}{'CPU ms':>8}{'MiB':>6}{'queries':>9}",
    ]
    for row in rows:
        ours = row.name != "peer"
        ratio = f"{row.rate / peer:.0f}" if peer and ours else ""
        whole, steady = (
            (f"{row.rate / ideal:.1%}", f"{row.steady_rate / ideal:.1%}") if ours else ("", "")
        )
        lines.append(
            f"{row.name:9}{row.passages:>9}{row.seconds:>9.1f}{row.rate:>8.2f}{ratio:>8}{whole:>9}"
            f"{steady:>9}{row.most_in_flight:>10}{row.prompt_tokens:>8.0f}{row.cpu_ms:>8.2f}"
            f"{row.peak_mib:>6.0f}{row.queries:>9}"
        )
    lines.append(
        "tokens: of a prompt, as the server counts them. CPU and memory: of all processes."
    )
    lines.append("The peer's clock leaves its imports out; its CPU and memory include them.")
    return "\n".join(lines)


def facts(rows: list[Row], options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures with where and when they were measured."""
    return {
        **machine(),
        "versions": {name: metadata.version(name) for name in ("cvseeker", "openai", "aiohttp")},
        "latency": options.latency,
        "in_flight": options.in_flight,
        "ideal": options.in_flight / options.latency,
        "peer": "llama-index-finetuning 0.4.2; mistralai stubbed; LlamaIndex's OpenAI class",
        "rows": [asdict(row) for row in rows],
    }


if __name__ == "__main__":
    sys.exit(main())
