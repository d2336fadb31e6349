from dataclasses import replace
from pathlib import Path
from typing import Literal

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import write_json, write_text
from cvseeker.core.training_settings import FinetuneSettings, WindowSettings
from cvseeker.train.card import SHOWN, write_model_card
from cvseeker.train.gate import Difference, Verdict
from cvseeker.train.stage import FinetuneResult


def verdict(kept: Literal["tuned", "base"]) -> Verdict:
    change = Difference(0.4111, 0.5222, 0.1111, 0.05, 0.17, 0.001, 30, 12)
    return Verdict(
        kept=kept,
        forced=False,
        reason="because of what validation says",
        alpha=0.75,
        alphas={"1": 0.52, "0.75": 0.5222},
        validation=change,
        guard=change,
        base_scores=dict.fromkeys(SHOWN, 0.4111),
        tuned_scores=dict.fromkeys(SHOWN, 0.5222),
    )


def test_the_card_states_data_scores_and_settings(
    tmp_path: Path, tiny_dataset: RetrievalDataset
) -> None:
    write_json(tmp_path / "config.json", {"hidden_size": 384})
    base = tmp_path / "base"
    base.mkdir()
    write_json(base / "modules.json", [])
    write_json(base / "config.json", {})
    write_text(base / "README.md", "---\nlicense: mit\nlanguage: [de, en]\n---\n# A base\n")
    result = FinetuneResult(
        base="some/base",
        pairs=123,
        refit_pairs=150,
        steps=40,
        best_step=26,
        curve=((0, 0.5), (26, 0.6)),
        verdict=verdict("tuned"),
        pairs_per_second=12.3,
    )
    settings = FinetuneSettings(
        base=str(base),
        windows=WindowSettings(window_tokens=96, overlap_tokens=24),
        temperature=0.07,
    )
    val = replace(tiny_dataset, queries={"q1": tiny_dataset.queries["q1"]})
    write_model_card(tmp_path, result, settings, train=tiny_dataset, val=[val])
    card = " ".join((tmp_path / "README.md").read_text(encoding="utf-8").split())
    for fact in (
        "base_model: some/base",
        "license: mit",
        "language: - de - en",
        "- type: ndcg@10 value: 0.5222",
        "vectors of 384 dimensions",
        "then trained as far on everybody, 150 pairs",
        "windows of 96 tokens with 24 tokens",
        "123 training pairs over 6 passages and documents of 6 person groups",
        "1 validation queries",
        "| base | 0.411 | 0.411 | 0.411 | 0.411 |",
        "| tuned | 0.522 | 0.522 | 0.522 | 0.522 |",
        "40 steps, the weights of step 26 kept",
        "| temperature | 0.07 |",
        "| base | some/base |",
    ):
        assert fact in card
    assert "{" not in card
    assert not any(text in card for text in tiny_dataset.queries.values())
