"""Measure how PDFs of many makers, layouts and languages are read.

Usage: python benchmarks/reading.py [--out FOLDER] [--show]

Makes a résumé in each of eight languages in each layout, by Typst (package ``typst``), by Chromium
(``/usr/bin/chromium`` or ``CHROMIUM``), by ReportLab, and by LaTeX and LibreOffice where they are
installed. Reads them and prints for each class of files: words missing, words broken (missing, but
there with a space inside), sentences torn apart, and files in which columns are mixed.
"""

import argparse
import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.readers import ReadError, read_document

RESUMES = json.loads((Path(__file__).parent / "reading" / "resumes.json").read_text("utf-8"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FONTS = Path("/usr/share/fonts/truetype/dejavu")
WORD = re.compile(r"[^\W_]+")
# A heading, or a paragraph; a list item; a line with dates at its left or right.
Block = tuple[str, str, str]


@dataclass(frozen=True)
class Resume:
    """The parts of one résumé: the main ones, and what often stands in a sidebar."""

    language: str
    header: list[str]
    main: list[Block]
    side: list[Block]

    @classmethod
    def from_row(cls, language: str, row: dict[str, Any]) -> "Resume":
        """Build it from a row of ``resumes.json``."""
        profile, experience, education, skills, languages = row["headings"]
        main: list[Block] = [("heading", profile, ""), ("text", row["profile"], "")]
        main.append(("heading", experience, ""))
        for dates, title, *duties in row["jobs"]:
            main += [("job", title, dates), *(("item", duty, "") for duty in duties)]
        main += [("heading", education, ""), ("job", row["school"][1], row["school"][0])]
        side: list[Block] = [("heading", skills, "")]
        side += [("text", skill, "") for skill in row["skills"]]
        side += [("heading", languages, ""), *(("text", one, "") for one in row["languages"])]
        mail = "mail@example.org"
        return cls(language, [row["name"], row["title"], f"{mail} | {row['place']}"], main, side)


@dataclass(frozen=True)
class Case:
    """A file, and the parts that are to be read one after the other."""

    path: Path
    kind: str
    columns: list[list[str]]


@dataclass
class Score:
    """What became of the words of a class of files."""

    files: int = 0
    words: int = 0
    missing: int = 0
    broken: int = 0
    sentences: int = 0
    torn: int = 0
    mixed: int = 0
    refused: list[str] = field(default_factory=list)


def main() -> None:
    """Make the files, read them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where files stay, and are not made again")
    parser.add_argument("--show", action="store_true", help="print what was read of each bad file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        resumes = [Resume.from_row(language, row) for language, row in RESUMES.items()]
        scores: dict[str, Score] = defaultdict(Score)
        for case in make_cases(resumes, folder):
            judge(case, scores[case.kind], show=options.show)
    print_table(scores)


def make_cases(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Make every résumé in every layout of every maker that is here."""
    makers: list[tuple[str, Callable[[list[Resume], Path], Iterator[Case]]]] = [
        ("typst", by_typst),
        ("chromium", by_chromium),
        ("reportlab", by_reportlab),
        ("latex", by_latex),
        ("libreoffice", by_libreoffice),
    ]
    for name, make in makers:
        try:
            yield from make(resumes, folder)
        except (ImportError, FileNotFoundError) as error:
            sys.stderr.write(f"{name}: not here, left out ({error})\n")


# Typst


TYPST_HEAD = """#set page(paper: "a4", margin: 1.6cm)
#set text(size: 10pt, lang: "{language}", font: ("Libertinus Serif", "DejaVu Sans"))
#show heading: set text(size: 13pt)
#text(size: 20pt, weight: "bold")[{name}] \\
{title} \\
{contact}
"""


def by_typst(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Set the résumés with Typst."""
    import typst

    layouts = {
        "one column": lambda one: typst_blocks(one.main) + typst_blocks(one.side),
        "sidebar left": lambda one: typst_grid("30%, 1fr", one.side, one.main),
        "sidebar right": lambda one: typst_grid("1fr, 28%", one.main, one.side),
        "two columns": lambda one: typst_columns(2, one),
        "dates left": typst_dates,
        "letter-spaced": lambda one: (
            "#show heading: it => text(tracking: 4pt, upper(it.body))\n"
            + typst_grid("30%, 1fr", one.side, one.main)
        ),
    }
    for one in resumes:
        for layout, body in layouts.items():
            name, title, contact = map(typst_escape, one.header)
            head = TYPST_HEAD.format(language=one.language, name=name, title=title, contact=contact)
            path = folder / f"typst-{layout.replace(' ', '-')}-{one.language}.pdf"
            source = path.with_suffix(".typ")
            source.write_text(head + body(one), encoding="utf-8")
            if not path.exists():
                typst.compile(str(source), output=str(path), font_paths=[str(FONTS)])
            yield Case(path, f"typst, {layout}", parts(one, layout))


def typst_escape(text: str) -> str:
    """Escape what Typst would take for markup."""
    return re.sub(r"([@#*_\\$<>\[\]-])", r"\\\1", text)


def typst_blocks(blocks: list[Block]) -> str:
    """Write blocks one below the other, dates at the end of the line."""
    return "\n\n".join(typst_block(*block) for block in blocks) + "\n\n"


def typst_block(kind: str, text: str, dates: str) -> str:
    """Write a block."""
    text, dates = typst_escape(text), typst_escape(dates)
    if kind == "heading":
        return f"= {text}"
    if kind == "item":
        return f"- {text}"
    return f"*{text}* #h(1fr) {dates}" if kind == "job" else text


def typst_grid(columns: str, left: list[Block], right: list[Block]) -> str:
    """Write two columns beside each other."""
    return (
        f"#grid(columns: ({columns}), gutter: 18pt, [\n{stacked(left)}\n], [\n{stacked(right)}\n])"
    )


def stacked(blocks: list[Block]) -> str:
    """Write blocks with their dates below the titles, as narrow columns have them."""
    lines = []
    for kind, text, dates in blocks:
        lines.append(typst_block("text" if kind == "job" else kind, text, ""))
        if dates:
            lines.append(typst_escape(dates))
    return "\n\n".join(lines)


def typst_columns(number: int, one: Resume) -> str:
    """Write columns that the text flows through."""
    body = f"{stacked(one.main)}\n#colbreak()\n{stacked(one.side)}"
    return f"#columns({number}, gutter: 16pt)[\n{body}\n]"


def typst_dates(one: Resume) -> str:
    """Write dates at the left of what they belong to."""
    rows = []
    for kind, text, dates in one.main:
        if kind == "heading":
            rows.append(f"grid.cell(colspan: 2)[{typst_block(kind, text, '')}]")
        else:
            rows.append(f"[{typst_escape(dates)}], [{typst_escape(text)}]")
    grid = "#grid(columns: (2.6cm, 1fr), row-gutter: 7pt, " + ", ".join(rows) + ")\n\n"
    return grid + typst_blocks(one.side)


# Chromium


PAGE = """<!doctype html><html lang="{language}" dir="{direction}"><meta charset="utf-8"><style>
@page {{ size: A4; margin: 14mm }}
body {{ font: 10pt/1.45 "DejaVu Sans"; margin: 0 }} h1 {{ font-size: 20pt; margin: 0 }}
h2 {{ font-size: 12pt; margin: 10pt 0 2pt }} p, ul {{ margin: 2pt 0 }} ul {{ padding: 0 14pt }}
{style}</style><header><h1>{name}</h1><p>{title}</p><p>{contact}</p></header>{body}</html>"""
SPACED = "h2 { letter-spacing: .3em; text-transform: uppercase }"
DOCS = "body { font-family: 'Liberation Serif' } span { font-size: 11pt; white-space: pre-wrap }"


def by_chromium(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Print the résumés with Chromium."""
    if not Path(CHROMIUM).exists():
        raise FileNotFoundError(CHROMIUM)
    layouts: dict[str, tuple[str, Callable[[Resume], str]]] = {
        "one column": ("", lambda one: html_blocks(one.main) + html_blocks(one.side)),
        "sidebar left": (
            "main { display: grid; grid-template-columns: 30% 1fr; gap: 18pt }" + SPACED,
            lambda one: html_columns(one.side, one.main),
        ),
        "sidebar right": (
            "main { display: flex; gap: 16pt } main div:last-child { flex: 0 0 26% }",
            lambda one: html_columns(one.main, one.side),
        ),
        "three columns": (
            "main { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 14pt }",
            lambda one: html_columns(*thirds(one)),
        ),
        "dates left": (
            "td { vertical-align: top; padding: 1pt 10pt 1pt 0 } td:first-child { width: 26mm }",
            html_dates,
        ),
        "Google Docs": (DOCS, html_docs),
    }
    for one in resumes:
        for layout, (style, body) in layouts.items():
            path = folder / f"chromium-{layout.replace(' ', '-')}-{one.language}.pdf"
            page = PAGE.format(
                language=one.language,
                direction="rtl" if one.language == "ar" else "ltr",
                style=style,
                body=body(one),
                **dict(
                    zip(("name", "title", "contact"), map(html.escape, one.header), strict=True)
                ),
            )
            path.with_suffix(".html").write_text(page, encoding="utf-8")
            yield Case(print_page(path), f"chromium, {layout}", parts(one, layout))


def print_page(path: Path) -> Path:
    """Print the page beside ``path`` to it, once."""
    if path.exists():
        return path
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    page = path.with_suffix(".html").as_uri()
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [*command, f"--user-data-dir={profile}", f"--print-to-pdf={path}", page],
            check=True,
            capture_output=True,
            timeout=300,
        )
    return path


def html_blocks(blocks: list[Block]) -> str:
    """Write blocks one below the other, dates at the end of the line."""
    return "".join(html_block(*block) for block in blocks)


def html_block(kind: str, text: str, dates: str) -> str:
    """Write a block."""
    text = html.escape(text)
    if kind == "job" and dates:
        return (
            "<p style='display: flex; justify-content: space-between; gap: 12pt'>"
            f"<b>{text}</b><span>{dates}</span></p>"
        )
    shapes = {"heading": f"<h2>{text}</h2>", "item": f"<ul><li>{text}</li></ul>"}
    return shapes.get(kind, f"<p>{text}</p>")


def html_columns(*columns: list[Block]) -> str:
    """Write columns beside each other."""
    inside = "".join(f"<div>{html_blocks(stack(column))}</div>" for column in columns)
    return f"<main>{inside}</main>"


def stack(blocks: list[Block]) -> list[Block]:
    """Put dates below the titles, as narrow columns have them."""
    stacked_blocks: list[Block] = []
    for kind, text, dates in blocks:
        stacked_blocks.append((kind, text, ""))
        stacked_blocks += [("text", dates, "")] if dates else []
    return stacked_blocks


def thirds(one: Resume) -> list[list[Block]]:
    """Cut a résumé into three columns."""
    headings = [index for index, block in enumerate(one.main) if block[0] == "heading"]
    return [one.main[: headings[1]], one.main[headings[1] :], one.side]


def html_dates(one: Resume) -> str:
    """Write dates at the left of what they belong to."""
    rows = ""
    for kind, text, dates in one.main:
        shown = html.escape(text)
        rows += (
            f"<tr><td colspan=2><h2>{shown}</h2></td></tr>"
            if kind == "heading"
            else f"<tr><td>{dates}</td><td>{shown}</td></tr>"
        )
    return f"<table>{rows}</table>{html_blocks(one.side)}"


def html_docs(one: Resume) -> str:
    """Write every word's style on the spot, as Google Docs exports pages."""
    lines = []
    for kind, text, dates in (*one.main, *one.side):
        spans = "".join(f"<span>{html.escape(part)}</span>" for part in re.split(r"(?<= )", text))
        mark = "<span>●</span><span>&nbsp;&nbsp;</span>" if kind == "item" else ""
        end = f"<span>\t{dates}</span>" if dates else ""
        lines.append(f"<p style='tab-size: 320pt'>{mark}{spans}{end}</p>")
    return "".join(lines)


# ReportLab, LaTeX, LibreOffice


def by_reportlab(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Draw the résumés line by line over both columns, as many programs do."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("DejaVu", str(FONTS / "DejaVuSans.ttf")))
    for one in resumes:
        if one.language == "ar":
            # ReportLab joins no letters.
            continue
        path = folder / f"reportlab-rows-{one.language}.pdf"
        draw_rows(one, path)
        yield Case(path, "reportlab, rows across two columns", parts(one, "two columns"))


def draw_rows(one: Resume, path: Path) -> None:
    """Draw two columns, a row of both after the other."""
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path))
    top = 800
    for size, text in zip((18, 11, 10), one.header, strict=True):
        canvas.setFont("DejaVu", size)
        canvas.drawString(50, top, text)
        top -= 20
    canvas.setFont("DejaVu", 9)
    left, right = (
        [line for _, text, _ in stack(column) for line in simpleSplit(text, "DejaVu", 9, width)]
        for column, width in ((one.main, 300), (one.side, 150))
    )
    for row in range(max(len(left), len(right))):
        for x, lines in ((50, left), (390, right)):
            if row < len(lines):
                canvas.drawString(x, top - 13 * row, lines[row])
    canvas.save()


def by_latex(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Set the résumés in Latin letters with LaTeX, whose fonts are in T1 and in OT1."""
    command = shutil.which("pdflatex")
    if command is None:
        raise FileNotFoundError("pdflatex")
    for one in resumes:
        for encoding in ("T1", "OT1") if one.language in ("en", "de", "fr", "es") else ():
            path = folder / f"latex-{encoding}-{one.language}.pdf"
            lines = [*one.header, *(text for _, text, _ in (*one.main, *one.side))]
            body = "\n\n".join(re.sub(r"([&%$#_{}])", r"\\\1", line) for line in lines)
            source = (
                "\\documentclass{article}\\usepackage[utf8]{inputenc}"
                f"\\usepackage[{encoding}]{{fontenc}}\\begin{{document}}{body}\\end{{document}}"
            )
            path.with_suffix(".tex").write_text(source, encoding="utf-8")
            subprocess.run(
                [command, "-interaction=batchmode", path.with_suffix(".tex").name],
                cwd=folder,
                check=True,
                capture_output=True,
            )
            yield Case(path, f"latex, {encoding}", [lines])


def by_libreoffice(resumes: list[Resume], folder: Path) -> Iterator[Case]:
    """Print Word files with LibreOffice."""
    command = shutil.which("soffice")
    if command is None:
        raise FileNotFoundError("soffice")
    import docx

    for one in resumes:
        path = folder / f"word-{one.language}.pdf"
        document = docx.Document()
        lines = [*one.header, *(text for _, text, _ in (*one.main, *one.side))]
        for line in lines:
            document.add_paragraph(line)
        document.save(str(path.with_suffix(".docx")))
        subprocess.run(
            [command, "--headless", "--convert-to", "pdf", path.with_suffix(".docx").name],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        yield Case(path, "libreoffice, one column", [lines])


# What was read


def parts(one: Resume, layout: str) -> list[list[str]]:
    """Return the texts of each column, the header with the first of them read."""
    columns = [one.main, one.side]
    if layout == "three columns":
        columns = thirds(one)
    texts = [[text for _, text, _ in column] for column in columns]
    if layout in ("one column", "dates left", "Google Docs"):
        texts = [[text for column in texts for text in column]]
    return [one.header, *texts]


def judge(case: Case, score: Score, *, show: bool) -> None:
    """Compare what was read of a file with what is in it."""
    score.files += 1
    try:
        text = clean_text(read_document(case.path)[0].text)
    except ReadError as error:
        score.refused.append(f"{case.path.name}: {error}")
        return
    expected = [plain(sentence) for column in case.columns for sentence in column]
    truth = Counter(word for sentence in expected for word in WORD.findall(sentence))
    read = plain(text)
    lost = truth - Counter(WORD.findall(read))
    missing = sum(lost.values())
    letters = "".join(WORD.findall(read))
    broken = sum(count for word, count in lost.items() if word in letters and len(word) > 1)
    flowing = f" {' '.join(WORD.findall(read))} "
    sought = [
        [f" {' '.join(WORD.findall(plain(sentence)))} " for sentence in column]
        for column in case.columns
    ]
    torn = sum(words not in flowing for column in sought for words in column)
    # A word that stands in several columns tells nothing of their order.
    order = sorted(
        (flowing.find(words), number)
        for number, column in enumerate(sought)
        for words in column
        if flowing.count(words) == 1
    )
    changes = sum(first != second for (_, first), (_, second) in itertools.pairwise(order))
    mixed = int(changes > len(case.columns))
    score.words += truth.total()
    score.missing += missing
    score.broken += broken
    score.sentences += len(expected)
    score.torn += torn
    score.mixed += mixed
    if show and (missing or torn or mixed):
        words = " ".join(list(lost)[:8])
        sys.stdout.write(
            f"\n--- {case.path.name}: lost {words!r}, {torn} torn, mixed {mixed}\n{text}\n"
        )


def plain(text: str) -> str:
    """Return a text without what layouts change: case, ligatures, soft hyphens."""
    return unicodedata.normalize("NFKC", text).replace("\u00ad", "").casefold()


def print_table(scores: dict[str, Score]) -> None:
    """Print a line for each class of files, and their sum."""
    form = "{:38} {:>5} {:>6} {:>8} {:>7} {:>10} {:>6}\n"
    sys.stdout.write(form.format("class", "files", "words", "missing", "broken", "torn", "mixed"))
    total = Score()
    for name, one in [*scores.items(), ("all", total)]:
        share = f"{one.missing / max(one.words, 1):.2%}"
        torn = f"{one.torn}/{one.sentences}"
        sys.stdout.write(
            form.format(name, one.files, one.words, share, one.broken, torn, one.mixed)
        )
        for key in ("files", "words", "missing", "broken", "sentences", "torn", "mixed"):
            setattr(total, key, getattr(total, key) + getattr(one, key))
        sys.stdout.writelines(f"  refused: {reason}\n" for reason in one.refused)


if __name__ == "__main__":
    main()
