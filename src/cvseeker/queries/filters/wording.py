"""Whether a query is worded as its kind should be, and as somebody would who read no passage."""

import re

from cvseeker.core.errors import InputError
from cvseeker.retrieval.boolean import parse_boolean

_WORD = re.compile(r"\w+")
_OPERATOR = re.compile(r"(?<!\w)(?:AND|OR|NOT)(?!\w)")
# What makes a sentence of a list of terms.
_SENTENCE = re.compile(
    r"[?？؟]|[.!。]$|^(?:who|whom|whose|what|which|when|where|why|how|is|are|do|does|did|has|have|"
    r"can|could|find|show|give|list|describe|explain|i|we|you|he|she|they)\b",
    re.IGNORECASE,
)
# Words of the shortest question and of the shortest description, and of the longest list of terms
# or title; a language without spaces has all of it in a few.
_SHORTEST_QUESTION, _SHORTEST_DESCRIPTION, _LONGEST_LIST = 4, 20, 30
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

_SOURCE = (
    r"(?:passage|text|document|excerpt|snippet|paragraph|r[ée]sum[ée]|cv|curriculum vitae"
    r"|context information|(?:provided |given )?(?:information|details|context|description))"
)
_META = re.compile(
    # "according to the passage", "based on the information provided"; not "in the context of"
    rf"\b(?:according to|based on|as (?:per|stated in|described in|mentioned in)) "
    rf"(?:the|this|that|your|his|her|their) (?:\w+ ){{0,3}}?{_SOURCE}\b(?! of\b)"
    rf"|\b(?:mentioned|provided|listed|described|outlined|stated|given|found|discussed|presented)"
    rf" (?:in|by|above|within) (?:the|this) (?:\w+ ){{0,3}}?(?:{_SOURCE}|section|summary)\b"
    r"|\b(?:information|details|context|background|qualifications?|experience|timeline|summary)"
    r" (?:provided|given|mentioned|listed)\b(?! (?:by|to|for)\b)"
    r"|\b(?:the|this|above|given|provided|following) "
    r"(?:passage|excerpt|snippet|r[ée]sum[ée]|cv|curriculum vitae|context information)\b"
    r"|\b(?:in|from|of) (?:the|this) (?:text|document)\b"
    r"|\b(?:candidate|applicant|person|individual)['’]s (?:r[ée]sum[ée]|cv)\b"
    r"|\bin the (?:\w+ ){0,3}(?:section|summary)\b"
    r"|\bas an? (?:ai|large language|language) model\b"
    # A label, or a preamble, that a model puts before what it was asked for.
    r"|^(?:sure|certainly|of course|here (?:is|are)|(?:search |boolean |keyword )?(?:query|queries|"
    r"question|keywords|title_skills|boolean)(?: ?\d+)?\s*:)"
    # The same in German, French and Spanish.
    r"|\b(?:laut|gemäß|im|aus dem|in diesem|nach diesem) (?:\w+en )?"
    r"(?:text|textabschnitt|abschnitt|dokument|lebenslauf)\b"
    r"|\b(?:selon|d['’]après|dans) (?:le|ce) (?:texte|passage|document|cv)\b"
    r"|\b(?:según|en|de acuerdo con) (?:el|este) (?:texto|pasaje|documento|currículum)\b",
    re.IGNORECASE,
)


def is_of_kind(text: str, kind: str) -> bool:
    """Tell whether a text is what its kind says; kinds that are not known here may be anything.

    Examples
    --------
    >>> is_of_kind("(nurse OR midwife) AND ICU", "boolean"), is_of_kind("nurse ICU", "boolean")
    (True, False)
    """
    if kind == "boolean":
        return _OPERATOR.search(text) is not None and _is_readable(text)
    words = len(_WORD.findall(text)) + len(_UNSPACED.findall(text)) // 2
    if kind == "job_description":
        return words >= _SHORTEST_DESCRIPTION
    if kind == "question":
        return words >= _SHORTEST_QUESTION and not _OPERATOR.search(text)
    if kind in ("keywords", "title_skills"):
        listed = words <= _LONGEST_LIST and not _OPERATOR.search(text)
        return listed and not _SENTENCE.search(text)
    return True


def speaks_of_its_source(text: str) -> bool:
    """Tell whether a query speaks of the passage before the model, or of what it was asked for."""
    return _META.search(text) is not None


def _is_readable(query: str) -> bool:
    try:
        parse_boolean(query)
    except InputError:
        return False
    return True
