"""Queries made of a passage's own rarer words, the same for the same passage."""

import hashlib
import random
import re
from collections import Counter

_WORD = re.compile(r"[^\W\d_][\w+#]*(?:[-./&'’][\w+#]+)*")
_RUN_WORD = re.compile(r"\w+")
_NAME = re.compile(r"\s*([^\W\d_]+(?: [^\W\d_]+){1,3})\s*(?:[.\n|,]|$)")
# Brackets and underscores stay: a word with them is a masked one, and no word of a query.
_PUNCTUATION = ".,;:!?()\"'’“”|•·*-–—/"
_LOOK_AT = 60  # words of a passage; more would cost time and add nothing
_COMMON = frozenset(
    "about above across after again against all also although always among and another any are "
    "around based because been before being below between both but can could did does doing down "
    "during each every few for from further had has have having her here high his how including "
    "into its itself just large made make many may more most much must near new not now off once "
    "one only other our out over own part per same she should since small some such than that the "
    "their them then there these they this those three through time two under until upon use used "
    "using very via was well were what when where which while who whom whose why will with within "
    "without work worked working would year years you your responsible various experience skills "
    "team teams email phone address name present current january february march april june july "
    "august september october november december jan feb mar apr jun jul aug sep sept "
    "oct nov dec".split()
)
_FILLERS = ("experience", "projects", "team", "skills")
LONGEST_COPY = 4  # words of the passage in a row
SHORTEST, LONGEST = 4, 14  # words of a query, or of a description's sentence

# {a} … {d} are terms of one or two words.
_TEMPLATES = {
    "bool": (
        '("{a}" OR "{b}") AND "{c}" AND "{d}"',
        '"{a}" AND "{b}" AND ("{c}" OR "{d}")',
        '"{a}" AND "{b}" AND "{c}" NOT intern',
    ),
    "key": ("{a} {b} {c} {d}", "{a}, {b}, {c}, {d}", "{a} {b} with {c} {d}"),
    "quest": (
        "Who has worked with {a} and {b} as well as {c}?",
        "Which candidate brings both {a} and {b} to {c}?",
        "Is there anyone who knows {a}, {b} and {c}?",
        "Who could take over {a} together with {b}?",
    ),
    "title": (
        "Specialist in {a} with {b}, {c} and {d}",
        "Senior profile for {a}, strong in {b} and {c}",
        "{a} professional who knows {b} and {c}",
    ),
    "descr": (
        "We need someone who handles {a}, keeps up {b} and knows {c}.",
        "You bring {a} and {b}; knowledge of {c} is a plus.",
        "The role calls for {a} and {b}, ideally also {c}.",
    ),
}
_MARKS = {
    "bool": "bool",
    "key": "key",
    "quest": "quest",
    "exam": "quest",
    "title": "title",
    "senior": "title",
    "role": "title",
    "desc": "descr",
    "paragraph": "descr",
    "job": "descr",
    "require": "descr",
    "respons": "descr",
}
_GERMAN = (
    "Wer hat mehrere Jahre Erfahrung in der Leitung von kleinen Gruppen?",
    "Gesucht wird eine zuverlässige Fachkraft mit guten Kenntnissen der Buchhaltung",
    "Welche Bewerberin kann sowohl im Vertrieb als auch in der Beratung arbeiten?",
    "Wir suchen jemanden, der sich mit der Pflege von Maschinen auskennt",
    "Erfahrene Kraft für den Einkauf, gerne mit Kenntnissen in der Lagerhaltung",
    "Wer spricht fließend Deutsch und hat schon im Ausland gearbeitet?",
)


def german_text(rng: random.Random) -> str:
    """Return a query in German that has nothing to do with any passage."""
    return f"{rng.choice(_GERMAN)[:-1]} seit {rng.randint(1990, 2020)}"


def content_words(text: str) -> set[str]:
    """Return a text's words that carry meaning, in lower case."""
    words = {word.lower() for word in _WORD.findall(text)}
    return {word for word in words if len(word) > 2 and word not in _COMMON}


def write_queries(passage: str, kinds: list[str]) -> list[str]:
    """Write a query of each kind about a passage; all differ.

    The outcome depends on nothing else. A query has 4 to 14 words, a description three times as
    many at most; none shares a run of more than 4 words with the passage.
    """
    digest = hashlib.blake2b(passage.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    rng = random.Random(digest)
    terms = _find_terms(passage, rng)
    words = _in_words(passage)
    texts: list[str] = []
    position = 0
    for kind in kinds:
        templates = _TEMPLATES[_template_kind(kind, rng)]
        for _ in range(12):
            chosen = [terms[(position + n) % len(terms)] for n in range(4)]
            position += rng.choice((2, 3, 4))
            # A description has all its sentences.
            whole = templates is _TEMPLATES["descr"]
            parts = templates if whole else (rng.choice(templates),)
            text = " ".join(_fill(part, chosen) for part in parts)
            within = SHORTEST <= len(text.split()) <= LONGEST * len(parts)
            fits = within and text not in texts
            if fits and not _copies(_in_words(text), words):
                break
        else:
            text = f"Somebody with {terms[position % len(terms)]}, case {len(texts) + 1}"
        texts.append(text)
    return texts


def _fill(template: str, chosen: list[str]) -> str:
    """Put terms into a template."""
    text = template.format(a=chosen[0], b=chosen[1], c=chosen[2], d=chosen[3])
    return text[0].upper() + text[1:]


def _template_kind(kind: str, rng: random.Random) -> str:
    """Return which templates suit a kind of query, by its name."""
    lowered = kind.lower()
    found = next((sort for mark, sort in _MARKS.items() if mark in lowered), "")
    return found or rng.choice(tuple(_TEMPLATES))


def _find_terms(passage: str, rng: random.Random) -> list[str]:
    """Return some rarer words of a passage, a few in pairs as they stand there, shuffled."""
    tokens = passage.split()
    start = rng.randrange(max(1, len(tokens) - _LOOK_AT + 1))
    name = _name_at_top(passage)
    found: dict[str, tuple[str, int]] = {}  # in lower case → as it stands there, where
    counts: Counter[str] = Counter()
    for position, token in enumerate(tokens[start : start + _LOOK_AT]):
        word = token.strip(_PUNCTUATION)
        lowered = word.lower()
        counts[lowered] += 1
        carries = len(word) > 3 or (len(word) > 1 and word != lowered)
        if carries and lowered not in _COMMON and word not in name and _WORD.fullmatch(word):
            found.setdefault(lowered, (word, position))
    rare = sorted(found, key=lambda lowered: counts[lowered])[:40]
    terms: list[str] = []
    last = -2
    for word, position in sorted((found[lowered] for lowered in rare), key=lambda item: item[1]):
        follows = position == last + 1 and tokens[start + last][-1].isalnum()
        if follows and " " not in terms[-1] and rng.random() < 0.6:
            terms[-1] = f"{terms[-1]} {word}"
        else:
            terms.append(word)
        last = position
    rng.shuffle(terms)
    if len(terms) >= 4:
        return terms
    words = map(_strip, tokens[:_LOOK_AT])
    others = [word for word in words if word not in name and _WORD.fullmatch(word)]
    return list(dict.fromkeys([*terms, *others, *_FILLERS]))


def _strip(token: str) -> str:
    """Return a token without the punctuation around it."""
    return token.strip(_PUNCTUATION)


def _name_at_top(text: str) -> frozenset[str]:
    """Return the words of a first line or sentence that looks like a person's name."""
    first = _NAME.match(text)
    words = first[1].split() if first else []
    return frozenset(words if all(word[0].isupper() for word in words) else ())


def _copies(text: str, passage: str) -> bool:
    """Say whether a text shares too long a run with a passage, both as :func:`_in_words`."""
    words = text.split()
    runs = zip(*(words[n:] for n in range(LONGEST_COPY + 1)), strict=False)
    return any(f" {' '.join(run)} " in passage for run in runs)


def _in_words(text: str) -> str:
    """Return a text in lower case without punctuation, a blank around each word."""
    return f" {' '.join(_RUN_WORD.findall(text.lower()))} "
