"""The house rules that a machine can check: faces, imports, lengths, and what loading costs."""

import ast
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cvseeker"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_IDS = [module.relative_to(PACKAGE).as_posix() for module in MODULES]

# Code lines of a file, and of a function: about 40 is the rule; what is beyond 50 has two jobs.
LONGEST_FILE = 300
LONGEST_FUNCTION = 50
MOST_ROOMS = 14
WIDEST_FACE = 8
HEAVY = {
    "altair",
    "datasets",
    "docx",
    "openai",
    "pyarrow",
    "pypdfium2",
    "sentence_transformers",
    "torch",
    "transformers",
}

# The ground floors, whose modules are imported one by one: each of them is a face.
BY_MODULE = {"cvseeker.core", "cvseeker.retrieval"}
# Their modules of which more is imported. Shrink this list; nothing may be added.
WIDE_YET = {
    "cvseeker.retrieval.models",
}


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
        ("core/workspace.py", "from cvseeker.core.datasets import read_dataset"),
        ("train/stage.py", "from cvseeker.evaluate.stage import evaluate_stage"),
        ("stray.py", '"""A module that was given no floor."""'),
    ],
)
def test_an_import_upward_or_sideways_or_a_stray_module_is_noticed(
    tmp_path: Path, module: str, line: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    copy = tmp_path / "src" / "cvseeker"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "1 broken" in result.stdout
    assert Path(module).stem in result.stdout


def dotted(module: Path) -> str:
    """Return a module's dotted name; a package's is that of its folder."""
    parts = module.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(module): module for module in MODULES}
PACKAGES = [name for name, module in NAMES.items() if module.name == "__init__.py"]


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@cache
def face(package: str) -> list[str]:
    """Return the names that a package exports."""
    for node in parsed(NAMES[package]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules of ours, and the names in packages of ours, that are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom) and node.module in PACKAGES:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module in NAMES:
            yield node.module


def walls(name: str) -> list[str]:
    """Return the packages around a name, outermost first, but the whole and the ground floors."""
    parts = name.split(".")
    around = [".".join(parts[:depth]) for depth in range(2, len(parts))]
    return [package for package in around if package not in BY_MODULE]


def passed_walls(importer: str, tree: ast.Module) -> list[str]:
    """Return what a module imports from inside packages that it is no part of."""
    return [
        name
        for name in imported(tree)
        for package in walls(name)
        if not f"{importer}.".startswith(f"{package}.")
        and name not in {f"{package}.{exported}" for exported in face(package)}
    ]


def loaded_by(name: str) -> set[str]:
    """Return the modules that importing one brings in."""
    result = run_python(f"import json, sys, {name}; print(json.dumps(sorted(sys.modules)))")
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_face_is_small_and_costs_little_to_load(package: str) -> None:
    names = face(package)
    assert len(set(names)) == len(names) <= WIDEST_FACE
    assert sorted(HEAVY & loaded_by(package)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_face_exports_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in face(package) if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_nobody_imports_past_a_face(module: Path) -> None:
    assert passed_walls(dotted(module), parsed(module)) == []


@pytest.mark.parametrize(
    ("line", "passed"),
    [
        ("from cvseeker.search.finder import Found", ["cvseeker.search.finder"]),
        ("from cvseeker.search import finder", ["cvseeker.search.finder"]),
        ("from cvseeker.resumes.readers.pdf import read", ["cvseeker.resumes.readers.pdf"] * 2),
        ("import cvseeker.search.finder", ["cvseeker.search.finder"]),
        ("from cvseeker.search import Found", []),
        ("from cvseeker.core.errors import InputError", []),
    ],
)
def test_a_way_past_a_face_is_noticed(line: str, passed: list[str]) -> None:
    assert passed_walls("cvseeker.evaluate.stage", ast.parse(line)) == passed


@cache
def imported_names() -> dict[str, set[str]]:
    """Return module → the names that others import from it."""
    names: dict[str, set[str]] = {}
    for tree in map(parsed, MODULES):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return names


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if name not in PACKAGES and name.rpartition(".")[0] in BY_MODULE],
)
def test_little_is_imported_from_a_module_of_a_ground_floor(name: str) -> None:
    names = sorted(imported_names().get(name, set()))
    assert (len(names) > WIDEST_FACE) == (name in WIDE_YET), names


def test_the_top_level_is_seen_at_a_glance() -> None:
    every_package_has = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}
    rooms = {path.name for path in PACKAGE.iterdir()} - every_package_has
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)


def test_the_architecture_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", page))
    stems = {module.stem for module in MODULES} | {name.rpartition(".")[2] for name in PACKAGES}
    assert sorted(stems - words - {"__init__"}) == []


@pytest.mark.parametrize("name", ["cvseeker.pipeline", "cvseeker.cli.app"])
def test_loading_brings_in_nothing_heavy(name: str) -> None:
    assert sorted(HEAVY & loaded_by(name)) == []


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_files_are_short(module: Path) -> None:
    lines = code_lines_of_file(module.read_text(encoding="utf-8"))
    assert lines <= LONGEST_FILE, f"{lines} lines of code; split it by subject"


def code_lines_of_file(source: str) -> int:
    """Count a file's lines without docstrings, comments and blanks."""
    documented = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in empty | {tokenize.ENDMARKER}
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - docstrings)


def test_only_code_is_counted() -> None:
    source = '"""What\n\nit is."""\n\n# why\nx = (\n    1,  # one\n)\n\n\ndef f():\n    """Do."""\n'
    assert code_lines_of_file(source) == 4


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_functions_are_short(module: Path) -> None:
    functions = [
        node
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
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


@pytest.mark.parametrize(
    "name", ["Makefile", "constraints.txt", "pyproject.toml", ".ci/run", "Containerfile"]
)
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


# The first versions without known holes.
SAFE_FROM = {"pypdf": "6.16.1", "transformers": "5.5"}


def test_floors_leave_out_known_holes_and_pins_are_above_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = {one.name: one for one in map(Requirement, project["dependencies"])}
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name.lower(): version for name, _, version in (pin.partition("==") for pin in pins)}
    for name, floor in SAFE_FROM.items():
        assert str(requirements[name].specifier) == f">={floor}"
    for name, requirement in requirements.items():
        assert pinned[name.lower()] in requirement.specifier, name
