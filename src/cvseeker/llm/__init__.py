"""Every LLM and embedding endpoint: requests, replies, retries, money."""

from cvseeker.llm.chat import Answer, ChatRequest, ChatTask, FatalError, RejectedError, request_key
from cvseeker.llm.client import TRILLION, ChatClient, dollars
from cvseeker.llm.dispatch import send_all
from cvseeker.llm.endpoint import OPENAI_URL, Endpoint, check_url
from cvseeker.llm.in_process import send_in_process
from cvseeker.llm.ledger import FINAL, Ledger, LedgerRow
from cvseeker.llm.prices import Price, find_price
from cvseeker.llm.sender import Sender
from cvseeker.llm.sending import SendCounts, SendSettings
from cvseeker.llm.tokens import TokenCounter
from cvseeker.llm.transport import open_async_client, post

__all__ = [
    "FINAL",
    "OPENAI_URL",
    "TRILLION",
    "Answer",
    "ChatClient",
    "ChatRequest",
    "ChatTask",
    "Endpoint",
    "FatalError",
    "Ledger",
    "LedgerRow",
    "Price",
    "RejectedError",
    "SendCounts",
    "SendSettings",
    "Sender",
    "TokenCounter",
    "check_url",
    "dollars",
    "find_price",
    "open_async_client",
    "post",
    "request_key",
    "send_all",
    "send_in_process",
]
