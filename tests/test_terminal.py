import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.progress import Progress, TextColumn

from cvseeker.cli import tables, terminal
from cvseeker.cli.candidates import cards
from cvseeker.cli.diagnosis import Finding
from cvseeker.core.files import write_jsonl
from cvseeker.core.workspace import StageResult
from cvseeker.retrieval.metrics import METRICS
from cvseeker.search import CandidateHit, Found
from cvseeker.search.query import Reading
from cvseeker.search.why import Excerpt


def drawn(table: RenderableType, *, width: int = 110, color: bool = False) -> str:
    console = Console(width=width, force_terminal=color, color_system="standard" if color else None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_a_stage_is_told_in_one_line() -> None:
    done = StageResult({"passages": 12, "model": "base", "nested": {"a": 1}}, 1.234, skipped=False)
    assert terminal.stage_line("ingest", done) == "ingest: done in 1.2 s (12 passages)"
    kept = StageResult({}, 1.0, skipped=True)
    assert terminal.stage_line("ingest", kept) == "ingest: unchanged, kept"


def system(**values: float) -> dict[str, Any]:
    return {**dict.fromkeys(METRICS, 0.5), "seconds": 2.0, **values}


def test_the_best_of_every_column_is_bold() -> None:
    table = tables.metrics_table(
        {"bm25": system(**{"ndcg@10": 0.25}), "[tuned]": system(**{"ndcg@10": 0.75})}, "test"
    )
    text = drawn(table)
    assert "[tuned]" in text
    assert "nDCG@10" in text
    assert re.search(r"Keyword search \(BM25\) .*0\.250.* 2\.0", text)
    assert re.search(r"\x1b\[1m *0\.750", drawn(table, color=True))
    assert not re.search(r"\x1b\[1m *0\.250", drawn(table, color=True))


def told(failed: int, folder: Path) -> list[str]:
    """Return what an ingest says of so many failed files."""
    rows = [
        {"file": f"{at}.pdf", "status": "failed", "reason": "no [text]"} for at in range(failed)
    ]
    write_jsonl(folder / "files.jsonl", [{"file": "a", "status": "ok", "reason": ""}, *rows])
    files = {"ok": 7, "duplicate": 2, "failed": failed}
    counts = {"files": files, "failures": {"no [text]": failed}}
    return StageResult(counts, 1.0, skipped=False, folder=folder).decided


def test_the_languages_of_resumes_are_told_where_there_are_several(tmp_path: Path) -> None:
    files = {"ok": 7, "duplicate": 0, "failed": 0}
    counts = {"files": files, "failures": {}, "languages": {"en": 6, "de": 1}}
    decided = StageResult(counts, 1.0, skipped=False, folder=tmp_path).decided
    assert decided[1:] == ["languages of the résumés: en 6, de 1"]


def test_failed_files_are_named_up_to_five(tmp_path: Path) -> None:
    assert told(0, tmp_path) == ["7 files read, 2 left out as duplicates, 0 failed"]
    named = [f"failed: {at}.pdf: no [text]" for at in range(5)]
    assert told(5, tmp_path)[1:] == [
        *named,
        f"what became of each file: {tmp_path / 'files.jsonl'}",
    ]
    more = f"and 3 more: see {tmp_path / 'files.jsonl'}; of all that failed: no [text] (8)"
    assert told(8, tmp_path)[1:] == [*named, more]


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ("tuned", "kept the tuned model: it is better"),
        ("base", "kept the base, small: it is better; the tuned one is in {folder}/refused"),
    ],
)
def test_which_model_was_kept_is_told(
    kept: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "refused").mkdir()
    counts = {"base": "small", "verdict": {"kept": kept, "reason": "it is better"}}
    terminal.print_stage("model", StageResult(counts, 1.0, skipped=True, folder=tmp_path))
    assert capsys.readouterr().err.splitlines() == [
        "model: unchanged, kept",
        f"  {sentence.format(folder=tmp_path)}",
    ]


def test_a_card_marks_what_the_query_has_and_what_means_the_same() -> None:
    excerpt = Excerpt("Keeps bees\nand [sells] honey", ((6, 10),), ((23, 28),))
    hit = CandidateHit(1, "ivo[1]", "", excerpt=excerpt)
    card, _ = cards(Found(Reading("bees"), (hit,), 1), first=3)
    assert drawn(card).splitlines()[1].strip() == "Keeps bees and [sells] honey"
    coloured = drawn(card, color=True)
    assert "\x1b[1;33mbees" in coloured
    assert "\x1b[4;36mhoney" in coloured
    assert coloured.startswith("3. ")


def test_findings_show_what_to_do() -> None:
    finding = Finding("torch", "not installed", "pip install torch")
    assert "pip install torch" in drawn(tables.diagnosis_table([finding]))


def test_progress_into_a_file_is_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 20.0, 21.0, 30.0, 31.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with terminal.drawn_progress() as progress:
        progress("encode", 0, 10, "")
        progress("encode", 1, 10, "")
        progress("encode", 5, 10, "windows")
        progress("encode", 6, 10, "")
        progress("encode", 10, 10, "")
        progress("look", 0, 0, "")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "  encode 0/10",
        "  encode 5/10, 20 s left (windows)",
        "  encode 10/10",
        "  look",
    ]


def test_progress_on_a_terminal_is_bars(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with terminal.drawn_progress() as progress:
        progress("encode [a]", 3, 10, "[b]")
        sys.stderr.flush()
        progress("rank", 1, 0, "among [c]")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "rank" in captured.err
    assert "among [c]" in captured.err
    assert not re.search(r"\d/0", captured.err)


def test_what_is_not_counted_turns_instead_of_filling_a_bar() -> None:
    column = terminal._WhereCounted(TextColumn("{task.completed:.0f}/{task.total:.0f}"))
    bars = Progress()
    bars.add_task("a", total=10, completed=3)
    bars.add_task("b", total=None)
    counted, endless = bars.tasks
    assert str(column.render(counted)) == "3/10"
    assert column.render(endless) == ""


def test_a_wide_table_fits_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.stdout().print("x" * 105)
    terminal.say("to stderr")
    captured = capsys.readouterr()
    assert captured.out == "x" * 105 + "\n"
    assert captured.err == "to stderr\n"


def test_an_output_that_knows_no_accents_gets_escapes() -> None:
    code = (
        "import sys, cvseeker.cli\n"
        "command = sys.modules['cvseeker.cli.app']\n"
        "command._run = lambda typed: print('résumé 😀') or 0\n"
        "command.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LANG": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(f'"{ended.stdout.strip()}"') == "résumé 😀"
