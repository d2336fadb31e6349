"""Which queries of an LLM are kept, and why the others are not."""

from cvseeker.queries.filters.checks import NOT_FOUND, REASONS, REPEATED, check_query
from cvseeker.queries.filters.languages import free_identifier, sure_language
from cvseeker.queries.filters.repeats import Repeats
from cvseeker.queries.filters.round_trip import own_ranks

__all__ = [
    "NOT_FOUND",
    "REASONS",
    "REPEATED",
    "Repeats",
    "check_query",
    "free_identifier",
    "own_ranks",
    "sure_language",
]
