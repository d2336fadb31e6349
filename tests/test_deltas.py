import re

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.compare import SystemResult
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.report.deltas import MOST_BARS, Delta, delta_plot, query_deltas


def test_gains_come_first_and_losses_last(tiny_dataset: RetrievalDataset) -> None:
    before = dict(zip(tiny_dataset.queries, (0.5, 0.5, 1.0, 0.0, 1.0, 0.2), strict=True))
    after = dict(zip(tiny_dataset.queries, (0.5, 1.0, 0.0, 1.0, 0.9, 0.2), strict=True))
    results = {
        name: SystemResult(name, per_query={key: {"ndcg@10": value} for key, value in row.items()})
        for name, row in {"base": before, "tuned": after}.items()
    }
    deltas = query_deltas(EvaluatedSet("test", tiny_dataset, results), "base", "tuned")
    assert [delta.query_id for delta in deltas] == ["q4", "q2", "q1", "q6", "q5", "q3"]
    plot = delta_plot(deltas, title="Change")
    assert (plot.rose, plot.fell, plot.stayed, plot.drawn) == (2, 2, 2, 6)
    assert re.findall(r'rect class="(\w+)"', plot.svg) == "up up same same down down".split()
    assert "+1.000 (0.000 → 1.000): payroll for more than 1,000 employees" in plot.svg
    # From the middle to the top, and from the middle to the bottom.
    assert 'y="0.0" width="166.67" height="100.0"' in plot.svg
    assert 'x="833.3" y="100.0" width="166.67" height="100.0"' in plot.svg


def test_very_many_queries_are_thinned_and_counted_all() -> None:
    deltas = [Delta(f"q{at}", "a <b>", 0.0, 1 - at / 5_000) for at in range(5_000)]
    plot = delta_plot(deltas, title="Change")
    assert (plot.rose, plot.drawn, plot.svg.count("<title>")) == (5_000, MOST_BARS, MOST_BARS)
    assert "<b>" not in plot.svg
    assert len(plot.svg) < 500_000
