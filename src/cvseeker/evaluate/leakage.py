"""What makes test queries easier than they look: copies, known persons, names and lone words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.insights import Profile
from cvseeker.core.overlap import exact_duplicates, word_ngrams
from cvseeker.evaluate.evidence import answer_passages
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import shown_query
from cvseeker.resumes import PersonName, person_groups, read_insights
from cvseeker.retrieval.bm25 import tokenize

EXAMPLES = 5
# As the splits are checked by: shared by copying, hardly ever by chance.
NGRAM_WORDS = 8
# A text with fewer 8-grams than this can be held by another by chance.
FEWEST_NGRAMS = 8
# More of a passage's phrases than this is no coincidence; the splits of an ingest are checked so.
NOTABLE_SHARE = 0.1
# As an ingest groups persons by default.
SAME_PERSON = 0.5
# Finding persons by their wording takes some four seconds for a thousand passages.
MOST_GROUPED = 5_000
_EXCERPT = 120
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\b\d\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """One way of leaking: how many of how many, and up to five examples with contacts masked."""

    title: str
    note: str
    count: int
    of: int
    examples: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Persons:
    """Answering passage → person, and person → a training passage of those trained on."""

    group_of: Mapping[str, str]
    trained: Mapping[str, str]

    @property
    def passages(self) -> frozenset[str]:
        """Answering passages of people who were trained on."""
        return frozenset(key for key, group in self.group_of.items() if group in self.trained)


def find_leakage(
    evaluated: EvaluatedSet,
    *,
    training: RetrievalDataset | None = None,
    persons: Persons | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Finding]:
    """Look for what makes a query set easier than the searches that it stands for.

    ``training`` is what a model was trained on: of its passages those count that its queries are
    about. ``persons`` is what :func:`find_persons` finds there. ``names`` is résumé id →
    candidate's name; ``None``: read off the first passages.
    """
    answers = answer_passages(evaluated.dataset, resume_of=evaluated.resume_of)
    found: dict[str, Finding] = {}
    if training is not None:
        asked = _asked_about(training)
        found["near_duplicate_passages"] = _copied_passages(_answering(evaluated), asked)
        if persons is not None:
            found["persons_in_training"] = _trained_on(persons)
        found["training_queries_repeated"] = _repeated_queries(evaluated.dataset, training)
    found["queries_naming_candidate"] = _naming_queries(evaluated, answers, names)
    found["queries_with_lone_word"] = _lone_words(evaluated, answers)
    return found


def _answering(evaluated: EvaluatedSet) -> dict[str, str]:
    """Return the passages that answer a query, id → text."""
    answers = answer_passages(evaluated.dataset, resume_of=evaluated.resume_of)
    relevant = dict.fromkeys(key for keys in answers.values() for key in keys)
    return {key: evaluated.dataset.corpus[key] for key in relevant}


def _asked_about(training: RetrievalDataset) -> dict[str, str]:
    """Return the passages that training queries are about; all, where there are no queries."""
    grades = (item for row in training.qrels.values() for item in row.items())
    asked = dict.fromkeys(key for key, grade in grades if grade > 0 and key in training.corpus)
    return {key: training.corpus[key] for key in asked or training.corpus}


def _copied_passages(texts: Mapping[str, str], asked: Mapping[str, str]) -> Finding:
    copies = find_copies(texts, asked)
    # Passages too short for eight-word phrases count where they are repeated whole.
    for key, first in exact_duplicates(_together(texts, asked)).items():
        if key.startswith("b ") and first.startswith("a "):
            copies[key[2:]] = (1.0, first[2:])
    found = {key: one for key, one in copies.items() if one[0] > NOTABLE_SHARE}
    worst = sorted(found, key=lambda key: (-found[key][0], key))
    return Finding(
        title="Answers that repeat training passages",
        note="Passages that share more than a tenth of their eight-word phrases with passages that "
        "training queries are about.",
        count=len(found),
        of=len(texts),
        examples=_first(
            {"id": key, "detail": f"{found[key][0]:.0%} shared, most with {found[key][1]}"}
            for key in worst
        ),
    )


def _together(texts: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """Put training passages ("a …") and others ("b …") side by side; their ids may be the same."""
    both = {f"a {key}": text for key, text in asked.items()}
    return both | {f"b {key}": text for key, text in texts.items()}


def find_persons(evaluated: EvaluatedSet, training: RetrievalDataset) -> Persons | None:
    """Say whose passages answer queries, and who of them was trained on; ``None`` if none can tell.

    Where person groups are not given, persons are told by the wording of their passages.
    """
    texts, asked = _answering(evaluated), _asked_about(training)
    ours = {key: evaluated.dataset.person_groups.get(key, "") for key in texts}
    theirs = {key: training.person_groups.get(key, "") for key in asked}
    if not all(ours.values()) or not all(theirs.values()):
        if len(texts) + len(asked) > MOST_GROUPED:
            return None
        group_of = person_groups(_together(texts, asked), similarity=SAME_PERSON)
        ours = {key: group_of[f"b {key}"] for key in texts}
        theirs = {key: group_of[f"a {key}"] for key in asked}
    return Persons(ours, {group: key for key, group in theirs.items()})


def _trained_on(persons: Persons) -> Finding:
    known = {group: key for key, group in persons.group_of.items() if group in persons.trained}
    return Finding(
        title="People who were trained on",
        note="People whose passages answer test queries and, in these words or others, "
        "training queries as well.",
        count=len(known),
        of=len(set(persons.group_of.values())),
        examples=_first(
            {"id": key, "detail": f"the same person as {persons.trained[group]}"}
            for group, key in known.items()
        ),
    )


def _repeated_queries(dataset: RetrievalDataset, training: RetrievalDataset) -> Finding:
    trained = {
        words: query_id
        for query_id, words in zip(training.queries, _readings(training), strict=True)
    }
    repeated = {
        query_id: trained[words]
        for query_id, words in zip(dataset.queries, _readings(dataset), strict=True)
        if words in trained
    }
    return Finding(
        title="Queries that were trained on",
        note="Queries that repeat a training query, but for the order and the endings of words.",
        count=len(repeated),
        of=len(dataset.queries),
        examples=_queries(dataset, {key: f"repeats {other}" for key, other in repeated.items()}),
    )


def _readings(dataset: RetrievalDataset) -> list[frozenset[str]]:
    """Return each query's stems and single digits: "5 years" is not "8 years"."""
    texts = list(dataset.queries.values())
    return [
        frozenset([*stems, *_NUMBER.findall(text)]) or frozenset([text.casefold()])
        for text, stems in zip(texts, tokenize(texts), strict=True)
    ]


def _naming_queries(
    evaluated: EvaluatedSet, answers: Mapping[str, Sequence[str]], names: Mapping[str, str] | None
) -> Finding:
    """Count the queries that name somebody whom they are about."""
    dataset, resume_of = evaluated.dataset, evaluated.resume_of
    first: dict[str, str] = {}
    for key in dataset.corpus:
        first.setdefault(resume_of.get(key, key), key)
    known = dict(names or {})
    naming = {}
    for query_id, keys in answers.items():
        for owner in dict.fromkeys(resume_of.get(key, key) for key in keys):
            if names is None and owner not in known:
                text = dataset.corpus[first[owner]]
                known[owner] = PersonName.from_text(
                    text, name=Profile.of(read_insights(text)).name
                ).full
            if PersonName(known.get(owner, "")).is_in_query(dataset.queries[query_id]):
                naming[query_id] = owner
                break
    return Finding(
        title="Queries that name the candidate",
        note="Whoever knows the name needs no search. Names are read off the résumés’ first lines; "
        "what is not found there is not counted.",
        count=len(naming),
        of=len(answers),
        examples=_queries(dataset, {key: f"about {owner}" for key, owner in naming.items()}),
    )


def _lone_words(evaluated: EvaluatedSet, answers: Mapping[str, Sequence[str]]) -> Finding:
    """Count the queries of which a word stands nowhere but in their answer."""
    dataset = evaluated.dataset
    owner_of = evaluated.resume_of if evaluated.level == "resume" else {}
    words = {key: _words(dataset.queries[key]) for key in answers}
    asked = frozenset(word for found in words.values() for word in found)
    # Word → the only passage or résumé that has it, empty where several do.
    only: dict[str, str] = {}
    for key, text in dataset.corpus.items():
        owner = owner_of.get(key, key)
        for word in asked & _words(text):
            if only.setdefault(word, owner) != owner:
                only[word] = ""
    lone = {}
    for query_id, keys in answers.items():
        owners = {owner_of.get(key, key) for key in keys}
        found = sorted(word for word in words[query_id] if only.get(word) in owners)
        # Small words tell nothing, however few texts there are.
        if telling := next((word for word in found if any(tokenize([word]))), ""):
            lone[query_id] = telling
    return Finding(
        title="Queries that one word answers",
        note="One of the query’s words stands in its answer and nowhere else: a search for that "
        "word alone finds it.",
        count=len(lone),
        of=len(answers),
        examples=_queries(
            dataset, {key: _quoted(word, dataset.queries[key]) for key, word in lone.items()}
        ),
    )


def _quoted(word: str, query: str) -> str:
    # A word that was masked with the rest of an address or a number stays so.
    shown = word in shown_query(query, _EXCERPT).lower()
    return f"“{word}”" if shown else "a word of a contact detail or further on"


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _queries(
    dataset: RetrievalDataset, details: Mapping[str, str]
) -> tuple[Mapping[str, str], ...]:
    """Return the first queries, each with what is told of it."""
    return _first(
        {"id": key, "text": shown_query(dataset.queries[key], _EXCERPT), "detail": detail}
        for key, detail in details.items()
    )


def _first(examples: Iterable[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    return tuple(islice(examples, EXAMPLES))


def find_copies(
    texts: Mapping[str, str], others: Mapping[str, str]
) -> dict[str, tuple[float, str]]:
    """Return the share of a text's 8-grams that stand in others, and which of those has most.

    The others are read one at a time. Texts are told of which at least one 8-gram stands
    elsewhere, and which have enough of them to tell.

    Examples
    --------
    >>> text = "one two three four five six seven eight nine ten eleven twelve thirteen 14 15 16"
    >>> find_copies({"a": text}, {"b": f"{text} and more"})["a"]
    (1.0, 'b')
    """
    keys = list(texts)
    grams = [_ngrams(texts[key]) for key in keys]
    lengths = np.array([len(one) for one in grams])
    if not lengths.sum():
        return {}
    every = np.concatenate(grams)
    order = np.argsort(every, kind="stable")
    owners = np.repeat(np.arange(len(keys)), lengths)[order]
    every = every[order]
    seen = np.zeros(len(every), dtype=bool)
    most = np.zeros(len(keys), dtype=np.int64)
    source = [""] * len(keys)
    for other, text in others.items():
        found = _ngrams(text)
        begins = np.searchsorted(every, found, "left")
        ends = np.searchsorted(every, found, "right")
        held = begins < ends
        places = [np.arange(a, b) for a, b in zip(begins[held], ends[held], strict=True)]
        if not places:
            continue
        at = np.concatenate(places)
        seen[at] = True
        for owner, count in zip(*np.unique(owners[at], return_counts=True), strict=True):
            if count > most[owner]:
                most[owner], source[owner] = count, other
    shared = np.bincount(owners, weights=seen, minlength=len(keys))
    return {
        key: (float(shared[at] / lengths[at]), source[at])
        for at, key in enumerate(keys)
        if shared[at] and lengths[at] >= FEWEST_NGRAMS
    }


def _ngrams(text: str) -> NDArray[np.uint64]:
    return np.sort(np.fromiter(word_ngrams(text, NGRAM_WORDS), np.uint64))
