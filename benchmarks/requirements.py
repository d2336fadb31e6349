"""How well jobs are cut, and requirements ticked: `python benchmarks/requirements.py [WORKSPACE]`.

`job_descriptions/*.txt` are job descriptions for professions of the bundled résumés; beside each
lies what it asks for, cut out by hand: `+` what must be there, `-` what would be nice. One that is
found and one by hand are the same if they share most of their words (F1 of words ≥ .6).

`ticks.tsv` says of candidates that lead for each job whether they meet each requirement, judged
by reading their résumés before any tick was seen: met, not found (not said), or unclear (in part,
or only by implication). `developed_on.tsv` has such pairs of other jobs and other people, on which
the rules were chosen. Given a workspace of the bundled résumés, ticks are compared with both.
"""

import csv
import sys
from collections import Counter
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from cvseeker.retrieval.bm25 import WORD
from cvseeker.search import CandidateSearch
from cvseeker.search.query import Requirement, cut_job

JOBS = Path(__file__).parent / "job_descriptions"
SAME = 0.6


def read_truth(path: Path) -> list[Requirement]:
    """Read what was cut out by hand."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line[2:], must=line.startswith("+")) for line in lines]


def likeness(one: str, other: str) -> float:
    """Return the F1 of two texts' words."""
    first, second = (set(WORD.findall(text.lower())) for text in (one, other))
    return 2 * len(first & second) / max(1, len(first) + len(second))


def match(
    found: list[Requirement], truth: list[Requirement]
) -> list[tuple[Requirement, Requirement]]:
    """Pair each requirement that is found with the one by hand that it is, best first."""
    pairs = sorted(
        (
            (likeness(one.text, other.text), i, j)
            for i, one in enumerate(found)
            for j, other in enumerate(truth)
        ),
        reverse=True,
    )
    taken: list[tuple[int, int]] = []
    for value, i, j in pairs:
        if value >= SAME and all(i != a and j != b for a, b in taken):
            taken.append((i, j))
    return [(found[i], truth[j]) for i, j in taken]


def measure(folder: Path = JOBS) -> dict[str, float]:
    """Return precision, recall and F1 over all requirements, and how often `must` is right."""
    found_in_all = by_hand = matched = agreed = 0
    for path in sorted(folder.glob("*.txt")):
        found = list(cut_job(path.read_text(encoding="utf-8")).requirements)
        truth = read_truth(path.with_suffix(".req"))
        pairs = match(found, truth)
        found_in_all += len(found)
        by_hand += len(truth)
        matched += len(pairs)
        agreed += sum(one.must == other.must for one, other in pairs)
    precision, recall = matched / found_in_all, matched / by_hand
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "must": agreed / matched,
    }


def compare(workspace: Path, pairs: Path, *, show: bool = False) -> Counter[tuple[str, str]]:
    """Count (judged, ticked) over the pairs of candidates and requirements."""
    finder = CandidateSearch.open(workspace)
    counts: Counter[tuple[str, str]] = Counter()
    with pairs.open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file, delimiter="\t"), key=itemgetter("resume"))
    for resume, group in groupby(rows, itemgetter("resume")):
        judged = [(row["requirement"], row["judged"]) for row in group]
        ticks = finder.ticks(resume, [Requirement(asked) for asked, _ in judged])
        for (asked, state), ticked in zip(judged, ticks, strict=True):
            counts[state, ticked.state] += 1
            if show and state != ticked.state:
                print(f"{state} → {ticked.state} {resume} {asked}\n      {ticked.evidence[:150]}")
    return counts


if __name__ == "__main__":
    print({name: round(value, 3) for name, value in measure().items()})
    for name in ("developed_on.tsv", "ticks.tsv") if len(sys.argv) > 1 else ():
        counts = compare(Path(sys.argv[1]), JOBS / name, show=len(sys.argv) > 2)
        right = sum(count for (judged, ticked), count in counts.items() if judged == ticked)
        clear = {pair: count for pair, count in counts.items() if "unclear" not in pair}
        opposite = sum(count for (judged, ticked), count in clear.items() if judged != ticked)
        print(f"{name}: {right} of {counts.total()} as judged, {opposite} the opposite")
        print(dict(counts))
