import importlib.util
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "evaluate_scale.py"


@pytest.fixture
def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("evaluate_scale", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_many_systems_are_evaluated_from_vectors(benchmark: Any, tmp_path: Path) -> None:
    figures = benchmark.measure(3, 40, 300, 16, tmp_path)
    assert (figures["systems"], figures["queries"], figures["passages"]) == (3, 40, 300)
    assert figures["seconds"] >= figures["seconds_ranking"]
    assert figures["peak_gib"] > 0
    runs = sorted(path.name for path in (tmp_path / "evaluation" / "runs").iterdir())
    assert runs == ["system0.trec", "system1.trec", "system2.trec"]
