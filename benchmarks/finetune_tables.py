"""The figures of ``finetune.py`` as Markdown."""

from typing import Any

from finetune_scores import BOTH_WAYS, SHOWN, Scores

SCORE_COLUMNS = [f"{metric} {way}" for way in BOTH_WAYS for metric in SHOWN]
COLUMNS = ["s", "of it validation", "import s", "pairs/s", "in steps", "peak MiB", *SCORE_COLUMNS]

NOTES = """\
s: from the data in memory to the weights in their folder. pairs/s: pairs trained on, over all of \
that; "in steps": over the training steps alone. Truncated: a passage is one vector, cut at the \
model's length. Windowed: CVSeeker's default windows for all, the best counts. LlamaIndex: \
mistralai stubbed, {peer_val} of its training queries given as val_dataset, without which it \
fails; the better of its best and its last weights counts, and what it spends on them is left out \
where times are compared. The other two validate as they do by default, within their time."""


def table(
    baselines: dict[str, Scores],
    rows: dict[str, dict[str, Any]],
    reached: list[dict[str, Any]],
    facts: dict[str, Any],
) -> str:
    """Return all figures as text."""
    machine, data = facts["machine"], facts["data"]
    about = ", ".join(
        f"{name}: {size['queries']} queries, {size['passages']} passages"
        for name, size in data.items()
    )
    lines = [
        f"{facts['threads']} threads of {machine['processors']}, load before "
        f"{machine['load']:.1f}; base {facts['options']['base']}; {about}",
        "",
        *_markdown(["contender", *COLUMNS], [_row(name, row) for name, row in rows.items()]),
        *(_line(_baseline(name, scores)) for name, scores in baselines.items()),
        "",
    ]
    if reached:
        heads = ["to reach of", "its nDCG@10", "its s", "by our nDCG@10", "step", "our s", "faster"]
        lines += [*_markdown(heads, [_reached(row) for row in reached]), ""]
    lines += [f"{name}: {row['note']}." for name, row in rows.items()]
    lines.append(NOTES.format(peer_val=facts["options"]["peer_val"]))
    return "\n".join(lines)


def gpu_table(rows: dict[str, dict[str, Any]], facts: dict[str, Any]) -> str:
    """Return the figures of the GPU as text."""
    heads = ["contender", "tokens/s", "× plain", "MFU", "pairs/s", "padding", "GPU peak MiB"]
    plain = facts["plain"]
    cells = [
        [
            name,
            f"{row['tokens_per_second']:.0f}",
            f"{row['tokens_per_second'] / rows[plain]['tokens_per_second']:.2f}",
            f"{row['mfu']:.1%}" if row["mfu"] is not None else "unknown peak",
            f"{row['pairs_per_step_second']:.1f}",
            f"{row['padding_share']:.1%}",
            f"{row['gpu_peak_mib']:.0f}",
        ]
        for name, row in rows.items()
    ]
    return "\n".join(
        [
            f"{facts['device']}; {facts['weights'] / 1e6:.0f} M random weights besides the "
            f"embeddings; batch {facts['options']['gpu_batch']}, {facts['pairs']} pairs of a query "
            "and a window",
            "",
            *_markdown(heads, cells),
            "",
            "Of the training steps, the first few left out; padding counts for nothing. × plain: "
            f"against {plain}.",
        ]
    )


def _row(name: str, row: dict[str, Any]) -> list[str]:
    validation = row["validation_seconds"]
    return [
        name,
        f"{row['seconds']:.1f}",
        f"{validation:.1f}" if validation else "",
        f"{row['import_seconds']:.1f}",
        f"{row['pairs_per_second']:.2f}",
        f"{row['pairs_per_step_second']:.2f}",
        f"{row['peak_mib']:.0f}",
        *_score_cells(row["scores"]),
    ]


def _baseline(name: str, scores: Scores) -> list[str]:
    return [name, *[""] * (len(COLUMNS) - len(SCORE_COLUMNS)), *_score_cells(scores)]


def _score_cells(scores: Scores) -> list[str]:
    return [f"{scores[way][metric]:.3f}" for way in BOTH_WAYS for metric in SHOWN]


def _reached(row: dict[str, Any]) -> list[str]:
    step, seconds, faster = ("never", "", "") if row["seconds"] is None else _found(row)
    by = row["ours"] + (", as has the base" if row["base_suffices"] else "")
    target = f"{row['target']:.3f} {row['its']}"
    return [row["peer"], target, f"{row['its_seconds']:.1f}", by, step, seconds, faster]


def _found(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["step"]), f"{row['seconds']:.1f}", f"{row['times_faster']:.1f} ×"


def _markdown(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [_line(heads), "|---|" + "---:|" * (len(heads) - 1), *map(_line, rows)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
