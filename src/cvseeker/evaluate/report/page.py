"""How a report becomes a page: one HTML file that needs no network and no other file."""

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_of(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template.

    Parameters
    ----------
    template
        One of this package's templates, such as ``report.html``.
    content
        What the template names; everything but :class:`markupsafe.Markup` is escaped.

    Returns
    -------
    str
        An HTML page that can be written as UTF-8.
    """
    environment = Environment(
        loader=PackageLoader("cvseeker.evaluate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": in_words, "duration": _duration, "unbroken": _unbroken}
    page = environment.get_template(template).render(content)
    # A lone surrogate, the trace of an odd file name, is no UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def in_words(name: str) -> str:
    """Print an identifier as words.

    Examples
    --------
    >>> in_words("resumes_trained_on")
    'résumés trained on'
    """
    return name.replace("_", " ").replace("resume", "résumé")


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
