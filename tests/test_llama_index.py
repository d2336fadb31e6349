"""Notebooks written for LlamaIndex, with one import changed."""

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llama_index.core")
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.schema import TextNode

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.errors import DatasetError, LlmError, SettingsError
from cvseeker.llama_index import (
    DEFAULT_QA_GENERATE_PROMPT_TMPL,
    EmbeddingQAFinetuneDataset,
    generate_qa_embedding_pairs,
    generate_question_context_pairs,
)
from cvseeker.llama_index.questions import read_questions
from fake_llm.process import FakeServer

KEY = "sk-fictional-1618033988"
OWN_PROMPT = "Ask {num_questions_per_chunk} hard questions.\n-----\n{context_str}\n-----\nDone."


class OpenAI(CustomLLM):
    """Has the attributes by which LlamaIndex's own class says whom it asks."""

    model: str = "fake-llm"
    api_base: str
    api_key: str = KEY
    temperature: float = 0.1
    timeout: float = 20.0

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise AssertionError("asked in this process")

    stream_complete = complete  # type: ignore[assignment]


class Lines(CustomLLM):
    """Answers in numbered lines, as old prompts ask for; fails where a text says so."""

    asked: list[str] = []  # noqa: RUF012  (a field of the model)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="lines")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.asked.append(prompt)
        if "BROKEN" in prompt:
            raise ConnectionError("no reply for " + KEY)
        number = re.findall(r"Person (\d+)", prompt)[-1]
        return CompletionResponse(
            text=f"Here they are:\n1. 5 years of what has person {number}?\n2) Who is {number}?\n"
        )

    stream_complete = complete  # type: ignore[assignment]


@pytest.fixture
def server(llm_process: FakeServer) -> FakeServer:
    llm_process.reset(api_key=KEY)
    return llm_process


def nodes_of(count: int, *, start: int = 0) -> list[TextNode]:
    return [
        TextNode(
            text=f"Person {number} welded pressure vessels near Tromsø for {number + 2} winters.",
            id_=f"node-{number}",
            metadata={"file": "secret-name.pdf"},
        )
        for number in range(start, start + count)
    ]


def test_the_parameters_are_those_of_the_original() -> None:
    parameters = inspect.signature(generate_qa_embedding_pairs).parameters.values()
    ours = [(item.name, item.default) for item in parameters if item.kind != item.KEYWORD_ONLY]
    assert [name for name, _ in ours[:3]] == ["nodes", "llm", "qa_generate_prompt_tmpl"]
    assert ours[3:] == [
        ("num_questions_per_chunk", 2),
        ("retry_limit", 3),
        ("on_failure", "continue"),
        ("save_every", 500),
        ("output_path", "qa_finetune_dataset.json"),
        ("verbose", True),
    ]
    assert generate_question_context_pairs is generate_qa_embedding_pairs
    assert "{context_str}" in DEFAULT_QA_GENERATE_PROMPT_TMPL


def test_a_notebook_s_cell_needs_one_import_changed(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell runs in a loop that is running already, as a notebook's does."""
    monkeypatch.chdir(tmp_path)

    async def cell() -> None:
        llm = OpenAI(api_base=server.url)
        train = generate_qa_embedding_pairs(
            llm=llm, nodes=nodes_of(5), output_path="train.json", verbose=False
        )
        train.save_json("copy.json")
        val = generate_qa_embedding_pairs(nodes_of(3, start=5), llm, output_path="val.json")
        again = EmbeddingQAFinetuneDataset.from_json("copy.json")
        assert again == train
        assert len(train.queries) == 10
        assert len(val.queries) == 6
        assert list(val.corpus) == ["node-5", "node-6", "node-7"]

    asyncio.run(cell())
    assert server.stats()["delivered"] == 8
    written = (tmp_path / "train.json").read_text(encoding="utf-8")
    assert set(json.loads(written)) == {"queries", "corpus", "relevant_docs", "mode"}
    assert "secret-name" not in written


def test_texts_and_ids_of_nodes_are_kept(server: FakeServer, tmp_path: Path) -> None:
    nodes = [*nodes_of(4), TextNode(text=" \n", id_="blank"), TextNode(text="Baker.", id_="last")]
    out = tmp_path / "pairs.json"
    dataset = generate_qa_embedding_pairs(
        nodes, OpenAI(api_base=server.url), output_path=str(out), verbose=False
    )
    assert dataset.corpus == {node.id_: node.text for node in nodes if node.id_ != "blank"}
    assert set(dataset.queries) == set(dataset.relevant_docs)
    assert {key for keys in dataset.relevant_docs.values() for key in keys} == set(dataset.corpus)
    assert read_dataset(out).corpus == dataset.corpus


def test_half_a_surrogate_pair_in_a_node_can_be_sent(server: FakeServer, tmp_path: Path) -> None:
    nodes = [*nodes_of(1), TextNode(text="Baker in Cork \ud800, rye bread.", id_="odd")]
    dataset = generate_qa_embedding_pairs(
        nodes, OpenAI(api_base=server.url), output_path=str(tmp_path / "o.json"), verbose=False
    )
    assert dataset.corpus["odd"] == "Baker in Cork ?, rye bread."
    assert len(dataset.queries) == 4


def test_a_second_run_asks_only_about_what_is_new(server: FakeServer, tmp_path: Path) -> None:
    out, llm = str(tmp_path / "pairs.json"), OpenAI(api_base=server.url)
    first = generate_qa_embedding_pairs(nodes_of(6), llm, output_path=out, verbose=False)
    shuffled = [*nodes_of(1, start=6), *reversed(nodes_of(6))]
    second = generate_qa_embedding_pairs(shuffled, llm, output_path=out, verbose=False)
    assert server.stats()["delivered"] == 7
    assert first.queries.items() <= second.queries.items()
    assert all(second.relevant_docs[key] == found for key, found in first.relevant_docs.items())


def test_nodes_of_one_text_share_a_request(server: FakeServer, tmp_path: Path) -> None:
    nodes = [TextNode(text="Glazier in Cork, stained glass.", id_=name) for name in "ab"]
    dataset = generate_qa_embedding_pairs(
        nodes, OpenAI(api_base=server.url), output_path=str(tmp_path / "o.json"), verbose=False
    )
    assert server.stats()["requests"] == 1
    assert sorted(found[0] for found in dataset.relevant_docs.values()) == ["a", "a", "b", "b"]


def test_the_key_of_an_object_goes_nowhere_but_to_the_server(
    server: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "pairs.json")
    wrong = OpenAI(api_base=server.url, api_key="sk-fictional-wrong-wrong")
    with pytest.raises(LlmError, match="refused") as caught:
        generate_qa_embedding_pairs(nodes_of(40), wrong, output_path=out)
    assert server.stats()["requests"] == 1
    generate_qa_embedding_pairs(nodes_of(2), OpenAI(api_base=server.url), output_path=out)
    shown = str(caught.value) + "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "sk-fictional" not in shown
    assert b"sk-fictional" not in written
    assert KEY not in os.environ.values()


def test_a_model_s_name_is_enough(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    dataset = generate_qa_embedding_pairs(
        nodes_of(3),
        "fake-llm",
        num_questions_per_chunk=4,
        output_path=str(tmp_path / "pairs.json"),
        verbose=False,
        llm_url=server.url,
    )
    assert len(dataset.queries) == 12


def test_a_prompt_of_one_s_own_is_used(server: FakeServer, tmp_path: Path) -> None:
    llm = Lines()
    dataset = generate_qa_embedding_pairs(
        nodes_of(1), llm, OWN_PROMPT, output_path=str(tmp_path / "a.json"), verbose=False
    )
    assert "Ask 2 hard questions.\n-----\nPerson 0 welded" in llm.asked[0]
    assert len(dataset.queries) == 2
    through_http = generate_qa_embedding_pairs(
        nodes_of(2),
        OpenAI(api_base=server.url),
        qa_generate_prompt_tmpl=OWN_PROMPT,
        output_path=str(tmp_path / "b.json"),
        verbose=False,
    )
    assert len(through_http.queries) == 4


def test_contacts_are_masked_unless_told_otherwise(tmp_path: Path) -> None:
    nodes = [TextNode(text="Person 7, ada.fictional@example.com, welds.", id_="n")]
    for mask in (True, False):
        llm = Lines()
        generate_qa_embedding_pairs(
            nodes, llm, output_path=str(tmp_path / f"{mask}.json"), verbose=False, mask=mask
        )
        assert ("ada.fictional" in llm.asked[0]) is not mask


def test_any_object_that_completes_prompts_will_do(tmp_path: Path) -> None:
    llm, out = Lines(), str(tmp_path / "pairs.json")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        nodes = [*nodes_of(3), TextNode(text="Person 8 BROKEN", id_="bad"), *nodes_of(1, start=9)]
        dataset = generate_qa_embedding_pairs(
            nodes, llm, output_path=out, verbose=False, retry_limit=2
        )
    # A failure shifts nothing, and digits that begin a question are its own.
    assert {dataset.queries[key]: found for key, found in dataset.relevant_docs.items()} == {
        text: [f"node-{number}"]
        for number in (0, 1, 2, 9)
        for text in (f"5 years of what has person {number}?", f"Who is {number}?")
    }
    assert len(told) == 1
    assert "1 of 5 passages got no question: failed: ConnectionError (1)" in str(told[0].message)
    assert Path(told[0].filename) == Path(__file__)
    assert sum("BROKEN" in prompt for prompt in llm.asked) == 2
    with pytest.raises(LlmError, match="1 of 5"):
        generate_qa_embedding_pairs(
            nodes, llm, output_path=out, verbose=False, retry_limit=1, on_failure="fail"
        )
    assert len(llm.asked) == 7  # four answered, and the broken one twice and once more
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_refused_key_of_an_object_ends_the_run(tmp_path: Path) -> None:
    class RefusedError(Exception):
        status_code = 401

    class Refused(Lines):
        def complete(self, prompt: str, **kwargs: Any) -> CompletionResponse:
            self.asked.append(prompt)
            raise RefusedError(f"wrong key {KEY}")

    llm = Refused()
    with pytest.raises(LlmError, match=r"raised RefusedError \(401\); check its key") as caught:
        generate_qa_embedding_pairs(
            nodes_of(100), llm, output_path=str(tmp_path / "o.json"), verbose=False
        )
    assert KEY not in str(caught.value)
    assert len(llm.asked) == 1


def test_an_object_is_asked_as_many_at_a_time_as_it_can(tmp_path: Path) -> None:
    class Waiting(Lines):
        async def acomplete(self, prompt: str, *rest: Any, **kwargs: Any) -> CompletionResponse:
            await asyncio.sleep(0.3)
            return self.complete(prompt)

    for name in ("first", "second"):  # in the same loop: clients' connections belong to it
        began = time.monotonic()
        dataset = generate_qa_embedding_pairs(
            nodes_of(30), Waiting(), output_path=str(tmp_path / name), verbose=False
        )
        assert len(dataset.queries) == 60
        assert time.monotonic() - began < 4.0  # one after the other: 9 s


def test_a_run_that_was_killed_goes_on(server: FakeServer, tmp_path: Path) -> None:
    server.reset(latency=0.2)
    code = (
        "import sys; from llama_index.core.schema import TextNode\n"
        "from cvseeker.llama_index import generate_qa_embedding_pairs\n"
        "nodes = [TextNode(text=f'Person {n} welds vessels.', id_=str(n)) for n in range(40)]\n"
        "generate_qa_embedding_pairs(nodes, 'fake-llm', verbose=False, max_concurrency=8,\n"
        "    llm_url=sys.argv[1], output_path=sys.argv[2])\n"
    )
    out = tmp_path / "pairs.json"
    command = [sys.executable, "-c", code, server.url, str(out)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while server.stats()["delivered"] < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    again = generate_qa_embedding_pairs(
        [TextNode(text=f"Person {n} welds vessels.", id_=str(n)) for n in range(40)],
        "fake-llm",
        llm_url=server.url,
        output_path=str(out),
        verbose=False,
    )
    counts = server.stats()
    assert (counts["delivered_distinct"], counts["repeated"]) == (40, 0)
    assert EmbeddingQAFinetuneDataset.from_json(str(out)) == again
    assert len(again.queries) == 80


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"on_failure": "ignore"}, "'ignore': expected 'continue' or 'fail'"),
        ({"qa_generate_prompt_tmpl": "Write questions."}, "expected a text with {context_str}"),
        ({"qa_generate_prompt_tmpl": '{"a": 1} {context_str}'}, "other braces are doubled"),
        ({"nodes": []}, "none of 0 has text"),
        ({"llm": object()}, "expected a LlamaIndex LLM or a model's name"),
        ({"llm_url": "http://localhost:1/v1"}, "goes with a model's name"),
        ({"num_questions_per_chunk": 0}, "per_passage"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    tmp_path: Path, arguments: dict[str, Any], complaint: str
) -> None:
    llm = Lines()
    chosen = {"nodes": nodes_of(1), "llm": llm, "output_path": str(tmp_path / "o.json")}
    with pytest.raises(SettingsError, match=re.escape(complaint)):
        generate_qa_embedding_pairs(**{**chosen, **arguments})
    assert not llm.asked


def test_files_go_both_ways(tiny_dataset: RetrievalDataset, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
    write_dataset(tiny_dataset, ours)
    original = _original_class()
    loaded = original.from_json(str(ours))
    assert loaded.query_docid_pairs[0] == (tiny_dataset.queries["q1"], ["ana-prunk#1"])
    loaded.save_json(str(theirs))
    assert read_dataset(theirs).qrels == tiny_dataset.qrels
    assert EmbeddingQAFinetuneDataset.from_json(str(theirs)).model_dump() == loaded.model_dump()


def _original_class() -> Any:
    """Return LlamaIndex's own class where the version installed has it still, else ours."""
    try:
        from llama_index.core.evaluation import EmbeddingQAFinetuneDataset as Original
    except ImportError:
        return EmbeddingQAFinetuneDataset
    return Original


def test_a_file_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"queries": {"q": 1}, "corpus": {}, "relevant_docs": {}}')
    with pytest.raises(DatasetError, match=r"'queries\.q'"):
        EmbeddingQAFinetuneDataset.from_json(str(tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("reply", "questions"),
    [
        ("1. 3D printing: who?\n2. Who else?", ["3D printing: who?", "Who else?"]),
        ("Q1: Who?\nQ2: Where?", ["Who?", "Where?"]),
        ("- 5 years Java\n* Go", ["5 years Java", "Go"]),
        ("5 years Java\n2.5 years Go", ["5 years Java", "2.5 years Go"]),
        ("Sure!\n\n2 years of what?\nWho?\n\nGood luck.", ["2 years of what?", "Who?"]),
        ('{"queries": [{"text": "Who', []),
        ("```json\nWho?", []),
        ("As a language model I cannot do that.", []),
        ("", []),
    ],
)
def test_questions_are_read_from_lines_as_they_are(reply: str, questions: list[str]) -> None:
    assert read_questions(reply, wanted=2) == questions


@given(st.lists(st.from_regex(r"[0-9]{0,3}[a-z ]{1,20}[a-z]\?", fullmatch=True), min_size=1))
def test_numbered_questions_come_back_unchanged(questions: list[str]) -> None:
    questions = [question.strip() for question in questions]
    reply = "\n".join(f"{number % 99}. {text}" for number, text in enumerate(questions, start=1))
    assert read_questions(reply, wanted=len(questions)) == questions
