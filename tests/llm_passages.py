"""Passages of fictional people and what asks an LLM about them, for the tests of both."""

from collections.abc import Sequence
from typing import Any

from cvseeker.core.query_settings import GenerateSettings, LlmSettings
from cvseeker.core.records import Passage
from cvseeker.llm.client import ChatClient
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.prompts import query_task
from llm_runs import KEY_ENV, MODEL

SETTINGS = GenerateSettings(llm=MODEL, per_passage=3)
TEXTS = (
    "Ana Prunk\nana.prunk@example.com | 555-0142\nPastry chef in Ljubljana. Laminated dough, "
    "chocolate tempering and sugar work for a hotel of ninety rooms; trained four apprentices.",
    "Bo Lindahl\nBackend engineer. Go, PostgreSQL and Kafka for a payment service with many "
    "requests; on call every fourth week, wrote the runbooks and the capacity plan.",
    "Cem Aksoy\nIntensive care nurse. Ventilation, night shifts, a triage course; CCRN "
    "certificate, speaks Turkish and German, mentors newcomers on the ward.",
)
NAMES = {"r0": "Ana Prunk", "r1": "Bo Lindahl", "r2": "Cem Aksoy"}


def passages_of(texts: Sequence[str] = TEXTS) -> list[Passage]:
    splits = ("train", "val", "test")
    return [
        Passage(f"r{n}#1", f"r{n}", text, person_group=f"g{n}", split=splits[n % 3])
        for n, text in enumerate(texts)
    ]


def asking_about(
    url: str = "http://localhost/v1",
    passages: Sequence[Passage] | None = None,
    *,
    mask: bool = True,
    settings: GenerateSettings = SETTINGS,
    **llm: Any,
) -> PassageRequests:
    chosen = passages_of() if passages is None else list(passages)
    task = query_task(settings, max_tokens=None, temperature=None)
    client = ChatClient.open(MODEL, LlmSettings(url=url, key_env=KEY_ENV, **llm), task)
    return PassageRequests(client, lambda: chosen, mask, settings, NAMES)
