"""Reading the candidate's name off a résumé's first lines, with the help of its addresses."""

import re

from cvseeker.resumes.lexicon import NOT_IN_NAMES
from cvseeker.resumes.redaction.name_words import CREDENTIALS, TITLES
from cvseeker.resumes.redaction.names import find_name, fold, read_name

__all__ = ["candidate_name"]

_SECTION_END = re.compile(r"\s+[-–—|/]+\s+|,|\||\(|\s{2,}|•|·")
_NAME_LINE = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?")
_LOCAL_PART = re.compile(r"(?<![\w.+-])[\w.+-]{2,64}(?=@)")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
# Behind the name: "(Hailey)", or the name in another script.
_BESIDE = re.compile(
    r"(?<=\w) [(\"“]\s?([A-Z][^\W\d_]{2,15}|[\u2e80-\uffdc][\u2e80-\uffdc ]{0,12})\s?[)\"”]"
)


def candidate_name(text: str, *, name: str = "") -> str:
    r"""Return the candidate's name as far as a résumé's first lines and e-mail addresses tell.

    Parameters
    ----------
    text
        The résumé's text, from its beginning.
    name
        The name in its profile, if one was found.

    Returns
    -------
    str
        ``name``, or the first line's that an e-mail address confirms, and in quotation marks what
        the addresses call the candidate besides; empty if there is none.

    Examples
    --------
    >>> candidate_name('Gerald Pomfret\ngerry.pomfret@example.com')
    'Gerald Pomfret "gerry"'
    """
    if "@" not in text:
        return name
    locals_ = [fold(match[0]).lower() for match in _LOCAL_PART.finditer(text[:3000])]
    if not name:
        lines = [line.strip(" *#=~_•|-") for line in text[:600].split("\n") if line.strip()][:3]
        name = next((found for line in lines if (found := _confirmed(line, locals_))), "")
    known = read_name(name)
    if known is None:
        return name
    spans = find_name(text[:600], name)
    beside = next((match for _, end in spans if (match := _BESIDE.match(text, end))), None)
    called = beside[1].replace(" ", "") if beside else ""
    nicknames = {
        run
        for local in locals_
        if any(part in local for part in known.parts)
        or any(local[:3] == part[:3] for part in known.parts)
        for run in _LETTER_RUN.findall(local)
        if len(run) > 2
        and any(run[:3] == part[:3] for part in known.parts)
        and run not in known.parts
        and not any(part in run for part in known.parts)
    }
    if called and called.lower() not in TITLES | CREDENTIALS:
        nicknames.add(called)
    return " ".join([name, *(f'"{nickname}"' for nickname in sorted(nicknames))])


def _confirmed(line: str, locals_: list[str]) -> str:
    """Return the name that a line begins with, if an address has a part of it."""
    start = re.sub(r"[\"“”']", " ", _SECTION_END.split(line)[0]).split()
    if not 2 <= len(start) <= 5 or not all(_NAME_LINE.fullmatch(word) for word in start):
        return ""
    parts = [run for word in start for run in _LETTER_RUN.findall(fold(word).lower())]
    if not start[0][0].isupper() or any(part in NOT_IN_NAMES for part in parts):
        return ""
    confirmed = any(len(part) > 2 and part in local for part in parts for local in locals_)
    return " ".join(start) if confirmed else ""
