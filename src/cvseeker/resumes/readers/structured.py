"""A résumé in named fields (JSON, XML, a row of a table) → text with headings."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from cvseeker.resumes.readers.fields import (
    CONTACTS,
    HEADINGS,
    NAME_PARTS,
    Fields,
    bare_name,
    date_text,
    field_role,
    has_year,
    is_absent,
    is_list_of_objects,
    is_true,
    label,
    lines_of,
    main_text,
    place_rank,
    place_text,
    role_of,
    sortable,
    words,
)

# What an entry's first line is made of, in this order.
_TITLE_PARTS = ("what", "area", "name", "who", "place")
# What a summary's object calls its text.
_SUMMARY_FIELDS = {"content": "summary", "text": "summary", "body": "summary"}
# Sections without an end have one that is still to come.
_ONGOING = frozenset(("experience", "volunteering", "projects"))
_ONE_LINE_ENTRIES = frozenset(("skills", "languages", "interests", "certificates"))
_UNREAD_NAME = re.compile(
    r"(?:^|_|(?<=[a-z]))(?:id|at|index|code|url|urn|count|identifier|value|size)s?$|(?:[a-z](?:Id|ID|At|Index"
    r"|Code|Url|URL|Urn|Count|Identifier|Value|Size)s?)$"
)
_LONGEST_REMARK = 80


def resume_text(fields: Fields) -> str:
    """Return the text of the résumé that these fields hold."""
    return _gather(fields).text()


def is_resume(fields: Fields) -> bool:
    """Tell whether these are the fields of one résumé, rather than of anything else."""
    if isinstance(fields.get("basics"), Mapping):
        return True
    found = _gather(fields)
    sections = {name for name, blocks in found.sections.items() if blocks and name != "summary"}
    named = any(found.header.get(part) for part in ("name", "family", "email"))
    histories = sections & {"experience", "education"}
    return len(histories) + named + (len(sections) > 1) + bool(found.structured) > 2


def _gather(fields: Fields) -> "_Resume":
    found = _Resume()
    found.visit(fields)
    return found


@dataclass(slots=True)
class _Resume:
    """What was found so far, by role."""

    header: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    sections: dict[str, list[str]] = field(default_factory=dict)
    others: list[tuple[str, list[str]]] = field(default_factory=list)
    structured: bool = False

    def visit(self, fields: Fields) -> None:
        """Sort fields into the header, the sections, and what else there is to say."""
        for name, value in fields.items():
            role = role_of(name, value)
            if role in ("drop", "code") or is_absent(value):
                continue
            if role == "contact" or _is_wrapper(role, value):
                for one in value if isinstance(value, list) else [value]:
                    self.visit(_with_plain_summary(one) if isinstance(one, Mapping) else {})
            elif role in HEADINGS or role in ("text", "keywords"):
                self._add_section({"text": "summary", "keywords": "skills"}.get(role, role), value)
            elif role == "body":
                self.body.append("\n".join(lines_of(value)))
            elif role in ("name", "what", "who", *NAME_PARTS, *CONTACTS):
                text = place_text(value) if role == "place" else words(value)
                self.header.setdefault(role, []).append((place_rank(name), text))
            else:
                self._add_other(name, value)

    def text(self) -> str:
        """Return it as a person would write it down."""
        blocks = [self._header(), *self.body]
        for section, heading in HEADINGS.items():
            if entries := list(filter(None, self.sections.get(section, ()))):
                joint = "\n" if section in _ONE_LINE_ENTRIES else "\n\n"
                blocks.append(f"{heading}\n{joint.join(entries)}")
        blocks += [f"{heading}\n" + "\n\n".join(texts) for heading, texts in self.others]
        return "\n\n".join(filter(None, (block.strip() for block in blocks)))

    def _header(self) -> str:
        parts = {
            role: list(dict.fromkeys(text for _, text in sorted(texts, key=itemgetter(0)) if text))
            for role, texts in self.header.items()
        }
        name = parts.get("name", [])[:1]
        for part in NAME_PARTS:
            name += [text for text in parts.get(part, [])[:1] if text not in " ".join(name)]
        title = ", ".join([*parts.get("what", []), *parts.get("who", [])])
        contact = [", ".join(parts.get("place", []))]
        contact += [text for part in CONTACTS[1:] for text in parts.get(part, [])]
        body = "\n".join(self.body)
        lines = [" ".join(name), title, " | ".join(filter(None, contact)), *self.remarks]
        return "\n".join(line for line in lines if line and line not in body)

    def _add_section(self, section: str, value: Any) -> None:
        """Add what a section's field holds: entries, a text, or groups of either."""
        texts = self.sections.setdefault(section, [])
        if isinstance(value, Mapping):
            if inner := _entries_within(value):
                texts += [words(one) for name, one in value.items() if _is_text_field(name, one)]
                for name in inner:
                    self._add_section(section, value[name])
            elif _holds_only_containers(value):
                self._add_groups(section, value)
            else:
                self._add_entries(section, [value])
        elif is_list_of_objects(value):
            self._add_entries(section, value)
        elif isinstance(value, list):
            texts += filter(None, map(words, value))
        else:
            texts.append("\n".join(lines_of(value)))

    def _add_groups(self, section: str, groups: Fields) -> None:
        for name, value in groups.items():
            role = role_of(name, value)
            if role == "drop" or is_absent(value):
                continue
            if role in HEADINGS and role != section:
                self._add_section(role, value)
            elif isinstance(value, list) and not is_list_of_objects(value):
                self.sections[section].append(f"{label(name)}: {words(value)}")
            else:
                self._add_section(section, value)

    def _add_entries(self, section: str, values: list[Any]) -> None:
        entries: list[_Entry] = []
        for value in values:
            if not isinstance(value, Mapping):
                self.sections[section].append(words(value))
            elif not _is_hidden(value):
                entries += _Entry.read(value, section).flat()
        self.structured = self.structured or any(entry.parts for entry in entries)
        latest = max((sortable(entry.start) for entry in entries), default="")
        for entry in entries:
            is_latest = entry.start and sortable(entry.start) == latest
            if section in _ONGOING and is_latest and not entry.end:
                entry.end = "Present"
            self.sections[section].append("\n".join(entry.text_lines()))

    def _add_other(self, name: str, value: Any) -> None:
        """Keep what has an unknown name: short as a remark, long under a heading of its own."""
        if is_list_of_objects(value) or isinstance(value, Mapping):
            values = value if isinstance(value, list) else [value]
            shown = [_Entry.read(one, "") for one in values if isinstance(one, Mapping)]
            texts = ["\n".join(entry.text_lines()) for entry in shown]
        else:
            texts = ["\n".join(lines_of(value))]
        if sum(map(len, texts)) > _LONGEST_REMARK or len(texts) > 1:
            self.others.append((label(name), list(filter(None, texts))))
        elif texts[0] and (field_role(name)[1] == "remark" or _is_worth_saying(name, texts[0], 2)):
            self.remarks.append(f"{label(name)}: {texts[0]}")


@dataclass(slots=True)
class _Entry:
    """A job, a school, a skill: what stands on its first line, and what is said about it."""

    section: str
    parts: dict[str, list[str]] = field(default_factory=dict)
    start: str = ""
    end: str = ""
    date: str = ""
    keywords: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    nested: list["_Entry"] = field(default_factory=list)

    @classmethod
    def read(cls, fields: Fields, section: str) -> "_Entry":
        """Read one entry of a section."""
        entry = cls(section)
        entry._absorb(fields)
        return entry

    def flat(self) -> list["_Entry"]:
        """Return it, or the several positions that it tells of, each with what they share."""
        if not self.nested:
            return [self]
        entries = [entry for one in self.nested for entry in one.flat()]
        for entry in entries:
            for role, texts in self.parts.items():
                # What a nested entry calls its name is what it is; the outer one's is whose it is.
                entry.parts.setdefault("who" if role == "name" else role, texts)
            if not entry.start and not entry.date:
                entry.start, entry.end, entry.date = self.start, self.end, self.date
        entries[0].lines[:0] = self.lines
        return entries

    def text_lines(self) -> Iterator[str]:
        """Yield its lines: title and dates, keywords, then what is said about it."""
        texts = [text for part in _TITLE_PARTS for text in self.parts.get(part, ())]
        texts = texts or self.parts.get("code", [])
        title = ", ".join(dict.fromkeys(filter(None, texts)))
        level = ", ".join(filter(None, self.parts.get("level", ())))
        if level:
            title = f"{title} ({level})" if title else level
        keywords = ", ".join(filter(None, self.keywords))
        first = f"{title}: {keywords}" if title and keywords else title or keywords
        dates = " – ".join(filter(None, (self.start, self.end))) or self.date
        yield from filter(None, [f"{first} ({dates})" if dates and first else first or dates])
        yield from filter(None, self.lines)

    def _absorb(self, fields: Fields) -> None:
        for name, value in fields.items():
            role = role_of(name, value)
            if role in ("drop", "url") or is_absent(value):
                continue
            if role in ("start", "end", "date", "current"):
                self._set_date(role, value)
            elif role == self.section and isinstance(value, Mapping | list):
                self._nest(value)
            elif role == self.section or role in (*_TITLE_PARTS, "level", "code"):
                self._set_part(role, value)
            else:
                self._add_text(name, role, value)

    def _add_text(self, name: str, role: str, value: Any) -> None:
        if role == "keywords":
            self.keywords.append(words(value))
        elif role in ("text", "body", "summary"):
            self.lines += lines_of(value)
        elif isinstance(value, Mapping):
            self._absorb(value)
        elif (text := words(value)) and _is_worth_saying(name, text, 1):
            self.lines.append(f"{label(name)}: {text}")

    def _nest(self, value: Any) -> None:
        values = [value] if isinstance(value, Mapping) else value
        for one in values:
            if isinstance(one, Mapping):
                self.nested.append(_Entry.read(one, self.section))
            elif text := words(one):
                self.keywords.append(text)

    def _set_part(self, role: str, value: Any) -> None:
        if role == "references":
            self.lines += lines_of(value)
        elif role == "place":
            self.parts.setdefault(role, []).append(place_text(value))
        elif isinstance(value, Mapping) and not main_text(value):
            self._absorb(value)
        else:
            # In an entry the section's own name is what the entry is called.
            self.parts.setdefault("what" if role == self.section else role, []).append(words(value))

    def _set_date(self, role: str, value: Any) -> None:
        if role == "current":
            if is_true(value):
                self.end = "Present"
            return
        if isinstance(value, Mapping) and not has_year(value):
            roles = {field_role(name)[1] for name in value}
            if roles & {"start", "end", "current"}:
                self._absorb(value)
                return
        text = date_text(value)
        if role == "start":
            self.start = text
        elif role == "end":
            self.end = self.end or text
        else:
            self.date = self.date or text


def _is_wrapper(role: str, value: Any) -> bool:
    """Tell an object that only holds other fields of the résumé from one with something to say."""
    if not isinstance(value, Mapping) or role in (*CONTACTS, "remark"):
        return False
    if role == "":
        roles = {field_role(str(name))[1] for name in value}
        return not (roles & {"text"} and roles & {"what", "name"})
    return role in ("summary", "name", "body") or (
        role not in HEADINGS and role not in ("text", "keywords") and not main_text(value)
    )


def _with_plain_summary(fields: Fields) -> Fields:
    """Return the fields of an object; what it calls its content is no whole résumé."""
    return {_SUMMARY_FIELDS.get(bare_name(name), name): value for name, value in fields.items()}


def _is_worth_saying(name: str, text: str, fewest_words: int) -> bool:
    """Tell what a person reads from a program's own values, for a field of unknown name."""
    return (
        len(text.split()) >= fewest_words
        and not text.startswith("http")
        and not _UNREAD_NAME.search(name)
    )


def _entries_within(value: Fields) -> list[str]:
    """Return the fields of a section's object that hold its entries."""
    names = ("items", "entries", "history", "sets", "list", "values", "elements", "data")
    return [name for name in names if isinstance(value.get(name), list)]


def _is_text_field(name: str, value: Any) -> bool:
    return isinstance(value, str) and field_role(name)[1] in ("text", "summary")


def _holds_only_containers(value: Fields) -> bool:
    """Tell an object of groups from an entry, whose parts may be objects too."""
    roles = {role_of(name, one): one for name, one in value.items()}
    kept = [one for role, one in roles.items() if role != "drop"]
    is_entry = any(role in (*_TITLE_PARTS, "start", "end", "date") for role in roles)
    return bool(kept) and not is_entry and all(isinstance(one, Mapping | list) for one in kept)


def _is_hidden(value: Fields) -> bool:
    return is_true(value.get("hidden")) or value.get("visible") is False
