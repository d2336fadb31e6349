"""Queries without an LLM: several kinds of recruiter's query from what a passage itself says."""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from cvseeker.core.hashes import text_hash
from cvseeker.core.insights import Profile
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.records import Query
from cvseeker.core.screen import printable
from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.evidence import Evidence, read_evidence
from cvseeker.queries.offline.lexicon import STOP_WORDS
from cvseeker.queries.offline.other_languages import (
    opening_name,
    other_language,
    phrases_apart,
    without_english,
)
from cvseeker.queries.offline.rarity import GENERIC_STEMS, CorpusStatistics
from cvseeker.queries.offline.wording import (
    NEUTRAL_TEMPLATES,
    RESUME_TEMPLATES,
    Wording,
    fields,
    shuffle_drop,
)
from cvseeker.resumes import find_sections, read_insights

# Tries per query wanted: a passage that yields nothing new by then has no more to give.
_TRIES = 4
# Share of words that two queries of one passage may have in common.
_ALIKE = 0.6
# Passages looked at to learn whether a corpus is made of résumés, and the share that tells.
_SAMPLE, _RESUME_SHARE = 60, 0.1
_REPORT_EVERY = 50


def generate_offline(
    corpus: Mapping[str, str],
    *,
    profiles: Mapping[str, Profile] | None = None,
    settings: GenerateSettings,
    progress: Progress = silent,
    mapper: Mapper = map_here,
) -> list[Query]:
    """Write up to ``queries_per_passage`` queries about each passage, in the corpus's order.

    ``profiles`` are the whole résumés', by passage id; where there is none, it is read off the
    passage. The queries of a passage depend on the seed, its id and its text, and on the others
    only through how rare its words are among them.
    """
    resumes = bool(profiles) or _are_resumes(list(corpus.values()))
    shown = list(mapper(partial(map, _shown), corpus.values()))
    statistics = CorpusStatistics()
    for text, _ in shown:
        statistics.add(text)
    asking = _Asking(settings, statistics, resumes=resumes)
    known = profiles or {}
    passages = [
        _Passage(key, text, apart, language, known.get(key))
        for (key, text), (apart, language) in zip(corpus.items(), shown, strict=True)
    ]
    queries: list[Query] = []
    for done, own in enumerate(mapper(asking.write, passages), start=1):
        queries += own
        if done % _REPORT_EVERY == 0 or done == len(corpus):
            progress("generate", done, len(corpus), f"{len(queries)} queries")
    return queries


def _shown(text: str) -> tuple[str, str]:
    """Return the text of a passage as its phrases are looked for in it, and its other language."""
    language = other_language(text)
    return phrases_apart(text, language, name=opening_name(text)) if language else text, language


@dataclass(frozen=True, slots=True)
class _Passage:
    """A passage, and its résumé's profile where that is known."""

    passage_id: str
    text: str
    shown: str
    language: str
    profile: Profile | None


@dataclass(frozen=True)
class _Asking:
    """Writes the queries of passages, each by itself, given what all of them have in common."""

    settings: GenerateSettings
    statistics: CorpusStatistics
    resumes: bool

    def write(self, passages: Iterable[_Passage]) -> Iterator[list[Query]]:
        """Yield each passage's queries."""
        templates = RESUME_TEMPLATES if self.resumes else NEUTRAL_TEMPLATES
        lists = without_english(templates)
        for one in passages:
            profile = one.profile or (
                Profile.of(read_insights(one.text)) if self.resumes else Profile()
            )
            if one.language and not profile.name:
                profile = replace(profile, name=opening_name(one.text))
            evidence = read_evidence(one.shown, profile, self.statistics)
            rng = random.Random(f"{self.settings.seed}\0{one.passage_id}")
            fitting = lists if one.language else templates
            writer = _Writer(one.passage_id, evidence, fitting, self.statistics, rng)
            yield writer.write(self.settings.queries_per_passage)


def _are_resumes(texts: Sequence[str]) -> bool:
    """Whether enough passages have the sections that résumés have."""
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    wanted = {"experience", "education", "skills"}
    with_sections = sum(
        any(section.kind in wanted for section in find_sections(text)) for text in sample
    )
    return with_sections >= _RESUME_SHARE * len(sample)


class _Writer:
    """Writes one passage's queries, kind after kind, and refuses the poor ones."""

    def __init__(
        self,
        passage_id: str,
        evidence: Evidence,
        templates: Mapping[str, Sequence[str]],
        statistics: CorpusStatistics,
        rng: random.Random,
    ) -> None:
        self.passage_id = passage_id
        self.evidence = evidence
        self.statistics = statistics
        self.rng = rng
        self.name = frozenset(_LETTERS.findall(evidence.profile.name.lower()))
        self.used: dict[str, int] = {}
        self.decks = {
            kind: rng.sample(list(lines), len(lines)) for kind, lines in templates.items()
        }
        self.word_sets: list[set[str]] = []

    def write(self, wanted: int) -> list[Query]:
        """Return up to ``wanted`` queries, of as many kinds as possible."""
        queries: list[Query] = []
        kinds = self.rng.sample(list(self.decks), len(self.decks))
        while kinds and len(queries) < wanted:
            for kind in list(kinds):
                query = self._next(kind)
                if query is None:
                    kinds.remove(kind)
                elif len(queries) < wanted:
                    queries.append(query)
        return queries

    def _next(self, kind: str) -> Query | None:
        """Return one more query of a kind, or nothing where the passage has no more of it."""
        deck = self.decks[kind]
        tries = 0
        while deck and tries < _TRIES:
            template = deck.pop()
            wording = Wording(self.evidence, self.rng, self.used)
            values = wording.fill(fields(template))
            if values is None:
                continue
            tries += 1
            text = self._finish(kind, template, values)
            fit = printable(text) == text and self._is_anonymous(text)
            if fit and self._is_specific(wording) and self._is_new(text):
                query_id = text_hash(self.passage_id, kind, text)
                return Query(query_id, text, kind, self.passage_id)
        return None

    def _finish(self, kind: str, template: str, values: Mapping[str, str]) -> str:
        text = template.format_map(values)
        if kind == "keywords" and _PLAIN.fullmatch(template):
            text = (
                " ".join(shuffle_drop(text.split(), self.rng)) if self.rng.random() < 0.6 else text
            )
        if kind in ("keywords", "title_skills", "requirements") and self.rng.random() < 0.4:
            return text.lower()
        return text[0].upper() + text[1:] if template[-1] in ".?" else text

    def _is_anonymous(self, text: str) -> bool:
        """Whether no part of the candidate's name is in a query, by whichever way it got there."""
        return not self.name or self.name.isdisjoint(_LETTERS.findall(text.lower()))

    def _is_specific(self, wording: Wording) -> bool:
        """Whether the evidence used points at few passages."""
        statistics = self.statistics
        few = max(2.0, 0.01 * statistics.passages)
        if any(
            len(stems) > 1 and statistics.is_specific(stems) and statistics.frequency(stems) <= few
            for stems in wording.told
        ):
            return True
        words = {word for stems in wording.told for word in stems} - STOP_WORDS - GENERIC_STEMS
        told = sum(statistics.rarity((word,)) for word in words)
        return told >= 1.3 * statistics.rarity(("\0",))

    def _is_new(self, text: str) -> bool:
        """Whether no query of this passage so far says much the same."""
        words = {stem(word) for word in _WORD.findall(text) if word.lower() not in STOP_WORDS}
        if any(
            len(words & other) > _ALIKE * min(len(words), len(other)) for other in self.word_sets
        ):
            return False
        self.word_sets.append(words)
        return True


_WORD = re.compile(r"[^\W_]+[+#]*")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_PLAIN = re.compile(r"(?:\{\w+\} ?)+")
