"""How what is found becomes a page, or Markdown: one file that needs no network and no other."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cvseeker.core.screen import printable
from cvseeker.evaluate.wording import METRIC_TITLES, p_alone, share_of, shortened_inside, signed

# What Markdown would read as markup; titles and excerpts are text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")
_NO_EVIDENCE = "no evidence"
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
        "name_in": lambda system, names: names[system],
        "outcome": lambda outcome: _NO_EVIDENCE if outcome == "within noise" else outcome,
        "answer": {"better": "yes", "worse": "no, worse", "within noise": _NO_EVIDENCE}.get,
        "three": "{:.3f}".format,
        "p_value": p_alone,
        "share_of": share_of,
        "signed": signed,
        "unbroken": _unbroken,
        "words": in_words,
    }
    return environment


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
