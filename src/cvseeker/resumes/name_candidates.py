"""What on a résumé may be the candidate's name, and how much speaks for each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, get_args

from cvseeker.core.languages import words_of
from cvseeker.core.records import SectionKind
from cvseeker.core.wordlists import read_words
from cvseeker.resumes.labels import find_labels
from cvseeker.resumes.lexicon import PARTICLES, PLACES
from cvseeker.resumes.name_evidence import (
    DOCUMENTS,
    LETTER_RUN,
    NOT_NAMES,
    STOP,
    Evidence,
    parts_of,
    profiles,
)
from cvseeker.resumes.name_forms import CREDENTIALS, HONORIFICS, LETTER, fold

# Letters with a point, an apostrophe or a hyphen between them, and a point behind.
NAME_WORD = re.compile(rf"{LETTER}+(?:['’.-]{LETTER}+)*\.?")

_FAMILIES = read_words("cvseeker.resumes", "surnames_east")
_CITIES = PLACES | read_words("cvseeker.resumes", "cities")
_HEADINGS = frozenset(one for kind in get_args(SectionKind) for one in words_of(f"heading {kind}"))
_ENTRY_HEADINGS = words_of("heading experience") | words_of("heading education")

# A name is looked for on so many lines, of so many characters.
_MOST_LINES, _LONGEST_LINE = 240, 120
_ENOUGH = 3.0
# What an address says that has the whole name.
_IN_FULL = 6.0

_SECTION_END = re.compile(r"\s+[-–—|/]+\s+|,|\||\(|\s{2,}|•|·|[:：;]|\s(?=[\w.+-]+@|\+?\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# Below one of these stand employers and schools.
_ENTRIES = re.compile(rf"(?im)^\W*(?:{'|'.join(map(re.escape, sorted(_ENTRY_HEADINGS)))})\W*$")
_MARKUP = ' "\t*#=~_•|-–—>[]():：.·'
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_] ){3,}[^\W\d_](?!\w)")
_NOT_SPACED = re.compile(r"[|,•·]")
_CONTACT = re.compile(r"@|\[(?:EMAIL|PHONE|URL|ADDRESS)\]|\d[\d ().-]{6,}\d|linkedin\.|(?i:\(at\))")
_COMMA = re.compile(
    rf"({LETTER}+(?:[ '’-]{LETTER}+){{0,3}}),[ ]?({LETTER}+\.?(?:[ -]{LETTER}+\.?){{0,2}})(?:$|[,"
    rf"|(]|\s[-–|])"
)
_CAPITAL_RUN = re.compile(
    r"(?<![\w.])[^\W\d_a-z][\w'’.-]{1,24}(?:[ \t](?:[^\W\d_a-z][\w'’.-]{0,24}|[a-z]{1,3})){1,5}"
)
# Scripts without capitals. A name is of few letters, or of few words where words are parted.
_EAST = "[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_MARKS = "\u0300-\u036f\u064b-\u065f"
_SEMITIC = f"[\u05d0-\u05ea\u0620-\u064a\u0671-\u06d3{_MARKS}]"
_INDIAN = "[\u0900-\u0e7f]"
_WITHOUT_CAPITALS = re.compile(
    rf"(?=[^\W\d_]{{2}}|[^\W\d_][ \u3000·・]){_EAST}{{1,6}}(?:[ \u3000·・]{_EAST}{{1,8}})?"
    rf"|{_SEMITIC}{{2,15}}(?: {_SEMITIC}{{2,15}}){{1,3}}|{_INDIAN}{{2,20}}(?: "
    rf"{_INDIAN}{{2,20}}){{1,3}}"
)
_LABEL = re.compile(r"^(?:姓名|氏名|名前|성명|이름|الاسم|नाम)\s*[:：]\s*")
_END_WITHOUT_CAPITALS = re.compile(r"\s*[（(、，,|:：。]|\s{2,}|\s[–—-]\s")


def name_without_capitals(line: str) -> str:
    """Return what a line begins with if it may be a name in a script that has no capitals."""
    start = _END_WITHOUT_CAPITALS.split(_LABEL.sub("", line), maxsplit=1)[0]
    if not _WITHOUT_CAPITALS.fullmatch(start):
        return ""
    # East Asian words are not parted, and what a word is stands at its end.
    last = len(start)
    endings = (start[last - size :] for size in range(1, last + 1))
    unfit = not NOT_NAMES.isdisjoint((*start.split(), *endings)) or start in DOCUMENTS
    return "" if unfit else start


class _Candidate(NamedTuple):
    """What may be the name, and how much speaks for it."""

    name: str
    score: float


def read_name(text: str, handles: Sequence[str], named: Sequence[str], insight: str) -> str:
    """Return the candidate for whom most speaks, the first of equals."""
    own = [*handles[:1], *profiles(text), *named]
    evidence = Evidence(tuple(own), tuple(handles[1:]))
    # Where a file's line ends are lost, wide gaps are left of them.
    lines = [
        piece.strip()
        for line in text.split("\n")[:_MOST_LINES]
        for piece in (line.split("  ") if len(line) > _LONGEST_LINE else [line])
    ][:_MOST_LINES]
    candidates = [
        *_labelled(text, evidence),
        *_on_lines(text, lines, evidence, insight),
        *_in_prose(text, evidence),
    ]
    if insight and _may_be_name(insight.split()):
        candidates.append(_Candidate(insight, _ENOUGH))
    best = max(candidates, key=lambda one: one.score, default=_Candidate("", 0.0))
    return best.name if best.score >= _ENOUGH else ""


def _near_contact(text: str) -> bool:
    return bool(_CONTACT.search(text))


# Where a name may stand ------------------------------------------------------------------------


def _labelled(text: str, evidence: Evidence) -> Iterator[_Candidate]:
    """Yield names behind "Name:", those of several labels together."""
    given: list[str] = []
    family: list[str] = []
    for label in find_labels(text):
        if label.kind not in ("name", "given", "family") or not (label.parted and label.leads):
            continue
        value = text[label.value : label.value + 80].split("\n", maxsplit=1)[0]
        words = _name_words(value)
        if label.kind == "given":
            given += words[:3] if not given else []
        elif label.kind == "family":
            family += words[:4] if not family else []
        elif len(words) > 1 or (words and name_without_capitals(words[0])):
            yield _Candidate(" ".join(words), 4 + evidence.score(words))
        elif words and not family:
            family = words
    if given or (family and evidence.score(family)):
        yield _Candidate(" ".join([*given, *family]), 4 + evidence.score([*given, *family]))


def _name_words(value: str) -> list[str]:
    """Return the words of a name that a value begins with; none if it is none."""
    value = re.split(r"(?i)\s(?:[sdwc]/o|son of|daughter of|late)\b", value)[0].strip(_MARKUP)
    if wide := name_without_capitals(value):
        return [wide]
    comma = re.match(rf"({LETTER}+(?:[ -]{LETTER}+)?),[ ]({LETTER}+(?:[ -]{LETTER}+)?)$", value)
    start = f"{comma[2]} {comma[1]}" if comma else _SECTION_END.split(value)[0]
    words = _without_titles(start.split())
    fits = 1 <= len(words) <= 7 and all(NAME_WORD.fullmatch(word) for word in words)
    unfit = [word for word in words if fold(word).lower().strip(".") in STOP]
    return words if fits and len(unfit) < max(1, len(words) - 1) else []


def _on_lines(
    text: str, lines: Sequence[str], evidence: Evidence, insight: str
) -> Iterator[_Candidate]:
    """Yield names with which a line, or two together, begins."""
    wanted = set(parts_of(insight.split()))
    top = 0
    for place, line in enumerate(lines):
        stripped = _without_document(line) if len(line) <= _LONGEST_LINE else ""
        if not stripped:
            top += len(line) > _LONGEST_LINE
            continue
        following = next((other for other in lines[place + 1 : place + 3] if other), "")
        opens = top < 2 or not lines[place - 1]
        for words, pair in _variants(stripped, following):
            score = evidence.score(words)
            # An address at a school confirms a part of the school's name.
            if score < _IN_FULL and any(fold(word).lower() in STOP for word in words):
                score = 0.0
            score -= pair * 0.5 * len(words)
            score = max(0.0, score) + 2 * (bool(wanted) and set(parts_of(words)) == wanted)
            plain = (top == 0 or (opens and not pair)) and _is_plain(words, text, following, top)
            reach = 60 if top == 0 else 12
            if plain and _near_contact("\n".join(lines[max(0, place - 8) : place + reach])):
                score += 3 if top == 0 or _begins_person(words, lines, place) else 1
            elif top < 3 and score:
                score += 1
            if score:
                yield _Candidate(" ".join(words), score)
        top += 1


def _is_plain(words: Sequence[str], text: str, following: str, top: int) -> bool:
    """Tell whether words have a name's form; on the first line also without capitals."""
    if top == 0 and len(words) in (2, 3) and all(word.islower() for word in words):
        return _near_contact(following) and _may_be_name([word.capitalize() for word in words])
    return _may_be_name(words) and not _is_word_elsewhere(words, text)


def _begins_person(words: Sequence[str], lines: Sequence[str], place: int) -> bool:
    """Tell whether a paragraph below a sidebar begins with a name and not with an employer."""
    if not lines[place + 1 : place + 2] or not lines[place + 1]:
        return False
    before = "\n".join(lines[max(0, place - 40) : place])
    if _YEAR.search("\n".join(lines[place : place + 3])) or _ENTRIES.search(before):
        return False
    name = "".join(words)
    if name[0] >= "\u2e80":
        return " " in words[0] or name[:2] in _FAMILIES or name[0] in _FAMILIES
    return True


def _without_document(line: str) -> str:
    """Return a line without the marks around it and the word for a résumé that it begins with."""
    line = line.strip(_MARKUP)
    lower = fold(line).lower()
    if lower in DOCUMENTS:
        return ""
    for title in DOCUMENTS:
        if lower.startswith(title) and (
            rest := re.match(r"[\s:：|–—-]+(?:of|de|von|di|van|for|für)?\s*", line[len(title) :])
        ):
            return line[len(title) + rest.end() :]
    return line


def _variants(line: str, following: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the words of what a line may begin with if it begins with a name.

    Beside each stands whether it took two lines.
    """
    if wide := name_without_capitals(line):
        yield [wide], False
    comma = _COMMA.match(line)
    if comma and comma[1].isupper() and not comma[2].isupper():
        yield [*comma[2].split(), *comma[1].split()], False
        return
    start = re.sub(r"[\"“”]", " ", _SECTION_END.split(line)[0])
    words = _without_titles(start.split())
    if _is_shaped(words):
        yield words, False
    squashed = _unspaced(_NOT_SPACED.split(line)[0]).split()
    if len(squashed) < len(line.split()) and _is_shaped(squashed):
        yield squashed, False
    if "  " in line and _is_shaped(collapsed := line.split()) and len(collapsed) < 6:
        yield collapsed, False
    if comma:
        yield [*comma[2].split(), *comma[1].split()], False
    beginning = following.strip(_MARKUP).split()
    both = [*line.split(), *beginning]
    if "," not in line and len(line.split()) <= 3 and 1 <= len(beginning) <= 5 and _is_shaped(both):
        wide = name_without_capitals(" ".join(both))
        yield ([wide] if wide else both), True


def name_at_start(line: str) -> list[str]:
    """Return the words of the name with which a line begins; none where nothing looks like one."""
    words = _without_titles(_SECTION_END.split(line.strip().strip(_MARKUP))[0].split())
    return words if _may_be_name(words) else []


def _unspaced(line: str) -> str:
    """Return a line whose letters stand apart with the letters of each word together."""
    return " ".join(
        _SPACED.sub(lambda match: match[0].replace(" ", ""), piece)
        for piece in re.split(r"[ \t]{2,}", line)
    )


def _without_titles(words: Sequence[str]) -> list[str]:
    """Return words without what stands before and behind a name."""
    kept = list(words)
    while kept and fold(kept[0]).lower().strip(".") in HONORIFICS:
        del kept[0]
    while (
        kept
        and kept[-1].lower().strip(".,").replace(".", "") in CREDENTIALS
        and kept[-1].isupper()
        and len(kept) > 2
    ):
        del kept[-1]
    return kept


def _is_shaped(words: Sequence[str]) -> bool:
    """Tell whether words have a name's form: capitals, but for particles, on all or on none."""
    if not 2 <= len(words) <= 7 or not all(NAME_WORD.fullmatch(word) for word in words):
        return False
    small = any(word.islower() and fold(word).lower() not in PARTICLES for word in words)
    return not small or all(word.islower() for word in words)


def _may_be_name(words: Sequence[str]) -> bool:
    """Tell whether words that nothing confirms have a name's form, and no other meaning."""
    if len(words) == 1 and name_without_capitals(words[0]):
        return True
    if not _is_shaped(words) or len(words) > 6:
        return False
    lower = [fold(word).lower().strip(".") for word in words]
    runs = [run for word in lower for run in LETTER_RUN.findall(word)]
    if any(run in STOP for run in runs) or " ".join(lower) in _CITIES or lower[-1] in PLACES:
        return False
    if "".join(lower) in _HEADINGS or "xxx" in lower or sum(len(word) > 1 for word in lower) < 2:
        return False
    return words[0][0].isupper() and all(
        word[0].isupper() or word[1:3].strip("'’").isupper() or fold(word).lower() in PARTICLES
        for word in words
    )


def _is_word_elsewhere(words: Iterable[str], text: str) -> bool:
    """Tell whether the text uses one of the words in lower case, as it would no name."""
    return any(
        re.search(rf"(?<![\w@.-]){re.escape(word.lower())}(?![\w@.-])", text)
        for word in words
        if len(word) > 3 and word.lower() not in PARTICLES and word.lower() != word
    )


def _in_prose(text: str, evidence: Evidence) -> Iterator[_Candidate]:
    """Yield names inside lines that an address confirms in full."""
    if not evidence.own:
        return
    for match in _CAPITAL_RUN.finditer(text):
        words = [word.rstrip(".-'’") for word in match[0].split()]
        if not any(evidence.mentions(word) for word in words):
            continue
        for first in range(max(1, len(words) - 1)):
            pair = [word for word in words[first : first + 4] if word]
            for size in range(2, len(pair) + 1):
                if evidence.score(pair[:size]) >= _IN_FULL and _is_shaped(pair[:size]):
                    yield _Candidate(" ".join(pair[:size]), 4.0)
