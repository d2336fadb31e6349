"""JSON and XML of any program: a résumé, several of them, or a table as a list of objects."""

import json
from collections.abc import Mapping
from typing import Any

from cvseeker.resumes.readers.archive import local_name, parse_xml
from cvseeker.resumes.readers.base import Document, ReadError
from cvseeker.resumes.readers.fields import field_role
from cvseeker.resumes.readers.odt import read_flat_odt
from cvseeker.resumes.readers.structured import is_resume, resume_text
from cvseeker.resumes.readers.tables import read_rows

# Résumés nest to a depth of some ten.
_MAX_DEPTH = 100
_EXPECTED = "expected a résumé (JSON Resume, Europass, HR-XML and the like) or a list of objects"
_FLAT_ODT = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}document"
_MARKUP_ROOTS = {
    "svg": "a drawing (SVG), not a résumé",
    "rss": "a news feed, not a résumé",
    "feed": "a news feed, not a résumé",
    "package": "Word's flat XML: save it as .docx",
    "worddocument": "Word's flat XML: save it as .docx",
    "workbook": "an Excel workbook in XML: save the sheet as .csv",
    "plist": "a property list, not a résumé",
}


def read_json_text(text: str) -> list[Document]:
    """Read a JSON file."""
    try:
        content = json.loads(text, strict=False)
    except RecursionError as error:
        raise ReadError("JSON nested too deeply to be a résumé") from error
    except ValueError as error:
        raise ReadError(f"not valid JSON ({error})"[:160]) from error
    return _read_content(content, "JSON of an unknown form")


def read_json_lines(text: str) -> list[Document]:
    """Read a file of one JSON object a line."""
    rows, damaged = [], 0
    for line in text.split("\n"):
        try:
            row = json.loads(line, strict=False) if line.strip() else None
        except (ValueError, RecursionError):
            # A cut-off last line costs itself alone.
            damaged += 1
            continue
        if isinstance(row, dict):
            rows.append(row)
    if not rows:
        raise ReadError("no JSON object on any line")
    notes = (f"{damaged} of its lines are no JSON: left out",) if damaged else ()
    return read_rows(rows, notes=notes)


def is_json_lines(text: str) -> bool:
    """Tell one object a line from one object over many lines."""
    lines = text.strip().split("\n", 2)
    if len(lines) < 2 or not lines[1].lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except (ValueError, RecursionError):
        return False


def read_xml(data: bytes) -> list[Document]:
    """Read an XML file: its elements as named fields."""
    root = parse_xml(data)
    name = local_name(root.tag)
    if root.tag == _FLAT_ODT:
        return read_flat_odt(root)
    if reason := _MARKUP_ROOTS.get(name.lower()):
        raise ReadError(reason)
    content = {name: _element_value(root, 0)}
    return _read_content(content, f"XML of an unknown form (root element {name[:40]!r})")


def _element_value(element: Any, depth: int) -> Any:
    """Return an element's text, or its attributes and children as fields."""
    if depth > _MAX_DEPTH:
        raise ReadError("XML nested too deeply to be a résumé")
    children = [child for child in element if isinstance(child.tag, str)]
    text = (element.text or "").strip()
    if not children and text:
        return text
    fields: dict[str, Any] = {
        name: value for name, value in element.attrib.items() if _says_something(name)
    }
    for child in children:
        name, value = local_name(child.tag), _element_value(child, depth + 1)
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    mixed = " ".join(filter(None, [text, *((child.tail or "").strip() for child in children)]))
    return {**fields, "text": mixed} if mixed else fields


def _says_something(attribute: str) -> bool:
    """Tell an attribute that holds a value from one that says how to read the element."""
    role = field_role(attribute)[1]
    known = attribute in ("month", "day") or role not in ("", "drop", "code")
    return known and not attribute.startswith("{")


def _read_content(content: Any, unknown: str) -> list[Document]:
    if isinstance(content, dict):
        inner = list(content.values())
        if len(inner) > 1 and all(isinstance(one, dict) and is_resume(one) for one in inner):
            return [Document(resume_text(one), str(name)) for name, one in content.items()]
        if is_resume(content):
            return [Document(resume_text(content))]
        lists = [value for value in inner if _is_list_of_objects(value)]
        if len(lists) == 1:
            return _read_content(lists[0], unknown)
        objects = [value for value in inner if isinstance(value, dict)]
        if len(objects) == 1:
            return _read_content(objects[0], unknown)
    if _is_list_of_objects(content):
        return read_rows(content)
    raise ReadError(f"{unknown}: {_EXPECTED}")


def _is_list_of_objects(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)
    )
