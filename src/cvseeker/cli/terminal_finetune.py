"""What the command line draws of fine-tuning: the estimate of a dry run."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from cvseeker.cli.terminal import stdout

if TYPE_CHECKING:
    from cvseeker.train import Estimate


def print_estimate(estimate: "Estimate") -> None:
    """Print what fine-tuning would take."""
    table = Table(title="dry run: nothing was written", title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("how much", justify="right", overflow="fold")
    table.add_row("base model", escape(estimate.base))
    table.add_row("device and arithmetic", f"{estimate.device}, {estimate.precision}")
    table.add_row("weights, trained", f"{estimate.trained_parameters:,}")
    table.add_row("weights, in all", f"{estimate.parameters:,}")
    table.add_row("pairs", f"{estimate.pairs:,}")
    table.add_row("pairs in a batch", f"{estimate.batch_size:,}")
    table.add_row("pairs in memory at once", f"{estimate.mini_batch_size:,}")
    table.add_row("steps at most", f"{estimate.steps:,}")
    table.add_row("tokens of a query, of a window", _both(estimate))
    table.add_row("time at most, about", _duration(estimate.total_seconds))
    table.add_row("… to train", _duration(estimate.seconds.train))
    table.add_row("… to validate", _duration(estimate.seconds.validate))
    peak, free = estimate.memory_bytes, estimate.available_bytes
    if peak is not None:
        table.add_row("memory at the peak, about", _size(peak))
    if free is not None:
        table.add_row("memory free now", _size(free))
    stdout().print(table)
    if peak is not None and free is not None and peak > free:
        stdout().print("more than is free: see --mini-batch-size, --gradient-checkpointing")


def _both(estimate: "Estimate") -> str:
    return f"{estimate.query_tokens:.0f}, {estimate.window_tokens:.0f}"


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
