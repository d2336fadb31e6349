"""Which queries one system answers better than another, with the words that explain it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.evaluate.report.excerpts import Snippet, snippet
from cvseeker.evaluate.results import EvaluatedSet, first_rank
from cvseeker.evaluate.wording import shown_query
from cvseeker.retrieval.bm25 import tokenize

# What a reader sees without scrolling counts as found.
FOUND = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A query that one system answers better than the other.

    ``before`` and ``after`` are ranks of the right passage or résumé in the reference and in the
    candidate, ``None`` where it is not in the run; ``wrong`` is what the worse of the two ranked
    first instead, and ``wrong_grade`` its grade, above 0 where it is an answer as well.
    """

    query_id: str
    text: str
    kind: str
    before: int | None
    after: int | None
    right: Snippet
    wrong: Snippet | None
    wrong_grade: int


@dataclass(frozen=True, slots=True)
class Changes:
    """How many queries rose, fell and stayed, and the most telling of those that moved.

    ``depth`` is how far down the runs reach.
    """

    rose: int
    fell: int
    stayed: int
    depth: int
    improved: tuple[Change, ...]
    worsened: tuple[Change, ...]


def rank_changes(
    evaluated: EvaluatedSet, reference: str, candidate: str, *, limit: int = 6
) -> Changes:
    """Compare the right answer's rank in two systems, before and after, query by query.

    Of each kind the largest moves are examples, those that end or begin within the first five ranks
    first, and no two about the same passage or résumé.
    """
    depth = max((len(run) for run in evaluated.results[candidate].run.values()), default=0)
    ranks = {
        query_id: (
            first_rank(evaluated.results[reference], query_id, grades),
            first_rank(evaluated.results[candidate], query_id, grades),
        )
        for query_id in evaluated.dataset.queries
        if (grades := evaluated.dataset.qrels[query_id])
    }
    # What is not in the run lies below its end.
    moves = {
        query_id: ((before or depth + 1), (after or depth + 1))
        for query_id, (before, after) in ranks.items()
    }
    rose = [query_id for query_id, (before, after) in moves.items() if after < before]
    fell = [query_id for query_id, (before, after) in moves.items() if after > before]

    def examples(query_ids: Sequence[str], better: str, worse: str) -> tuple[Change, ...]:
        telling = sorted(
            query_ids,
            key=lambda query_id: (
                min(moves[query_id]) > FOUND,
                -abs(moves[query_id][0] - moves[query_id][1]),
                min(moves[query_id]),
            ),
        )
        chosen: dict[str, str] = {}
        for query_id in telling:
            chosen.setdefault(_right_key(evaluated, better, query_id), query_id)
            if len(chosen) == limit:
                break
        return tuple(
            _change(evaluated, query_id, ranks[query_id], right=key, worse=worse)
            for key, query_id in chosen.items()
        )

    return Changes(
        rose=len(rose),
        fell=len(fell),
        stayed=len(moves) - len(rose) - len(fell),
        depth=depth,
        improved=examples(rose, candidate, reference),
        worsened=examples(fell, reference, candidate),
    )


def _right_key(evaluated: EvaluatedSet, system: str, query_id: str) -> str:
    """Return the best-graded answer that a system ranks first."""
    grades = evaluated.dataset.qrels[query_id]
    best = [key for key, grade in grades.items() if grade == max(grades.values())]
    ranked = [key for key, _ in evaluated.results[system].run[query_id] if key in best]
    return (ranked or best)[0]


def _change(
    evaluated: EvaluatedSet,
    query_id: str,
    ranks: tuple[int | None, int | None],
    *,
    right: str,
    worse: str,
) -> Change:
    query = evaluated.dataset.queries[query_id]
    run = evaluated.results[worse].run[query_id]
    top = run[0][0] if run and run[0][0] != right else None
    return Change(
        query_id=query_id,
        text=shown_query(query),
        kind=evaluated.dataset.kinds.get(query_id, ""),
        before=ranks[0],
        after=ranks[1],
        right=snippet(query, right, _text_of(evaluated, query, right)),
        wrong=None if top is None else snippet(query, top, _text_of(evaluated, query, top)),
        wrong_grade=evaluated.dataset.qrels[query_id].get(top, 0) if top else 0,
    )


def _text_of(evaluated: EvaluatedSet, query: str, key: str) -> str:
    """Return a passage's text; of a résumé, the passage that shares most words with the query."""
    corpus = evaluated.dataset.corpus
    if evaluated.level != "resume":
        return corpus[key]
    texts = [
        corpus[passage_id]
        for passage_id, resume_id in evaluated.resume_of.items()
        if resume_id == key and passage_id in corpus
    ]
    wanted = {stem for stems in tokenize([query]) for stem in stems}
    shared = [len(wanted & set(stems)) for stems in tokenize(texts)]
    return texts[shared.index(max(shared))] if texts else ""
