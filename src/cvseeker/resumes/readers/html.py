"""HTML pages → text."""

import re
from typing import Any

from cvseeker.resumes.readers.base import Document, hidden_note, join_cells
from cvseeker.resumes.readers.page_style import Look, PageStyle, hides, look_of
from cvseeker.resumes.readers.text import decode

_DROPPED = frozenset(
    "script style head template noscript iframe object svg math select button -comment".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
# A blank line stands around these …
_PARAGRAPHS = _HEADINGS | frozenset(
    "p ul ol dl table section article header footer main aside nav form fieldset pre hr "
    "blockquote address figure".split()
)
# … and these only begin a new line.
_BLOCKS = frozenset("div li dt dd tr body html center legend summary details caption".split())
_CELLS = frozenset(("td", "th"))
_MARKUP = re.compile(
    r"<\s*(?:!doctype|html|body|div|p|span|br|table|ul|ol|li|b|strong|em|h\d)\b[^>]*>",
    re.IGNORECASE,
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
# Marks that no text contains once its white space is collapsed; resolved after the walk.
_CELL, _ROW_START, _ROW_END, _LINE, _BLANK = "\x1c", "\x1d", "\x1e", "\x1f", "\x0c"
_ROW = re.compile(f"{_ROW_START}([^{_ROW_START}{_ROW_END}]*){_ROW_END}")
_ROW_MARKS = re.compile(f"[{_CELL}{_ROW_START}{_ROW_END}]")
_BREAKS = re.compile(f"[ \\t]*[\n{_LINE}{_BLANK}][ \\t\n{_LINE}{_BLANK}]*")
_SPACES = re.compile(r"[^\S\n\x0c\x1c-\x1f]+")
_BULLET_BREAKS = re.compile(f"•[ \n{_LINE}{_BLANK}]+")


def read_html(data: bytes) -> list[Document]:
    """Read an HTML page."""
    return [page_document(_decode_page(data))]


def page_document(markup: str) -> Document:
    """Return what a page shows, with a note of what it hides."""
    hidden: list[str] = []
    text = html_to_text(markup, hidden)
    notes = (hidden_note("not shown by the page", hidden),) if hidden else ()
    return Document(text, notes=notes)


def html_to_text(markup: str, hidden: list[str] | None = None) -> str:
    """Return the text that a reader of the page sees; ``hidden`` gets the words that are not."""
    from selectolax.lexbor import LexborHTMLParser

    parser = LexborHTMLParser(markup)
    pieces: list[str] = []
    root = parser.root
    if root is not None:
        _walk(root, PageStyle(parser, markup), pieces, [] if hidden is None else hidden)
    return _lay_out("".join(pieces))


def plain(text: str) -> str:
    """Return the text of a field that may hold markup."""
    return html_to_text(text) if is_markup(text) else text.strip()


def is_markup(text: str) -> bool:
    """Tell whether a field holds markup."""
    return bool(_MARKUP.search(text[:2000]))


def _walk(root: Any, styles: PageStyle, pieces: list[str], hidden: list[str]) -> None:
    """Visit the nodes in order without recursion: pages nested 100,000 deep exist."""
    node, preformatted = root, 0
    looks = [Look()]
    while node is not None:
        tag = node.tag
        if tag == "-text":
            text = node.text_content or ""
            pattern = r"[^\S\n]+" if preformatted else r"\s+"
            shown = hidden if looks[-1].is_unseen and text.strip() else pieces
            shown.append(re.sub(pattern, " ", text))
        descend = tag not in _DROPPED and node.child is not None
        if descend:
            style = styles.of(node)
            if "hidden" in node.attributes or hides(style):
                hidden += filter(None, [" ".join(node.text(separator=" ").split())])
                descend = False
            else:
                looks.append(look_of(style, looks[-1], has_grounds=styles.has_grounds))
        if tag not in _DROPPED:
            pieces.append(_opening(tag))
            preformatted += tag == "pre" and descend
        if descend:
            node = node.child
            continue
        if tag not in _DROPPED:
            pieces.append(_closing(tag))
        while node is not None and node.next is None:
            node = node.parent
            # Nodes compare by their markup, which takes minutes where they nest deep.
            if node is None or node.mem_id == root.mem_id:
                return
            looks.pop()
            pieces.append(_closing(node.tag))
            preformatted -= node.tag == "pre"
        node = node.next if node is not None else None


def _opening(tag: str) -> str:
    if tag in _CELLS:
        return _CELL
    if tag == "tr":
        return _LINE + _ROW_START
    if tag == "li":
        return _LINE + "• "
    if tag == "br":
        return "\n"
    return _surrounding(tag)


def _closing(tag: str) -> str:
    return _ROW_END + _LINE if tag == "tr" else _surrounding(tag)


def _surrounding(tag: str) -> str:
    if tag in _PARAGRAPHS:
        return _BLANK
    return _LINE if tag in _BLOCKS else ""


def _lay_out(marked: str) -> str:
    """Join the cells of the innermost rows; the rows around them become plain lines."""
    marked = _ROW.sub(lambda row: "\n".join(join_cells(map(_tidy, row[1].split(_CELL)))), marked)
    return _tidy(_ROW_MARKS.sub(_LINE, marked))


def _tidy(text: str) -> str:
    text = _BULLET_BREAKS.sub("• ", _SPACES.sub(" ", text))
    text = _BREAKS.sub(lambda run: "\n\n" if _is_blank(run[0]) else "\n", text)
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def _is_blank(run: str) -> bool:
    return _BLANK in run or run.count("\n") > 1


def _decode_page(data: bytes) -> str:
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, ValueError):
            # An unknown or a wrong declaration: the bytes speak for themselves.
            return decode(data)
    return decode(data)
