import hashlib
from pathlib import Path

import pytest

import cvseeker
from cvseeker.core.errors import InputError
from cvseeker.evaluate.report.provenance import path_hash, provenance


def test_a_file_has_the_hash_that_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(b"{}")
    assert path_hash(tmp_path / "data.json") == hashlib.sha256(b"{}").hexdigest()


def test_a_folder_has_the_hash_of_its_list(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "1_Pooling").mkdir(parents=True)
    (model / "1_Pooling" / "config.json").write_bytes(b"a")
    (model / "config.json").write_bytes(b"b")
    a, b = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b"))
    listed = f"{a}  1_Pooling/config.json\n{b}  config.json\n"
    expected = hashlib.sha256(listed.encode()).hexdigest()
    assert path_hash(model) == expected
    (model / ".cache").write_bytes(b"c")
    assert path_hash(model) == expected
    (model / "config.json").write_bytes(b"c")
    assert path_hash(model) != expected


def test_versions_and_hashes_are_told(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_bytes(b"{}")
    made = provenance(tmp_path / "data.json", {"hub/name": None, "mine": tmp_path})
    assert made.versions["cvseeker"] == cvseeker.__version__
    assert {"python", "torch", "sentence-transformers"} <= set(made.versions)
    assert made.models["hub/name"] == ""
    assert len(made.models["mine"]) == len(made.dataset) == 64
    with pytest.raises(InputError, match="no such file or folder"):
        provenance(tmp_path / "gone")
