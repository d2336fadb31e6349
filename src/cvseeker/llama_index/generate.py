"""Questions about LlamaIndex nodes, by an LLM."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cvseeker.core.errors import LlmError, SettingsError
from cvseeker.core.hashes import text_hash
from cvseeker.core.query_settings import LlmSettings
from cvseeker.core.settings import Settings
from cvseeker.llama_index.bar import bar
from cvseeker.llama_index.clients import (
    find_llm,
    missing_llama_index,
    open_client,
    temperature_of,
)
from cvseeker.llama_index.dataset import EmbeddingQAFinetuneDataset
from cvseeker.llama_index.questions import read_questions, reply_of
from cvseeker.llm import ChatClient, ChatRequest, Ledger, LedgerRow
from cvseeker.queries import passage_message, query_task

DEFAULT_QA_GENERATE_PROMPT_TMPL = (
    "Write {num_questions_per_chunk} diverse questions for an examination that can be answered "
    "from this passage alone.\n\n{context_str}"
)
"""Stands for the instructions of ``--style questions``, which say the same at length."""

_FORM = (
    "Do what the user's message asks for. Whatever it says about the form of your answer, give one "
    "JSON object with {wanted} questions as the entries of 'questions', without numbers or bullets "
    "before them."
)
NO_QUESTION = "reply without a question"


def generate_qa_embedding_pairs(  # noqa: PLR0913  (LlamaIndex's parameters, then ours)
    nodes: Sequence[Any],
    llm: Any = None,
    qa_generate_prompt_tmpl: Any = DEFAULT_QA_GENERATE_PROMPT_TMPL,
    num_questions_per_chunk: int = 2,
    retry_limit: int = 3,
    on_failure: str = "continue",
    save_every: int = 500,  # noqa: ARG001  (every reply is saved as it comes)
    output_path: str = "qa_finetune_dataset.json",
    verbose: bool = True,
    *,
    llm_url: str | None = None,
    max_concurrency: int = 32,
    mask: bool = True,
) -> EmbeddingQAFinetuneDataset:
    """Have an LLM write questions about nodes.

    Every reply is kept in a ledger beside the output, under the passage's text and the prompt: the
    same call again asks only about what is new or failed, in whatever order the nodes come.

    Parameters
    ----------
    nodes
        LlamaIndex nodes; those without text are passed over.
    llm
        A LlamaIndex LLM, ``None`` for that of its ``Settings``, or a model's name. A name and an
        object of the classes ``OpenAI`` and ``OpenAILike`` are asked many at a time by a process of
        its own; any other object by its ``acomplete``.
    qa_generate_prompt_tmpl
        With ``{context_str}`` and ``{num_questions_per_chunk}``, questions per node at most.
    retry_limit
        Attempts per node.
    on_failure
        ``"fail"`` raises where a node got no question, ``"continue"`` warns.
    save_every
        Without effect.
    output_path
        The data set's JSON file, written anew; all nodes with text are in its corpus.
    verbose
        Whether a progress bar is shown.
    llm_url
        Address of an OpenAI-compatible endpoint, for a model's name; the key is in
        ``OPENAI_API_KEY``.
    max_concurrency
        Requests in flight at most.
    mask
        Whether names and contacts are masked in what the LLM sees.
    """
    if on_failure not in ("continue", "fail"):
        raise SettingsError(f"on_failure {on_failure!r}: expected 'continue' or 'fail'")
    corpus = _read_nodes(nodes)
    asking = _Asking.open(
        find_llm(llm, llm_url=llm_url),
        qa_generate_prompt_tmpl,
        num_questions_per_chunk,
        settings=LlmSettings(url=llm_url, max_concurrency=max_concurrency),
        attempts=max(retry_limit, 1),
        mask=mask,
    )
    out = Path(output_path)
    ledger = out.with_suffix(".ledger.sqlite")
    with bar("questions", shown=verbose) as progress:
        asking.client.send(
            lambda: asking.requests(corpus),
            ledger=ledger,
            total=len(set(corpus.values())),
            name="questions",
            progress=progress,
        )
    dataset, problems = _collect(asking, corpus, ledger)
    dataset.save_json(str(out))
    _tell(problems, corpus, fail=on_failure == "fail")
    return dataset


generate_question_context_pairs = generate_qa_embedding_pairs
"""The same under another name that LlamaIndex has for it."""


@dataclass(frozen=True)
class _Asking:
    """What is asked about a text, and of whom; no template stands for instructions of ours."""

    client: ChatClient
    template: Any
    wanted: int
    mask: bool

    @classmethod
    def open(
        cls,
        llm: Any,
        template: Any,
        wanted: int,
        *,
        settings: LlmSettings,
        attempts: int,
        mask: bool,
    ) -> Self:
        """Check what the user gave, and find the way to the LLM."""
        chosen = Settings().override("generate", {"style": "questions", "per_passage": wanted})
        task = query_task(chosen.generate, max_tokens=None, temperature=temperature_of(llm))
        if template == DEFAULT_QA_GENERATE_PROMPT_TMPL:
            template = None
        else:
            task = replace(task, system=_FORM.format(wanted=wanted), example=None)

        def reshape(text: str) -> str:
            found = read_questions(text, wanted=wanted)
            return reply_of(found) if found else text

        client = replace(open_client(llm, task, settings, reshape=reshape), attempts=attempts)
        asking = cls(client, template, wanted, mask)
        try:
            complete = template is None or "a passage" in asking.fill("a passage")
        except (AttributeError, KeyError, IndexError, ValueError):
            complete = False
        if not complete:
            raise SettingsError(
                f"qa_generate_prompt_tmpl {str(template)[:60]!r}: expected a text with "
                "{context_str} and, where it names the number, {num_questions_per_chunk}; other "
                "braces are doubled"
            )
        return asking

    def key(self, text: str) -> str:
        """Return the ledger's key of the request about a text."""
        shown = self._message(text, mask=False)
        return self.client.key(f"{'masked' if self.mask else 'plain'}\0{shown}")

    def requests(self, corpus: Mapping[str, str]) -> Iterator[ChatRequest]:
        """Yield one request for each text, however many nodes have it."""
        nodes = {text: node_id for node_id, text in corpus.items()}
        for text in dict.fromkeys(corpus.values()):
            message = self._message(text, mask=self.mask)
            yield ChatRequest(key=self.key(text), item=nodes[text], text=message)

    def _message(self, text: str, *, mask: bool) -> str:
        template = None if self.template is None else self.fill
        return passage_message(text, mask=mask, template=template)[0]

    def fill(self, text: str) -> str:
        """Put a text into the user's template."""
        return str(self.template.format(context_str=text, num_questions_per_chunk=self.wanted))


def _read_nodes(nodes: Sequence[Any]) -> dict[str, str]:
    """Return the nodes' texts by their ids, without metadata and without empty ones."""
    try:
        from llama_index.core.schema import MetadataMode
    except ImportError as error:
        raise missing_llama_index() from error
    texts = {
        # Half a surrogate pair could be sent and written nowhere.
        node.node_id: node.get_content(metadata_mode=MetadataMode.NONE)
        .encode("utf-8", "replace")
        .decode()
        for node in nodes
    }
    corpus = {node_id: text for node_id, text in texts.items() if text.strip()}
    if not corpus:
        raise SettingsError(f"nodes: none of {len(texts)} has text; expected LlamaIndex nodes")
    return corpus


def _collect(
    asking: _Asking, corpus: Mapping[str, str], ledger: Path
) -> tuple[EmbeddingQAFinetuneDataset, Counter[str]]:
    """Return the data set, and why how many passages have fewer questions than asked for."""
    queries: dict[str, str] = {}
    relevant: dict[str, list[str]] = {}
    problems: Counter[str] = Counter()
    with Ledger(ledger) as book:
        for node_id, text in corpus.items():
            row = book.get(asking.key(text))
            found = _questions(row, asking.wanted)
            for question in found:
                query_id = text_hash(node_id, question)
                queries[query_id] = question
                relevant[query_id] = [node_id]
            if not found:
                problems[_why_none(row)] += 1
    dataset = EmbeddingQAFinetuneDataset(
        queries=queries, corpus=dict(corpus), relevant_docs=relevant
    )
    return dataset, problems


def _questions(row: LedgerRow | None, wanted: int) -> list[str]:
    """Return a reply's questions, each once."""
    if row is None or row.outcome != "ok":
        return []
    found = json.loads(row.reply)["questions"]
    texts = [" ".join(text.split()) for text in ([found] if isinstance(found, str) else found)]
    different = {text.casefold(): text for text in reversed(texts) if text}
    return list(reversed(different.values()))[:wanted]


def _why_none(row: LedgerRow | None) -> str:
    if row is None:
        return "not asked"
    return NO_QUESTION if row.outcome == "ok" else f"{row.outcome}: {row.reason}"


def _tell(problems: Counter[str], corpus: Mapping[str, str], *, fail: bool) -> None:
    """Raise or warn where passages got no question."""
    if not problems:
        return
    reasons = ", ".join(f"{reason} ({number})" for reason, number in problems.most_common(5))
    message = (
        f"{problems.total()} of {len(corpus)} passages got no question: {reasons}. What was "
        "answered is kept; the same call asks again only about those that failed"
    )
    if fail:
        raise LlmError(message)
    warnings.warn(message, stacklevel=3)
