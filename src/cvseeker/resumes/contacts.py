"""E-mail addresses, in every disguise, and telephone numbers of a text, and no other numbers."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cvseeker.core.wordlists import read_lines
from cvseeker.resumes.labels import Label
from cvseeker.resumes.lexicon import TITLE_HEADS

# Full-width forms of East Asian keyboards: a letter for a letter, so that places stay the same.
_WIDE = {
    code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "：，（）！？；"
}


class Contact(NamedTuple):
    """A stretch of a text, and what it says in normal form."""

    start: int
    end: int
    value: str


def narrow(text: str) -> str:
    """Return a text with the letters and digits of full width as usual ones, one for one."""
    return text if text.isascii() else text.translate(_WIDE)


# E-mail addresses ------------------------------------------------------------------------------

MAIL_HOSTS = (
    "gmail|googlemail|yahoo|hotmail|outlook|live|icloud|aol|rediffmail|proton(?:mail)?|gmx|web"
    "|ymail|"
    "mail|yandex|qq|163|126|orange|free|laposte|libero|wp|onet|interia|t-online|naver|me|msn"
)
_DOT_WORD = r"(?i:dot|dott|punto|ponto|punkt|punt|point|kropka|точка)"
_DOT = (
    rf"(?:\.|[ \t]?[\[({{<][ \t]?(?:\.|{_DOT_WORD})[ \t]?[\])}}>][ \t]?|[ \t_]{_DOT_WORD}[ \t_]"
    r"|[ \t]\.[ \t]?|\.[ \t](?=[a-z]{2,4}(?![^\W_])))"
)
_AT = (
    r"(?:\n?@\n?|[ \t]{1,2}@[ \t]{0,2}|@[ \t]{1,2}"
    r"|[ \t]{0,2}[\[({<]{1,2}[ \t]?(?i:at|@|a|ät|arroba|chiocciola|chez|małpa|собака)[ "
    r"\t]?[\])}>]{1,2}[ \t]{0,2}"
    r"|[ \t_](?i:at|arroba|chiocciola|małpa|собака)[ \t_])"
)
_EMAIL = re.compile(
    rf"(?<![\w.+%-])(?P<local>[\w.+%'-]{{1,64}}+(?:(?:[ \t]\.[ \t]|[ \t_]{_DOT_WORD}[ "
    rf"\t_])[\w+-]{{1,64}}+)?)"
    rf"(?P<at>{_AT})(?P<host>[\w-]{{1,63}}+(?:{_DOT}[\w-]{{1,63}}+){{0,4}}{_DOT}"
    rf"(?P<top>[^\W\d_]{{2,24}}+|xn--[\w-]{{1,60}}+))"
)
_SPACED_EMAIL = re.compile(
    r"(?<!\w)(?:[\w.+-] ){3,40}@ (?:[\w-] ){2,40}\. (?:[a-z] ){1,6}(?:\. (?:[a-z] ){1,3})?(?<= )"
    r"(?=\s|$|[^\w\s])"
    r"|(?<!\w)(?:[\w.+-] ){3,40}@(?: [\w-]){2,40} \.(?: [a-z]){2,6}(?!\w)"
)
_KNOWN_HOST = re.compile(rf"(?i)(?:{MAIL_HOSTS})[ \t]?(?:\.|[\[( _])")
_MAIL_LABEL = re.compile(
    r"(?i)(?<!\w)(?:e-?mail|mail|courriel|correo|mél|email id|e-post|邮箱|メール|이메일|почта)"
    r"(?: (?:address|id))?[ \t]{0,3}[:：=|-]?[ \t|:]{0,4}$"
)
# Marks within, or digits: no word of a sentence.
_WRITTEN = re.compile(r"\w[._+-]\w|\d")
_TOP_LEVEL = frozenset(
    "com org net edu gov info io co eu uk de fr es it pt br pl nl be ch at in cn jp kr ru ua ar mx "
    "se no dk fi cz hu ro gr tr vn id my sg au nz ca us ie il ae sa za ng ke me dev example test "
    "invalid".split()
)


def find_emails(text: str) -> list[Contact]:
    """Find e-mail addresses, also those that say "at" and "dot" or stand apart."""
    plain = narrow(text)
    found = [
        Contact(match.start(), match.end(), _address(match))
        for match in _EMAIL.finditer(plain)
        if _is_email(match)
    ]
    if "@" in plain and " @" in plain:
        for match in _SPACED_EMAIL.finditer(plain):
            end = match.start() + len(match[0].rstrip())
            found.append(Contact(match.start(), end, re.sub(r"\s", "", match[0]).lower()))
        found = _without_overlaps(sorted(found, key=lambda one: (one.start, -one.end)))
    return found


def _without_overlaps(contacts: Sequence[Contact]) -> list[Contact]:
    kept: list[Contact] = []
    for contact in contacts:
        if not kept or contact.start >= kept[-1].end:
            kept.append(contact)
    return kept


def _is_email(match: re.Match[str]) -> bool:
    """Tell an address from "Developer @ Acme.com" and "worked at home. In"."""
    at, host, local = match["at"], match["host"], match["local"]
    dotted = " " not in host and "\t" not in host
    if at.strip("\n") == "@" and dotted:
        return True
    words = (
        re.search(_DOT_WORD + r"|[\[({<]", host) is not None and match["top"].lower() in _TOP_LEVEL
    )
    if re.search(r"[\[({<]", at):
        return match["top"].lower() in _TOP_LEVEL or dotted
    if words:
        return True
    if at.strip(" \t_").isalpha() and not _is_spelled_out(match, dotted=dotted):
        return False
    if _KNOWN_HOST.match(host) or _MAIL_LABEL.search(
        match.string[max(0, match.start() - 30) : match.start()]
    ):
        return match["top"].lower() in _TOP_LEVEL
    return "@" in at and match["top"] in _TOP_LEVEL and bool(re.search(r"[._\d]", local))


def _is_spelled_out(match: re.Match[str], *, dotted: bool) -> bool:
    """Tell "jane.doe at gmail.com" from "a developer at yahoo.com": where only "at" is a word."""
    before = match.string[max(0, match.start() - 30) : match.start()]
    local = match["local"]
    alone = local.islower() and bool(_CELL_START.search(before)) and local not in TITLE_HEADS
    return bool(_MAIL_LABEL.search(before)) or (dotted and (alone or bool(_WRITTEN.search(local))))


def _address(match: re.Match[str]) -> str:
    """Return an address as a mail program would write it."""
    dots = re.compile(rf"[ \t_]*[\[({{<]?[ \t]?(?:\.|{_DOT_WORD})[ \t]?[\])}}>]?[ \t_]*")
    local = re.sub(rf"[ \t_]+(?:\.|{_DOT_WORD})[ \t_]+", ".", match["local"])
    host = (
        match["host"]
        if re.fullmatch(r"[\w.-]+", match["host"]) and "." in match["host"]
        else dots.sub(".", match["host"])
    )
    return f"{local}@{host}".lower()


# Telephone numbers -----------------------------------------------------------------------------

_S = r"[ \t.\-\u2010-\u2015()/]"
_YEAR = r"(?:19[5-9]|20[0-4])\d(?!\d)"
# At most 30 digits, which may be two numbers that a stroke or a wide gap parts.
_CANDIDATE = re.compile(
    rf"(?<![\w$€£¥₹%@=_])(?<![$€£¥₹] )(?<!\d[.,])(?:(?=\+)\+[ ]?\(?\d(?:(?:{_S}{{0,3}}|\n"
    rf"(?!{_YEAR}))\d){{6,16}}(?!\d)"
    rf"|\(?\d(?:{_S}{{0,4}}\d){{4,29}}(?!\d))(?!\s?%)"
)
_EXTENSION = re.compile(r"[ ,]{0,2}(?i:ext|extn|x|poste|int|durchwahl|dw)\.?[ ]?\d{1,5}(?!\w)")
_TWO_NUMBERS = re.compile(r"[ \t]*/[ \t]*|[ \t]{2,}|[ \t]+[-–—][ \t]+")
_GROUPS = re.compile(r"\d+")
# Behind a label, and between a number and the next.
_REACH = 15
_AND = re.compile(r"[\s,;/|&]{0,6}(?:and|or|und|oder|et|ou|y|e|o|i|und)?[\s,;/|&()A-Za-z]{0,6}")
_CELL_END = re.compile(r"[ \t]*(?:$|[\n|,;•·)/\[✉📧]|[-–—][ \t]|\s[^\W\d_]{0,14}[:@])")
_CELL_START = re.compile(r"(?:^|[\n|,;•·(/\]:：☎📞📱✆]|\s[-–—])[ \t*☎📞📱✆\ufe0f+]*$")
_SHAPES = re.compile(
    r"\(0?\d{1,4}\)[ ]?\d{2,5}[ -]?\d{2,5}(?:[ -]?\d{2,4})?|\(?\d{3}\)?[ "
    r".\-\u2010-\u2015]{1,2}\d{3}[ .\-\u2010-\u2015]{1,2}\d{4}"
    r"|1[ .-]\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}|[6-9]\d{4}[ -]\d{5}|1[3-9]\d[ -]\d{4}[ -]\d{4}"
    r"|\d{9,12}"
    r"|\(?0\d{1,4}\)?(?:[ .\-/()\u2010-\u2015]{0,2}\d){7,10}|0\d{1,4}/[ ]?\d{4,9}|\d{2}(?: "
    r"\d\d){4}|\d(?: \d\d){3,4}|\(?\d\d\)? ?9\d{4}-\d{4}"
)
# Of a computer, not of a person.
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
# A number that is written as at home is tried in these countries.
_REGIONS = read_lines("cvseeker.resumes", "phone_regions")


def find_phones(text: str, labels: Sequence[Label] = ()) -> list[Contact]:
    """Find telephone numbers: by a country's code, a label, or a form that they have somewhere."""
    plain = narrow(text)
    values = [label.value for label in labels if label.kind == "phone"]
    found: list[Contact] = []
    for candidate in _CANDIDATE.finditer(plain):
        for start, end in _numbers_in(candidate):
            labelled = _is_labelled(plain, start, values, found)
            if _is_phone(plain, start, end, labelled=labelled):
                more = _EXTENSION.match(plain, end)
                digits = "".join(str(int(char)) for char in plain[start:end] if char.isdigit())
                found.append(Contact(start, more.end() if more else end, digits))
    return found


def _numbers_in(candidate: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield a candidate's place, or those of the numbers that it consists of."""
    text, start, end = candidate.string, candidate.start(), candidate.end()
    cuts = [match.span() for match in _TWO_NUMBERS.finditer(text, start, end)]
    pieces = [(one[1], other[0]) for one, other in pairwise([(start, start), *cuts, (end, end)])]
    long = [_digits(text[first:last]) >= 6 for first, last in pieces]
    if len(pieces) > 1 and all(long):
        yield from pieces
    elif len(pieces) > 1 and any(long) and not all(long) and _digits(candidate[0]) > 15:
        yield from (piece for piece, enough in zip(pieces, long, strict=True) if enough)
    else:
        # An opening bracket that the number does not close is not its own.
        inner = text[start:end]
        yield (start + (inner[0] == "(" and ")" not in inner), end)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_labelled(text: str, start: int, values: Sequence[int], found: Sequence[Contact]) -> bool:
    """Tell whether a label, or a number that is one, stands directly before."""
    last = bisect_right(values, start) - 1
    if (
        last >= 0
        and start - values[last] <= _REACH
        and not re.search(r"[\n\d\[]", text[values[last] : start])
    ):
        return True
    return (
        bool(found)
        and start - found[-1].end <= 12
        and bool(_AND.fullmatch(text, found[-1].end, start))
    )


def _is_phone(text: str, start: int, end: int, *, labelled: bool) -> bool:
    number = text[start:end]
    groups = _GROUPS.findall(number)
    digits = "".join(groups)
    if number.startswith("+"):
        return 7 <= len(digits) <= 16 and _is_possible(f"+{digits}")
    if _is_something_else(number, groups):
        return False
    if labelled or (digits.startswith("00") and len(digits) > 9):
        return True
    shaped = bool(_SHAPES.fullmatch(number)) and not digits.endswith("00000")
    if _is_part(text, start, end):
        return shaped and digits[0] == "0" and text[end : end + 1] == ","
    alone = _CELL_START.search(text[max(0, start - 8) : start]) and _CELL_END.match(text, end)
    grouped = len(groups) > 1 and max(map(len, groups)) < 11
    return shaped or (bool(alone) and grouped and _is_valid_somewhere(digits))


def _is_something_else(number: str, groups: Sequence[str]) -> bool:
    digits = "".join(groups)
    if not 6 <= len(digits) <= 15 or len(set(digits)) == 1:
        return True
    return _is_date(groups) or bool(_ADDRESS.fullmatch(number))


def _is_part(text: str, start: int, end: int) -> bool:
    """Tell whether a number goes on, as amounts and versions do, behind or before a mark."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    goes_on = len(after) == 2 and after[0] in "-,:" and after[1].isalnum()
    return goes_on or (len(before) == 2 and before[1] in "-/:,." and before[0].isdigit())


def _is_date(groups: Sequence[str]) -> bool:
    """Tell whether groups of digits are dates, years or an edition of a standard."""
    years = [group for group in groups if re.fullmatch(_YEAR, group)]
    return (
        bool(years)
        and all(len(group) <= 2 or len(group) == 4 for group in groups)
        and (len(groups) < 3 or all(len(group) <= 2 or group in years for group in groups))
    )


@lru_cache(maxsize=4096)
def _is_possible(number: str) -> bool:
    from phonenumbers import NumberParseException, is_possible_number, parse

    try:
        return is_possible_number(parse(number))
    except NumberParseException:
        return False


@lru_cache(maxsize=4096)
def _is_valid_somewhere(digits: str) -> bool:
    from phonenumbers import NumberParseException, is_valid_number, parse

    for region in _REGIONS:
        try:
            if is_valid_number(parse(digits, region)):
                return True
        except NumberParseException:
            continue
    return False
