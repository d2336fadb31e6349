"""What speaks for a name: the e-mail addresses, the profiles and the file that have it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cvseeker.core.wordlists import read_words
from cvseeker.resumes.lexicon import LANGUAGES, MONTHS, NOT_IN_NAMES, PARTICLES, TITLE_HEADS
from cvseeker.resumes.name_forms import HONORIFICS, LETTER, TECHNOLOGY, fold

_SURNAMES = read_words("cvseeker.resumes", "surnames")
DOCUMENTS = read_words("cvseeker.resumes", "document_titles")
NOT_NAMES = NOT_IN_NAMES | read_words("cvseeker.resumes", "not_in_names_elsewhere")
STOP = NOT_NAMES | LANGUAGES | frozenset(MONTHS) | TECHNOLOGY | (TITLE_HEADS - _SURNAMES)
LETTER_RUN = re.compile(rf"{LETTER}+")
_FILE_WORDS = re.compile(rf"{LETTER}{{2,}}")
# Umlauts, as addresses spell them.
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "å": "aa"}
)
_PROFILE = re.compile(
    r"(?i)(?:linkedin\.com/(?:in|pub)|xing\.com/(?:profile|profil)|github\.com|gitlab\.com|"
    r"indeed\.com/r|behance\.net|medium\.com/@?|twitter\.com|x\.com|facebook\.com)/([\w%.-]{3,60})"
)
# Of Cyrillic and Greek letters, as addresses spell them.
_ROMAN = str.maketrans(
    dict(
        zip(
            "абвгґдезиіїйклмнопрстуфхыэёєαβγδεζηικλμνοπρσςτυφω",
            [*"abvggdeziiiyklmnoprstufhyeeeavgdezhiklmnoprsstyfo"],
            strict=True,
        )
    )
    | {
        "ж": "zh",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "sch",
        "ю": "yu",
        "я": "ya",
        "ь": "",
        "ъ": "",
        "θ": "th",
        "ξ": "x",
        "χ": "ch",
        "ψ": "ps",
    }
)


class Evidence(NamedTuple):
    """What the candidate's own addresses, and others', call people."""

    own: tuple[str, ...]
    others: tuple[str, ...]

    def score(self, words: Sequence[str]) -> float:
        """Return 0 for no confirmation, up to 6 for a whole name."""
        if not self.own and not self.others:
            return 0.0
        whole = " ".join(words).lower()
        return max(
            max(2.0 * self._best(parts, self.own), 1.0 * self._best(parts, self.others))
            for parts in {
                tuple(parts_of(words)),
                tuple(parts_of(whole.translate(_UMLAUTS).split())),
            }
        )

    def mentions(self, word: str) -> bool:
        """Tell whether a word is, as it stands, a part of the candidate's own addresses."""
        folded = fold(word).lower()[:4]
        return len(folded) > 2 and any(folded in handle for handle in self.own)

    def _best(self, parts: Sequence[str], handles: Sequence[str]) -> int:
        return max((_confirmation(parts, handle) for handle in handles), default=0)


def profiles(text: str) -> list[str]:
    """Return what profiles on networks call the candidate."""
    found = (fold(match[1]).lower() for match in _PROFILE.finditer(text))
    return [re.sub(r"-[a-z\d]*\d[a-z\d]*$", "", slug) for slug in found]


def file_handle(source: str) -> str:
    """Return the words of a file's name but for those that say what it is."""
    stem = re.split(r"[/\\]", source)[-1].split("#")[0]
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem.rpartition(".")[0] or stem)
    words = [fold(word).lower() for word in _FILE_WORDS.findall(stem)]
    kept = [word for word in words if word not in DOCUMENTS and word not in STOP]
    return ".".join(kept) if 2 <= len(kept) <= 5 else ""


def parts_of(words: Sequence[str]) -> list[str]:
    """Return the parts of a name, folded and in Latin letters."""
    runs = [
        run for word in words for run in LETTER_RUN.findall(fold(word.replace("ß", "ss")).lower())
    ]
    roman = [run if run.isascii() else run.translate(_ROMAN) for run in runs]
    return [run for run in roman if run not in HONORIFICS]


def _confirmation(parts: Sequence[str], handle: str) -> int:
    """Return 3 where an address has the name, 2 or 1 for less of it, 0 for nothing."""
    strong = [part for part in parts if part not in PARTICLES]
    runs = LETTER_RUN.findall(handle)
    letters = "".join(runs)
    hits = [part for part in strong if (len(part) > 3 and part in letters) or part in runs]
    if hits and all(part in STOP for part in hits):
        return 0
    if len(hits) > 1:
        return 3
    if hits:
        rest = letters.replace(hits[0], "", 1)
        initials = "".join(part[0] for part in strong if part != hits[0])
        if rest and (rest in initials or rest == initials[::-1]):
            return 3
        return 2 if hits[0] in runs or len(hits[0]) > 5 else 1
    if any(
        len(part) > 4 and len(run) > 3 and part.startswith(run) for part in strong for run in runs
    ):
        return 1
    acronyms = ("".join(part[0] for part in some) for some in (parts, strong))
    return 2 if len(letters) > 2 and letters in acronyms else 0
