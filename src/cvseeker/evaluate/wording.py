"""The words that people read: names of systems and metrics, numbers and queries as printed.

Files and ``--json`` hold the systems' keys: ``bm25``; of each model ``<model>``, ``late(<model>)``,
``hybrid(<model>)``, ``<model>@<dimensions>`` and ``<model>[<quantisation>]``.
"""

import re
from collections.abc import Collection, Iterable

from cvseeker.resumes import redact

BM25 = "bm25"
METRIC_TITLES = {
    "accuracy@1": "Accuracy@1",
    "accuracy@5": "Hit rate@5",
    "accuracy@10": "Accuracy@10",
    "recall@10": "Recall@10",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "map@100": "MAP@100",
}

# A workspace's own models; others are called what the user calls them.
_OWN = {"base": ", untuned", "tuned": ", tuned"}
_MADE = re.compile(
    r"(?P<how>hybrid|late)\((?P<model>.+)\)|(?P<cut>.+)@(?P<dim>\d+)|(?P<full>.+)\[(?P<bits>\w+)\]",
    re.DOTALL,
)
_BITS = {"int8": "8 bits a number", "binary": "1 bit a number"}
_HINTS = {"hybrid": "BM25, vectors and late interaction fused", "late": "token by token"}
# What every e-mail address or phone number has; masking the rest would only cost time.
_CONTACT = re.compile(r"@|\[at\]|\(at\)|(?:\d[^\w\n]{0,3}){6}\d", re.IGNORECASE)
# A name that no text has: without one, an e-mail address would tell of a name to be masked.
_NOBODY = "-"
_KINDS = {"hybrid": "Search", "late": "Late interaction"}


def hybrid_of(model: str) -> str:
    """Return the key of a model's fusion with BM25 and late interaction."""
    return f"hybrid({model})"


def made_of(key: str, keys: Collection[str]) -> tuple[str, str]:
    """Return the model among the keys that a system is made of, and how; both empty if of none."""
    found = _MADE.fullmatch(key)
    if found is None or hybrid_of(key) in keys:
        return "", ""
    model = found["model"] or found["cut"] or found["full"]
    size = f"{found['dim']} dimensions" if found["dim"] else _BITS.get(found["bits"], "")
    how = found["how"] or size
    return (model, how) if model in keys and how else ("", "")


def system_names(keys: Iterable[str]) -> dict[str, str]:
    """Return what people read for each system's key, given all keys of an evaluation.

    A model is known by what is made of it, and what was run elsewhere keeps its name.

    Examples
    --------
    >>> list(system_names(["bm25", "tuned", "late(tuned)", "hybrid(tuned)"]).values())[1:]
    ['Vectors alone, tuned', 'Late interaction, tuned', 'Search, tuned']
    >>> list(system_names(["e5", "hybrid(e5)", "e5@64", "elastic"]).values())
    ['Vectors alone with e5', 'Search with e5', 'Vectors alone with e5, 64 dimensions', 'elastic']
    """
    known = list(keys)
    return {key: _system_name(key, frozenset(known)) for key in known}


def _system_name(key: str, keys: frozenset[str]) -> str:
    if key == BM25:
        return "Keyword search (BM25)"
    model, how = made_of(key, keys)
    if not model and key not in _OWN and hybrid_of(key) not in keys:
        return key
    whose = _OWN.get(model or key, f" with {model or key}")
    if how in _KINDS:
        return _KINDS[how] + whose
    return f"Vectors alone{whose}, {how}" if how else f"Vectors alone{whose}"


def system_hint(key: str, keys: Collection[str]) -> str:
    """Say in a few words what a system is."""
    if how := made_of(key, keys)[1]:
        return _HINTS.get(how, "the best window, its vector made smaller")
    if key == BM25:
        return "no model"
    return "run elsewhere" if _system_name(key, frozenset(keys)) == key else "the best window"


def spoken(key: str, keys: Collection[str]) -> str:
    """Return a system's name as it stands within a sentence."""
    if key == BM25:
        return "keyword search alone"
    model, how = made_of(key, keys)
    if how == "hybrid":
        own = {"base": "the untuned search", "tuned": "the tuned search"}
        return own.get(model, f"search with {model}")
    return f"“{_system_name(key, frozenset(keys))}”"


def p_in_words(p_value: float) -> str:
    """Return a p-value as it is printed, "p = 0.031" or "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def p_alone(p_value: float) -> str:
    """Return a p-value as it stands in a column of its own."""
    return p_in_words(p_value).removeprefix("p ").removeprefix("= ")


def share_of(value: float, whole: float) -> str:
    """Return a share in per cent; of nothing there is none."""
    return f"{100 * value / whole:.2f} %" if whole else "–"


def signed(value: float, places: int = 3) -> str:
    """Return a difference with its sign, the minus in its typographic form.

    Examples
    --------
    >>> signed(0.1), signed(-0.25), signed(-0.0001)
    ('+0.100', '−0.250', '0.000')
    """
    text = f"{value:+.{places}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def change_in_words(value: float, low: float, high: float) -> str:
    """Return a difference with its interval, in as many places as it takes to see their signs.

    Examples
    --------
    >>> change_in_words(0.031, 0.012, 0.05)
    '+.03 [.01, .05]'
    >>> change_in_words(-0.0061, -0.02, 0.008)
    '−.006 [−.020, .008]'
    """
    places = 2 if min(abs(value), abs(low), abs(high)) >= 0.0095 else 3
    said = [signed(one, places).replace("0.", ".", 1) for one in (value, low, high)]
    return f"{said[0]} [{said[1].lstrip('+')}, {said[2].lstrip('+')}]"


def masked(text: str) -> str:
    """Mask the contacts in a text that has any; names stand everywhere, as in the files' own."""
    return redact(text, name=_NOBODY).text if _CONTACT.search(text) else text


def shortened(text: str, most: int) -> str:
    """Cut the end of a text that is longer than that many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shortened_inside(name: str, most: int) -> str:
    """Cut a longer name in the middle: of paths and hub names both ends tell."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[half + 1 - most :]}"


def shown_query(text: str, most: int = 300) -> str:
    """Return a query on one line, not longer than that, with contacts masked."""
    return shortened(" ".join(masked(text).split()), most)
