"""The pages of docs/ as a site."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a browser fetches by itself; an <a> is followed by people.
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?([^\" >]+)")
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


def test_the_tests_that_pages_name_are_there() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {name for page in pages for name in TEST.findall(page.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert sorted(name for name in named if not (ROOT / "tests" / name).is_file()) == []
