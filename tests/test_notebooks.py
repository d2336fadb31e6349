"""The notebooks: what is shown is what runs."""

import json
import re
from pathlib import Path
from shutil import copytree, ignore_patterns

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

import cvseeker

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
# Each continues the workspace of the one before.
ORDER = ("generate_queries", "finetune", "evaluate")
# GitHub shows no larger ones at once.
MOST_BYTES = 300_000


def outputs_of(name: str) -> str:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    return json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"])


@pytest.mark.parametrize("name", ORDER)
def test_the_pair_says_the_same(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    script = jupytext.read(NOTEBOOKS / f"{name}.py")
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ], f"run: jupytext --sync notebooks/{name}.ipynb"


@pytest.mark.parametrize("name", ORDER)
def test_they_use_the_api_alone(name: str) -> None:
    imports = re.findall(
        r"(?:import|from) cvseeker.*", (NOTEBOOKS / f"{name}.py").read_text("utf-8")
    )
    assert len(imports) == 1
    names = imports[0].removeprefix("from cvseeker import ").split(", ")
    assert set(names) <= set(cvseeker.__all__)


@pytest.mark.parametrize("name", ORDER)
def test_they_read_well_unrun(name: str) -> None:
    outputs = outputs_of(name)
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < MOST_BYTES
    assert "image/png" in outputs
    assert "Traceback" not in outputs
    assert "Warning" not in outputs
    # Nobody's machine.
    text = re.sub(r'"image/png": "[^"]*"', "", outputs)
    assert not re.findall(r"/(?:home|tmp|root|usr|opt|Users)/", text)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_they_run_from_start_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    copytree(NOTEBOOKS, folder, ignore=ignore_patterns("workspace"))
    for name in ORDER:
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    assert (folder / "workspace" / "evaluation" / "report.html").is_file()
