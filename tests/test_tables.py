import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import BODY, read_content, text_of
from cvseeker.resumes.readers import Document, ReadError, read_document
from cvseeker.resumes.readers.tables import read_delimited, read_parquet
from hostile import SOUND_TEXT


def _csv(rows: list[list[str]], delimiter: str = ",") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_row_is_a_document(tmp_path: Path, delimiter: str) -> None:
    rows = [["ID", "Resume_str", "Category"]]
    rows += [[f"a{n}", f'{BODY}\n"Line" {n}; more, yes', "CHEF"] for n in range(5)]
    documents = read_content(tmp_path, "cvs.csv", _csv(rows, delimiter).encode())
    assert [document.row_id for document in documents] == ["a0", "a1", "a2", "a3", "a4"]
    assert documents[3].text == f'{BODY}\n"Line" 3; more, yes'
    assert documents[3].metadata == {"Category": "CHEF"}


def test_plain_text_is_taken_before_markup_of_the_same() -> None:
    rows = [["ID", "html", "text", "Category"]]
    rows += [[str(n), f"<div><p>{BODY}</p> {n}</div>", f"{BODY} {n}", "CHEF"] for n in range(4)]
    documents = read_delimited(_csv(rows))
    assert [document.text for document in documents] == [f"{BODY} {n}" for n in range(4)]
    assert documents[0].metadata == {"Category": "CHEF"}
    only_markup = read_delimited(_csv([[row[0], row[1], row[3]] for row in rows]))
    assert only_markup[1].text == f"{BODY}\n\n1"


def test_a_resume_spread_over_columns_gets_headings() -> None:
    rows = [["name", "summary", "work_history"]]
    history = "Hotel Lipa in Bled from 2010 to 2020, head of day"
    rows += [[f"A{n}", f"{BODY} {n}", f"{history} {n}"] for n in range(3)]
    text = read_delimited(_csv(rows))[0].text
    assert text.startswith(f"A0\n\nSummary\n{BODY} 0\n\nExperience\nHotel Lipa")


def test_rows_without_header_id_or_text(tmp_path: Path) -> None:
    documents = read_content(
        tmp_path, "a.csv", _csv([["1", BODY], ["2", BODY + " x"], ["3", ""]]).encode()
    )
    assert [document.row_id for document in documents] == ["1", "2"]
    body = BODY.replace(",", "")
    ragged = f"text,city\n{body}\n{body} again,Bled,more,and more\n,,\n"
    documents = read_delimited(ragged)
    assert [document.row_id for document in documents] == ["1", "2"]
    assert documents[1].metadata["city"] == "Bled"


def test_huge_fields_are_read() -> None:
    [document] = read_delimited(f'id,text\n1,"{"word " * 100_000}"\n')
    assert len(document.text) == 499_999


def test_prose_in_a_csv_file_is_text(tmp_path: Path) -> None:
    assert text_of(tmp_path, "cv.csv", SOUND_TEXT.encode()).strip() == SOUND_TEXT.strip()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n3,4\n", "a table without a column of text (columns: a, b)"),
        ("id,text\n", "a table without"),
        (",".join("x" * 3000) + "\n" + "," * 2999, "a table of 3,000 columns"),
    ],
)
def test_tables_without_text_have_reasons(text: str, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_delimited(text)
    assert str(caught.value).startswith(reason)


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_table_gives_documents_or_a_reason(rows: list[list[str]]) -> None:
    try:
        assert all(document.text for document in read_delimited(_csv(rows)))
    except ReadError as error:
        reason = str(error)
        assert "table" in reason


def test_parquet_tables_are_read(tmp_path: Path) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    rows = [{"uuid": f"u{n}", "cv": BODY, "tags": ["a", "b"], "age": None} for n in range(3)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "cvs.parquet")
    documents = read_document(tmp_path / "cvs.parquet")
    assert [document.row_id for document in documents] == ["u0", "u1", "u2"]
    assert documents[0] == Document(BODY, "u0", {"tags": "a, b"})
    cut = (tmp_path / "cvs.parquet").read_bytes()[:-20] + b"PAR1"
    with pytest.raises(ReadError, match="damaged Parquet"):
        read_parquet(cut)


RESUMES = ('Chef, "Perle", Lille', "Baker; Roux, Lille")


@pytest.mark.parametrize("heading", ["Resume", "Profile of the candidate"])
def test_a_table_of_one_column_is_a_table(tmp_path: Path, heading: str) -> None:
    rows = [f"{text}. {BODY}\n\nEducation" for text in RESUMES]
    quoted = "\r\n".join('"' + row.replace('"', '""') + '"' for row in rows)
    documents = read_content(tmp_path, "a.csv", f"\ufeff{heading}\r\n{quoted}\r\n".encode())
    assert [document.text for document in documents] == rows


def test_unquoted_lines_below_a_known_heading_are_resumes(tmp_path: Path) -> None:
    text = "resume_text\n" + "\n".join(f"{text} {BODY}" for text in RESUMES)
    assert len(read_content(tmp_path, "a.csv", text.encode())) == 2
    assert len(read_content(tmp_path, "a.csv", text.replace("resume_text", "Odile").encode())) == 1


def test_columns_about_the_candidate_stand_in_the_text() -> None:
    rows = [
        "name,title,skills,experience,education,years_of_experience,location,Category".split(","),
        ["Ravi Menon", "Accountant", "Sage", BODY, "BA, Leeds", "11", "Leeds, UK", "FINANCE"],
        ["Odile F", "Chef", "Sugar", f"{BODY} x", "CAP, Lille", "9", "Lille", "CHEF"],
    ]
    documents = read_delimited(_csv(rows))
    assert documents[0].text == (
        "Ravi Menon\nAccountant\nLeeds, UK\nYears of experience: 11\n\n"
        f"Experience\n{BODY}\n\nEducation\nBA, Leeds\n\nSkills\nSage"
    )
    assert documents[1].metadata["Category"] == "CHEF"


def test_exports_of_short_columns_are_read() -> None:
    rows = [
        ["First Name", "Last Name", "Headline", "Current Company", "Location", "Skills", "Stage"],
        ["Ravi", "Menon", "Accountant", "Brackwell", "Leeds, UK", "Sage, Excel, IFRS, VAT", "x"],
        ["Odile", "F", "Chef", "Perle", "Lille, France", "Sugar, Chocolate, Menus, HACCP", "y"],
    ]
    assert read_delimited(_csv(rows))[0].text == (
        "Ravi Menon\nAccountant, Brackwell\nLeeds, UK\n\nSkills\nSage, Excel, IFRS, VAT"
    )


def test_quotes_after_backslashes_do_not_end_a_cell() -> None:
    text = (
        '"id","name","resume"\n'
        f'"1","Ravi","Said \\"yes\\", led payroll, {BODY} \\"IFRS\\" too, much."\n'
        f'"2","Odile","{BODY}\\n\\nEducation\\nCAP"\n'
    )
    first, second = read_delimited(text)
    assert first.text == f'Ravi\n\nSaid "yes", led payroll, {BODY} "IFRS" too, much.'
    assert second.text == f"Odile\n\n{BODY}\n\nEducation\nCAP"


def test_what_excel_adds_is_taken_off(tmp_path: Path) -> None:
    text = f'sep=;\r\nExport;;\r\nid;text;grade\r\n="007";"{BODY}_x000D_";#N/A\r\n;;\r\n'
    text += f'="008";"{BODY} x";\r\n'
    first, second = read_content(tmp_path, "a.csv", text.encode("utf-16"))
    assert first == Document(BODY, "007", {})
    assert second.row_id == "008"


def test_lists_and_bytes_that_python_printed_are_read() -> None:
    rows = [["skills", "resume"]]
    rows += [[f"['Sage', 'Excel {n}']", repr(f"{BODY} é\nx {n}".encode())] for n in range(3)]
    assert read_delimited(_csv(rows))[1].text == f"{BODY} é\nx 1\n\nSkills\nSage\nExcel 1"


def test_columns_are_headings_in_any_language() -> None:
    rows = [["Lebenslauf_Nr", "Berufserfahrung", "Ausbildung"]]
    rows += [[f"{n}", f"{BODY} {n}", "BSc, Leeds"] for n in range(3)]
    assert read_delimited(_csv(rows))[1].text == f"Experience\n{BODY} 1\n\nEducation\nBSc, Leeds"
