import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "evaluate_scale.py"


@pytest.fixture
def benchmark() -> Any:
    return SimpleNamespace(**runpy.run_path(str(BENCHMARK)))


def test_many_systems_are_evaluated_from_vectors(benchmark: Any, tmp_path: Path) -> None:
    figures = benchmark.measure(3, 40, 300, 16, tmp_path)
    assert (figures["systems"], figures["queries"], figures["passages"]) == (3, 40, 300)
    assert figures["seconds"] >= figures["seconds_ranking"]
    assert figures["peak_gib"] > 0
    runs = sorted(path.name for path in (tmp_path / "evaluation" / "runs").iterdir())
    assert runs == ["system0.trec", "system1.trec", "system2.trec"]
