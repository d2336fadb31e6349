"""The candidate's name: reading it off a résumé, wherever it stands, and finding it in texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cvseeker.resumes.contacts import find_emails
from cvseeker.resumes.name_candidates import read_name
from cvseeker.resumes.name_evidence import file_handle
from cvseeker.resumes.name_forms import (
    CREDENTIALS,
    HONORIFICS,
    ORDINARY,
    Form,
    find_spans,
    fold,
    take_apart,
)
from cvseeker.resumes.spans import replace_spans

# A name is looked for so far into a text.
_FARTHEST = 12_000
_LETTER_RUN = re.compile(r"[^\W\d_]+")
# Behind the name: "(Hailey)", or the name in another script.
_BESIDE = re.compile(
    r"(?<=\w)(?: [(\"“]| ?（)\s?"
    r"([A-Z][^\W\d_]{2,15}|[\u2e80-\uffdc][\u2e80-\uff07\uff0a-\uffdc ]{0,12})\s?[)\"”）]"
)


@dataclass(frozen=True, slots=True)
class PersonName:
    r"""Somebody's name, to be found in texts.

    Parameters
    ----------
    full
        The full name; titles, credentials and a nickname in quotation marks may stand in it. An
        empty one is found nowhere.

    Examples
    --------
    >>> PersonName("Jane Doe").find("Doe, J. wrote it; Jane's team read it")
    [(0, 7), (18, 22)]
    >>> PersonName("Renata Kowalczyk").is_in_query("What did kowalczyk build?")
    True
    >>> PersonName.from_text("Gerald Pomfret\ngerry.pomfret@example.com").full
    'Gerald Pomfret "gerry"'
    """

    full: str

    @classmethod
    def from_text(cls, text: str, *, name: str = "", insight: str = "", source: str = "") -> Self:
        """Read the candidate's name off a résumé.

        Parameters
        ----------
        text
            The résumé's text, from its beginning.
        name
            The name, where somebody knows it.
        insight
            What else reading the résumé took for the name; it is weighed, not trusted.
        source
            The file's name, which may have the candidate's in it.

        Returns
        -------
        PersonName
            ``name``, or the one for which labels, addresses, the file's name and its place speak
            most, and in quotation marks what the addresses call the candidate besides; empty if
            nothing speaks for any.
        """
        text = text[:_FARTHEST]
        mails = find_emails(text)
        handles = [fold(mail.value.partition("@")[0]).lower() for mail in mails]
        if not name:
            shown = replace_spans(text, ((mail.start, mail.end) for mail in mails), "[EMAIL]")
            named = file_handle(source)
            name = read_name(shown, handles, [named] if named else [], insight)
        form = take_apart(name) if name else None
        nicknames = _nicknames(text, form, handles) if form and handles else []
        return cls(" ".join([name, *(f'"{nickname}"' for nickname in nicknames)]))

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the start and the end of every stretch of a text that names them, in order."""
        form = take_apart(self.full)
        return [] if form is None else [span for span, _ in find_spans(text, form)]

    def is_in_query(self, query: str) -> bool:
        """Tell whether a query names them, by the whole name or by any strong part of it."""
        form = take_apart(self.full)
        if form is None:
            return False
        # A query's first word is a capital's whatever it means.
        return any(
            number > 1 or start > 0 or fold(query[:end]).lower() not in ORDINARY
            for (start, end), number in find_spans(query, form)
        )


def _nicknames(text: str, name: Form, handles: Sequence[str]) -> list[str]:
    """Return what the addresses, and brackets behind the name, call the candidate besides."""
    found = {
        run
        for local in handles
        if any(part in local or local[:3] == part[:3] for part in name.parts)
        for run in _LETTER_RUN.findall(local)
        if len(run) > 2
        and any(run[:3] == part[:3] for part in name.parts)
        and not any(part in run for part in name.parts)
    }
    named = (end for (start, end), _ in find_spans(text[:600], name) if not text[start].islower())
    beside = (_BESIDE.match(text, end) for end in named)
    called = next((match[1].replace(" ", "") for match in beside if match), "")
    if called and called.lower() not in HONORIFICS | CREDENTIALS:
        found.add(called)
    return sorted(found)
