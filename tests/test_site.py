"""The pages of docs/ as a site."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cvseeker.cli.app import app

ROOT = Path(__file__).parents[1]
# What a browser fetches by itself; an <a> is followed by people.
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?([^\" >]+)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"\s*(?:\.venv/bin/)?cvseeker ")
TEST = re.compile(r"`(?:tests/)?((?:test_\w+|conftest)\.py)`")

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    # Strict: a page that is in no list, a link and a heading that are not there fail it.
    assert done.returncode == 0, done.stderr
    return folder


@slow
def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        html = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / html).is_file()
        assert f'"location":"{html}' in index


@slow
def test_pages_ask_no_other_server_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        fetched = FETCHED.findall(page.read_text(encoding="utf-8"))
        assert fetched
        assert not [url for url in fetched if url.startswith(("http:", "https:", "//"))], page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", style.read_text(encoding="utf-8"))


def commands_of(page: Path) -> list[str]:
    """The lines of a page's blocks that are commands, not forms of them."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [line.partition("cvseeker ")[2] for line in lines if COMMAND.match(line)]
    return [line for line in found if not re.search(r"…|\[--|\.\.\.", line)]


def test_the_commands_that_pages_show_are_understood() -> None:
    group = typer.main.get_command(app)
    commands = [one for page in PAGES for one in commands_of(page)]
    assert len(commands) > 50
    for command in commands:
        name, *arguments = shlex.split(re.split(r"\s(?:&&|[|>])\s", command)[0], comments=True)
        # Parses the options and runs nothing.
        group.commands[name].make_context(name, arguments)


def test_the_tests_that_pages_name_are_there() -> None:
    named = {name for page in PAGES for name in TEST.findall(page.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert sorted(name for name in named if not (ROOT / "tests" / name).is_file()) == []
