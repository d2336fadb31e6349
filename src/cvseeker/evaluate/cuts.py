"""Ways of parting queries: by kind, length, copied words, occupation and place of the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cvseeker.core.records import Resume
from cvseeker.evaluate.evidence import THIRDS, Evidence, find_evidence, overlap_band, overlap_bands
from cvseeker.evaluate.results import EvaluatedSet

# Fixed, so that two evaluations' rows mean the same. A window is 128 tokens, some 90 words; most
# encoders cut at 256 or 512.
QUERY_WORDS = (5, 10, 20)
PASSAGE_WORDS = (100, 200, 400)
_OCCUPATION_COLUMNS = ("category", "occupation", "job category", "job title", "profession", "role")


@dataclass(frozen=True, slots=True)
class Cut:
    """One way of parting queries: id → name of the part; without order, the largest comes first."""

    key: str
    title: str
    note: str
    names: Mapping[str, str]
    order: Sequence[str] = ()


def query_cuts(evaluated: EvaluatedSet) -> list[Cut]:
    """Part the queries in every way that the data set allows; what is not known may be missing."""
    evidence = find_evidence(evaluated.dataset, resume_of=evaluated.resume_of)
    cuts = [_by_kind(evaluated), _by_length(evaluated), _by_overlap(evidence)]
    if evaluated.occupations:
        cuts.append(_by_occupation(evaluated))
    if evaluated.level == "passage":
        cuts += [_by_passage_length(evidence), _by_place(evidence)]
    return cuts


def occupations_of(resumes: Sequence[Resume]) -> dict[str, str]:
    """Return résumé id → occupation, from a table's column or else from the folders' names.

    Empty where nothing tells: there must be two occupations at least, and, in the mean, two résumés
    of each, or the names are of something else.
    """
    found = {resume.resume_id: _column(resume) or _folder(resume) for resume in resumes}
    known = {resume_id: name for resume_id, name in found.items() if name}
    different = len(set(known.values()))
    return known if 2 <= different <= len(known) / 2 else {}


def _column(resume: Resume) -> str:
    values = {
        name.strip().lower().replace("_", " "): value for name, value in resume.metadata.items()
    }
    return next((values[name].strip() for name in _OCCUPATION_COLUMNS if values.get(name)), "")


def _folder(resume: Resume) -> str:
    """Return the name of the folder that the résumé's file lies in, within the source."""
    folders = resume.resume_id.split("#")[0].split("/")[:-1]
    name = folders[-1].replace("-", " ").replace("_", " ").strip() if folders else ""
    return name.lower() if name.isupper() else name


def _by_kind(evaluated: EvaluatedSet) -> Cut:
    kinds = evaluated.dataset.kinds
    names = {query_id: kinds.get(query_id) or "not known" for query_id in evaluated.dataset.queries}
    return Cut("kind", "By kind of query", "", names if any(kinds.values()) else {})


def _by_length(evaluated: EvaluatedSet) -> Cut:
    names = {
        query_id: _between(len(text.split()), QUERY_WORDS)
        for query_id, text in evaluated.dataset.queries.items()
    }
    return Cut("query_length", "By length of the query", "Words.", names, _ranges(QUERY_WORDS))


def _by_overlap(evidence: Mapping[str, Evidence]) -> Cut:
    names = {
        query_id: overlap_band(one.overlap)
        for query_id, one in evidence.items()
        if one.overlap is not None
    }
    note = (
        "The share of a query’s words, small words left out, that stand in the passage that answers"
        " it. A system that only finds copied words falls off where little is copied."
    )
    return Cut("overlap", "By words copied from the answer", note, names, overlap_bands())


def _by_occupation(evaluated: EvaluatedSet) -> Cut:
    names = {}
    for query_id in evaluated.dataset.queries:
        grades = evaluated.dataset.qrels[query_id]
        found = {
            evaluated.occupations.get(evaluated.resume_of.get(key, key))
            for key, grade in grades.items()
            if grade > 0
        }
        name = found.pop() if len(found) == 1 else "several"
        names[query_id] = name or "not known"
    note = "As the table or the folder that the résumés came from names it."
    return Cut("occupation", "By occupation", note, names)


def _by_passage_length(evidence: Mapping[str, Evidence]) -> Cut:
    names = {query_id: _between(one.words, PASSAGE_WORDS) for query_id, one in evidence.items()}
    note = "Words of the passage that answers."
    return Cut("passage_length", "By length of the answer", note, names, _ranges(PASSAGE_WORDS))


def _by_place(evidence: Mapping[str, Evidence]) -> Cut:
    names: dict[str, str] = {query_id: one.place for query_id, one in evidence.items()}
    note = (
        "Where in the passage most of the query’s rarer words stand. An encoder that cuts passages "
        "off falls behind in the last third."
    )
    order = [*THIRDS, "spread evenly", "no word shared"]
    return Cut("place", "By place of the evidence", note, names, order)


def _between(value: int, edges: Sequence[int]) -> str:
    return _ranges(edges)[sum(value >= edge for edge in edges)]


def _ranges(edges: Sequence[int]) -> list[str]:
    inner = [f"{low} to {high - 1}" for low, high in pairwise(edges)]
    return [f"under {edges[0]}", *inner, f"{edges[-1]} or more"]
