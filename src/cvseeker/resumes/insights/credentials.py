"""Degrees, schools, certificates and languages."""

import re
from collections.abc import Iterator, Sequence

from cvseeker.core.wordlists import read_pairs, read_words
from cvseeker.resumes.insights.pieces import DATE, Line, Piece, cut_pieces, strip_piece
from cvseeker.resumes.lexicon import MONTHS, PLACES

_FIELDS = read_words("cvseeker.resumes", "fields_of_study")
_DEGREE = re.compile(
    r"(?<![\w.])(?=[A-Z])(?P<degree>"
    r"(?:Bachelor|Master|Associate|Doctor)(?:['’]?s)?(?:\s+(?:Degree|of\s+(?:Applied\s+)?"
    r"(?:Science|Arts|Business Administration|Commerce|Engineering|Technology|Education|"
    r"Fine Arts|Laws|Nursing|Philosophy|Music|Architecture|Public Health|Social Work|"
    r"Public Administration|Computer Applications?|Medicine)))(?:\s+(?:Degree|\([^)]{1,8}\)))?"
    r"|BSc|MSc|B\.Sc\.?|M\.Sc\.?|BA|MA|BS|MS|B\.A\.?|M\.A\.?|B\.S\.?|M\.S\.?|BEng|MEng|B\.E\.?|"
    r"B\.?\s?Tech\.?|M\.?\s?Tech\.?|B\.?\s?Com\.?|M\.?\s?Com\.?|BBA|MBA|M\.B\.A\.?|BCA|MCA|LLB|LLM|"
    r"JD|J\.D\.?|MD|M\.D\.?|PhD|Ph\.D\.?|BFA|MFA|BSN|MSN|MPH|MSW|"
    r"BEd|B\.Ed\.?|MEd|M\.Ed\.?|"
    r"PGCE|HND|High School Diploma|GED|Associate Degree)(?![\w])"
    r"(?P<honours>\s*\((?:Hons|Honours)\)|\s+(?:Hons|Honours)\b)?"
    r"(?:(?P<link>\s+in\s+|\s*[:,–-]\s*|\s+of\s+|\s+)(?P<field>[A-Z][\w&/-]+"
    r"(?:\s+(?:(?:and|of|in|for|the|&)\s+)?[A-Z][\w&/-]+){0,4}))?"
)
_SCHOOL = re.compile(
    r"universi[td]|universit|university|college|institut|academy|akademi|hochschule|école|ecole"
    r"|politécnic|politecnic|polytechni|(?<!high )school(?! diploma)|uniwersytet|politechnika"
    r"|大学|大學"
)
_TWO_CAPITALS = re.compile(r"(?:[BM]A|[BM]S)(?!\w)")
_NO_SCHOOL = re.compile("certificate|qualification|diploma|transcript")
_NOT_FIELD = frozenset(
    "university college school institute academy city state company campus gpa graduated expected "
    "honors minor from present".split()
).union(MONTHS)
_NO_ENDS = PLACES.union(("and", "of", "in", "for", "the", "&"))
_LANGUAGES = read_pairs("cvseeker.resumes", "language_names")
# What stands before or behind the languages that somebody speaks, and how near.
_FLUENT = re.compile(
    "fluen|lingual|proficien|native|speak|language|sprach|fließend|courant|matern|langue|idioma"
    "|lingua|vloeiend|język|ngôn ngữ|tiếng|母语|母語|语言|言語|اللغ"
)
_NEAR = 70
_WORD = re.compile(r"[^\W\d_]+")
_CJK_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]{1,6}?(?:语|語|文|话)")


def find_languages(text: str, lines: Sequence[Line]) -> Iterator[Piece]:
    """Yield the languages that somebody speaks."""
    lower = text.lower()
    if len(lower) != len(text):
        return
    stretches = [(line.start, line.end) for line in lines if line.kind == "languages"]
    for match in _FLUENT.finditer(lower):
        end = lower.find("\n", match.start(), match.start() + _NEAR)
        stretches.append((match.start(), end if end >= 0 else match.start() + _NEAR))
    for start, end in stretches:
        for pattern in (_WORD, _CJK_WORD):
            for match in pattern.finditer(lower, start, min(end, len(lower))):
                if match[0] in _LANGUAGES and match.end() - match.start() > 1:
                    yield Piece("language", *match.span(), 0.9, _LANGUAGES[match[0]])


def is_degree(piece: str) -> bool:
    """Tell whether a piece begins with a degree."""
    return bool(_DEGREE.match(piece))


def is_other_short_form(piece: str) -> bool:
    """Tell whether a piece begins like a degree of two capitals and is none: "MS Office"."""
    return bool(_TWO_CAPITALS.match(piece)) and not any(find_degrees(piece))


def is_school(piece: str) -> bool:
    """Tell whether a piece is the name of a school."""
    lower = piece.lower()
    return " " in lower and bool(_SCHOOL.search(lower)) and not _NO_SCHOOL.search(lower)


def is_language(word: str) -> bool:
    """Tell whether a word names a language."""
    return word.lower() in _LANGUAGES


_CERTIFIED = re.compile(
    r"(?<!\w)(?:Certified(?:[ ][A-Z][\w+-]*){1,5}"
    r"|(?:[A-Z][\w+&-]*[ ]){1,5}(?:Certification|Certificate|Certified|Licen[cs]e)(?!\w))"
)
_CERTIFICATE_END = re.compile(r"\s[–—-]\s|\s*[,|(;]|\s{2,}")


def find_certificates(text: str, lines: Sequence[Line]) -> Iterator[Piece]:
    """Yield certificates: of their own section each line's beginning, and such words elsewhere."""
    for line in lines:
        if line.is_heading:
            continue
        if line.kind == "certificates":
            start = (
                line.start
                + len(text[line.start : line.end])
                - len(text[line.start : line.end].lstrip("•-*–➢ "))
            )
            if date := DATE.match(text, start, line.end):
                start = date.end()
            cut = _CERTIFICATE_END.search(text, start, line.end)
            a, b = strip_piece(
                text, start, cut.start() if cut and cut.start() - start > 2 else line.end
            )
            words = text[a:b].split()
            if 1 <= len(words) <= 10 and any(map(str.isupper, text[a:b])) and len(text[a:b]) > 2:
                yield Piece("certificate", a, b, 0.85)
        elif line.kind not in ("references", "languages"):
            for match in _CERTIFIED.finditer(text, line.start, line.end):
                yield Piece("certificate", *match.span(), 0.8)


def find_degrees(text: str) -> Iterator[Piece]:
    """Yield degrees with the field of study, where one stands behind."""
    for match in _DEGREE.finditer(text):
        degree = " ".join(match["degree"].split())
        said = (match["field"] or "").split("\n")[0]
        tokens = _until_institution(said.split())
        clear = (match["link"] or "").strip() in ("in", "of", ":") and degree != "MS"
        if tokens and not clear and not any(word.lower() in _FIELDS for word in tokens[:2]):
            tokens = []
        # Two capitals alone are a state or a form of address as often as a degree.
        if len(degree) < 4 and degree not in ("MBA", "PhD", "BSc", "MSc") and not tokens:
            continue
        joint = " in " if " " in degree else " "
        end = match.end("degree")
        if tokens:
            end = text.index(tokens[-1], match.start("field")) + len(tokens[-1])
        value = f"{degree}{joint}{' '.join(tokens)}" if tokens else degree
        yield Piece("degree", match.start(), end, 0.9, value)


def find_schools(text: str, lines: Sequence[Line]) -> Iterator[Piece]:
    """Yield the schools of the education section."""
    for line in lines:
        if line.kind == "education" and not line.is_heading:
            for start, end in cut_pieces(text, line.start, line.end):
                piece = text[start:end]
                named = piece[:1].isupper() and is_school(piece)
                if named and len(piece) < 80 and not _DEGREE.match(piece):
                    yield Piece("institution", start, end, 0.85)


def _until_institution(tokens: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for word in tokens:
        lower = word.lower()
        if lower in _NOT_FIELD:
            # "Boston University": what stands before the word is the institution's name.
            return kept if lower not in ("university", "college", "school", "institute") else []
        kept.append(word)
    while kept and kept[-1].lower() in _NO_ENDS:
        kept.pop()
    return kept
