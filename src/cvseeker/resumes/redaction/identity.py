"""Finding identity, passport and tax numbers, dates of birth, ages, and others' names."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cvseeker.core.languages import words_of
from cvseeker.resumes.labels import Label
from cvseeker.resumes.name_candidates import name_at_start
from cvseeker.resumes.name_forms import HONORIFICS, LETTER
from cvseeker.resumes.sections import section_starts

Span = tuple[int, int]

# Identity numbers ------------------------------------------------------------------------------

# A number with letters in it or between; groups behind the first have two digits or more, and
# are no year.
_VALUE = re.compile(
    r"(?i:[a-z]{0,5}|[a-z]{4,6}(?=\d{6}))[ -]{0,2}\d[\dA-Za-z]{0,24}"
    r"(?:(?:[ ]{1,2}|[.\-/\u2010-\u2015])(?!(?:19|20)\d\d(?![\d-]))(?=[A-Za-z]{0,4}\d\d|\d"
    r"(?!\w))[\dA-Za-z]{1,12}){0,8}"
    r"(?:[ -]?[A-Z](?![^\W_]))?(?![^\W_])"
)
_PAN = re.compile(r"[A-Za-z]{5}\d{4}[A-Za-z](?!\w)")
_LETTERS_ONLY = re.compile(r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z](?!\w)")
# Short words that are much else: they say something only in capitals or before a colon.
_SHORT = 4
# "ID: 2019", "Passport (valid until 2027)".
_YEAR = re.compile(r"(?:19|20)\d\d$")
_FEWEST_DIGITS = 4
_WORDS_BETWEEN = re.compile(r"(?:(?i:is|n[o°º]|nr|number|issued|valid)[ :.]{1,3}){1,2}")

# Numbers that their form alone gives away; the group says which check they must pass.
_FORMS = re.compile(
    r"(?<![\w.,/-])(?:\d{3}-\d{2}-\d{4}"
    r"|(?P<iban>[A-Z]{2}\d{2}(?:[ ]?[\dA-Z]{4}){3,7}(?:[ ]?[\dA-Z]{1,3})?)"
    r"|(?P<dni>\d{8}[ -]?[A-Z]|\d{2}\.\d{3}\.\d{3}[ -][A-Z])|(?P<nie>[XYZ]-?\d{7}-?[A-Z])"
    r"|\d{3}\.\d{3}\.\d{3}-\d{2}|\d{3}\.\d{3}\.\d{3}[/-]\d{2}"
    r"|[2-9]\d{3}[ -]\d{4}[ -]\d{4}|[A-Z]{3}[PCHFATBLJG][A-Z]\d{4}[A-Z]"
    r"|[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"
    r"|[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]|[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d"
    r"|\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d\d{3}[\dXx]"
    r"|[12] \d\d [01]\d \d[\dAB] \d{3} \d{3}(?: \d\d)?"
    r"|\d\d(?:0[1-9]|1[0-2])[0-3]\d-[1-8]\d{6}|756\.\d{4}\.\d{4}\.\d\d|784-(?:19|20)\d\d-\d{7}-\d"
    r"|(?P<pesel>\d{11})|(?P<person>(?:19|20)?\d\d(?:0[1-9]|1[0-2])[0-3]\d[-+]\d{4})"
    r"|\d\d\.\d\d\.\d\d-\d{3}[.-]\d\d|\d\d(?:0[1-9]|1[0-2]|5[1-9]|6[0-2])[0-3]\d/\d{3,4}"
    r"|\d{1,2}\.\d{3}\.\d{3}-[\dkK]|\d{5}-\d{7}-\d|\d{3}-\d{3}-\d{3} \d\d)(?![\w-])(?!\.\d)"
)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def id_spans(text: str, labels: Sequence[Label]) -> Iterator[Span]:
    """Yield the places of numbers that a label or their form calls somebody's."""
    for label in labels:
        if label.kind != "id":
            continue
        name = text[label.start : label.end]
        if len(name) <= _SHORT and name.isascii() and not (name.isupper() or label.parted):
            continue
        start = label.value
        if between := _WORDS_BETWEEN.match(text, start):
            start = between.end()
        value = (
            _LETTERS_ONLY.match(text, start) or _PAN.match(text, start) or _VALUE.match(text, start)
        )
        if value and _is_number(value[0], sure=label.parted or len(name) > _SHORT):
            yield value.span()
    for match in _FORMS.finditer(text):
        if _passes(match):
            yield match.span()


def _is_number(value: str, *, sure: bool) -> bool:
    digits = sum(map(str.isdigit, value))
    return digits >= _FEWEST_DIGITS + (not sure) and not _YEAR.match(value)


def _passes(match: re.Match[str]) -> bool:
    """Check the numbers whose forms are others' as well."""
    value = re.sub(r"[ .+-]", "", match[0])
    if match["iban"]:
        moved = value[4:] + value[:4]
        return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
    if match["dni"]:
        return _DNI_LETTERS[int(value[:8]) % 23] == value[8]
    if match["nie"]:
        return _DNI_LETTERS[int(str("XYZ".index(value[0])) + value[1:8]) % 23] == value[8]
    if match["pesel"]:
        weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
        total = sum(int(digit) * weight for digit, weight in zip(value, weights, strict=True))
        return total % 10 == 0
    if match["person"]:
        doubled = (int(d) * (2 - place % 2) for place, d in enumerate(value[-10:]))
        return sum(number // 10 + number % 10 for number in doubled) % 10 == 0
    return True


# Dates of birth and ages -----------------------------------------------------------------------

_MONTH = rf"{LETTER}{{3,14}}\.?"
_OF = r"(?:[\s./,'’-]{0,3}(?:de[l]?|of|do|di|tháng|den)?[\s./,'’-]{0,3})"
_DATE = re.compile(
    rf"(?:\d{{2,4}}[ ]?[年년][ ]?\d{{1,2}}[ ]?[月월](?:[ ]?\d{{1,2}}[ ]?[日일号])?(?:生)?"
    rf"|(?:昭和|平成|令和|大正|[SHR])[ ]?\d{{1,2}}[年.][ ]?\d{{1,2}}[月.][ ]?\d{{1,2}}日?(?:生)?"
    rf"|\d{{4}}[ ]?[./-][ ]?\d{{1,2}}(?:[ ]?[./-][ ]?\d{{1,2}})?"
    rf"|\d{{1,2}}[ ]?[./\\-][ ]?\d{{1,2}}[ ]?[./\\-][ ]?(?:\d{{4}}|\d\d)"
    rf"|\d{{1,2}}[ ]?[./-][ ]?{LETTER}{{3,9}}[ ]?[./-][ ]?(?:\d{{4}}|\d\d)"
    rf"|\d{{1,2}}(?:[ ]?(?:st|nd|rd|th|er|re|[ºª°.]))?{_OF}{_MONTH}{_OF}(?:\d{{4}}|['’]?\d\d"
    rf"(?!\d))?"
    rf"|{_MONTH}[ ]{{1,3}}\d{{1,2}}(?:[ ]?(?:st|nd|rd|th))?[ ]?,?[ ]{{0,3}}\d{{4}}"
    rf"|{_MONTH}[ ]{{1,3}}(?:de )?(?:19|20)\d\d|\d{{1,2}}[ ]\d{{1,2}}[ ](?:19|20)\d\d|(?:19"
    rf"|20)\d\d|\d{{8}})"
    r"(?:[ ]?(?:г\.|года?|r\.|năm|年))?(?![^\W_])",
    re.IGNORECASE,
)
# Between the label and the date: the place, the words "on the" or another label.
_BEFORE_DATE = re.compile(r"[^\d\n\[\]|;·•]{0,60}?(?=\d|(?:昭和|平成|令和|大正)|(?<!\w)[SHR]\d)")
_MONTH_BEFORE = re.compile(rf"(?<!{LETTER}){_MONTH}[\s.,-]{{1,3}}$")
_YEARS = (
    r"(?:years?(?:[ -]old)?|yrs?(?:[ -]old)?|y/?o|ans|jahre(?: alt)?|años|anos(?: de idade)?|anni"
    r"|jaar(?: oud)?|"
    r"lat|lata|let|år|vuotta|éves|ani|tuổi|yaş(?:ında)?|лет|года?|років|ετών|岁|歲|歳|才|세|سنة|عام"
    r"(?:ا|ًا)?|שנים|वर्ष|साल|tahun)"
)
_AGE = re.compile(
    rf"(?:[^\d\n\[\]]{{0,12}}?)(?P<value>[1-9]\d(?:[ ]?{_YEARS})?)(?![\w%+])", re.IGNORECASE
)
_AGE_BEHIND = re.compile(
    rf"[ ,]{{0,2}}[(（]?[ ]?(?:(?:{LETTER}{{2,6}}[:：]?[ ])?(?:満|約|ca\.? )?[1-9]\d[ ]?{_YEARS}"
    rf"(?![^\W_])|{LETTER}{{3,6}}[:：]?[ ][1-9]\d(?=[)）]))[)）]?",
    re.IGNORECASE,
)
# An age that stands by itself between contacts; "10 años" of work would have more beside it.
_AGE_ALONE = re.compile(
    rf"(?:^|(?<=[|,;•·(（\n]))[ \t]*(?P<value>[1-7]\d[ ]?{_YEARS})(?=[ \t]*(?:$|[|,;•·)）\n]))",
    re.IGNORECASE | re.MULTILINE,
)
_OLD = re.compile(
    r"(?i)(?:^|(?<=[|,;•·(\n]))[ \t]*(?P<value>[1-7]\d[ -]years?[ -]old|[1-7]\d Jahre alt|[1-7]\d "
    r"jaar oud)(?=[ \t]*(?:$|[|,;•·)\n]))",
    re.MULTILINE,
)
_STAR = re.compile(
    r"(?:^|(?<=[\s|(]))\*[ ]?(?P<value>\d{1,2}\.[ ]?\d{1,2}\.[ ]?(?:19|20)\d\d)(?!\d)", re.MULTILINE
)
_YOUNGEST = 15
_PERSONAL = re.compile(
    r"(?i)\[(?:EMAIL|PHONE|BIRTHDATE|ADDRESS|URL)\]|nationalit|nacionalidad|nazionalit|married"
    r"|single|"
    r"marié|célibataire|verheiratet|ledig|soltero|casado|celibe|nubile|permis|führerschein"
)


def birth_spans(text: str, labels: Sequence[Label]) -> Iterator[Span]:
    """Yield the places of dates of birth and of ages."""
    for label in labels:
        if label.kind == "birth" and (found := _date_behind(text, label)):
            behind = _AGE_BEHIND.match(text, found[1])
            yield found[0], behind.end() if behind else found[1]
        age = _AGE.match(text, label.value) if label.kind == "age" else None
        if age and label.parted and label.leads and int(age["value"][:2]) >= _YOUNGEST:
            yield age.span("value")
    yield from (match.span("value") for match in (*_STAR.finditer(text), *_OLD.finditer(text)))
    for match in _AGE_ALONE.finditer(text):
        around = text[max(0, match.start() - 120) : match.end() + 120]
        if int(match["value"][:2]) >= _YOUNGEST and _PERSONAL.search(around):
            yield match.span("value")


def _date_behind(text: str, label: Label) -> Span | None:
    """Return the place of the date that follows a label, over a place's name if need be."""
    at_once = _DATE.match(text, label.value)
    if at_once and any(map(str.isdigit, at_once[0])):
        return at_once.span()
    gap = _BEFORE_DATE.match(text, label.value)
    if gap is None or not (date := _DATE.match(text, gap.end())):
        return None
    month = _MONTH_BEFORE.search(text[label.value : gap.end()])
    with_month = _DATE.match(text, label.value + month.start()) if month else None
    if month and "," not in month[0] and with_month and with_month.end() > date.start():
        return with_month.span()
    return date.span()


# Relatives and referees ------------------------------------------------------------------------

_TITLED = re.compile(rf"\W*(?i:{'|'.join(map(re.escape, sorted(HONORIFICS)))})\b")
_NAME_LABEL = re.compile(r"\W*(?i:name|nom|nombre|nome|naam|imię)\s{0,3}[:-]\s*")
_CONTACT = re.compile(r"@|\[(?:EMAIL|PHONE)\]|\d[\d ().-]{6,}\d")
_NAME = re.compile(
    rf"(?:(?i:late|shri|smt|mr|mrs|ms|dr)\.?[ ]){{0,2}}(?:[^\W\d_a-z]{LETTER}{{0,20}}\.?)(?:[ "
    rf"][^\W\d_a-z]{LETTER}{{0,20}}\.?){{0,3}}"
)


def relative_spans(text: str, labels: Sequence[Label]) -> Iterator[Span]:
    """Yield the places of parents' and other relatives' names."""
    for label in labels:
        slash = "/" in text[label.start : label.end]
        if label.kind == "relative" and (label.parted or slash):
            value = _NAME.match(text, label.value)
            if value and not value[0].startswith("["):
                yield value.span()


def referee_spans(text: str) -> Iterator[Span]:
    """Yield the places of the names with which the entries below "References" begin."""
    lower = text.lower()
    if not any(heading in lower for heading in words_of("heading references")):
        return
    starts = [*section_starts(text), ("other", len(text))]
    for (kind, start), (_, end) in pairwise(starts):
        if kind == "references":
            yield from _names_of_entries(text, start, end)


def _names_of_entries(text: str, start: int, end: int) -> Iterator[Span]:
    heading, *lines = text[start:end].splitlines(keepends=True)
    start += len(heading)
    opens = True
    for line in lines:
        label = _NAME_LABEL.match(line)
        said = line[label.end() :] if label else line
        words = name_at_start(said)
        if words and (opens or label or _TITLED.match(said)):
            first = line.index(words[0], label.end() if label else 0)
            yield start + first, start + line.index(words[-1], first) + len(words[-1])
        # An entry begins below the heading or an empty line, or behind the last one's address.
        opens = not line.strip() or bool(_CONTACT.search(line))
        start += len(line)
