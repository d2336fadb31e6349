"""Queries by an LLM: asked for, then collected into a data set."""

from pathlib import Path
from typing import Any

from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import GenerateSettings
from cvseeker.llm import ChatClient, Ledger, SendCounts, dollars
from cvseeker.queries.asking import PassageRequests, ask
from cvseeker.queries.collect import collect, write_datasets


def generate_with_llm(
    asking: PassageRequests,
    folder: Path,
    *,
    ledger: Path,
    total: int,
    settings: GenerateSettings,
    base: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Have an LLM write queries about passages, and write the data set of those fit for use.

    Parameters
    ----------
    asking
        The passages, the LLM, and what it is asked.
    folder
        Gets ``<split>.json`` and ``beir/<split>/``, ``passages.jsonl`` with what became of every
        passage, and ``dropped.jsonl`` with every query left out and the reason.
    ledger
        The ledger's file; nothing that it holds is asked again.
    total
        Number of passages.
    settings
        Number of queries, and the filters.
    base
        The base model, for a round trip by it.
    progress
        Called all along.

    Returns
    -------
    dict
        Counts: of queries by fate, of passages by outcome, of requests, and what was spent.

    Raises
    ------
    LlmError
        If the LLM cannot be used, or the budget does not suffice; what was answered is kept.
    """
    sent = ask(asking, ledger=ledger, total=total, name="generate", progress=progress)
    counts = collect(asking, folder, ledger=ledger, settings=settings, base=base, progress=progress)
    splits = write_datasets(asking, folder, ledger=ledger, counts=counts)
    with Ledger(ledger) as book:
        requests = request_counts(sent, asking.client, spent=book.spent())
    return {**counts.to_dict(), "requests": requests, **splits}


def request_counts(sent: SendCounts, client: ChatClient, *, spent: int) -> dict[str, Any]:
    """Return what sending came to, JSON-ready.

    Parameters
    ----------
    sent
        Of this run.
    client
        The LLM.
    spent
        What all requests of the ledger cost, in trillionths of a dollar.
    """
    return {
        "sent": sent.attempts,
        "answered_before": sent.known,
        "prompt_tokens": sent.prompt_tokens,
        "completion_tokens": sent.completion_tokens,
        "spent": dollars(sent.spent) if client.price else "price not known",
        "spent_in_all": dollars(spent) if client.price else "price not known",
    }
