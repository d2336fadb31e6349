"""Queries about passages, with an LLM or without, and which passages answer them."""

from cvseeker.queries.plan import Plan
from cvseeker.queries.prompts import passage_message, query_task
from cvseeker.queries.stage import check_llm, generate_stage, judge_stage, ledger_of, plan_stage

__all__ = [
    "Plan",
    "check_llm",
    "generate_stage",
    "judge_stage",
    "ledger_of",
    "passage_message",
    "plan_stage",
    "query_task",
]
