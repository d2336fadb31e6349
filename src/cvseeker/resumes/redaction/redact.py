"""Masking what identifies a candidate, so that it never leaves the machine.

E-mails, phones, web addresses, handles, street addresses, dates of birth, identity numbers, the
candidate's name and those of referees become placeholders in brackets. Cities and regions stay,
since recruiters ask for them, and so does every other number: years, money, percentages, versions,
standards, quantities.

Every pattern is bounded or possessive and starts behind a look-behind: time is linear in the text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cvseeker.resumes.contacts import find_emails, find_phones, narrow
from cvseeker.resumes.labels import find_labels
from cvseeker.resumes.names import PersonName
from cvseeker.resumes.redaction.addresses import labelled_spans, mask_addresses
from cvseeker.resumes.redaction.identity import (
    Span,
    birth_spans,
    id_spans,
    referee_spans,
    relative_spans,
)
from cvseeker.resumes.redaction.links import handle_spans, mask_links


@dataclass(frozen=True, slots=True)
class Redaction:
    """A masked text.

    ``counts`` says how many placeholders of each sort were put in: ``email``, ``phone``, ``url``,
    ``handle``, ``address``, ``birthdate``, ``id``, ``name``.
    """

    text: str
    counts: Mapping[str, int]


# Two passes do but for texts made to defy them; no match crosses more lines.
_MOST_PASSES, _NEIGHBOURS = 8, 3
_ANY_DIGIT = re.compile(r"\d")


def redact(text: str, *, name: str = "") -> Redaction:
    """Mask what identifies the candidate.

    Parameters
    ----------
    text
        A résumé or a passage of one.
    name
        The candidate's full name, as the profile or an ingest has it. Where it is empty, it is read
        off the text, if labels, addresses or its place in it say where.

    Returns
    -------
    Redaction
        The masked text, in which masking again changes nothing, and the counts by sort.

    Examples
    --------
    >>> redact("Jane Doe, Oslo, jane@example.com: Jane led 12 nurses", name="Jane Doe").text
    '[NAME], Oslo, [EMAIL]: [NAME] led 12 nurses'
    """
    counts: Counter[str] = Counter()
    plain = narrow(text)
    person = PersonName.from_text(plain, name=name)
    rest = _mask_once(plain, person, counts)
    if rest == plain:
        return Redaction(text=text, counts={})
    start, end, previous = "", "", plain
    for _ in range(_MOST_PASSES):
        # What is masked may make plain what stands beside it, so look again, but only there.
        head, part, tail = _changed_part(previous, rest)
        start, end, previous = start + head, tail + end, part
        rest = _mask_once(part, person, counts)
        if rest == part:
            break
    return Redaction(text=start + rest + end, counts=dict(counts))


def _changed_part(old: str, new: str) -> tuple[str, str, str]:
    """Cut a text in three, so that all that changed, with its neighbours, is in the middle."""
    lines, others = new.splitlines(keepends=True), old.splitlines(keepends=True)
    most = min(len(lines), len(others))
    first = next((place for place in range(most) if lines[place] != others[place]), most)
    last = next((place for place in range(most) if lines[-1 - place] != others[-1 - place]), most)
    first = max(0, first - _NEIGHBOURS)
    last = max(first, len(lines) - max(0, last - _NEIGHBOURS))
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def _mask_once(text: str, person: PersonName, counts: Counter[str]) -> str:
    def noted(sort: str, masked: tuple[str, int]) -> str:
        counts.update({sort: masked[1]} if masked[1] else {})
        return masked[0]

    mails = ((mail.start, mail.end) for mail in find_emails(text))
    text = _put(text, {"email": mails, "name": referee_spans(text)}, counts)
    text = noted("url", mask_links(text, person))
    # Most passages have no number in them that could be anybody's.
    if _ANY_DIGIT.search(text) or "/" in text or "ather" in text:
        labels = find_labels(text)
        spans = {
            "birthdate": birth_spans(text, labels),
            "id": id_spans(text, labels),
            "phone": ((phone.start, phone.end) for phone in find_phones(text, labels)),
            "handle": handle_spans(text),
            "name": relative_spans(text, labels),
            "address": labelled_spans(text, labels),
        }
        text = _put(text, spans, counts)
    else:
        text = _put(text, {"handle": handle_spans(text)}, counts)
    text = noted("address", mask_addresses(text))
    return _put(text, {"name": person.find(text)}, counts)


def _put(text: str, spans: Mapping[str, Iterable[Span]], counts: Counter[str]) -> str:
    """Put placeholders where spans of several sorts are; of two that overlap, the first sort's."""
    taken: list[tuple[int, int, int, str]] = []
    for rank, (sort, places) in enumerate(spans.items()):
        taken += [(start, rank, end, sort) for start, end in places if start < end]
    kept: list[tuple[int, int, str]] = []
    for start, _, end, sort in sorted(taken):
        if kept and start < kept[-1][1]:
            continue
        kept.append((start, end, sort))
    counts.update(sort for _, _, sort in kept)
    pieces, done = [], 0
    for start, end, sort in kept:
        pieces += [text[done:start], f"[{sort.upper()}]"]
        done = end
    return "".join([*pieces, text[done:]])
