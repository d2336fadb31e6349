"""The page: nothing that is sent is ever run, and, in a browser, every function once."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from fastapi.testclient import TestClient
from selectolax.lexbor import LexborHTMLParser

from cvseeker import Workspace
from cvseeker.core.insights import Insight, InsightKind
from cvseeker.core.record import Journal, Record, Shortlists
from cvseeker.core.workspace import Workspace as Stages
from cvseeker.search import CandidateSearch
from cvseeker.serve import Tokens, create_app
from cvseeker.serve.pages.people import CALLED
from cvseeker.serve.service import Chosen, Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator

HERE = "http://localhost:8000"
# Too short a text is no résumé.
OTHERWISE = "Long walks by the river, old maps, a choir on Tuesdays and the garden in summer. " * 2
CHROMIUM = Path("/usr/bin/chromium")
PEOPLE = {
    "ana.txt": (
        "Ana Prunk\nPastry chef\nana.prunk@example.com\n\nExperience\n"
        "Pastry chef, Café Silberblick, Graz, 2015-2024\nLaminated dough, chocolate tempering, "
        "wedding cakes, and a team of three.\n\nSkills\nChocolate, Sugar work, Costing\n"
    ),
    "ben.txt": (
        "Ben Okoro\nBackend engineer\nben.okoro@example.com\n\nExperience\n"
        "Backend engineer, Norrland Pay, Umeå, 2012-2024\nPayment services in Python on PostgreSQL "
        "and Kafka, on call every fourth week.\n\nSkills\nPython, PostgreSQL, Kafka\n"
    ),
    "cleo.txt": (
        "Cleo Marsh\nElectrician\ncleo.marsh@example.com\n\nExperience\n"
        "Electrician, Halden Verft, Halden, 2010-2024\nSiemens drives, fault finding, switchboards "
        "and the training of apprentices.\n\nSkills\nSiemens drives, Fault finding\n"
    ),
}
NURSE = (
    "Dora Lindqvist",
    "Intensive care nurse",
    "dora.lindqvist@example.com, +46 70 123 45 67, linkedin.com/in/doralind",
    "Birger Jarlsgatan 12, 114 29 Stockholm, Sweden",
    "Date of birth: 14.03.1984",
    "Experience",
    "Intensive care nurse, Sankt Görans, Stockholm, 2011-2024",
    "Night shifts in intensive care, ventilators and the handover of twelve beds.",
    "Skills",
    "Ventilation, Triage, Sedation protocols",
)
# What says who she is, and where.
WORDS = (
    "Dora",
    "Lindqvist",
    "doralind",
    "example.com",
    "123 45 67",
    "Birger",
    "114 29",
    "Stockholm",
)
WORDS = (*WORDS, "14.03.1984", "dora.pdf")
PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<math><mi xlink:href=javascript:alert(1)>x",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>body{display:none}</style>",
    "<style>@import'//evil.example/x.css'</style>",
    "<b hx-get=/history hx-trigger=load>x</b>",
    "<b data-hx-on:click=alert(1)>x</b>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "' hx-on:click='alert(1)",
    'x" autofocus onfocus=alert(1) y="',
    "`-alert(1)-`",
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "{% include 'base.html' %}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7}#{7*7}<%= 7*7 %>",
    '=HYPERLINK("//evil.example")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """Four fictional people, one of them a PDF, indexed by the tiny model."""
    from reportlab.pdfgen.canvas import Canvas

    folder = tmp_path_factory.mktemp("page")
    (folder / "cvs").mkdir()
    for name, text in PEOPLE.items():
        content = f"{text}\nInterests\n{OTHERWISE}\n"
        (folder / "cvs" / name).write_text(content, encoding="utf-8")
    canvas = Canvas(str(folder / "cvs" / "dora.pdf"))
    for place, line in enumerate(NURSE):
        canvas.drawString(60, 780 - 24 * place, line)
    canvas.save()
    made = Workspace(folder / "w", finetune={"base": str(tiny_model)}, ingest={"workers": 1})
    assert made.ingest(folder / "cvs").counts["resumes"] == 4
    made.index()
    return folder / "w"


@pytest.fixture(scope="module")
def client(workspace: Path) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        # A test is faster than any person.
        patch.setattr("cvseeker.serve.app.PER_SECOND", 1e6)
        patch.setattr("cvseeker.serve.app.BURST", 10**6)
        app = create_app(workspace)
    with TestClient(app, base_url=HERE, raise_server_exceptions=False) as client:
        yield client


def inert(html: str, *, shows: str | Sequence[str] = ()) -> str:
    """Return the text that a page shows; nothing in its HTML runs, loads or leads elsewhere."""
    tree = LexborHTMLParser(html)
    foreign = (
        "svg, math, iframe, object, embed, style, base, template, video, marquee, body[onload]"
    )
    assert not tree.css(foreign), html
    for node in tree.css("*"):
        attributes = {key: value or "" for key, value in node.attributes.items()}
        assert not [key for key in attributes if key.startswith(("on", "hx-on", "data-"))], html
        assert "style" not in attributes, html
        assert attributes.get("http-equiv") is None, html
        for key in ("href", "src", "action", "hx-get", "hx-post", "hx-delete"):
            address = attributes.get(key, "/")
            assert address.startswith(("/", "#", "data:,")), html
            assert not address.startswith("//"), html
        if node.tag == "script":
            assert attributes["src"].startswith("/static/"), html
            assert not node.text(), html
    fields = [node.attributes.get("value") or "" for node in tree.css("input, button")]
    shown = _plain(" ".join((tree.root.text() if tree.root else "", *fields)))
    wanted = [shows] if isinstance(shows, str) else shows
    for one in map(_plain, wanted):
        # Some stand within others.
        assert shown.count(one) >= sum(_plain(other).count(one) for other in wanted), one
    return shown


def _plain(text: str) -> str:
    return " ".join(text.split())


FOUR = [PAYLOADS[at : at + 4] for at in range(0, len(PAYLOADS), 4)]


def test_strings_that_are_code_are_shown_as_text(client: TestClient) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    pool = service.open().search.pool
    stored = pool.resumes
    everybody = {number: stored[number] for number in pool.numbers.tolist()}
    kinds = [kind for kind in get_args(InsightKind) if not kind.endswith("years")]
    assert len(set(PAYLOADS)) == 50
    try:
        for four in FOUR:
            pool.resumes = {
                number: replace(
                    everybody[number],
                    resume_id=payload,
                    text=f"{payload}\n{everybody[number].text}",
                    insights=tuple(Insight(kind, payload, "x", 0, 1) for kind in kinds),
                    metadata={"flags": payload},
                )
                for number, payload in zip(everybody, [*four, *four], strict=False)
            }
            for path in ("/compare?n=1&n=2&n=3&n=4", "/?q=chef", "/similar/1"):
                inert(client.get(path).text, shows=four)
            for number, payload in zip(everybody, four, strict=False):
                inert(client.get(f"/people/{number}").text, shows=payload)
    finally:
        pool.resumes = stored


def test_what_is_asked_is_shown_as_text(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    all_of_them = "\n".join(PAYLOADS)
    inert(client.get("/", params={"mode": "job", "q": all_of_them}).text, shows=PAYLOADS)
    inert(client.get("/", params={"f.title": PAYLOADS}).text, shows=PAYLOADS)
    job = "\n- ".join(("Chef\nRequirements:", *PAYLOADS))
    requirements = inert(client.get("/", params={"mode": "job", "job": job}).text, shows=PAYLOADS)
    assert requirements.count("SUM(1+1)") > 2, "as a requirement and its ticks, too"
    facets = {"title": dict.fromkeys(PAYLOADS, 1)}
    monkeypatch.setattr(service.open().search.pool, "facets", lambda *_: facets)
    inert(client.post("/hits", data={"q": "chef"}).text, shows=PAYLOADS)


def test_what_is_written_is_shown_as_text(client: TestClient, workspace: Path) -> None:
    with Record.open(workspace) as record:
        lists = Shortlists(record)
        for four in FOUR:
            for number, payload in enumerate(four, start=1):
                lists.put(four[0], number, note=payload, tags=(payload,))
                lists.put(payload, 1)
                lists.keep_search(payload, "q=x")
        Journal(record).write_all((0.0, one, one, {"query": one}) for one in PAYLOADS)
    inert(client.get("/").text, shows=PAYLOADS)
    inert(client.get("/history").text, shows=PAYLOADS)
    for four in FOUR:
        page = inert(client.get("/shortlists", params={"name": four[0]}).text, shows=PAYLOADS)
        assert all(page.count(_plain(payload)) >= 3 for payload in four)
        table = client.get("/shortlists/export", params={"name": four[0]}).text
        assert not re.search(r"""(^|,|,")[=@+-]""", table, re.MULTILINE), table
    for payload in PAYLOADS:
        on = {"number": 1, "shortlist": payload}
        inert(client.post("/shortlists/add", data=on).text, shows=payload)
    with Record.open(workspace) as record, record.transaction():
        record.write("DELETE FROM shortlists")
        record.write("DELETE FROM saved_searches")


def test_what_deletes_can_be_undone(client: TestClient) -> None:
    on = {"number": 1, "shortlist": PAYLOADS[0]}
    rows = {"name": PAYLOADS[0]}
    assert "now" in inert(client.post("/shortlists/add", data=on).text, shows=PAYLOADS[0])
    client.post("/shortlists/change", data={**on, "note": "first", "tags": "one, two"})
    taken = client.post("/shortlists/remove", data=on)
    inert(taken.text, shows=PAYLOADS[0])
    assert "Nobody is on this list" in client.get("/shortlists/rows", params=rows).text
    undo = LexborHTMLParser(taken.text).css_first("button").attributes
    client.post(undo["hx-post"] or "", data=json.loads(undo["hx-vals"] or ""))
    inert(client.get("/shortlists/rows", params=rows).text, shows=("first", "one, two"))
    assert client.post("/shortlists/delete", data={"shortlist": PAYLOADS[0]}).status_code == 409
    client.post("/shortlists/remove", data=on)
    assert client.post("/shortlists/delete", data={"shortlist": PAYLOADS[0]}).status_code == 200
    assert PAYLOADS[0] not in client.get("/api/shortlists").json()
    inert(client.post("/searches/keep", data={"q": "x", "keep_as": PAYLOADS[0]}).text)
    forgotten = client.post("/searches/forget", data={"name": PAYLOADS[0]}).text
    undo = LexborHTMLParser(forgotten).css_first("button").attributes
    assert PAYLOADS[0] not in inert(client.get("/").text)
    client.post(undo["hx-post"] or "", data=json.loads(undo["hx-vals"] or ""))
    inert(client.get("/").text, shows=PAYLOADS[0])
    client.post("/searches/forget", data={"name": PAYLOADS[0]})


def test_more_are_shown_by_a_cursor(client: TestClient) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    asked = {"q": "engineer"}
    first = client.post("/hits", data=asked).text
    more = client.post(f"/hits?cursor={service.open().generation}-2", data=asked)
    assert more.status_code == 200
    rest = re.findall(r'id="hit-\d+"', first)[2:]
    assert rest
    assert re.findall(r'id="hit-\d+"', more.text) == rest


def test_uploads_are_shown_as_they_are_read(client: TestClient) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    files = {"files": (f"{PAYLOADS[2]}.txt", b"far too short")}
    shown = client.post("/upload", files=files)
    inert(shown.text, shows="Kept; waiting to be read")
    found = re.search("/upload/jobs/[0-9a-f]{32}", shown.text)
    assert found
    path = found[0]
    until = time.monotonic() + 120
    while "hx-trigger" in shown.text:
        assert time.monotonic() < until, service.jobs
        time.sleep(0.2)
        shown = client.get(path)
    inert(shown.text, shows="None could be added")
    assert client.get(f"/upload/jobs/{'0' * 32}").status_code == 404


@pytest.mark.parametrize("payload", PAYLOADS[:3])
def test_names_of_files_are_shown_as_text(client: TestClient, payload: str) -> None:
    files = {"file": (f"{payload}.pdf", b"%PDF-1.7 not one")}
    answer = client.post("/job-text", files=files)
    inert(answer.text)
    assert 'role="alert"' in answer.text


def test_a_job_is_read_out_of_a_file(client: TestClient, tmp_path: Path) -> None:
    import docx

    document = docx.Document()
    document.add_paragraph("Pastry chef for a small hotel by the lake")
    document.save(str(tmp_path / "job.docx"))
    with (tmp_path / "job.docx").open("rb") as file:
        answer = client.post("/job-text", files={"file": ("job.docx", file)})
    assert "small hotel by the lake" in inert(answer.text)
    assert answer.headers["hx-trigger-after-swap"] == "jobread"


@pytest.fixture
def nurse(client: TestClient) -> int:
    """Dora's number; she is on a list, with all that says who she is in note and tags."""
    hits = client.get("/api/search", params={"q": "nurse AND sedation"}).json()["hits"]
    number: int = hits[0]["number"]
    written = {"number": number, "shortlist": "nurses", "tags": WORDS[0], "note": "; ".join(WORDS)}
    client.post("/shortlists/change", data=written)
    return number


@pytest.mark.parametrize(
    "path",
    [
        "/people/{0}?q=nurse",
        "/similar/{0}",
        "/similar/1",
        "/compare?n={0}&n=1",
        "/?q=intensive+care+nurse",
        "/?q=nurse&mode=job&job=Nurse%0ARequirements:%0A-+Ventilators%0A-+English",
        "/shortlists?name=nurses",
        "/shortlists/rows?name=nurses",
        "/shortlists/export?name=nurses",
        "/shortlists/export?name=nurses&form=json",
        "/history",
        "/api/search?q=nurse&blind=1",
        "/api/candidates/{0}?blind=1",
        "/api/candidates/{0}/similar?blind=1",
        "/api/facets?blind=1",
        "/api/shortlists/nurses/export?blind=1",
    ],
)
def test_blind_views_have_none_of_a_persons_words(
    client: TestClient, nurse: int, path: str
) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    with Record.open(service.workspace.path) as record:
        # As where somebody's firm, or a school, is called after them or their town.
        change = "UPDATE insights SET value = ? WHERE number = ? AND kind = ?"
        record.write(change, ("Lindqvist Care AB, Stockholm", nurse, "employer"))
        record.write(change, ("Dora's triage", nurse, "skill"))
    try:
        client.post("/hits", data={"q": "nurse", "blind": "1"})
        answer = client.get(path.format(nurse))
        assert answer.status_code == 200
        assert not [word for word in WORDS if word.lower() in answer.text.lower()]
        assert client.get(f"/people/{nurse}/pages/1").status_code == 404
    finally:
        client.post("/hits", data={"q": "nurse"})


def test_blindness_lasts_until_it_is_switched_off(client: TestClient, nurse: int) -> None:
    client.post("/hits", data={"q": "nurse", "blind": "1"})
    assert "Lindqvist" not in client.get(f"/people/{nurse}").text
    client.post("/hits", data={"q": "nurse"})
    for path in (f"/people/{nurse}", "/shortlists/export?name=nurses", "/similar/1"):
        assert "Lindqvist" in client.get(path).text, path


def test_every_insight_has_a_name_that_people_use() -> None:
    assert set(CALLED) == set(get_args(InsightKind))


def test_what_is_typed_stands_in_the_log_once(client: TestClient) -> None:
    def logged() -> list[str]:
        rows = client.get("/api/log", params={"limit": 5}).json()
        return [row["about"].get("query", row["what"]) for row in rows]

    for query in ("bak", "baker", "baker in Graz"):
        client.post("/hits", data={"q": query, "live": "1"})
    client.post("/hits", data={"q": "baker in Graz"})
    for query in ("weld", "welder"):
        client.post("/hits", data={"q": query, "live": "1"})
    client.get("/people/1")
    assert logged()[:3] == ["viewed", "welder", "baker in Graz"]
    assert logged()[3] not in {"bak", "baker"}


def test_pages_of_a_pdf_are_drawn_with_the_words_lit(
    client: TestClient, workspace: Path, nurse: int
) -> None:
    assert "Page 1 of 1" in client.get(f"/people/{nurse}/pages?q=nurse").text
    plain, lit = (client.get(f"/people/{nurse}/pages/1{q}").content for q in ("", "?q=nurse"))
    assert plain.startswith(b"\x89PNG")
    assert lit.startswith(b"\x89PNG")
    assert plain != lit
    assert client.get(f"/people/{nurse}/pages/2").status_code == 404
    path = workspace.parent / "cvs" / "dora.pdf"
    content = path.read_bytes()
    try:
        path.write_bytes(content + b"% changed")
        assert client.get(f"/people/{nurse}/pages/1").status_code == 404
    finally:
        path.write_bytes(content)


def test_a_report_runs_its_own_script_only(client: TestClient, workspace: Path) -> None:
    assert "cvseeker evaluate" in inert(client.get("/report").text)
    (workspace / "evaluation").mkdir()
    (workspace / "evaluation" / "report.html").write_text("<p>x<script>let a = 1</script>")
    policy = client.get("/report").headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy


# What follows needs a browser.


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an application, and return where."""
    import uvicorn

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def address(workspace: Path) -> Iterator[str]:
    """Serve the workspace, two candidates a page."""
    with pytest.MonkeyPatch.context() as patch, running(create_app(workspace)) as address:
        patch.setattr("cvseeker.serve.pages.routes.PER_PAGE", 2)
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: "Browser", address: str, *, expects: str = "", **options: Any
) -> Iterator["BrowserContext"]:
    """Open a context in which nothing else may go wrong, and nothing be asked for elsewhere."""
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    context.set_default_timeout(60_000)
    wrong: list[str] = []
    context.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on(
        "request",
        lambda asked: (
            wrong.append(asked.url) if not asked.url.startswith((address, "data:")) else None
        ),
    )
    yield context
    context.close()
    assert [one for one in wrong if not (expects and expects in one)] == []


def eventually(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something: the page's policy forbids Playwright's own way, which evaluates text."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


VIEWS = {
    "empty": "/",
    "hits": "/?q=intensive+care+nurse&f.language=English&blind=0",
    "words": "/?q=intensive+care+nurse+night+shifts",
    "job": "/?mode=job&job=Nurse%0ARequirements:%0A-+Triage%0A-+Ventilators%0A-+SAP+is+a+plus",
    "refusal": "/?q=(a+AND",
    "nobody": "/?q=%22zebra+tamer%22",
    "compare": "/compare?n=1&n=2&n=3&n=4",
    "nobody chosen": "/compare",
    "text": "/people/1?q=pastry",
    "similar": "/similar/1",
    "log": "/history",
    "shortlists": "/shortlists",
    "upload": "/upload",
    "sign in": "/login",
}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_views_are_sound(browser: "Browser", address: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    size = {"width": width, "height": 800}
    with opened(browser, address, viewport=size, color_scheme=scheme) as context:
        page = context.new_page()
        context.request.post("/shortlists/add", form={"number": 1, "shortlist": "Sound"})
        for name, path in VIEWS.items():
            page.goto(path, wait_until="networkidle")
            broken = [
                (one["id"], [node["html"] for node in one["nodes"]])
                for one in axe.run(page).response["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert not broken, (name, broken)
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0, name


@pytest.mark.browser
@pytest.mark.slow
def test_the_keyboard_suffices(browser: "Browser", address: str) -> None:
    with opened(browser, address) as context:
        page = context.new_page()
        page.goto("/history")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.goto("/")
        page.keyboard.type("intensive care nurse")
        page.locator(".hit").first.wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        name = page.evaluate("document.activeElement.textContent")
        assert name == "Dora Lindqvist"
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.press("Tab")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/people/*")
        button = page.get_by_role("button", name="shortlist")
        for _ in range(20):
            page.keyboard.press("Tab")
            if button.evaluate("one => one === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.locator("#said", has_text="is on “Shortlist” now").wait_for()


@pytest.mark.browser
@pytest.mark.slow
def test_filters_and_blindness(browser: "Browser", address: str) -> None:
    with opened(browser, address) as context:
        page = context.new_page()
        page.goto("/?q=engineer")
        total: Locator = page.locator(".total b")
        assert total.text_content() == "4"
        page.get_by_role("button", name="More").click()
        page.locator(".hit").nth(3).wait_for()
        assert page.locator(".hit").count() == 4
        page.locator(".facet label", has_text="Kafka").click()
        page.locator(".chips label", has_text="Kafka").wait_for()
        assert total.text_content() == "1"
        page.locator(".chips label", has_text="Kafka").click()
        page.locator(".chips").wait_for(state="detached")
        assert total.text_content() == "4"
        shares = page.locator(".shares").first
        before = shares.text_content()
        page.locator("[name=weight]").fill("0")
        eventually(lambda: shares.text_content() != before)
        assert "meaning 0.00" in str(shares.text_content())
        page.locator("[name=years]").fill("13")
        page.locator("[name=years]").blur()
        eventually(lambda: total.text_content() != "4")
        page.get_by_role("switch").check()
        page.locator(".hit h2", has_text="Candidate").first.wait_for()
        page.locator(".hit h2 a").first.click()
        assert "Candidate" in str(page.locator("h1").text_content())
        assert "[NAME]" in str(page.locator(".text").text_content())
        page.goto("/")
        page.get_by_role("switch").uncheck()


@pytest.mark.browser
@pytest.mark.slow
def test_a_job_and_its_requirements(browser: "Browser", address: str, tmp_path: Path) -> None:
    job = "Nurse\nRequirements:\n- Triage\n- Ventilators\n- SAP is a plus"
    (tmp_path / "job.txt").write_text(job)
    with opened(browser, address) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_role("radio", name="A job description").check()
        page.locator("#job-file").set_input_files(tmp_path / "job.txt")
        page.locator(".requirement").nth(2).wait_for()
        assert "Ventilators" in page.locator("#job").input_value()
        page.locator(".hit .ticks .met", has_text="Triage").first.wait_for()
        page.locator(".requirement", has_text="Triage").get_by_label("off").check()
        page.locator(".hit .ticks", has_text="Triage").first.wait_for(state="detached")
        page.locator(".requirement", has_text="SAP").get_by_label("must").check()
        page.locator(".ticks i").first.wait_for(state="detached")
        dropped = page.evaluate_handle(
            "() => { const all = new DataTransfer();"
            " all.items.add(new File(['Baker\\nRequirements:\\n- Dough'], 'b.txt')); return all; }"
        )
        page.locator(".by-job").dispatch_event("drop", {"dataTransfer": dropped})
        page.locator(".requirement", has_text="Dough").wait_for()


@pytest.mark.browser
@pytest.mark.slow
def test_candidates_are_looked_at(browser: "Browser", address: str) -> None:
    with opened(browser, address) as context:
        page = context.new_page()
        page.goto("/?q=intensive+care+nurse")
        page.locator(".compare").nth(0).check()
        page.locator(".compare").nth(1).check()
        page.get_by_role("link", name="Compare 2 side by side").click()
        assert page.locator("article").count() == 2
        page.get_by_role("link", name="Dora Lindqvist").click()
        page.go_back()
        page.go_back()
        page.get_by_role("link", name="Dora Lindqvist").click()
        sheet = page.locator("img.sheet")
        sheet.wait_for()
        eventually(lambda: sheet.evaluate("one => one.naturalWidth") == 1100)
        page.get_by_role("link", name="similar candidates").click()
        assert page.locator(".hit").count() == 3


@pytest.mark.browser
@pytest.mark.slow
def test_lists_and_searches_are_kept(browser: "Browser", address: str, tmp_path: Path) -> None:
    with opened(browser, address, accept_downloads=True) as context:
        page = context.new_page()
        said = page.locator("#said")
        page.goto("/?q=pastry+chef&f.skill=Chocolate")
        page.locator("[name=shortlist]").fill("Bakers")
        page.get_by_role("button", name=re.compile("Shortlist candidate")).first.click()
        said.get_by_text("is on “Bakers” now").wait_for()
        page.locator("[name=keep_as]").fill("Sweet")
        page.get_by_role("button", name="keep", exact=True).click()
        said.get_by_text("Kept as “Sweet”").wait_for()
        page.goto("/")
        page.get_by_role("link", name="Sweet").click()
        assert page.locator("#q").input_value() == "pastry chef"
        assert page.locator(".chips label").count() == 1
        page.goto("/")
        page.get_by_role("button", name="Forget Sweet").click()
        page.get_by_role("button", name="undo").click()
        said.get_by_text("Kept “Sweet” again").wait_for()
        page.goto("/shortlists?name=Bakers")
        page.get_by_label("Note on Ana Prunk").fill("call on Monday")
        page.get_by_label("Tags of Ana Prunk").fill("sweet, first")
        page.get_by_label("Note on Ana Prunk").click()
        said.get_by_text("Saved").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        download.value.save_as(tmp_path / "list.csv")
        assert "call on Monday" in (tmp_path / "list.csv").read_text()
        page.get_by_role("button", name="Take Ana Prunk off").click()
        page.locator("td", has_text="Nobody is on this list").wait_for()
        page.get_by_role("button", name="undo").click()
        page.get_by_label("Note on Ana Prunk").wait_for()
        assert page.get_by_label("Note on Ana Prunk").input_value() == "call on Monday"
        assert page.get_by_label("Tags of Ana Prunk").input_value() == "sweet, first"
        page.goto("/history")
        assert "taken off a shortlist" in str(page.locator("table").text_content())


@pytest.mark.browser
@pytest.mark.slow
def test_people_sign_in_and_out(browser: "Browser", workspace: Path) -> None:
    tokens = Tokens(workspace)
    token = tokens.add("Berta", "admin")
    try:
        with (
            running(create_app(workspace)) as address,
            opened(browser, address, expects="401") as context,
        ):
            page = context.new_page()
            page.goto("/?q=pastry+chef")
            page.get_by_label("Your token").fill("wrong")
            page.keyboard.press("Enter")
            page.get_by_role("alert").wait_for()
            page.get_by_label("Your token").fill(token)
            page.keyboard.press("Enter")
            page.locator(".hit").first.wait_for()
            assert page.locator("#q").input_value() == "pastry chef"
            page.get_by_role("button", name=re.compile("Shortlist candidate")).first.click()
            page.locator("#said", has_text="is on “Shortlist”").wait_for()
            page.get_by_role("button", name="Sign out Berta").click()
            page.wait_for_url("**/login")
            page.get_by_label("Your token").fill(token)
            page.keyboard.press("Enter")
            page.locator("#q").wait_for()
            tokens.remove("Berta")
            page.locator("#q").fill("nurse")
            page.wait_for_url("**/login")
    finally:
        if "Berta" in tokens.names():
            tokens.remove("Berta")


def test_the_page_switches_between_two_models(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(model: str = "") -> str:
        return inert(client.get("/", params={"q": "chef", "model": model}).text)

    assert "Model" not in asked()
    opening, opened = threading.Event(), CandidateSearch.open
    monkeypatch.setattr(Service, "chosen", lambda _: Chosen("tuned", "the evaluation"))

    def slowly(path: Path, **options: Any) -> CandidateSearch:
        assert options.pop("untuned")
        options["progress"]("encode", 3, 8, "passages")
        assert opening.wait(60)
        return opened(path)

    monkeypatch.setattr(CandidateSearch, "open", slowly)
    assert "by the tuned model, which the evaluation chose" in asked()
    eventually(lambda: "reads everybody once: 3 of 8 passages" in asked("untuned"))
    assert "by the tuned model" in asked("tuned")
    opening.set()
    eventually(lambda: "by the untuned model, which the evaluation did not" in asked("untuned"))


@pytest.mark.parametrize(
    ("kept", "use", "expected"),
    [
        ("tuned", "hybrid(tuned)", Chosen("tuned", "the evaluation")),
        ("tuned", "hybrid(base)", Chosen("untuned", "the evaluation")),
        ("tuned", "bm25", Chosen("tuned", "the evaluation")),
        ("tuned", "", Chosen("tuned", "validation")),
        ("base", "hybrid(base)", None),
    ],
)
def test_what_the_evaluation_chose_serves(
    tmp_path: Path, kept: str, use: str, expected: Chosen | None
) -> None:
    place = Stages(tmp_path)
    assert Service(tmp_path).chosen() is None
    place.run_stage("model", {}, {}, lambda _: {"verdict": {"kept": kept}})
    place.run_stage("index", {}, {}, lambda _: {"model": "tuned"})
    if use:
        place.run_stage("evaluation", {}, place.output_hashes("model"), lambda _: {"use": use})
    assert Service(tmp_path).chosen() == expected


def test_a_new_workspace_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path), base_url=HERE) as client:
        for path, said in (
            ("/", "cvseeker run FOLDER"),
            ("/shortlists", "No list yet"),
            ("/history", "Nothing was viewed"),
            ("/report", "cvseeker evaluate"),
            ("/upload", "drop them here"),
        ):
            answer = client.get(path)
            assert answer.status_code == 200
            assert said in inert(answer.text)
        assert client.get("/people/1").status_code == 503
