"""How much of what identifies people is left after masking, and how much else is masked.

    python benchmarks/masking.py [--resumes 208] [--seed 0] [--show KIND]

Writes résumés of people who do not exist, in thirteen languages and twelve layouts, with names,
telephone numbers, e-mail and postal addresses, identity numbers and dates of birth that are known,
and masks them as ``cvseeker generate`` does: the name is read off the whole résumé, then each
passage is masked. ``--show name`` prints what of that kind was left, ``--show words`` what else
was masked.
"""

import argparse
import random
import re
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvseeker.resumes import PersonName, redact
from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.passages import split_passages
from cvseeker.resumes.sections import find_sections

Words = dict[str, Any]
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Secret:
    """A piece of a line that must not be left."""

    kind: str
    text: str


Line = Sequence[str | Secret]


@dataclass
class Person:
    """Somebody who does not exist."""

    given: str
    family: str
    phone: Secret
    email: Secret
    street: Secret
    id_number: Line
    birth: Line
    words: Words
    language: str
    label: str

    @property
    def full(self) -> str:
        """The name as it is usually written."""
        if self.language in ("zh", "ja"):
            return self.family + (" " if self.language == "ja" else "") + self.given
        return f"{self.given} {self.family}"


def fill(pattern: str, rng: random.Random) -> str:
    """Put a digit for every "d" and a capital for every "A" that stands among digits."""
    digits = re.sub(r"d", lambda _: str(rng.randrange(10)), pattern)
    return re.sub(r"A", lambda _: rng.choice("BCDFGHKLMNPRSTVXYZ"), digits)


def ascii_of(text: str) -> str:
    """Spell a name as addresses do."""
    import unicodedata

    table = {"ł": "l", "Ł": "L", "ß": "ss", "ø": "o"}
    cyrillic = dict(zip("абвгдезийклмнопрстуфыэё", [*"abvgdeziyklmnoprstufyee"], strict=True)) | {
        "ж": "zh",
        "х": "kh",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "shch",
        "ю": "yu",
        "я": "ya",
        "ь": "",
    }
    spelt = "".join((table | cyrillic).get(char, char) for char in text.lower())
    return unicodedata.normalize("NFD", spelt).encode("ascii", "ignore").decode()


def email_of(given: str, family: str, language: str, rng: random.Random) -> str:
    """Make up an address; six in ten have the whole name, two a part, two none of it."""
    first, last = (re.sub("[^a-z]", "", ascii_of(name)) for name in (given, family))
    host = rng.choice(["example.com", "mail.example.org", "example.net"])
    if not (first and last) or language in ("zh", "ja", "ar"):
        return f"{rng.choice(['sunny', 'moonlight', 'kiwi'])}{rng.randrange(10, 99)}@{host}"
    local = rng.choices(
        [
            f"{first}.{last}",
            f"{first[0]}{last}{rng.randrange(99)}",
            f"{last}_{first}",
            first,
            f"moonlight{rng.randrange(99)}",
        ],
        [4, 2, 1, 1, 2],
    )[0]
    mail = f"{local}@{host}"
    disguise = rng.random()
    if disguise < 0.08:
        return mail.replace("@", " (at) ").replace(".", " dot ")
    if disguise < 0.14:
        return mail.replace("@", "[at]")
    return mail


def id_line(pattern: str, rng: random.Random) -> Line:
    """Return a label, and a number behind it."""
    place = re.search(r"[A-Zd\d][A-Zd\d .-]*$", pattern)
    label, number = (pattern[: place.start()], place[0]) if place else (pattern, "")
    return [label, Secret("id", fill(number, rng))]


def birth_line(words: Words, rng: random.Random) -> Line:
    """Return a label, a date of birth, and what stands behind."""
    pattern = rng.choice(words["birth"])
    month, day = rng.randrange(12), rng.randrange(1, 29)
    values = {
        "d": f"{day:02}",
        "D": str(day),
        "m": f"{month + 1:02}",
        "M": words["months"][month],
        "Y": str(rng.randrange(1962, 2003)),
    }
    first, last = pattern.index("{"), pattern.rindex("}") + 1
    last += len(re.findall(r"^(?:日生?| r\.| г\.| года)?", pattern[last:])[0])
    return [pattern[:first], Secret("birth", pattern[first:last].format(**values)), pattern[last:]]


def person(language: str, words: Words, rng: random.Random) -> Person:
    """Make up somebody."""
    given, family = rng.choice(words["given"]), rng.choice(words["family"])
    phone = Secret("phone", fill(rng.choice(words["phones"]), rng))
    street = rng.choice(words["streets"]).format(n=rng.randrange(11, 180), m=rng.randrange(1, 10))
    return Person(
        given,
        family,
        phone,
        Secret("email", email_of(given, family, language, rng)),
        Secret("street", street),
        id_line(rng.choice(words["id_labels"]), rng),
        birth_line(words, rng),
        words,
        language,
        rng.choice(words["phone_label"]),
    )


# Layouts ---------------------------------------------------------------------------------------


def rows(*lines: Line) -> Sequence[Line]:
    """Return lines as they are, so that they are known to be lines."""
    return lines


def phone_line(one: Person) -> Line:
    """Return a label and a number."""
    return [one.label + (" " if one.label and one.label[-1] != "：" else ""), one.phone]


def body(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield what a résumé says besides; nothing of it identifies anybody."""
    words = one.words
    profile, work, education, skills, _ = words["headings"]
    sentences = rng.sample(words["body"], 5)
    yield from rows([], [profile], [sentences[0]], [], [work])
    for job, sentence in zip(rng.sample(words["jobs"], 2), sentences[1:3], strict=True):
        yield from rows([job], [rng.choice(words["titles"])], ["• " + sentence], [])
    yield from rows([education], [sentences[3]], [], [skills], [words["skills"]], [sentences[4]])


def personal(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the part with the date of birth and a number."""
    yield from rows([], [one.words["headings"][4]], one.birth, one.id_number)
    if rng.random() < 0.5:
        yield street_line(one, rng)


def street_line(one: Person, rng: random.Random) -> Line:
    """Return a street and a city in the order of the language."""
    if one.language in ("zh", "ja"):
        return [city(one, rng), one.street]
    return [one.street, ", " + city(one, rng)]


def city(one: Person, rng: random.Random) -> str:
    """Return a city without its code, which may be masked or not."""
    return re.sub(
        r"\s*[-,]?\s*\b[A-Z]*\d[\w-]*(?: \d?[A-Z]{2})?\s*", " ", rng.choice(one.words["cities"])
    ).strip()


def name(one: Person) -> Secret:
    """Return the name as it is usually written."""
    return Secret("name", one.full)


def classic(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the name, a title and a line of contacts."""
    yield from rows([name(one)], [rng.choice(one.words["titles"])])
    yield [*phone_line(one), " | ", one.email, " | ", city(one, rng)]
    yield from rows(*body(one, rng), *personal(one, rng))


def documented(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the name below the word for a résumé, with an address."""
    yield from rows([one.words["document"]], [], [name(one)], street_line(one, rng))
    yield from rows(phone_line(one), [one.email], *body(one, rng), *personal(one, rng))


def two_lines(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield given name and family name on lines of their own."""
    if one.language in ("zh", "ja"):
        yield from classic(one, rng)
        return
    yield from rows([Secret("name", one.given.upper())], [Secret("name", one.family.upper())], [])
    yield from rows([one.words["contact"]], phone_line(one), [one.email], [city(one, rng)])
    yield from rows(*body(one, rng), *personal(one, rng))


def sidebar(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield contacts and skills, which come before the name."""
    skills = one.words["headings"][3]
    yield from rows([one.words["contact"]], [one.email], phone_line(one), [], [skills])
    yield from rows([one.words["skills"]], [], [name(one)], [rng.choice(one.words["titles"])])
    yield from rows(*body(one, rng), *personal(one, rng))


def table(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield cells that bars join."""
    yield from rows(
        [one.words["name_label"] + " | : | ", name(one)],
        [one.label.strip(" :：") or "Tel", " | : | ", one.phone],
    )
    yield from rows(["E-Mail | ", one.email], *body(one, rng), *personal(one, rng))


def labelled(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the name behind a label."""
    yield from rows([one.words["document"]], [one.words["name_label"] + ": ", name(one)])
    yield from rows([*phone_line(one), ", ", one.email], *body(one, rng), *personal(one, rng))


def comma(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the family name first."""
    shown = (
        f"{one.family.upper()}, {one.given}" if one.language not in ("zh", "ja", "ar") else one.full
    )
    yield from rows([Secret("name", shown)], [city(one, rng) + " | ", one.phone, " | ", one.email])
    yield from rows(*body(one, rng), *personal(one, rng))


def lower(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield a name without capitals."""
    yield from rows([Secret("name", one.full.lower())], [one.email, " · ", one.phone])
    yield from rows(*body(one, rng), *personal(one, rng))


def letter_spaced(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield letters that stand apart."""
    shown = "   ".join(" ".join(word) for word in one.full.upper().split())
    yield from rows(
        [Secret("name", shown if one.language not in ("zh", "ja", "ar") else one.full)],
        [one.email, " | ", one.phone],
    )
    yield from rows(*body(one, rng), *personal(one, rng))


def in_prose(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield the name again at the end, as a signature."""
    yield from rows([name(one)], phone_line(one), [one.email], *body(one, rng), *personal(one, rng))
    yield from rows([], [city(one, rng) + ", 12.03.2024 "], [name(one)])


def one_line(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield all on one line."""
    yield [
        name(one),
        " | " + rng.choice(one.words["titles"]) + " | ",
        one.email,
        " | ",
        *phone_line(one),
    ]
    yield from rows(*body(one, rng), *personal(one, rng))


def profile_export(one: Person, rng: random.Random) -> Iterator[Line]:
    """Yield lines in the order of a network's export."""
    slug = re.sub("[^a-z]+", "-", ascii_of(one.full)).strip("-") or "u-48213"
    yield from rows(
        ["Contact"],
        [Secret("url", f"www.linkedin.com/in/{slug}-{rng.randrange(10**6)}"), " (LinkedIn)"],
    )
    yield from rows(
        [one.email],
        phone_line(one),
        [],
        ["Top Skills"],
        ["Excel"],
        ["SAP"],
        [],
        [name(one)],
    )
    yield from rows([rng.choice(one.words["titles"])], *body(one, rng), *personal(one, rng))


LAYOUTS: list[Callable[[Person, random.Random], Iterator[Line]]] = [
    classic,
    documented,
    two_lines,
    sidebar,
    table,
    labelled,
    comma,
    lower,
    letter_spaced,
    in_prose,
    one_line,
    profile_export,
]


# Measuring -------------------------------------------------------------------------------------


def mask_resume(text: str) -> str:
    """Mask a résumé's passages as what is sent about them is."""
    cleaned = clean_text(text)
    who = PersonName.from_text(cleaned).full
    passages = split_passages(find_sections(cleaned), passage_tokens=750)
    return "\n".join(redact(passage, name=who).text for passage, _ in passages)


def is_left(secret: Secret, masked: str) -> bool:
    """Tell whether anything of a secret that says something is still there."""
    if secret.kind == "name":
        plain = masked.lower()
        spaced = (
            re.sub(r"(?<=\w) (?=\w(?!\w))", "", secret.text)
            if " " in secret.text[1:2]
            else secret.text
        )
        parts = [
            part for part in WORD.findall(spaced.lower()) if len(part) > 3 or part[0] >= "\u2e80"
        ]
        bounded = (
            rf"(?<!\w){re.escape(part)}(?!\w)" if part[0] < "\u2e80" else re.escape(part)
            for part in parts
        )
        return any(re.search(part, plain) for part in bounded)
    if secret.kind in ("phone", "id"):
        shown = re.sub(r"\W", "", secret.text)
        return any(
            shown[at : at + 6] in re.sub(r"[^\w\[\]\n]", "", masked)
            for at in range(max(1, len(shown) - 5))
        )
    return secret.text in masked or (
        secret.kind == "street" and max(secret.text.split(","), key=len).strip() in masked
    )


def words_lost(lines: Sequence[Line], masked: str) -> tuple[list[str], int]:
    """Return the words that identify nobody and are gone, and how many there were."""
    neutral = "\n".join(
        "".join(piece if isinstance(piece, str) else " " for piece in line) for line in lines
    )
    expected = Counter(WORD.findall(clean_text(neutral).lower()))
    there = Counter(WORD.findall(re.sub(r"\[[A-Z]+\]", " ", masked).lower()))
    return list((expected - there).elements()), expected.total()


def main() -> None:
    """Write, mask and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resumes", type=int, default=208)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", default="")
    args = parser.parse_args()
    people = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    planted: Counter[tuple[str, str]] = Counter()
    left: Counter[tuple[str, str]] = Counter()
    by_layout: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    total = lost = 0
    seconds = 0.0
    for number in range(args.resumes):
        rng = random.Random(args.seed * 100_003 + number)
        language = list(people)[number % len(people)]
        layout = LAYOUTS[number // len(people) % len(LAYOUTS)]
        lines = list(layout(person(language, people[language], rng), rng))
        text = "\n".join(
            "".join(piece if isinstance(piece, str) else piece.text for piece in line)
            for line in lines
        )
        start = time.process_time()
        masked = mask_resume(text)
        seconds += time.process_time() - start
        secrets = [piece for line in lines for piece in line if isinstance(piece, Secret)]
        for secret in secrets:
            planted[language, secret.kind] += 1
            gone = not is_left(secret, masked)
            left[language, secret.kind] += not gone
            if secret.kind == "name":
                by_layout[layout.__name__][0] += 1
                by_layout[layout.__name__][1] += not gone
            if not gone and args.show == secret.kind:
                print(
                    language,
                    layout.__name__,
                    secret,
                    "|",
                    *(mail.text for mail in secrets if mail.kind == "email"),
                )
        gone_words, words = words_lost(lines, masked)
        total, lost = total + words, lost + len(gone_words)
        if gone_words and args.show == "words":
            print(language, layout.__name__, gone_words)
    print(f"{args.resumes} résumés, {1000 * seconds / args.resumes:.1f} ms each")
    for kind in sorted({kind for _, kind in planted}):
        number = sum(count for (_, of), count in planted.items() if of == kind)
        missed = sum(count for (_, of), count in left.items() if of == kind)
        where = {key[0]: count for key, count in left.items() if key[1] == kind and count}
        print(f"{kind:8} {missed:4} of {number:4} left, {missed / number:.2%}  {where or ''}")
    print(f"words    {lost:4} of {total:5} others masked, {lost / total:.2%}")
    print(
        "names by layout:",
        {key: f"{missed}/{number}" for key, (number, missed) in by_layout.items()},
    )


if __name__ == "__main__":
    main()
