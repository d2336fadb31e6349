"""Measure how fast queries are written without an LLM.

Usage: python benchmarks/offline_queries.py [DATASET] [--passages N] [--per-passage N] [--show N]

DATASET is a LlamaIndex JSON file or a BEIR folder; without it, the bundled résumés are used, each
copy with a few of its words changed so that the corpus reaches the size asked for.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

from cvseeker.core.datasets import read_dataset
from cvseeker.core.insights import Profile
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.queries.offline import generate_offline
from cvseeker.resumes import read_insights

RESUMES = Path(__file__).parents[1] / "src" / "cvseeker" / "examples" / "resumes"


def main() -> None:
    """Write queries about a corpus and print the rate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?", type=Path)
    parser.add_argument("--passages", type=int, default=1200)
    parser.add_argument("--per-passage", type=int, default=6)
    parser.add_argument("--show", type=int, default=0, help="passages whose queries are printed")
    options = parser.parse_args()
    texts = list(read_dataset(options.dataset).corpus.values()) if options.dataset else _examples()
    corpus, profiles = _grow(texts, options.passages)
    settings = GenerateSettings(per_passage=options.per_passage)
    wall, processor = time.perf_counter(), time.process_time()
    queries = generate_offline(corpus, profiles=profiles, settings=settings)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    words = sum(len(text.split()) for text in corpus.values()) / len(corpus)
    kinds = Counter(query.kind for query in queries)
    out = [
        f"{len(corpus)} passages of {words:.0f} words, {len(queries)} queries",
        f"{len(corpus) / wall:.0f} passages/s by the clock, "
        f"{len(corpus) / processor:.0f} passages/s of processor time",
        ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()),
    ]
    shown = list(corpus)[: options.show]
    out += [f"{query.kind}: {query.text}" for query in queries if query.passage_id in shown]
    sys.stdout.write("\n".join(out) + "\n")


def _examples() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(RESUMES.glob("*.txt"))]


def _grow(texts: list[str], size: int) -> tuple[dict[str, str], dict[str, Profile]]:
    """Return ``size`` passages, with their profiles, which ingestion reads off once a résumé."""
    known = [Profile.of(read_insights(text)) for text in texts]
    corpus, profiles = {}, {}
    for number in range(size):
        text, rng = texts[number % len(texts)], random.Random(number)
        if number >= len(texts):
            # Another letter at the end of one long word in five: so many new words need looking at.
            text = re.sub(
                r"[a-z]{7,}",
                lambda word, rng=rng: word[0] + rng.choice(["", "", "", "", "o"]),
                text,
            )
        corpus[f"passage-{number}"] = text
        profiles[f"passage-{number}"] = known[number % len(texts)]
    return corpus, profiles


if __name__ == "__main__":
    main()
