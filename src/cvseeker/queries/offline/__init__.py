"""Queries without an LLM, and the word lists that tell what a query says."""

from cvseeker.queries.offline.generate import generate_offline
from cvseeker.queries.offline.lexicon import GENERIC_WORDS, STOP_WORDS, TITLE_HEADS

__all__ = ["GENERIC_WORDS", "STOP_WORDS", "TITLE_HEADS", "generate_offline"]
