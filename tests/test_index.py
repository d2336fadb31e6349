from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.records import Passage
from cvseeker.search.index import Index


def passages() -> list[Passage]:
    return [
        Passage("a#1", "a", "violin\u2028teacher " * 12, ("experience",), "g", "train"),
        Passage("a#2", "a", "honey", ("skills",), "g", "train"),
        Passage("b#1", "b", "tax law", (), "h", "test"),
    ]


def test_an_index_comes_back_as_it_was_saved(tmp_path: Path, hash_encoder: Any) -> None:
    index = Index.build(passages(), hash_encoder, model="some/model")
    assert index.embeddings.owners.tolist() == [0, 0, 1, 2]
    index.save(tmp_path / "index")
    again = Index.load(tmp_path / "index")
    assert again.passages == passages()
    assert again.model == "some/model"
    assert again.embeddings.windows == index.embeddings.windows
    assert np.array_equal(again.embeddings.vectors, index.embeddings.vectors)
    assert np.array_equal(again.embeddings.owners, index.embeddings.owners)


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.json"):
        Index.load(tmp_path)
