"""What somebody typed, read: an exact filter, the text that ranks, and what is ticked."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cvseeker.retrieval.boolean import Group, Leaf, Negation, Tree, read_boolean
from cvseeker.search.query.jobs import Requirement, cut_job
from cvseeker.search.query.pool import FIELDS, check
from cvseeker.search.query.spelling import Vocabulary, corrections

# What is asked for exactly in a query in one's own words: quoted, signed, or of a field.
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))
_EXACT = re.compile(
    r'(?<!\S)[-+]?"[^"]+"|(?<!\S)[-+](?=[^\W\d])\S+'
    rf'|(?<!\S)-?(?:{"|".join(FIELDS)})(?::|[<>]=?|=)(?:"[^"]*"|\([^()]*\)|[^\s()"]+)',
    re.IGNORECASE,
)
# Makes a query Boolean: an operator in capitals, one in brackets, one beside a quotation mark or a
# bracket, or a beginning of words.
_BOOLEAN = re.compile(
    r"\([^()]*\s(?:and|or|not)\s[^()]*\)"
    r'|["\)]\s*(?:and|or|not)(?!\S)|(?<!\S)(?:and|or|not)\s*["\(]|\w\*(?!\S)',
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"(?<!\S)(?:AND|OR|NOT)(?!\S)")
# Fields that say nothing by which candidates could be ranked.
_UNRANKED = frozenset({"years", "since", "name", "place"})
# From so many words on, a query is a job description.
JOB_WORDS = 60
# Characters of what ranks that are shown.
_SHOWN = 200
# A Boolean query may be as long; of so many words one at least is an operator then.
_WORDS_AN_OPERATOR = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """A query as it was read.

    Attributes
    ----------
    text
        What ranks; empty where only a filter was given.
    must
        The exact filter; ``None``: everybody.
    requirements
        What is ticked for each candidate.
    notes
        What the user should know: typos that were corrected, a language that the model lacks.
    parts
        A long text's parts, which are encoded one by one; empty for a short one.
    """

    text: str
    must: Tree | None = None
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """How it was read, in a line; empty where all of it ranks, as it was typed."""
        filtered = str(self.must) if self.must is not None else ""
        if isinstance(self.must, Group) and self.must.operator == "AND":
            filtered = filtered[1:-1]
        said = [f"must: {filtered}"] if filtered else []
        if self.requirements:
            must = sum(one.must for one in self.requirements)
            said.append(f"{must} must, {len(self.requirements) - must} nice to have")
        if said and self.text:
            whole = " ".join(self.text.split())
            whole = whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}…"
            said.append(f"ranked by: {whole}")
        return " · ".join(said)


def read_query(
    text: str,
    *,
    must: Sequence[str] = (),
    nice: Sequence[str] = (),
    exclude: Sequence[str] = (),
    fields: Mapping[str, Sequence[str]] | None = None,
    job: bool = False,
) -> Reading:
    """Read a query.

    Parameters
    ----------
    text
        In one's own words, Boolean, or a job description. It is Boolean where an operator stands in
        capitals, in brackets, or beside a quotation mark; else only what is quoted, has a sign
        before it, or names a field must be there, and the rest ranks.
    must, nice, exclude
        Boolean queries too: what must be there, what ranks and is ticked, what must not be there.
    fields
        Field → values, one of which must be there.
    job
        Whether the text is a job description; a text of more than 60 words is one anyhow.

    Raises
    ------
    InputError
        If something cannot be read.

    Examples
    --------
    >>> reading = read_query('"project manager" budgeting -intern')
    >>> print(reading.must, "|", reading.text)
    ("project manager" AND NOT intern) | project manager budgeting
    """
    reading = _read_job(text) if job or _is_job(text) else _read_short(text)
    wanted = [_read(one) for one in must]
    trees = [reading.must, *wanted, *(_negated(one) for one in exclude)]
    trees += [_one_of(field, values) for field, values in (fields or {}).items() if values]
    joined = _joined([tree for tree in trees if tree is not None])
    if joined is not None:
        check(joined)
    asked = [Requirement(one) for one in must] + [Requirement(one, must=False) for one in nice]
    ranked = [reading.text, *(" ".join(_ranking(tree)) for tree in wanted if tree), *nice]
    return replace(
        reading,
        text=" ".join(filter(None, ranked)),
        must=joined,
        requirements=(*reading.requirements, *asked),
    )


def _is_job(text: str) -> bool:
    """Tell a job description from a query: it is long, and few of its words are operators."""
    words = len(text.split())
    return words > JOB_WORDS and len(_CAPITALS.findall(text)) < words / _WORDS_AN_OPERATOR


def _read(text: str) -> Tree | None:
    return read_boolean(text, FIELDS)


def _read_short(text: str) -> Reading:
    """Read what is Boolean, or in one's own words with something exact among them."""
    plain = text.translate(_QUOTES)
    if is_boolean(plain):
        tree = _read(plain)
        return Reading(" ".join(_ranking(tree)) if tree else "", tree)
    exact = _EXACT.findall(plain)
    tree = _read(" ".join(exact)) if exact else None

    def ranked(match: re.Match[str]) -> str:
        found = _read(match[0])
        return " ".join(_ranking(found)) if found else ""

    rest = " ".join(_EXACT.sub(ranked, plain).split())
    return Reading(rest if exact else text, tree)


def is_boolean(text: str) -> bool:
    """Tell a Boolean query from one in one's own words."""
    if _CAPITALS.search(text):
        return True
    return bool(_BOOLEAN.search(text))


def _read_job(text: str) -> Reading:
    """Read a job description; its parts are its title, what it asks for, and its duties."""
    job = cut_job(text)
    parts = tuple(
        dict.fromkeys(
            one
            for one in (job.title, *(asked.text for asked in job.requirements), *job.duties)
            if any(map(str.isalnum, one))
        )
    )
    return Reading(". ".join(parts), None, job.requirements, parts=parts)


def _ranking(tree: Tree) -> Iterator[str]:
    """Yield the texts by which a filter's candidates are ranked: what is not excluded."""
    if isinstance(tree, Group):
        for part in tree.parts:
            yield from _ranking(part)
    elif isinstance(tree, Leaf) and tree.kind not in _UNRANKED and tree.text[0] not in "<>=":
        yield tree.text.rstrip("*")


def _negated(text: str) -> Tree | None:
    tree = _read(text)
    return None if tree is None else Negation(tree)


def _one_of(field: str, values: Sequence[str]) -> Tree:
    leaves = tuple(Leaf(" ".join(value.split()), field) for value in values)
    return leaves[0] if len(leaves) == 1 else Group("OR", leaves)


def _joined(trees: Sequence[Tree]) -> Tree | None:
    flat: list[Tree] = []
    for tree in trees:
        flat += tree.parts if isinstance(tree, Group) and tree.operator == "AND" else [tree]
    if len(flat) < 2:
        return flat[0] if flat else None
    return Group("AND", tuple(flat))


def correct(reading: Reading, words: Vocabulary, *, is_known: Callable[[str], bool]) -> Reading:
    """Return a reading with its typos corrected, and a note of each.

    Parameters
    ----------
    reading
        What somebody typed.
    words
        Of all résumés.
    is_known
        Tells words that are right though no résumé has them.
    """
    if reading.parts:
        return reading
    found = corrections(reading.text, words, is_known=is_known)
    if not found:
        return reading
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, found))})\b")

    def corrected(leaf: Leaf) -> Leaf:
        meant = {word.lower(): other for word, other in found.items()}
        text = meant.get(leaf.text.lower()) if leaf.kind == "word" else None
        return leaf if text is None else Leaf(text)

    return replace(
        reading,
        text=pattern.sub(lambda match: found[match[0]], reading.text),
        must=None if reading.must is None else _mapped(reading.must, corrected),
        notes=(
            *reading.notes,
            *(f"no résumé has {word!r}; read as {other!r}" for word, other in found.items()),
        ),
    )


def _mapped(tree: Tree, change: Callable[[Leaf], Leaf]) -> Tree:
    """Return a filter with other leaves."""
    if isinstance(tree, Leaf):
        return change(tree)
    if isinstance(tree, Negation):
        return Negation(_mapped(tree.part, change))
    return Group(tree.operator, tuple(_mapped(part, change) for part in tree.parts))
