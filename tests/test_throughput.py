import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from cvseeker.train.throughput import (
    BatchCounts,
    ModelSize,
    ThroughputMeter,
    device_name,
    peak_flops,
)

BATCH = BatchCounts(pairs=10, tokens=300, slots=400, squares=9_000)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def take(meter: ThroughputMeter, clock: Clock, seconds: float, batches: int = 1) -> None:
    meter.on_step_begin()
    for _ in range(batches):
        meter.add(BATCH)
    clock.now += seconds
    meter.on_step_end()


def meter_of(clock: Clock, device: str = "cpu", size: ModelSize | None = None) -> ThroughputMeter:
    return ThroughputMeter(size=size, device=device, clock=clock)


def test_the_first_step_warms_up_and_the_rest_are_counted() -> None:
    clock = Clock()
    meter = meter_of(clock)
    for seconds in (50.0, 2.0, 3.0):
        take(meter, clock, seconds)
    found = meter.read()
    assert (found.steps, found.seconds) == (2, 5.0)
    assert found.pairs_per_second == 20 / 5
    assert found.tokens_per_second == 600 / 5
    assert found.padding_share == pytest.approx(0.25)


def test_fetching_the_next_batch_is_part_of_training() -> None:
    clock = Clock()
    meter = meter_of(clock)
    take(meter, clock, 1.0)
    clock.now += 0.5
    take(meter, clock, 1.0)
    assert meter.read().seconds == 1.5


@pytest.mark.parametrize("event", ["on_evaluate", "on_save"])
def test_validations_and_checkpoints_are_left_out(event: str) -> None:
    clock = Clock()
    meter = meter_of(clock)
    take(meter, clock, 1.0)
    clock.now += 60
    getattr(meter, event)()
    clock.now += 60
    take(meter, clock, 2.0)
    assert meter.read().seconds == 2.0


def test_a_step_may_have_several_batches() -> None:
    clock = Clock()
    meter = meter_of(clock)
    take(meter, clock, 1.0)
    take(meter, clock, 1.0, batches=4)
    assert meter.read().pairs_per_second == 40


def test_a_single_step_is_better_than_none() -> None:
    clock = Clock()
    meter = meter_of(clock)
    assert meter.read().pairs_per_second == 0.0
    assert meter.read().padding_share == 0.0
    take(meter, clock, 4.0)
    assert meter.read().pairs_per_second == 2.5


def test_flops_are_those_of_palm() -> None:
    size = ModelSize(weights=1_000, layers=2, hidden=8)
    one_text = BatchCounts(pairs=1, tokens=10, slots=10, squares=100)
    # 6 N + 12 L H Q T for each of the ten tokens.
    assert size.training_flops(one_text) == 10 * (6 * 1_000 + 12 * 2 * 8 * 10)


def test_utilisation_is_the_share_of_the_devices_peak() -> None:
    clock = Clock()
    size = ModelSize(weights=100_000_000, layers=24, hidden=1024)
    meter = meter_of(clock, "NVIDIA H100 80GB HBM3", size)
    take(meter, clock, 1.0)
    take(meter, clock, 0.001)
    found = meter.read()
    assert found.flops_per_second == pytest.approx(size.training_flops(BATCH) / 0.001)
    assert found.mfu == pytest.approx(size.training_flops(BATCH) / 0.001 / 989e12)


def test_on_an_unknown_device_there_is_no_utilisation() -> None:
    clock = Clock()
    meter = meter_of(clock, "cpu", ModelSize(weights=10, layers=1, hidden=1))
    take(meter, clock, 1.0)
    found = meter.read()
    assert found.flops_per_second is not None
    assert found.mfu is None
    assert json.loads(json.dumps(asdict(found)))["mfu"] is None


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA H200 NVL", 835e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", None),
        ("NVIDIA GeForce RTX 4090", 165e12),
        ("cpu", None),
    ],
)
def test_peaks_are_found_by_name(device: str, peak: float | None) -> None:
    assert peak_flops(device) == peak


def test_a_models_size_leaves_embeddings_and_pooler_out(tiny_model: Path) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    size = ModelSize.of_model(model)
    assert size is not None
    assert (size.layers, size.hidden) == (2, 32)
    # A layer: four projections, two feed-forward ones, two norms; and the embeddings' norm.
    layer = 4 * (32 * 32 + 32) + (32 * 64 + 64) + (64 * 32 + 32) + 2 * 64
    assert size.weights == 2 * layer + 64


def test_a_model_of_another_kind_has_no_size() -> None:
    class Bag:
        def __getitem__(self, at: int) -> torch.nn.Module:
            return torch.nn.Identity()

    assert ModelSize.of_model(Bag()) is None  # type: ignore[arg-type]


def test_the_device_has_a_name() -> None:
    assert device_name()
