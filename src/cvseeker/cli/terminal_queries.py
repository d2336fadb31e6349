"""What the command line draws of LLM runs: plans, the ledger, what became of queries."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from cvseeker.cli.terminal import stdout
from cvseeker.llm import dollars

if TYPE_CHECKING:
    from cvseeker.queries import Plan


def print_plan(plan: "Plan") -> None:
    """Print what would be sent, and what it would cost."""
    table = Table(title="dry run: nothing was sent", title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("how much", justify="right", overflow="fold")
    table.add_row("model", escape(plan.model))
    table.add_row("address", escape(plan.url))
    table.add_row(plan.items, f"{plan.total:,}")
    table.add_row("answered before, not asked again", f"{plan.answered:,}")
    table.add_row("requests", f"{plan.requests:,}")
    counted = plan.vocabulary if plan.exact else f"{plan.vocabulary}, not the model's own"
    table.add_row(f"prompt tokens ({escape(counted)})", f"{plan.prompt_tokens:,}")
    table.add_row("reply tokens, about", f"{plan.expected_tokens:,}")
    table.add_row("reply tokens, at most", f"{plan.most_tokens:,}")
    table.add_row("cost, about", _usd(plan.expected_cost))
    table.add_row("cost, at most", _usd(plan.most_cost))
    for sort, count in plan.masked.items():
        table.add_row(f"masked: {sort}", f"{count:,}")
    stdout().print(table)
    if plan.message:
        out = stdout()
        out.print("the first request", style="bold")
        out.print(plan.system, markup=False)
        out.print(plan.message, markup=False)


def print_ledger(summary: Sequence[Mapping[str, Any]]) -> None:
    """Print the ledger's requests by task, model, outcome and reason."""
    table = Table(title="ledger", title_justify="left", title_style="bold")
    for heading in ("task", "model", "outcome", "reason"):
        table.add_column(heading, overflow="fold")
    for heading in ("requests", "attempts", "prompt tokens", "reply tokens", "spent", "seconds"):
        table.add_column(heading, justify="right")
    for row in summary:
        cost = "price not known" if row["cost"] is None else dollars(row["cost"])
        names = [escape(str(row[key])) for key in ("task", "model", "outcome", "reason")]
        counts = ("requests", "attempts", "prompt_tokens", "completion_tokens")
        numbers = [f"{row[key]:,}" for key in counts]
        table.add_row(*names, *numbers, cost, f"{row['mean_latency']:.1f}")
    stdout().print(table)


def _usd(amount: Decimal | None) -> str:
    return "no price known: --prices FILE" if amount is None else f"${amount:.4f}"
