"""Action verbs: their forms, and the verbs that a recruiter may put in their place."""

from functools import lru_cache

from cvseeker.queries.offline.lexicon import word_set

# Lemma → verbs that a recruiter may put in its place (each of them a lemma of this table).
VERBS: dict[str, tuple[str, ...]] = {
    line.split(":")[0].strip(): tuple(line.split(":")[1].split())
    for line in """
    achieve: reach; acquire: win bring; administer: manage; adapt: adjust; adjust: adapt
    advise: counsel guide; allocate: assign; analyze: examine study evaluate; apply: use
    appraise: assess; approve: authorize; arrange: organize plan; assemble: build
    assess: evaluate review judge; assign: allocate; assist: help support; attend:
    audit: check review; authorize: approve; automate: script; balance: reconcile; book: arrange
    brief: inform; bring:; budget: plan; build: create develop construct; calculate: compute
    calibrate: adjust; care: look; chair: lead; check: verify inspect; clean: maintain
    coach: mentor train; code: program write; collaborate: work; collect: gather
    communicate: talk; compare:; compile: gather prepare; complete: finish; compose: write
    compute: calculate; conduct: run perform lead; configure: install; construct: build
    consult: advise; control: manage monitor; convert: turn; cook: prepare
    coordinate: organize arrange; counsel: advise coach; create: build develop design
    cultivate: grow build; debug: troubleshoot fix; define: specify; delegate: assign
    deliver: provide; demonstrate: show; deploy: install release; design: create plan
    determine: decide; develop: build create; devise: design create
    diagnose: identify troubleshoot; direct: lead manage; dispense: supply; distribute: deliver
    document: write record; draft: write prepare; drive:; edit: revise
    educate: teach train; eliminate: remove; enforce: apply; engage: involve
    engineer: build design; enhance: improve; ensure: guarantee; enter: record
    establish: create found; estimate: calculate; evaluate: assess review
    examine: review inspect; execute: run perform; expand: grow extend; explain: teach; fetch:
    extend: expand; facilitate: run support; file: record; finish: complete; fix: repair
    forecast: predict; formulate: develop write; found: establish; gather: collect
    generate: produce; greet: welcome; grow: expand increase; guarantee: ensure
    guide: coach advise; handle: manage process; head: lead run; help: assist support
    hire: recruit; host: run; identify: find; implement: introduce deploy; import:
    improve: enhance; increase: raise grow; inform: brief; initiate: start launch
    inspect: check examine; install: configure; instruct: teach train; integrate: connect
    interpret: read; interview:; introduce: launch start; investigate: examine research
    judge: assess; launch: start introduce; lead: head manage run; leverage: use
    liaise: coordinate; load:; maintain: keep service; manage: run lead oversee
    manufacture: make produce; market: promote sell; measure: track; mediate:
    mentor: coach train; migrate: move; mix:; model:; modify: change adapt; monitor: track watch
    motivate: encourage; move:; negotiate: agree; observe: watch; obtain: get; operate: run use
    optimize: improve tune; order: buy; organize: arrange plan; originate: start
    oversee: manage supervise; parse:; participate:; perform: carry conduct; pick:; pilot: test
    plan: organize schedule; post: record; predict: forecast; prepare: compile draft
    present: show; process: handle; procure: buy purchase; produce: make create
    program: code write; promote: market; propose: suggest; provide: give deliver offer
    publish: release; purchase: buy procure; query:; receive:; recommend: suggest
    reconcile: balance; record: document log; recruit: hire; redesign: rework; reduce: cut lower
    render:; retrieve:; register: record; release: deploy; remove:; repair: fix; replace: change
    report:; represent:; research: investigate study; resolve: solve fix; restore: repair
    restructure: reorganize; review: check evaluate; revise: update; run: manage
    schedule: plan book; secure: win; select: choose; sell: market; serve: support
    service: maintain; set:; ship: send; simplify: streamline; solve: resolve; spearhead: lead
    staff: recruit; stock:; streamline: simplify improve; study: examine; submit: send
    supervise: oversee manage; supply: provide; support: help assist; teach: train instruct
    test: check; track: monitor; train: teach coach; transcribe:; transfer: move
    transform: change; translate:; treat:; troubleshoot: debug diagnose fix; tune: optimize
    tutor: teach; update: revise maintain; upgrade: update; use: apply; utilize: use
    validate: verify check; verify: check confirm; visit:; weld: join; win: secure; wire:; work:
    write: draft prepare
    """.replace("\n", ";").split(";")
    if line.strip()
}

_PAST = {
    "bring": ("brought", "brought"),
    "build": ("built", "built"),
    "buy": ("bought", "bought"),
    "choose": ("chose", "chosen"),
    "cut": ("cut", "cut"),
    "drive": ("drove", "driven"),
    "find": ("found", "found"),
    "get": ("got", "got"),
    "give": ("gave", "given"),
    "grow": ("grew", "grown"),
    "keep": ("kept", "kept"),
    "lead": ("led", "led"),
    "make": ("made", "made"),
    "oversee": ("oversaw", "overseen"),
    "read": ("read", "read"),
    "run": ("ran", "run"),
    "sell": ("sold", "sold"),
    "send": ("sent", "sent"),
    "set": ("set", "set"),
    "show": ("showed", "shown"),
    "teach": ("taught", "taught"),
    "troubleshoot": ("troubleshot", "troubleshot"),
    "understand": ("understood", "understood"),
    "win": ("won", "won"),
    "write": ("wrote", "written"),
}
_DOUBLED = word_set(
    """
    cut get plan program run set ship submit transfer win
    """
)


@lru_cache(maxsize=2048)
def verb_forms(lemma: str) -> tuple[str, str, str, str]:
    """Return a verb's gerund, past, past participle and third person."""
    stem = lemma + lemma[-1] if lemma in _DOUBLED else lemma
    silent_e = lemma.endswith("e") and not lemma.endswith("ee")
    gerund = (stem[:-1] if silent_e else stem) + "ing"
    consonant_y = lemma.endswith("y") and lemma[-2] not in "aeiou"
    regular = lemma + "d" if lemma.endswith("e") else lemma[:-1] + "ied" if consonant_y else ""
    past, participle = _PAST.get(lemma, (regular or stem + "ed",) * 2)
    sibilant = lemma.endswith(("s", "x", "z", "ch", "sh"))
    third = lemma[:-1] + "ies" if consonant_y else lemma + ("es" if sibilant else "s")
    return gerund, past, participle, third


_BRITISH = {"analyze": "analyse", "organize": "organise", "optimize": "optimise"}
_BRITISH |= {"utilize": "utilise", "authorize": "authorise", "program": "programme"}


def _form_table(slot: int | None) -> dict[str, str]:
    table = {}
    for lemma in VERBS:
        for spelling in (lemma, _BRITISH.get(lemma, lemma)):
            forms = (*verb_forms(spelling), spelling)
            for form in forms if slot is None else (forms[slot],):
                table[form] = lemma
    return table


LEMMAS = _form_table(None)
"""Every form of every action verb → its lemma."""
PAST_FORMS = frozenset(_form_table(1)) - frozenset({"set", "cut", "read", "found"})
"""The past forms, which end one noun phrase and begin another clause."""
GERUNDS = frozenset(_form_table(0))

# Verbs whose bare form is as often a noun: "design reviews" is no instruction to design reviews.
NOUN_LIKE = word_set(
    """
    audit book brief budget care check coach code control cook counsel design document draft
    drive engineer estimate file forecast fix guide head help host import interview lead
    load market measure mix model monitor move order pick pilot plan post present process
    produce program purchase query record release repair report research review schedule
    secure service set ship staff stock study supply support test track train transfer tune
    tutor update upgrade use visit weld wire work
    """
)
