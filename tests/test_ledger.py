"""The ledger: nothing is lost, nothing counted twice, and what is broken says so."""

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.llm.dialect import Dialect
from cvseeker.llm.embeddings.vectors import VectorCache
from cvseeker.llm.ledger import FINAL, OUTCOMES, Ledger, LedgerRow, sole_sender

ROW = LedgerRow(
    key="k",
    task="queries",
    item="p1",
    model="m",
    url="http://localhost/v1",
    mode="json_schema",
    outcome="ok",
    reason="",
    reply='{"queries": []}',
    raw="{}",
    prompt_tokens=100,
    completion_tokens=10,
    cost=5_000_000,
    attempts=1,
    latency=0.25,
    at=1.0,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "ledger.sqlite"


def test_a_row_comes_back_as_it_was_written(path: Path) -> None:
    row = replace(ROW, reply='{"a": "Ž\\u0000 \u2028"}', raw="\0raw 🎓", cost=None)
    with Ledger(path) as ledger:
        ledger.record(row)
        assert ledger.get("k") == row
        assert ledger.get("another") is None
    with Ledger(path) as ledger:
        assert ledger.get("k") == row


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_only_final_outcomes_are_not_asked_again(path: Path, outcome: Any) -> None:
    with Ledger(path) as ledger:
        assert not ledger.is_final("k")
        ledger.record(replace(ROW, outcome=outcome))
        assert ledger.is_final("k") == (outcome in FINAL)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            st.none() | st.integers(0, 10**15),
            st.integers(1, 9),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_paid_adds_up_over_re_asks(tries: list[tuple[int, int, int | None, int]]) -> None:
    with TemporaryDirectory() as folder, Ledger(Path(folder, "ledger.sqlite")) as ledger:
        for prompt, completion, cost, attempts in tries:
            row = replace(ROW, prompt_tokens=prompt, completion_tokens=completion)
            ledger.record(replace(row, cost=cost, attempts=attempts, reason=f"try {attempts}"))
        row = ledger.get("k") or ROW
        assert row.prompt_tokens == sum(one[0] for one in tries)
        assert row.completion_tokens == sum(one[1] for one in tries)
        assert row.attempts == sum(one[3] for one in tries)
        assert row.reason == f"try {tries[-1][3]}"
        assert ledger.spent() == sum(one[2] or 0 for one in tries)


def test_an_unknown_price_stays_unknown(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.record(replace(ROW, cost=None))
        ledger.record(replace(ROW, cost=None))
        assert (ledger.get("k") or ROW).cost is None
        assert ledger.spent() == 0


def test_rows_come_in_the_order_of_their_keys(path: Path) -> None:
    with Ledger(path) as ledger:
        for key in ("c", "a", "b"):
            ledger.record(replace(ROW, key=key, outcome="refused" if key == "b" else "ok"))
        ledger.record(replace(ROW, key="a"))
        assert [row.key for row in ledger.rows()] == ["a", "b", "c"]
        assert [row.key for row in ledger.rows(outcomes=["refused"])] == ["b"]


def test_the_summary_counts_by_outcome_and_reason(path: Path) -> None:
    with Ledger(path) as ledger:
        for number in range(5):
            ledger.record(replace(ROW, key=str(number)))
        ledger.record(replace(ROW, key="x", outcome="unparsable", reason="empty reply", attempts=3))
        first, second = ledger.summary()
        assert (first["outcome"], first["requests"], first["cost"]) == ("ok", 5, 25_000_000)
        assert (second["reason"], second["attempts"]) == ("empty reply", 3)
        assert ledger.mean_reply_tokens("queries") == 10
        for length in (9123, 8200, 987):
            row = replace(ROW, outcome="rejected", reason=f"400: {length} tokens, 8192 at most")
            ledger.record(replace(row, key=str(length)))
        (one,) = [row for row in ledger.summary() if row["outcome"] == "rejected"]
        assert (one["reason"], one["requests"]) == ("400: … tokens, … at most", 3)
        assert ledger.mean_reply_tokens("grade") is None


def test_an_endpoints_way_is_remembered(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger.mode("u", "m") == ""
        ledger.set_mode("u", "m", "one")
        ledger.set_mode("u", "m", "two")
        ledger.set_mode("u", "n", "three")
    with Ledger(path) as ledger:
        assert ledger.mode("u", "m") == "two"


@pytest.mark.parametrize("content", [b"no database at all" * 400, b"{}", b"SQLite format 3\0 torn"])
def test_another_file_is_refused_untouched(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not usable as a ledger .* move the file away") as caught:
        Ledger(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_later_versions_ledger_is_refused(path: Path) -> None:
    Ledger(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(InputError, match=r"version 99; this CVSeeker reads up to \d.*pip install"):
        Ledger(path)


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused(path: Path, version: int) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE requests (id, body)")
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    with pytest.raises(InputError, match="not usable as a ledger"):
        Ledger(path)


@pytest.mark.parametrize("version", [0, 7])
@pytest.mark.parametrize("kind", [Ledger, VectorCache])
def test_another_programs_tables_stay_as_they_are(
    path: Path, version: int, kind: type[Ledger | VectorCache]
) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE photos (id, place)")
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="it holds another program's table 'photos'"):
        kind(path)
    assert path.read_bytes() == before


def test_a_ledger_torn_in_the_middle_says_so(path: Path) -> None:
    with Ledger(path) as ledger:
        for number in range(300):
            ledger.record(replace(ROW, key=f"{number:032}", raw="x" * 2000))
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(InputError, match="ledger"), Ledger(path) as ledger:  # noqa: PT012
        for number in range(300):
            ledger.get(f"{number:032}")


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("reply", 5, "reply 5 of a request"),
        ("reply", b"{}", "reply b'{}' of a request"),
        ("reply", "not JSON", "outcome 'ok' and no reply"),
        ("outcome", "fine", "outcome 'fine'"),
        ("outcome", None, "outcome None of a request"),
        ("cost", "much", "cost 'much' of a request"),
        ("cost", 1e999, "cost inf of a request"),
        ("attempts", "x" * 9000, "attempts 'xxx"),
        ("at", "noon", "at 'noon' of a request"),
    ],
)
def test_a_value_of_a_wrong_type_is_told(path: Path, column: str, value: Any, told: str) -> None:
    with Ledger(path) as ledger:
        ledger.record(ROW)
        ledger._execute(f"UPDATE requests SET {column} = ?", (value,))
        with pytest.raises(InputError, match="not usable as a ledger") as caught:
            ledger.get("k")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_sum_that_is_none_is_told(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.record(ROW)
        ledger._execute("UPDATE requests SET cost = 1e999")
        with pytest.raises(InputError, match="the sum of what was paid is inf"):
            ledger.spent()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"form": "poem"}', '{"a": 1}', "[" * 9999])
def test_a_way_that_is_none_is_found_anew(content: str) -> None:
    assert Dialect.from_json(content) == Dialect()


def test_a_full_disk_is_told_and_what_was_written_stays(path: Path) -> None:
    with Ledger(path) as ledger:
        pages = next(ledger._rows("PRAGMA page_count"))[0]
        ledger._execute(f"PRAGMA max_page_count = {pages + 8}")
        with pytest.raises(InputError, match=r"full\); free space on the disk"):  # noqa: PT012
            for number in range(100):
                ledger.record(replace(ROW, key=f"{number:03}", raw="x" * 3000))
    with Ledger(path) as ledger:
        rows = list(ledger.rows())
        assert [row.key for row in rows] == [f"{number:03}" for number in range(len(rows))]
        assert rows


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="unable to open"):
        Ledger(path)


def test_a_lock_that_is_none_is_told(path: Path) -> None:
    path.parent.mkdir()
    lock = path.with_name(f"{path.name}.lock")
    lock.write_bytes(b"no database at all" * 400)
    with pytest.raises(InputError, match="cannot be locked"), sole_sender(path):
        pass
    lock.unlink()
    lock.mkdir()
    with pytest.raises(InputError, match="cannot be locked"), sole_sender(path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_read_only_is_told(path: Path) -> None:
    Ledger(path).close()
    path.parent.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be locked"), sole_sender(path):
            pass
        with pytest.raises(InputError, match="not usable as a ledger"):
            Ledger(path)
    finally:
        path.parent.chmod(0o700)


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        Ledger(tmp_path / "file" / "ledger.sqlite")


def test_a_reader_sees_a_writers_rows_without_waiting(path: Path) -> None:
    with Ledger(path) as writer, Ledger(path) as reader:
        for number in range(50):
            writer.record(replace(ROW, key=str(number)))
            assert reader.is_final(str(number))
        rows = reader.rows()
        next(rows)
        began = time.monotonic()
        writer.record(replace(ROW, key="while it reads"))
        assert time.monotonic() - began < 1
        rows.close()


KILLED = """
    import os, signal, sys
    from dataclasses import replace
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from test_ledger import ROW
    from cvseeker.llm.ledger import Ledger, sole_sender

    path = Path(sys.argv[1])
    with sole_sender(path), Ledger(path) as ledger:
        for number in range(200):
            ledger.record(replace(ROW, key=str(number)))
        print("held", flush=True)
        if sys.argv[3] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdin.read()
"""


def start(path: Path, then: str) -> "subprocess.Popen[bytes]":
    code, here = textwrap.dedent(KILLED), str(Path(__file__).parent)
    command = [sys.executable, "-c", code, str(path), here, then]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_killed_writer_loses_no_row_and_no_right(path: Path) -> None:
    path.parent.mkdir()
    with start(path, "kill") as process:
        assert process.wait(60) < 0
    with sole_sender(path, waiting=lambda: pytest.fail("nobody holds it")), Ledger(path) as ledger:
        assert sum(1 for _ in ledger.rows()) == 200


def test_there_is_one_sender_at_a_time(path: Path) -> None:
    path.parent.mkdir()
    told = threading.Event()
    with start(path, "wait") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"held\n"
        threading.Thread(target=lambda: (told.wait(30), process.stdin.close())).start()
        with sole_sender(path, waiting=told.set):
            assert process.wait(10) == 0
    assert told.is_set()
    with sole_sender(path, waiting=lambda: pytest.fail("it was given back")):
        pass


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("umask", [0, 0o022])
def test_what_people_and_models_said_is_its_owners_alone(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Ledger(path) as ledger, sole_sender(path):
            ledger.record(ROW)
            rights = {one.name: one.stat().st_mode & 0o777 for one in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert len(rights) > 2
    assert set(rights.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
