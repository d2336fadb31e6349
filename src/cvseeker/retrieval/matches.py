"""Which words of a text a query shares with it."""

import re

from cvseeker.retrieval.bm25 import tokenize

WORD = re.compile(r"\w+(?:[-+#.]\w+)*[+#]*")


def matched_spans(query: str, text: str) -> list[tuple[int, int]]:
    """Find the words of a text whose stems stand in the query, stop words left out.

    Parameters
    ----------
    query
        The query.
    text
        The text.

    Returns
    -------
    list of (start, end)
        In characters of ``text``, in reading order.

    Examples
    --------
    >>> matched_spans("nursing in intensive care", "Intensive-care nurse, nights")
    [(0, 14), (15, 20)]
    """
    wanted = {stem for stems in tokenize([query]) for stem in stems}
    spans = [match.span() for match in WORD.finditer(text)]
    if not wanted or not spans:
        return []
    stems = tokenize([text[start:end] for start, end in spans])
    return [span for span, words in zip(spans, stems, strict=True) if wanted & set(words)]
