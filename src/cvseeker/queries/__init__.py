"""Queries about passages, with an LLM or without."""

from cvseeker.queries.judging.grades import plan_grades
from cvseeker.queries.judging.labels import make_pools, pair_requests
from cvseeker.queries.plan import Plan, plan_requests
from cvseeker.queries.prompts import as_data, query_task, without_orders
from cvseeker.queries.stage import (
    check_llm,
    generate_stage,
    judge_stage,
    ledger_of,
    passage_requests,
    queries_to_judge,
)
from cvseeker.queries.standalone import (
    corpus_requests,
    file_to_judge,
    generate_file,
    judge_file,
    ledger_beside,
)

__all__ = [
    "Plan",
    "as_data",
    "check_llm",
    "corpus_requests",
    "file_to_judge",
    "generate_file",
    "generate_stage",
    "judge_file",
    "judge_stage",
    "ledger_beside",
    "ledger_of",
    "make_pools",
    "pair_requests",
    "passage_requests",
    "plan_grades",
    "plan_requests",
    "queries_to_judge",
    "query_task",
    "without_orders",
]
