"""Why a candidate was found: whole sentences, and the words in them that answered the query."""

from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.retrieval.bm25 import matched_spans, stems
from cvseeker.retrieval.late import WordMatch
from cvseeker.search.sentences import Span, sentence_spans

# Cosine from which on a word answers another by its meaning.
MEANT = 0.55
# Characters of an excerpt, unless one sentence is longer.
LENGTH = 280


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Whole sentences of a passage.

    ``words`` are the words that the query has, too, ``meanings`` those that answer one of its words
    by what they mean, both as start and end in characters of ``text``; none is a stop word.
    """

    text: str
    words: tuple[Span, ...] = ()
    meanings: tuple[Span, ...] = ()


def explain(
    query: str, passage: str, matches: Sequence[WordMatch], near: Span, *, length: int = LENGTH
) -> Excerpt:
    """Cut the sentences out of a passage that answer a query, around its nearest window."""
    words = matched_spans(query, passage)
    meanings = sorted(
        {
            match.passage_span
            for match in matches
            if match.similarity >= MEANT
            and stems(query[slice(*match.query_span)])
            and stems(passage[slice(*match.passage_span)])
            and not any(_overlap(match.passage_span, span) for span in words)
        }
    )
    start, end = _stretch(passage, near, [*words, *meanings], length)
    return Excerpt(passage[start:end], _within(words, start, end), _within(meanings, start, end))


def _stretch(passage: str, near: Span, marks: Sequence[Span], length: int) -> Span:
    """Return where the sentences stand that have most marks, those of the nearest window first."""
    sentences = sentence_spans(passage) or [(0, len(passage))]

    def value(span: Span) -> tuple[int, bool]:
        texts = {passage[start:end].lower() for start, end in marks if _overlap(span, (start, end))}
        return len(texts), _overlap(span, near)

    at = max(range(len(sentences)), key=lambda place: value(sentences[place]))
    first = last = at
    while True:
        around = [
            place
            for place in (first - 1, last + 1)
            if 0 <= place < len(sentences)
            and max(sentences[last][1], sentences[place][1])
            - min(sentences[first][0], sentences[place][0])
            <= length
        ]
        if not around:
            return sentences[first][0], sentences[last][1]
        best = max(around, key=lambda place: (value(sentences[place]), place))
        first, last = min(first, best), max(last, best)


def _within(spans: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """Return the spans of a stretch, counted from its beginning."""
    inside = [span for span in spans if start <= span[0] and span[1] <= end]
    return tuple((begin - start, stop - start) for begin, stop in inside)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
