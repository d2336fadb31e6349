"""Job descriptions cut into requirements; what sells the job and what the law asks for left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cvseeker.core.wordlists import read_pairs
from cvseeker.search.sentences import sentence_spans

_BULLET = re.compile(r"^\s*(?:[•●▪■◦○·*➢✓❖▶–—+-]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+")
_MARKUP = re.compile(r"^\s*[#>]+\s*|\*\*|__|^\s*[*_](?=\S.*\S[*_]\s*$)|(?<=\S)[*_]\s*$")
# A label and what it says, in one line; a heading that is a sentence of its own.
_LABEL = re.compile(r"^([^\W\d_][^:.\n]{2,50}):\s+(?=\S)")
_SHORT_SENTENCE = re.compile(r"^([^\W\d_][^:.\n]{2,30})\.\s+(?=[^\W_])")
_LONGEST_HEADING = 8
# What goes on with another thing that is asked for.
_SPLIT = re.compile(r";\s+|,?\s+and so (?:is|are)\s+|,\s+(?=(?:plus )?(?:ideally|preferably)\b)")
_FEWEST_LETTERS = 3
# Characters of a line that may be full, so that the next one goes on.
_FULL_LINE = 60


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a job asks for; ``must``: or else the candidate does not fit."""

    text: str
    must: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """A job description: what it is called, asks for and consists of, and what was left out."""

    title: str
    requirements: tuple[Requirement, ...]
    duties: tuple[str, ...]
    left_out: tuple[str, ...]


def cut_job(text: str) -> Job:
    r"""Cut a job description into requirements and duties.

    Parameters
    ----------
    text
        As it is published, with headings or without.

    Examples
    --------
    >>> job = cut_job("Welder\n\nYou bring\n- TIG; MIG is a plus\n\nWe offer\n- 30 days off")
    >>> [(one.text, one.must) for one in job.requirements]
    [('TIG', True), ('MIG is a plus', False)]
    """
    lines = [line for line in map(_plain, text.splitlines()) if line.strip()]
    title = lines[0].strip() if lines else ""
    asked: list[Requirement] = []
    duties: list[str] = []
    left_out: list[str] = []
    for kind, item in _items(lines[1:] or lines):
        if kind in ("requirement", "nice"):
            asked.append(Requirement(item, must=kind == "requirement"))
        else:
            (duties if kind == "duty" else left_out).append(item)
    if not asked:
        asked, duties = [Requirement(duty) for duty in duties], []
    return Job(title, tuple(dict.fromkeys(asked)), tuple(duties), tuple(left_out))


def _plain(line: str) -> str:
    """Return a line without Markdown's marks."""
    return _MARKUP.sub("", line).rstrip()


def _items(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what each sentence or entry of a list is, and its text."""
    kind = ""
    for line in _joined(lines):
        heading = _heading(line)
        if heading is not None:
            kind = heading
            continue
        entry = _BULLET.sub("", line).strip()
        label = _LABEL.match(entry) or _SHORT_SENTENCE.match(entry)
        labelled = _matched("job_headings", label[1]) if label else ""
        if label and labelled:
            entry = entry[label.end() :]
        here = labelled or kind
        for start, end in sentence_spans(entry):
            for piece in _SPLIT.split(entry[start:end]):
                item = piece.strip(" .;,")
                if sum(map(str.isalpha, item)) >= _FEWEST_LETTERS:
                    yield _kind(item, here), item


def _joined(lines: list[str]) -> Iterator[str]:
    """Yield lines with those that they are wrapped into."""
    whole = ""
    for line in lines:
        is_open = whole[-1:].isalnum() or whole.endswith(",")
        hangs = line[0].isspace() and _BULLET.match(whole) is not None
        goes_on = is_open and line.strip()[0].islower() and not _BULLET.match(line)
        if goes_on and (hangs or len(whole) > _FULL_LINE):
            whole += f" {line.strip()}"
            continue
        if whole:
            yield whole
        whole = line
    if whole:
        yield whole


def _heading(line: str) -> str | None:
    """Return what a heading says about what follows, "" for nothing; ``None``: it is none."""
    bare = line.strip()
    if _BULLET.match(line) or len(bare.split()) > _LONGEST_HEADING or bare[-1] in ".;,!":
        return None
    kind = _matched("job_headings", bare.rstrip(":?"))
    shaped = bare.endswith((":", "?")) or bare.isupper()
    if shaped:
        return kind
    # A short line that says nothing else than a heading's words.
    return kind if kind and not re.search(r"\d", bare) and len(bare.split()) <= 6 else None


def _kind(item: str, here: str) -> str:
    """Return what a sentence is: what the heading above says, unless the sentence knows better."""
    found = _matched("job_cues", item)
    if here in ("requirement", "nice"):
        if found in ("boilerplate", "nice"):
            return found
        return here
    if here in ("benefit", "boilerplate", "about"):
        return here
    if here == "duty":
        return found if found in ("boilerplate", "benefit") else here
    return found


def _matched(name: str, text: str) -> str:
    """Return the kind of the first pattern of a list that is found in a text, or ""."""
    lower = text.lower()
    return next((kind for pattern, kind in _patterns(name) if pattern.search(lower)), "")


@cache
def _patterns(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = read_pairs("cvseeker.search.query", name)
    return tuple((re.compile(pattern), kind) for pattern, kind in pairs.items())
