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
    assert memory._malloc_trim() is None
    memory._malloc_trim.cache_clear()
