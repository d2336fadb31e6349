"""The tables that the command line draws, on stdout where they are what was asked for."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cvseeker.core.screen import printable

if TYPE_CHECKING:
    from cvseeker.cli.diagnosis import Finding
    from cvseeker.queries import Plan
    from cvseeker.train import Estimate

METRICS = {
    "accuracy@1": "acc@1",
    "hit_rate@5": "hit@5",
    "accuracy@10": "acc@10",
    "recall@10": "recall@10",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "map@100": "MAP@100",
}
LEDGER_COUNTS = ("requests", "attempts", "prompt_tokens", "completion_tokens")


def table(
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    numbers: Collection[str] | None = None,
) -> Table:
    """Draw rows, each cell as it is; all columns but the first hold numbers unless it is said."""
    drawn = Table(title=Text(printable(title), "bold"), title_justify="left")
    for heading in headings:
        is_number = heading in (headings[1:] if numbers is None else numbers)
        drawn.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(
            *(Text(printable(cell, lines=True)) if isinstance(cell, str) else cell for cell in row)
        )
    return drawn


def metrics_table(systems: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """Draw ``metrics.json``'s systems, each column's best value in bold."""
    from cvseeker.evaluate import system_names

    best = {key: max(row[key] for row in systems.values()) for key in METRICS}
    names, rows = system_names(systems), []
    for name, row in systems.items():
        styles = {key: "bold" if row[key] == best[key] else "" for key in METRICS}
        values = (Text(f"{row[key]:.3f}", style) for key, style in styles.items())
        rows.append([Text(printable(names[name])), *values, Text(f"{row['seconds']:.1f}")])
    return table(title, ("system", *METRICS.values(), "seconds"), rows)


def queries_table(counts: Mapping[str, Any]) -> Table:
    """Draw what became of queries and passages in a run with an LLM."""
    rows = {
        "written by the LLM": counts["written"],
        **{f"dropped: {reason}": number for reason, number in counts["dropped"].items()},
        "accepted": counts["queries"],
        **{f"passages: {outcome}": number for outcome, number in counts["passages"].items()},
    }
    return _counted("queries", rows)


def sections_table(counts: Mapping[str, Any]) -> Table:
    """Draw what was made of the sections in which people claim."""
    rows = {
        **counts["kinds"],
        "cross-section pairs": counts["queries"],
        **{f"dropped: {reason}": number for reason, number in counts["dropped"].items()},
    }
    return _counted("what people claim, asked of the rest of their résumés", rows)


def like_table(counts: Mapping[str, Any]) -> Table:
    """Draw how like the user's own searches the queries are."""
    words = "words found in the answer, on average"
    rows = {
        **{f"{words}: {of}": f"{share:.0%}" for of, share in counts["overlap"].items()},
        **{f"kept of {kind}": number for kind, number in counts["kept"].items()},
    }
    return _counted(f"like {counts['searches']} past searches", rows)


def labels_table(counts: Mapping[str, Any]) -> Table:
    """Draw what judging came to."""
    left, dropped = counts["left_as_they_were"], counts["dropped"]
    rows = {
        "pairs of a query and a passage pooled": counts["pairs"],
        **{f"graded {grade}": number for grade, number in counts["graded"].items()},
        "not judged": counts["unjudged"],
        "relevant passages a query, before": f"{counts['positives_before']:.2f}",
        "relevant passages a query, after": f"{counts['positives_after']:.2f}",
        **{f"queries left as they were: {kind}": number for kind, number in left.items()},
        **{f"queries dropped: {reason}": number for reason, number in dropped.items()},
        "queries": counts["queries"],
    }
    return _counted("labels", rows)


def _counted(title: str, rows: Mapping[str, int | str]) -> Table:
    return table(title, ("what became of them", "number"), _in_words(rows))


def _in_words(rows: Mapping[str, int | str]) -> Iterator[tuple[str, str]]:
    for name, value in rows.items():
        yield name, value if isinstance(value, str) else f"{value:,}"


def diagnosis_table(findings: Sequence["Finding"]) -> Table:
    """Draw what the doctor found."""
    rows = ((one.what, one.state, one.remedy) for one in findings)
    return table("cvseeker doctor", ("what", "state", "what to do"), rows, numbers=())


def audit_table(name: str, part: Mapping[str, Any], labels: Mapping[str, str]) -> Table:
    """Draw what each group's names did to scores, ranks and selections."""
    headings = ("names of", "ranks won", "score", "± names", "p labels", "p names", "selected")
    rows = (
        (
            labels[key],
            f"{group['rank_gain']['versus_others']:+.2f}",
            f"{group['score_change']['versus_others']:+.5f}",
            f"{group['score_change']['between_names']:.5f}",
            f"{group['score_change']['p_value']:.3f}",
            f"{group['score_change']['p_value_names']:.3f}",
            f"{group['selected']['mean']:.2%}",
            f"{group['selection_ratio']:.3f}",
        )
        for key, group in part["groups"].items()
    )
    return table(name, (*headings, "ratio"), rows)


def plan_table(plan: "Plan") -> Table:
    """Draw what would be sent to an LLM, and what it would cost."""
    counted = plan.vocabulary if plan.exact else f"{plan.vocabulary}, not the model's own"
    rows: dict[str, int | str] = {
        "model": plan.model,
        "address": plan.url,
        plan.items: plan.total,
        "answered before, not asked again": plan.answered,
        "requests": plan.requests,
        f"prompt tokens ({counted})": plan.prompt_tokens,
        "reply tokens, about": plan.expected_tokens,
        "reply tokens, at most": plan.most_tokens,
        "cost, about": _usd(plan.expected_cost),
        "cost, at most": _usd(plan.most_cost),
        **{f"masked: {sort}": count for sort, count in plan.masked.items()},
    }
    return table("dry run: nothing was sent", ("what", "how much"), _in_words(rows))


def _usd(amount: Decimal | None) -> str:
    return "no price known: --prices FILE" if amount is None else f"${amount:.4f}"


def ledger_table(summary: Sequence[Mapping[str, Any]]) -> Table:
    """Draw the ledger's requests by task, model, outcome and reason."""
    from cvseeker.llm import dollars

    names = ("task", "model", "outcome", "reason")
    numbers = ("requests", "attempts", "prompt tokens", "reply tokens", "spent", "seconds")
    rows = (
        [
            *(str(row[key]) for key in names),
            *(f"{row[key]:,}" for key in LEDGER_COUNTS),
            "price not known" if row["cost"] is None else dollars(row["cost"]),
            f"{row['mean_latency']:.1f}",
        ]
        for row in summary
    )
    return table("ledger", names + numbers, rows, numbers=numbers)


def estimate_table(estimate: "Estimate") -> Table:
    """Draw what fine-tuning would take."""
    peak, free = estimate.memory_bytes, estimate.available_bytes
    rows: dict[str, int | str] = {
        "base model": estimate.base,
        "device and arithmetic": f"{estimate.device}, {estimate.precision}",
        "weights, trained": estimate.trained_parameters,
        "weights, in all": estimate.parameters,
        "pairs": estimate.pairs,
        "pairs in a batch": estimate.batch_size,
        "pairs in memory at once": estimate.mini_batch_size,
        "steps at most": estimate.steps,
        "tokens of a query, of a window": (
            f"{estimate.query_tokens:.0f}, {estimate.window_tokens:.0f}"
        ),
        "time at most, about": _duration(estimate.total_seconds),
        "… to train": _duration(estimate.seconds.train),
        "… to validate": _duration(estimate.seconds.validate),
    }
    if peak is not None:
        rows["memory at the peak, about"] = _size(peak)
    if free is not None:
        rows["memory free now"] = _size(free)
    return table("dry run: nothing was written", ("what", "how much"), _in_words(rows))


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
