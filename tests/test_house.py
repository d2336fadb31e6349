"""The house rules that a machine can check: imports, lengths, and what loading costs."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cvseeker"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_IDS = [module.relative_to(PACKAGE).as_posix() for module in MODULES]

LONGEST_FILE = 300
# Code lines of a function. About 40 is the rule; what is beyond 50 has two jobs.
LONGEST_FUNCTION = 50
HEAVY = {"altair", "datasets", "docx", "pyarrow", "pypdfium2", "sentence_transformers", "torch"}


def run_python(code: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of ``root/pyproject.toml`` against the package in ``root/src``."""
    code = (
        "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(no_cache=True, no_logo=True))"
    )
    return run_python(code, cwd=root)


def test_imports_go_downward_only() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/records.py", "from cvseeker.core.workspace import Workspace"),
        ("core/workspace.py", "from cvseeker.core.datasets.dataset import read_dataset"),
        ("train/stage.py", "from cvseeker.evaluate.stage import evaluate_stage"),
        ("stray.py", '"""A module that was given no floor."""'),
    ],
)
def test_an_import_upward_or_sideways_or_a_stray_module_is_noticed(
    tmp_path: Path, module: str, line: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    copy = tmp_path / "src" / "cvseeker"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("examples", "__pycache__"))
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "1 broken" in result.stdout
    assert Path(module).stem in result.stdout


@pytest.mark.parametrize("name", ["cvseeker", "cvseeker.pipeline", "cvseeker.cli.app"])
def test_loading_brings_in_nothing_heavy(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"there is no {name}")
    result = run_python(f"import json, sys, {name}; print(json.dumps(sorted(sys.modules)))")
    assert result.returncode == 0, result.stderr
    assert HEAVY.isdisjoint(json.loads(result.stdout))


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_files_are_short(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{lines} lines; split it by subject"


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_functions_are_short(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {
        node.name: lines for node in functions if (lines := code_lines(node)) > LONGEST_FUNCTION
    }
    assert not long


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize("name", ["Makefile", "constraints.txt", "pyproject.toml", ".ci/run"])
def test_no_package_host_is_named(name: str) -> None:
    """Where packages come from is the user's setting, not the project's."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    options = [word for line in lines for word in line.split() if word.startswith("--")]
    assert not [option for option in options if "index-url" in option or "find-links" in option]
    assert not [line for line in lines if "file://" in line or " @ " in line]


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(line for lines in extras for line in lines)]
    names = {re.split(r"[>\[]", requirement)[0].lower() for requirement in requirements}
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower() for line in pins if "==" in line}
    assert {name.replace("_", "-") for name in names} <= {name.replace("_", "-") for name in pinned}
