"""Whether search says when nothing fits: `python benchmarks/strength.py WORKSPACE`.

The workspace is of the bundled résumés. "Nothing fits well" is what should be said of twenty
professions that none of them has, and of no hand-written query that has a grade-2 answer
among the first three. Neither has chosen the rule; others did.
"""

import sys
from collections import Counter
from pathlib import Path

from cvseeker.core.datasets import read_judgements
from cvseeker.examples import demo_judgements
from cvseeker.search import CandidateSearch

ABSENT = """\
dentist, crowns and root canals
Veterinary surgeon for small animals
airline captain A320 type rating
Hairdresser with colouring experience
plumber, bathrooms and boilers
First violin for a symphony orchestra
Exploration geologist, drill core logging
librarian cataloguing rare books
Bespoke tailor who can cut a suit
train driver, freight
Who keeps bees and harvests honey?
actuary life insurance reserving
firefighter breathing apparatus
Tattoo artist with a portfolio
Astrophysicist, galaxy formation
upholsterer of antique chairs
Forester, felling and planting
florist wedding bouquets
Ballet dancer for a touring company
Who has skippered a trawler?"""


def measure(workspace: Path) -> dict[str, str]:
    """Return how often nothing is said to fit, where nothing does and where somebody does."""
    finder = CandidateSearch.open(workspace)

    def found(query: str) -> tuple[str, list[str]]:
        answer = finder.search(finder.read(query), top_k=3)
        return answer.band, [hit.resume_id for hit in answer.hits]

    absent = Counter(found(query)[0] for query in ABSENT.splitlines())
    judged = read_judgements(demo_judgements())
    answered: Counter[str] = Counter()
    for query_id, text in judged.queries.items():
        band, hits = found(text)
        if any(judged.qrels[query_id].get(hit, 0) >= 2 for hit in hits):
            answered[band] += 1
    return {"absent": str(dict(absent)), "answered": str(dict(answered))}


if __name__ == "__main__":
    print(measure(Path(sys.argv[1])))
