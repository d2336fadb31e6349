import ctypes

import pytest

from cvseeker.retrieval import memory


def test_freed_memory_is_returned_or_left() -> None:
    memory.return_freed_memory()


def test_a_c_library_that_cannot_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class OtherLibrary:
        def __init__(self, name: str | None) -> None: ...

    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", OtherLibrary)
    memory.return_freed_memory()
    memory.reuse_freed_memory.__wrapped__()
    assert memory._malloc_trim() is None
    memory._malloc_trim.cache_clear()


def test_pages_are_kept_for_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: str | None) -> None: ...

        def mallopt(self, parameter: int, value: int) -> int:
            asked.append((parameter, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    memory.reuse_freed_memory.__wrapped__()
    # mallopt(3): M_MMAP_THRESHOLD is -3, M_TRIM_THRESHOLD is -1.
    assert dict(asked) == {-3: 2**30, -1: 2**31 - 1}
