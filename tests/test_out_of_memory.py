import pytest
import torch

from cvseeker.core.errors import ModelError
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.train.memory import (
    advice_when_out_of_memory,
    is_out_of_memory,
    with_smaller_mini_batches,
)

MORE_THAN_THERE_IS = 1 << 50


def allocate(numbers: int) -> torch.Tensor:
    return torch.empty(numbers, dtype=torch.uint8)


def test_what_pytorch_says_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        allocate(MORE_THAN_THERE_IS)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))


def test_other_errors_are_not() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2) @ torch.zeros(3)
    assert not is_out_of_memory(caught.value)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_the_mini_batch_is_halved_until_it_fits() -> None:
    tried: list[int | None] = []
    told: list[int] = []

    def step(size: int | None) -> int:
        tried.append(size)
        allocate(MORE_THAN_THERE_IS if size is None or size > 5 else 8)
        return 7

    assert (
        with_smaller_mini_batches(step, mini_batch_size=None, batch_size=50, halved=told.append)
        == 7
    )
    assert tried == [None, 25, 12, 6, 3]
    assert told == [25, 12, 6, 3]
    tried.clear()
    assert with_smaller_mini_batches(step, mini_batch_size=5, batch_size=50) == 7
    assert tried == [5]


def test_one_pair_is_the_least() -> None:
    tried: list[int | None] = []

    def step(size: int | None) -> None:
        tried.append(size)
        allocate(MORE_THAN_THERE_IS)

    with pytest.raises(RuntimeError, match="memory"):
        with_smaller_mini_batches(step, mini_batch_size=4, batch_size=64)
    assert tried == [4, 2, 1]


def test_another_error_is_not_tried_again() -> None:
    tried: list[int | None] = []

    def step(size: int | None) -> None:
        tried.append(size)
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        with_smaller_mini_batches(step, mini_batch_size=None, batch_size=64)
    assert tried == [None]


def test_a_failed_step_holds_no_memory_while_it_is_tried_again() -> None:
    import weakref

    held: list[weakref.ref[torch.Tensor]] = []

    def step(size: int | None) -> bool:
        if size is None:
            large = allocate(1000)
            held.append(weakref.ref(large))
            allocate(MORE_THAN_THERE_IS)
        return held[0]() is None

    assert with_smaller_mini_batches(step, mini_batch_size=None, batch_size=2) is True


@pytest.mark.parametrize(
    ("settings", "told", "untold"),
    [
        ({"batch_size": 64}, "--mini-batch-size 32", "nothing"),
        ({"mini_batch_size": 8}, "--mini-batch-size 4", "32"),
        ({"mini_batch_size": 1}, "--gradient-checkpointing", "--mini-batch-size"),
        ({"gradient_checkpointing": True}, "--lora-rank 16", "--gradient-checkpointing"),
    ],
)
def test_the_advice_names_what_is_not_yet_in_use(
    settings: dict[str, int], told: str, untold: str
) -> None:
    with (
        pytest.raises(ModelError) as caught,
        advice_when_out_of_memory(FinetuneSettings(**settings)),  # type: ignore[arg-type]
    ):
        allocate(MORE_THAN_THERE_IS)
    assert told in str(caught.value)
    assert untold not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_errors_pass_through() -> None:
    with (
        pytest.raises(RuntimeError, match="shapes"),
        advice_when_out_of_memory(FinetuneSettings()),
    ):
        raise RuntimeError("shapes do not match")
