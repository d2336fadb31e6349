"""Filling a template's fields with a passage's evidence, in other words where there are any."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import TypeVar

from cvseeker.core.wordlists import read_lines
from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.duties import Duty
from cvseeker.queries.offline.evidence import Evidence
from cvseeker.queries.offline.lexicon import STOP_WORDS
from cvseeker.queries.offline.paraphrases import TERMS, TITLES
from cvseeker.queries.offline.phrases import Fact
from cvseeker.queries.offline.verbs import VERBS, verb_forms


def _templates(name: str) -> dict[str, list[str]]:
    templates: dict[str, list[str]] = {}
    for line in read_lines("cvseeker.queries.offline", name):
        kind, _, template = line.partition("\t")
        templates.setdefault(kind, []).append(template)
    return templates


# Query and passage share less wording the more of it is replaced or dropped; beyond this the
# query no longer says the same thing.
_REPLACE_TERM, _REPLACE_TITLE, _REPLACE_VERB, _DROP_WORD = 0.45, 0.35, 0.5, 0.25
# Words between two facts that count as one place: about half an encoder's window.
_NEAR = 60

# Kind of query → its templates: for résumés, and for passages about anything else.
RESUME_TEMPLATES = _templates("resume_templates")
NEUTRAL_TEMPLATES = _templates("neutral_templates")

_NUMBERED = re.compile(r"^(far)?([a-z_]+?)(\d)?$")
_VERB_FIELDS = {"do": None, "doing": 0, "did": 1, "done": 2}
# Fields whose evidence is not called by their name and an s.
_POOLS = {"a_title": "titles", "aproject": "projects", "skills": "skills"}

_Told = TypeVar("_Told", Fact, Duty)


@dataclass(slots=True)
class Wording:
    """What one query says so far."""

    evidence: Evidence
    rng: random.Random
    # Fact or object → how many queries of the passage have used it; the less used come first.
    used: dict[str, int]
    # The place in the passage, counted in words, that the query is about.
    focus: int | None = None
    # Stems of the evidence that has gone into the query.
    told: list[tuple[str, ...]] = field(default_factory=list)
    _values: dict[str, str] = field(default_factory=dict)
    _duties: dict[str, Duty] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)

    def fill(self, names: Sequence[str]) -> dict[str, str] | None:
        """Return a wording for every field, or nothing where the passage lacks the evidence."""
        for name in names:
            value = self._field(name)
            if not value:
                return None
            self._values[name] = value
        for key in self._taken:
            self.used[key] = self.used.get(key, 0) + 1
        return self._values

    def _field(self, name: str) -> str:
        far, base, number = _read_field(name)
        if base in _VERB_FIELDS:
            return self._duty(base, number, far=far)
        profile = self.evidence.profile
        if base == "years":
            # Recruiters ask for fewer years than the best candidate has, in round numbers.
            years = profile.years or 0
            return (
                str(max(step for step in (1, 2, 3, 5, 8, 10, 15) if step <= years)) if years else ""
            )
        if base == "location":
            return profile.location
        if base == "language":
            return self.rng.choice(profile.languages) if profile.languages else ""
        if base == "skills":
            return self._list(far=far)
        fact = self._pick(_POOLS.get(base, f"{base}s"), far=far)
        return self._say(base, fact) if fact else ""

    def _list(self, *, far: bool) -> str:
        facts = [self._pick("skills", far=far) for _ in range(self.rng.choice((2, 2, 3, 3, 4)))]
        words = [self._say("skill", fact) for fact in facts if fact]
        return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else ""

    def _pick(self, pool: str, *, far: bool) -> Fact | None:
        facts = self._pool(pool)
        said = self._said
        free = [fact for fact in facts if said.isdisjoint(fact.stems) or _adds(fact, said)]
        if not free:
            return None
        return self._draw(free, far=far)

    def _pool(self, pool: str) -> Sequence[Fact]:
        evidence = self.evidence
        facts: Sequence[Fact] = getattr(evidence, pool)
        if pool == "skills" and len(facts) < 3:
            # Prose has no lists: its shortest phrases name what the candidate knows.
            return [*facts, *(fact for fact in evidence.phrases if len(fact.stems) == 2)]
        return facts

    def _draw(self, options: Sequence[_Told], *, far: bool) -> _Told:
        """Choose what the query says next: rare, near to the rest or far from it, little used."""
        weights = []
        used, focus = self.used, self.focus
        for option in options:
            weight = max(option.rarity, 0.1)
            distance = abs(option.position - focus) if focus is not None else 0
            if not ((distance > 2 * _NEAR) if far else (distance <= _NEAR)):
                weight *= 0.1 if far else 0.3 / (1 + distance / _NEAR)
            if used:
                weight *= 0.25 ** used.get(option.text.lower(), 0)
            weights.append(weight)
        chosen = self.rng.choices(options, weights)[0]
        self._taken.add(chosen.text.lower())
        self.told.append(chosen.stems)
        self._said.update(chosen.stems)
        if self.focus is None:
            self.focus = chosen.position
        return chosen

    def _duty(self, form: str, number: str, *, far: bool) -> str:
        duty = self._duties.get(number)
        if duty is None:
            free = [duty for duty in self.evidence.duties if duty.text.lower() not in self._taken]
            if not free:
                return ""
            duty = self._duties[number] = self._draw(free, far=far)
        lemma = duty.lemma
        others = [other for other in VERBS[lemma] if not _clashes(other, duty.text)]
        if others and self.rng.random() < _REPLACE_VERB:
            lemma = self.rng.choice(others)
        slot = _VERB_FIELDS[form]
        verb = lemma if slot is None else verb_forms(lemma)[slot]
        return f"{verb} {TERMS.replace(duty.text, self.rng, rate=_REPLACE_TERM)}"

    def _say(self, base: str, fact: Fact) -> str:
        if base in ("title", "a_title"):
            text = TITLES.replace(fact.text, self.rng, rate=_REPLACE_TITLE)
            return with_article(text) if base == "a_title" else text
        if base in ("employer", "school", "credential"):
            return fact.text
        words = fact.text.split()
        if len(words) > 2 and not {"of", "and"} & set(words) and self.rng.random() < _DROP_WORD:
            words = words[1:]
        text = TERMS.replace(" ".join(words), self.rng, rate=_REPLACE_TERM)
        return f"the {text}" if base == "aproject" else text


@cache
def fields(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields, in order."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


@cache
def _read_field(name: str) -> tuple[bool, str, str]:
    """Return whether a field is far, what it asks for, and its number."""
    match = _NUMBERED.match(name)
    far, base, number = match.groups() if match else (None, name, None)
    return bool(far), base, number or ""


def _adds(fact: Fact, said: set[str]) -> bool:
    """Whether at least half of what a fact says has not been said yet."""
    again = [word for word in fact.stems if word in said]
    return not again or len(again) * 2 <= len(fact.stems) - (len(fact.stems) == 1)


def _clashes(verb: str, what: str) -> bool:
    """Whether a verb would be said twice ("test testing tools")."""
    return stem(verb) in {stem(word) for word in what.split()}


_SPELLED = re.compile(r"^(?:[FHLMNRSX](?:[A-Z]|\b)|[aeioAEIO]|un(?!i)|u[^ns])")


def with_article(noun: str) -> str:
    """Put "a" or "an" before a noun."""
    return f"{'an' if _SPELLED.match(noun) else 'a'} {noun}"


def shuffle_drop(
    words: Sequence[str], rng: random.Random, *, rate: float = _DROP_WORD
) -> list[str]:
    """Drop some of a keyword list's words and change the order of the rest."""
    kept = [word for word in words if word.lower() not in STOP_WORDS and rng.random() >= rate]
    if len(kept) < 2:
        return list(words)
    if rng.random() < 0.5:
        rng.shuffle(kept)
    return kept
