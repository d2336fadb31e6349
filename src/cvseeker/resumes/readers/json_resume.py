"""JSON: the résumés of jsonresume.org as text with headings, lists of objects as tables."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cvseeker.resumes.readers.base import Document, ReadError
from cvseeker.resumes.readers.tables import flatten, read_rows

_HEADINGS = {"work": "Experience", "volunteer": "Volunteering"} | {
    name: name.capitalize()
    for name in "education projects skills languages certificates awards publications interests "
    "references".split()
}
# What an entry's first line is made of, in this order …
_TITLES = (
    "position title studyType area language name organization institution entity publisher awarder "
    "issuer location fluency level score"
).split()
# … and what follows it.
_TEXTS = ("description", "summary", "reference")
_LISTS = ("highlights", "courses", "roles")
_DATES = ("startDate", "endDate", "date", "releaseDate")


def read_json_text(text: str) -> list[Document]:
    """Read a JSON file: a résumé, several of them, or a table as a list of objects."""
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ReadError("JSON nested too deeply to be a résumé") from error
    except ValueError as error:
        raise ReadError(f"not valid JSON ({error})"[:160]) from error
    return _read_content(content)


def read_json_lines(text: str) -> list[Document]:
    """Read a file of one JSON object a line."""
    rows = []
    for line in text.split("\n"):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            # A cut-off last line costs itself alone.
            continue
        if isinstance(row, dict):
            rows.append(row)
    if not rows:
        raise ReadError("no JSON object on any line")
    return _read_content(rows)


def is_json_lines(text: str) -> bool:
    """Tell one object a line from one object over many lines."""
    lines = text.strip().split("\n", 2)
    if len(lines) < 2 or not lines[1].lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except (ValueError, RecursionError):
        return False


def _read_content(content: Any) -> list[Document]:
    if isinstance(content, dict):
        if _is_resume(content):
            return [Document(_resume_text(content))]
        lists = [value for value in content.values() if _is_list_of_objects(value)]
        if len(lists) == 1:
            return _read_content(lists[0])
    if _is_list_of_objects(content):
        if all(map(_is_resume, content)):
            return [
                Document(_resume_text(resume), str(number))
                for number, resume in enumerate(content, start=1)
            ]
        return read_rows([flatten(row) for row in content])
    raise ReadError(
        "JSON of an unknown form: expected a résumé (jsonresume.org) or a list of objects"
    )


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_resume(content: Mapping[str, Any]) -> bool:
    if isinstance(content.get("basics"), dict):
        return True
    return sum(_is_list_of_objects(content.get(name)) for name in _HEADINGS) >= 2


def _resume_text(resume: Mapping[str, Any]) -> str:
    basics = resume.get("basics")
    blocks = [_basics_text(basics)] if isinstance(basics, dict) else []
    for name, heading in _HEADINGS.items():
        entries = resume.get(name)
        if isinstance(entries, list) and entries:
            joint = "\n" if name in ("skills", "languages", "interests", "certificates") else "\n\n"
            texts = ["\n".join(_entry_lines(entry)) for entry in entries]
            blocks.append(f"{heading}\n{joint.join(filter(None, texts))}")
    return "\n\n".join(filter(None, blocks))


def _basics_text(basics: Mapping[str, Any]) -> str:
    location = basics.get("location")
    place = location if isinstance(location, dict) else {"city": location}
    contact = [
        _join(
            place.get(name) for name in ("address", "postalCode", "city", "region", "countryCode")
        ),
        *(_text(basics.get(name)) for name in ("email", "phone", "url", "website")),
    ]
    profiles = basics.get("profiles")
    if isinstance(profiles, list):
        contact += [_text(entry.get("url")) for entry in profiles if isinstance(entry, dict)]
    lines = [
        _text(basics.get("name")),
        _text(basics.get("label")),
        " | ".join(filter(None, contact)),
    ]
    summary = _text(basics.get("summary"))
    head = "\n".join(filter(None, lines))
    return "\n\n".join(filter(None, (head, summary and f"Summary\n{summary}")))


def _entry_lines(entry: Any) -> Iterator[str]:
    """Yield an entry's lines: title and dates, keywords, text, then its list."""
    if not isinstance(entry, dict):
        yield _text(entry)
        return
    title = _join(entry.get(name) for name in _TITLES)
    dates = " – ".join(filter(None, (_text(entry.get(name)) for name in _DATES)))
    if entry.get("startDate") and not entry.get("endDate"):
        dates += " – Present"
    keywords = _text(entry.get("keywords"))
    first = f"{title}: {keywords}" if title and keywords else title or keywords
    yield from filter(None, [f"{first} ({dates})" if dates and first else first or dates])
    yield from filter(None, (_text(entry.get(name)) for name in _TEXTS))
    for name in _LISTS:
        items = entry.get(name)
        if isinstance(items, list):
            yield from (f"• {text}" for item in items if (text := _text(item)))


def _join(values: Any) -> str:
    return ", ".join(filter(None, map(_text, values)))


def _text(value: Any) -> str:
    return flatten({"": value})[""].strip()
