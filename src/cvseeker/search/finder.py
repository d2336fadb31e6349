"""Candidates found by what was read: filtered, ranked, explained, and told how well they fit."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from cvseeker.core.errors import InputError, WorkspaceError
from cvseeker.core.languages import language_of
from cvseeker.core.progress import Progress, silent
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.boolean import Tree
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.query_encoder import QueryEncoder
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.search.index import CandidateIndex, Scored
from cvseeker.search.query import Pool, Reading, Requirement, correct, read_query
from cvseeker.search.stage import open_workspace
from cvseeker.search.strength import LOOKED_AT, Strength, background, measure
from cvseeker.search.ticks import Evidence, Tick, read_asked, tick
from cvseeker.search.why import Excerpt, explain

# A tokenizer of fewer entries knows one language.
_MANY_LANGUAGES = 60_000


@dataclass(frozen=True, slots=True)
class CandidateHit:
    """A candidate that was found.

    Attributes
    ----------
    number, resume_id, path
        Who it is, and the file.
    name, title, employer, place, years
        As read off the résumé; empty or ``None`` where it does not say.
    score
        In [0, 1], comparable within one search only.
    shares
        What BM25, pooled vectors and late interaction have added to it.
    band
        How well they fit; empty where nothing ranks or nothing was learnt.
    passage_id
        Their best passage.
    excerpt
        The sentences that answer the query.
    ticks
        Which requirements they meet.
    flags
        Words that are hidden in the file, or give orders to a machine: to be seen, none ranks.
    """

    number: int
    resume_id: str
    path: str
    name: str = ""
    title: str = ""
    employer: str = ""
    place: str = ""
    years: int | None = None
    score: float = 0.0
    shares: tuple[float, float, float] = (0.0, 0.0, 0.0)
    band: str = ""
    excerpt: Excerpt = field(default_factory=lambda: Excerpt(""))
    ticks: tuple[Tick, ...] = ()
    flags: tuple[str, ...] = ()
    passage_id: str = ""

    @property
    def snippet(self) -> str:
        """The excerpt's text."""
        return self.excerpt.text

    @property
    def matched(self) -> list[str]:
        """The excerpt's words that the query has, too, in reading order, each once."""
        words = (self.snippet[start:end].lower() for start, end in self.excerpt.words)
        return list(dict.fromkeys(words))

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        shares = dict(zip(_PARTS, self.shares, strict=True))
        shown = {"snippet": self.snippet, "matched": self.matched}
        return {**asdict(self), "shares": shares, **shown}


_PARTS = ("bm25", "dense", "late")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes
    ----------
    reading
        How the query was read.
    hits
        This page of them, best first.
    total
        How many candidates fulfil the filter.
    band
        How well the best of them fit together: "nothing fits well" where nobody does.
    facets
        What those who fulfil the filter have: kind → value → how many.
    """

    reading: Reading
    hits: tuple[CandidateHit, ...]
    total: int
    band: str = ""
    facets: dict[str, dict[str, int]] = field(default_factory=dict)


class CandidateSearch:
    """Search for candidates in an index and the pool that it was made of.

    Parameters
    ----------
    index
        The index.
    encoder
        The encoder that built it, or the part of it that encodes queries.
    pool
        The same candidates, by the same numbers.
    weights
        What counts how much; ``None``: what the encoder has learnt, else the defaults.
    strength
        What scores are worth in this index; ``None``: hits have no bands.
    """

    def __init__(
        self,
        index: CandidateIndex,
        encoder: Encoder | QueryEncoder,
        pool: Pool,
        *,
        weights: HybridWeights | None = None,
        strength: Strength | None = None,
    ) -> None:
        self.pool = pool
        self._index, self._encoder, self._strength = index, encoder, strength
        self._weights = weights or getattr(encoder, "hybrid", None) or HybridWeights()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        engine: str = "auto",
        weights: HybridWeights | None = None,
        untuned: bool = False,
        progress: Progress = silent,
    ) -> Self:
        """Open the search of a workspace.

        Parameters
        ----------
        path
            The workspace.
        engine
            What finds the nearest candidates, as the settings name it.
        weights
            What counts how much; ``None``: as the model has learnt it.
        untuned
            Search with the base in a tuned model's place, to see what changed.
        progress
            Called while the passages are encoded by the base.

        Raises
        ------
        InputError
            If the engine is not one that can be used, or finds too few of the nearest.
        WorkspaceError
            If the workspace has no index, or one of other résumés or of another model than it has
            now; the message names the command that builds it.
        """
        opened = open_workspace(path, engine=engine, untuned=untuned, progress=progress)
        pool = Pool(opened.record)
        return cls(opened.index, opened.encoder, pool, weights=weights, strength=opened.strength)

    @staticmethod
    def forget(path: Path, numbers: Collection[int]) -> bool:
        """Take candidates out of the index in a workspace, which must not be in use.

        Parameters
        ----------
        path
            The workspace.
        numbers
            Whose; those that are not there do not count.

        Returns
        -------
        bool
            Whether there is an index that can go on being used.
        """
        try:
            index = CandidateIndex.open(path / "index")
        except WorkspaceError:
            return False
        index.delete(numbers)
        index.flush(index.sequence)
        index.close()
        return len(index) > 0

    @staticmethod
    def read(text: str, **wishes: Any) -> Reading:
        """Read a query.

        Parameters
        ----------
        text
            In one's own words, Boolean, or a job description.
        wishes
            Of :func:`cvseeker.search.query.read_query`: ``must``, ``nice``, ``exclude``, ``job``.

        Raises
        ------
        InputError
            If something cannot be read.
        """
        return read_query(text, **wishes)

    def search(
        self,
        reading: Reading,
        *,
        top_k: int = 10,
        skip: int = 0,
        weights: HybridWeights | None = None,
    ) -> Found:
        """Find the best candidates for a query, best first.

        Parameters
        ----------
        reading
            The query, from :meth:`read`.
        top_k, skip
            How many at most, after how many that are left out.
        weights
            What counts how much in this search; ``None``: what counts in all.

        Raises
        ------
        InputError
            If the query neither ranks nor filters.
        """
        reading = self._noted(correct(reading, self.pool.words, is_known=self._knows))
        allowed = self._allowed(reading.must)
        numbers = self.pool.numbers.tolist() if allowed is None else allowed
        facets = self.pool.facets(allowed)
        if not any(map(str.isalnum, reading.text)):
            if reading.must is None:
                raise InputError(
                    f"the query {reading.text!r} has no words; expected some, such as "
                    '"icu nurse night shifts"'
                )
            hits = tuple(self._person(number) for number in numbers[skip : skip + top_k])
            return Found(reading, hits, len(numbers), facets=facets)
        query = encode_query(reading, self._encoder)
        found = self._index.search(
            query,
            weights=weights or self._weights,
            allowed=allowed,
            limit=max(skip + top_k, LOOKED_AT),
        )
        page = found[skip : skip + top_k]
        ticks = self._ticked([one.number for one in page], reading.requirements)
        level = background(found)
        bands = [self._own_band(query, one, level) for one in page]
        hits = tuple(
            replace(hit, band=band, ticks=tuple(ticks[hit.number]))
            for hit, band in zip(self._hits(query, page), bands, strict=True)
        )
        return Found(reading, hits, len(numbers), self._band(query, found, level), facets)

    def _hits(self, query: EncodedQueries, found: Sequence[Scored]) -> Iterator[CandidateHit]:
        """Yield what is shown of those who were found, and why they were."""
        matches = self._index.explain(query, [one.position for one in found])
        for one, words in zip(found, matches, strict=True):
            spans, vectors = self._index.windows(one.position)
            near = spans[int((vectors @ query.vectors[0]).argmax())]
            yield replace(
                self._person(one.number),
                passage_id=one.passage.passage_id,
                score=round(one.score, 4),
                shares=one.shares,
                excerpt=explain(query.texts[0], one.passage.text, words, near),
            )

    def _allowed(self, must: Tree | None) -> list[int] | None:
        """Return who fulfils a filter and is in index and record both; ``None``: everybody."""
        allowed = None if must is None else self.pool.allowed(must)
        if self._index.sequence == self.pool.record.sequence:
            return allowed
        indexed = self._index.digests()
        numbers = self.pool.numbers.tolist() if allowed is None else allowed
        return [number for number in numbers if number in indexed]

    def similar(self, resume_id: str, *, top_k: int = 10, skip: int = 0) -> Found:
        """Find the candidates whose résumés are most like somebody's.

        Parameters
        ----------
        resume_id
            Whose, or their number.
        top_k, skip
            How many at most, after how many that are left out.

        Raises
        ------
        InputError
            If there is nobody of that name.
        """
        number = self.number_of(resume_id)
        resume = self.pool.resumes[number]
        profile = resume.profile
        parts = tuple(
            one
            for one in (*profile.titles, ", ".join(profile.skills[:30]), *_lines(resume.text))
            if any(map(str.isalnum, one))
        )
        reading = Reading(f"like {resume.resume_id}", parts=parts)
        query = encode_query(reading, self._encoder)
        everybody = self._allowed(None)
        numbers = self.pool.numbers.tolist() if everybody is None else everybody
        others = [one for one in numbers if one != number]
        found = self._index.search(
            query, weights=self._weights, allowed=others, limit=skip + top_k
        )[skip:]
        return Found(reading, tuple(self._hits(query, found)), len(others))

    def ticks(self, resume_id: str, requirements: Sequence[Requirement]) -> tuple[Tick, ...]:
        """Tell which requirements somebody meets.

        Parameters
        ----------
        resume_id
            Who, or their number.
        requirements
            What is asked for.
        """
        number = self.number_of(resume_id)
        return tuple(self._ticked([number], requirements)[number])

    def _ticked(
        self, numbers: Sequence[int], requirements: Sequence[Requirement]
    ) -> dict[int, list[Tick]]:
        """Tick each requirement for each number, by all that their passages say."""
        if not numbers or not requirements:
            return {number: [] for number in numbers}
        encoded = EncodedQueries.from_texts([one.text for one in requirements], self._encoder)
        asked = read_asked(requirements, encoded, self._index.codec)
        ticks = {}
        for number in numbers:
            evidence = Evidence(self.pool.resumes[number], *self._index.words(number))
            ticks[number] = [tick(one, evidence) for one in asked]
        return ticks

    def number_of(self, resume_id: str) -> int:
        """Return a candidate's number, given their résumé's id or the number itself."""
        number = self.pool.number_of(resume_id)
        if number is not None:
            return number
        raise InputError(
            f"no candidate {resume_id!r}; expected the number or the file of one, as searches show "
            "them"
        )

    def _band(self, query: EncodedQueries, found: Sequence[Scored], level: float) -> str:
        """Return how well the best few fit together; empty where nothing was learnt or found."""
        if self._strength is None or not found:
            return ""
        return self._strength.band(measure(self._index, query, found, level))

    def _own_band(self, query: EncodedQueries, one: Scored, level: float) -> str:
        """Return how well one of them fits: "weak" at the least."""
        band = self._band(query, [one], level)
        return "weak" if band == "nothing fits well" else band

    def _person(self, number: int) -> CandidateHit:
        """Return what is shown of a candidate beside why they were found."""
        resume = self.pool.resumes[number]
        profile = resume.profile
        employers = (one.value for one in resume.insights if one.kind == "employer")
        who = profile.name.casefold()
        return CandidateHit(
            number,
            resume.resume_id,
            resume.source,
            name=profile.name,
            title=next(iter(profile.titles), ""),
            employer=next((one for one in employers if one.casefold() != who), ""),
            place=profile.location,
            years=profile.years,
            flags=tuple(resume.metadata.get("flags", "").splitlines()),
        )

    def _knows(self, word: str) -> bool:
        """Tell whether the model has an entry for a word: then it is none's typo."""
        tokenizer = getattr(self._encoder, "tokenizer", None)
        return tokenizer is not None and len(tokenizer.encode(word).ids) <= _ONE_WORD

    def _noted(self, reading: Reading) -> Reading:
        """Add a note where the query is in a language that the model hardly knows."""
        language = language_of(reading.text)
        tokenizer = getattr(self._encoder, "tokenizer", None)
        if language in ("", "en") or tokenizer is None:
            return reading
        if getattr(tokenizer, "get_vocab_size", lambda: _MANY_LANGUAGES)() >= _MANY_LANGUAGES:
            return reading
        note = (
            f"the query seems to be in another language ({language}) than the model knows (en): "
            "found by the words that it shares with résumés"
        )
        return replace(reading, notes=(*reading.notes, note))


# A word's one piece between the special tokens before and after it.
_ONE_WORD = 3


def _lines(text: str) -> list[str]:
    """Return a résumé's longer lines: what somebody did rather than how to reach them."""
    return [line.strip() for line in text.splitlines() if len(line.split()) > _LONG_LINE]


_LONG_LINE = 8


def encode_query(reading: Reading, encoder: Encoder | QueryEncoder) -> EncodedQueries:
    """Encode a query; a long one part by part, so that nothing of it is cut off.

    Its vector is the mean of its parts', its words and token vectors are all of theirs.
    """
    if len(reading.parts) < 2:
        return EncodedQueries.from_texts([reading.text], encoder)
    encoded = EncodedQueries.from_texts(reading.parts, encoder)
    mean = encoded.vectors.mean(axis=0, keepdims=True)  # (1, dim)
    mean /= np.linalg.norm(mean) or 1
    words = [[word for part in encoded.words for word in part]]
    text = "\n".join(reading.parts)
    tokens = encoded.tokens
    return EncodedQueries(
        [text], words, mean, None if tokens is None else _one_text(tokens, reading.parts)
    )


def _one_text(tokens: TokenVectors, parts: Sequence[str]) -> TokenVectors:
    """Make token vectors of several texts those of the texts joined by line ends."""
    starts = np.concatenate([[0], np.cumsum([len(part) + 1 for part in parts])[:-1]])
    shifts = np.repeat(starts, np.diff(tokens.bounds))
    bounds = np.array([0, len(tokens.ids)], dtype=np.int64)
    return TokenVectors(tokens.vectors, tokens.ids, tokens.spans + shifts[:, None], bounds)
