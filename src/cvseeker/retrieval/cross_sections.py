"""Cross-section pairs: what one section of a résumé claims asks for what the others show."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.hashes import text_hash
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.screen import printable
from cvseeker.core.wordlists import read_words
from cvseeker.resumes import PersonName, redact
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.claims import Claim, cut_claims
from cvseeker.retrieval.lines import count_words, terms
from cvseeker.retrieval.ranker import EncodedQueries

# An award or a certificate of so many words is told as a sentence is.
_PROSE = 6
# Words that evidence has at least, and an anchor at least and at most.
_FEWEST_SHOWN, _FEWEST, _MOST = 30, 2, 40
# A sentence of fewer words is a fragment.
_FEWEST_OF_SENTENCE = 4
# Telling words of an entry at least, and of a sentence.
_FEWEST_TOLD = (0.5, 2.0)
# Share of an anchor's words that its evidence may have: above it the pair teaches copying.
_MOST_SHARED = 0.6
# A word that tells persons apart stands in the résumés of this share of them at most.
_RARE = 0.1
_SENTENCES = ("summary", "opening")
_BLOCK, _REPORT_EVERY = 128, 50
# Numbers that are addresses' and marks', and what is sworn at a résumé's end.
_PERSONAL = re.compile(
    r"\d{5}|here\s?by|\b(?:citizens?|nationality|passport|visa|married|born|driv\w+ licen[cs]e"
    r"|references)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Anchor:
    person: int
    kind: str
    text: str


def cross_section_dataset(
    corpus: Mapping[str, str],
    person_groups: Mapping[str, str],
    *,
    settings: GenerateSettings,
    dropped: Counter[str] | None = None,
    progress: Progress = silent,
    mapper: Mapper = map_here,
) -> RetrievalDataset:
    """Make queries of what persons claim, each answered by what else their résumés say.

    Parameters
    ----------
    corpus
        Passage id → text.
    person_groups
        Passage id → person group; a passage that has none is a person.
    settings
        Kinds of anchors, how many a person, and the seed.
    dropped
        Counts by reason the anchors left out, where it is given.
    progress
        Called while persons are gone through.
    mapper
        Where their texts are cut.

    Returns
    -------
    RetrievalDataset
        A document a person: its id is that of the person's first passage, its text that of all of
        them without the sections that anchors are from. Queries are the anchors, ``kinds`` says of
        which kind they are; each is answered by its person's document alone.

    References
    ----------
    .. [1] Lee et al. 2019, the inverse cloze task, https://arxiv.org/abs/1906.00300
    .. [2] Izacard et al. 2022, independent cropping, https://arxiv.org/abs/2112.09118
    """
    dropped = Counter() if dropped is None else dropped
    persons = _persons(corpus, person_groups)
    texts = ["\n\n".join(corpus[key] for key in keys) for keys in persons]
    cuts = []
    for number, cut in enumerate(mapper(partial(map, cut_claims), texts), start=1):
        cuts.append(cut)
        if number % _REPORT_EVERY == 0 or number == len(texts):
            progress("cross-section pairs", number, len(texts), "")
    candidates: dict[_Anchor, None] = {}
    for number, (claims, evidence) in enumerate(cuts):
        rng = random.Random(f"{settings.seed}\0{persons[number][0]}")
        if count_words(evidence) >= _FEWEST_SHOWN:
            candidates |= dict.fromkeys(_anchors(number, claims, rng))
    names = [PersonName.from_text(text) for text in texts]
    shown = [terms(evidence) for _, evidence in cuts]
    fit = []
    for anchor in (one for one in candidates if one.kind in settings.sections):
        reason = _reason_against(anchor.text, names[anchor.person], shown[anchor.person])
        if reason:
            dropped[reason] += 1
        else:
            fit.append(anchor)
    kept = _specific(fit, texts, cuts, dropped)
    queries: dict[str, _Anchor] = {}
    for number, own in groupby(kept, key=lambda anchor: anchor.person):
        for anchor in _mixed(own, settings.per_person):
            queries[text_hash(persons[number][0], anchor.kind, anchor.text)] = anchor
    asked = sorted({anchor.person for anchor in queries.values()})
    return RetrievalDataset(
        corpus={persons[number][0]: cuts[number][1] for number in asked},
        queries={key: anchor.text for key, anchor in queries.items()},
        qrels={key: {persons[anchor.person][0]: 1} for key, anchor in queries.items()},
        kinds={key: anchor.kind for key, anchor in queries.items()},
        person_groups={
            persons[number][0]: person_groups.get(persons[number][0], persons[number][0])
            for number in asked
        },
    )


def query_overlap(dataset: RetrievalDataset) -> list[float]:
    """Return the share of each query's words that a passage which answers it has.

    Parameters
    ----------
    dataset
        Queries of stop words alone are left out.

    Returns
    -------
    list of float
        In the queries' order, from 0 to 1; of several relevant passages the one that has most.
    """
    return list(overlaps(dataset).values())


def overlaps(dataset: RetrievalDataset) -> dict[str, float]:
    """Return query id → the same share."""
    words = {key: terms(text) for key, text in dataset.corpus.items()}
    shares = {}
    for query_id, text in dataset.queries.items():
        asked = terms(text)
        relevant = [key for key, grade in dataset.qrels[query_id].items() if grade > 0]
        if asked and relevant:
            shares[query_id] = max(len(asked & words[key]) / len(asked) for key in relevant)
    return shares


def _persons(corpus: Mapping[str, str], person_groups: Mapping[str, str]) -> list[list[str]]:
    """Return the passages of each person, in the corpus's order."""
    persons: dict[str, list[str]] = defaultdict(list)
    for key in corpus:
        persons[person_groups.get(key, key)].append(key)
    return list(persons.values())


def _anchors(person: int, claims: Sequence[Claim], rng: random.Random) -> Iterator[_Anchor]:
    """Yield anchors of what a person claims."""
    listed = dict.fromkeys(claim.text for claim in claims if claim.kind == "skill")
    skills = [entry for entry in listed if _names_a_skill(entry)]
    titles = [claim.text for claim in claims if claim.kind == "title"]
    # Drawn twice, since some lists are refused for one entry.
    drawn = rng.sample(skills, len(skills)) + rng.sample(skills, len(skills))
    while len(drawn) > 1:
        size = rng.randint(2, 4)
        yield _Anchor(person, "skills", rng.choice((", ", " ")).join(dict.fromkeys(drawn[:size])))
        drawn = drawn[size:]
    for title in titles[:3]:
        if len(skills) > 1:
            yield _Anchor(person, "title_skills", ", ".join([title, *rng.sample(skills, 2)]))
    for kind, text in claims:
        fragment = kind in _SENTENCES and count_words(text) < _FEWEST_OF_SENTENCE
        if kind not in ("skill", "title") and not fragment:
            yield _Anchor(person, kind, text)


def _names_a_skill(entry: str) -> bool:
    """Tell an entry from praise, and from the end of a sentence that begins with a small word."""
    first = entry.split(maxsplit=1)[0]
    begins = bool(terms(first)) or not first.islower()
    return begins and not _empty().issuperset(terms(entry))


def _reason_against(anchor: str, name: PersonName, shown: Set[str]) -> str:
    """Return why an anchor is unfit, whatever others say; empty where it is fit."""
    words = terms(anchor)
    if not _FEWEST <= count_words(anchor) <= _MOST or not words:
        return "length"
    if printable(anchor) != anchor or "�" in anchor:
        return "unprintable"
    if name.is_in_query(anchor) or redact(anchor).counts or _PERSONAL.search(anchor):
        return "name or contact"
    return "shares most words" if len(words & shown) > _MOST_SHARED * len(words) else ""


def _specific(
    anchors: Sequence[_Anchor],
    texts: Sequence[str],
    cuts: Sequence[tuple[Sequence[Claim], str]],
    dropped: Counter[str],
) -> list[_Anchor]:
    """Return, best first, the anchors that say enough and whose person alone BM25 puts first."""
    weights = _weights(texts, cuts)
    told = {anchor: sum(weights[stem] for stem in terms(anchor.text)) for anchor in anchors}
    some = [one for one in anchors if told[one] >= _FEWEST_TOLD[_is_sentence(one)]]
    dropped["says little"] += len(anchors) - len(some)
    ranker = BM25Ranker(texts)
    kept = []
    for start in range(0, len(some), _BLOCK):
        block = some[start : start + _BLOCK]
        scores = ranker.scores(EncodedQueries.from_texts([anchor.text for anchor in block]))
        for anchor, row in zip(block, scores, strict=True):
            if (row >= row[anchor.person]).sum() == 1:
                kept.append(anchor)
    dropped["fits others"] += len(some) - len(kept)
    return sorted(kept, key=lambda one: (one.person, -told[one] / count_words(one.text) ** 0.5))


def _is_sentence(anchor: _Anchor) -> bool:
    """Tell what is said in so many words, from names and lists."""
    listed = anchor.kind in ("skills", "title_skills") or count_words(anchor.text) < _PROSE
    return anchor.kind in _SENTENCES or not listed


def _weights(texts: Sequence[str], cuts: Sequence[tuple[Sequence[Claim], str]]) -> dict[str, float]:
    """Return how much each word tells of a person, from 0 to 1.

    A word that many have tells nothing, nor does one that people say of themselves more often than
    it is met in what they did; one that only this person says may be an odd turn.
    """
    holders = Counter(stem for text in texts for stem in terms(text))
    shown = Counter(stem for _, evidence in cuts for stem in terms(evidence))
    said = Counter(
        stem
        for claims, _ in cuts
        for stem in terms(" ".join(one.text for one in claims if one.kind in _SENTENCES))
    )
    rare = max(2.0, _RARE * len(texts))
    weights = {}
    for stem, holder in holders.items():
        common = holder > rare or stem in _empty()
        praise = said[stem] > max(shown[stem], 1)
        weights[stem] = 0.0 if common or praise else 1.0 if shown[stem] >= said[stem] else 0.5
    return weights


@cache
def _empty() -> frozenset[str]:
    """Return the stems of words that fit anybody."""
    words = read_words("cvseeker.core", "generic_words") | read_words("cvseeker.core", "platitudes")
    return frozenset(stem for word in words for stem in terms(word))


def _mixed(anchors: Iterable[_Anchor], most: int) -> Iterator[_Anchor]:
    """Yield up to so many anchors, of every kind in turn."""
    by_kind: dict[str, list[_Anchor]] = defaultdict(list)
    for anchor in anchors:
        by_kind[anchor.kind].append(anchor)
    turns = sorted(
        ((turn, kind) for kind, own in by_kind.items() for turn in range(len(own))),
        key=lambda one: one[0],
    )
    for turn, kind in turns[:most]:
        yield by_kind[kind][turn]
