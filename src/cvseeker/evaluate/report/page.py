"""How what is found becomes a page, or Markdown: one file that needs no network and no other."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cvseeker.core.screen import printable
from cvseeker.evaluate.wording import (
    METRIC_TITLES,
    change_in_words,
    p_alone,
    share_of,
    shortened_inside,
    signed,
)

# What Markdown would read as markup; titles and excerpts are text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")
_NO_EVIDENCE = "no evidence"
TERMS = {
    "nDCG@10": "How well the first ten results are ordered: 1 is the best order there is, and "
    "right answers count less the further down they stand.",
    "MRR@10": "The mean of 1 divided by the rank of the first right answer; 0 beyond rank ten.",
    "MAP@100": "The mean share of right answers among all results down to each right answer.",
    "Accuracy@1": "The share of queries whose first result is right.",
    "Hit rate@5": "The share of queries with a right answer among the first five results.",
    "Accuracy@10": "The share of queries with a right answer among the first ten results.",
    "Recall@10": "The share of all right answers that are among the first ten results.",
    "95 % interval": "Drawn again and again from such people, queries would give a value in this "
    "range 95 times in 100.",
    "p": "How often chance alone would bring a difference as large: under 0.05 counts as evidence. "
    "Corrected by Holm’s procedure for the number of comparisons in the table.",
    "d": "The mean difference in standard deviations of the queries’ differences (Cohen’s d_z).",
    "Letters": "Systems that share a letter can’t be told apart.",
    "late interaction": "Every word of a query looks for its best match in a passage.",
    "vectors alone": "A query’s and a passage’s meaning as one list of numbers each.",
    "BM25": "The usual keyword search: rare words that a query and a passage share count most.",
}
_SPACE = re.compile(r"[^\S\u00a0]+")


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template of this package, such as ``report.html``, where all content is escaped."""
    text = _environment().get_template(template).render(content)
    if template.endswith(".md"):
        # What has nothing to tell leaves no gap.
        text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cvseeker.evaluate.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": _duration,
        "ends": _ends,
        "escaped": escaped,
        "inside": shortened_inside,
        "metric": METRIC_TITLES.__getitem__,
        "change": lambda one: change_in_words(one.difference, one.low, one.high),
        "per_cent": lambda share: f"{100 * share:.0f} %",
        "term": term,
        "name_in": lambda system, names: names[system],
        "outcome": lambda outcome: _NO_EVIDENCE if outcome == "within noise" else outcome,
        "three": "{:.3f}".format,
        "p_value": p_alone,
        "share_of": share_of,
        "signed": signed,
        "unbroken": _unbroken,
        "words": in_words,
    }
    return environment


def term(word: str) -> Markup:
    """Explain a word of the trade to whoever points at it or comes to it by the keyboard."""
    if word not in TERMS:
        return escape(word)
    return Markup('<abbr tabindex="0" title="{}">{}</abbr>').format(TERMS[word], word)


def _shown(value: Any) -> Any:
    """Escape what would move a cursor or turn a line round; what a macro made is made of such."""
    made = hasattr(value, "__html__")
    return printable(value, lines=True) if isinstance(value, str) and not made else value


def in_words(name: str) -> str:
    """Print an identifier as words: "résumés trained on"."""
    return name.replace("_", " ").replace("resume", "résumé")


def escaped(text: str) -> str:
    r"""Return a text on one line that Markdown prints as it is.

    Examples
    --------
    >>> print(escaped("a|b <i> *c*"))
    a\|b \<i\> \*c\*
    """
    return _MARKUP.sub(r"\\\1", _SPACE.sub(" ", text))


def _ends(one: Any) -> str:
    """Print the interval of a comparison's difference."""
    return f"{signed(one.low)} to {signed(one.high)}"


def _unbroken(text: str) -> str:
    """Keep a line from ending inside ``p = 0.031`` or ``95 %``."""
    return re.sub(r" (?=[=<%] ?)|(?<=[=<]) ", "\u00a0", text)


def _duration(seconds: float) -> str:
    """Print seconds as a reader would say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
