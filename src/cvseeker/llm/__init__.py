"""Every LLM and embedding endpoint: requests, replies, retries, money."""

from cvseeker.llm.account import SendCounts
from cvseeker.llm.client import ChatClient
from cvseeker.llm.embeddings import EmbeddingClient
from cvseeker.llm.ledger import Ledger, LedgerRow
from cvseeker.llm.prices import dollars
from cvseeker.llm.request import ChatRequest, ChatTask

__all__ = [
    "ChatClient",
    "ChatRequest",
    "ChatTask",
    "EmbeddingClient",
    "Ledger",
    "LedgerRow",
    "SendCounts",
    "dollars",
]
