"""The recruiter's vocabulary: function words, action verbs, and other words for the same thing.

Everything here is general language, written by hand; nothing is learnt from a data set.
"""

import re
from functools import lru_cache

# English, and the commonest function words of the languages résumés are otherwise written in.
STOP_WORDS = words(
    """
    using 'm 've a about above across after again against all also although always am among
    an and any are around as at be because been before being below between both but by can
    could did do does doing done down due during each either else etc even ever every few
    first for from further get give given gave go got had has have having he her here hers
    him his how however i if in including into is it its itself just last least less like
    many may me mine more most much must my myself near need neither never no nor not now of
    off often on once one only onto or other others our ours out over own per please put
    rather same seen several shall she should since so some such take taken than that the
    their them themselves then there these they this those though through throughout till to
    together too took toward towards two three under until up upon us use used useful using
    various very via was we well were what when where whereas whether which while who whom
    whose why will with within without would yes yet you your yours along another anyone
    based behind besides beyond came come comes did else four five six seven eight nine ten
    eleven twelve half dozen every everyone everything nobody nothing something someone
    instead keep kept let lot made make makes making new next old still way ways went whole
    able according accordingly additionally apart aside currently daily different early
    especially existing extensive extensively good great high highly late later long low
    mainly multiple numerous particularly previous previously primary prior related relevant
    responsible similar strong successful successfully thus various wide worked working year
    years yearly month months monthly week weeks weekly day days today time times hour hours
    mr mrs ms dr accept agree allow appear arise assume become become becomes believe belong
    cause come consist consider contain continue cover decide depend desire enable enjoy
    exceed expect exist feel happen help hope include involve involves join know known learn
    learned let like mean meet met need occur offer prefer refer regarding remain require
    required requires said say see seek seeking seem speak start stay stop talk think thank
    try understand understanding want wish ability adept affordable amazing ambitious
    attentive best better big broad certain comfortable complete complex comprehensive
    confident conversant creative critical cutting-edge dedicated deep detail-oriented
    detailed diligent diverse dynamic easy effective efficient energetic enthusiastic entire
    excellent exceptional expert familiar fast-paced final fine full full-time general
    genuine goal-oriented hands-on happy hard hard-working helpful highly-motivated honest
    immediate immense important impressive innate innovative intuitive keen key large
    leading main major maximum minimum necessary notable ongoing outstanding overall
    part-time passionate perfect positive possible professional proficient proper proven
    punctual quick ready real regular reliable remarkable respective robust self-driven
    self-motivated significant simple sincere small smart smooth solid sound specific strict
    substantial suitable superb superior thorough timely top total true unique utmost
    valuable versatile versed vital well-honed well-versed willing world-class worldwide
    worth wonderful available added affected allocated associated consists consisting
    involved involving given known named called enabled enabling located consist allows
    appropriate additional mentioned following aforesaid abovementioned biweekly der die das
    und mit für von den dem des ein eine einer im zur zum bei auf aus als el la los las del
    con para por una uno en y de que al como su sus le les du et dans pour par sur aux une
    avec chez au ses il lo gli della delle dei nel nella per e di da che con alla o os do
    dos das na no em com uma um para het een van voor met bij op te
    """
)

# Allowed inside a phrase ("terms of reference", "plant and machinery"), never at its ends.
INNER_WORDS = frozenset({"of", "and"})

# Words that fit nearly every résumé: they never make a query specific.
GENERIC_WORDS = words(
    """
    academic academics admin aggregate annum board cgpa ctc curricular designation
    percentage marks passing pass passed grade gpa percent result score obtained joining
    relieving fresher country state town village street road plot nagar post india indian
    usa uk america american online remote offline onsite versa taluk district singing song
    songs dancing cricket music listening travelling traveling reading books surfing chess
    swimming movies playing hobby hobbies sec hsc ssc higher secondary declare knowledge
    belief born married single male female father mother son daughter family gender
    signature sign email mail mobile telephone website online internet computer computers
    windows basic basics corp inc llc ltd limited pvt pte plc private sr jr senior junior
    beginning easy edge end front group handling idea lower middle nature number order plan
    point respect set side site sized start style step thing things total type types use
    view ability achievement activities address applicant application area areas aspect
    background basis candidate career challenge challenging city class clients communication
    company companies competencies competency course cover current curriculum cv date
    department details document duties dynamic education educational employee employees
    employer employment english environment excellent excel exceptional experience
    experienced experiences field focus following full goal goals growth hard hardworking
    highlights history including individual individuals industry information interpersonal
    interview job jobs key knowledge language languages leadership letter level life list
    management manager member members microsoft name need needs objective objectives office
    operations opportunity organization organisation organizational oriented page part
    people performance person personal phone place position positions powerpoint problem
    process professional proficiency proficient profile project projects proven
    qualification qualifications quality reference references reliable requirements
    responsibilities responsibility result results resume résumé role roles school self
    service services skill skilled skills solution solving staff state strength strengths
    strong student students summary support system systems task tasks team teams technical
    tool tools training type university value vitae word words work worker works xxx
    """
)

# Lines that begin with one of these hold personal data or formulas, never evidence.
PERSONAL_LABELS = re.compile(
    r"\W*(?:(?:full |candidate |first |last |middle )?name|father|mother|spouse|husband|wife"
    r"|date of birth|d\.? ?o\.? ?b\b|birth|age|gender|sex|marital|religion|caste|nationality"
    r"|citizenship|passport|visa status|blood|height|weight|address|permanent|present address"
    r"|current address|residence|pin ?code|zip|dist\b|district|phone|mobile|mob\b|tel|cell|fax"
    r"|e-?mail|contact|linkedin|github|website|skype|declaration|i hereby|signature|yours|place\b"
    r"|dated?\b|references?\b|referees?\b|salary|notice period|pan\b|aadha?ar|hobb(?:y|ies)"
    r"|hereby|to whom|page\b|warning|evaluation warning|confidential|curriculum vitae"
    r"|r[eé]sum[eé]\b)",
    re.IGNORECASE,
)

# Lemma → verbs that a recruiter may put in its place (each of them a lemma of this table).
VERBS: dict[str, tuple[str, ...]] = {
    line.split(":")[0].strip(): tuple(line.split(":")[1].split())
    for line in """
    achieve: reach
    acquire: win bring
    administer: manage run
    adapt: adjust
    adjust: adapt
    advise: counsel guide
    allocate: assign
    analyze: examine study evaluate
    apply: use
    appraise: assess
    approve: authorize
    arrange: organize plan
    assemble: build
    assess: evaluate review judge
    assign: allocate
    assist: help support
    attend:
    audit: check review
    authorize: approve
    automate: script
    balance: reconcile
    book: arrange
    brief: inform
    bring:
    budget: plan
    build: create develop construct
    calculate: compute
    calibrate: adjust
    care: look
    chair: lead
    check: verify inspect
    clean: maintain
    coach: mentor train
    code: program write
    collaborate: work
    collect: gather
    communicate: talk
    compare:
    compile: gather prepare
    complete: finish
    compose: write
    compute: calculate
    conduct: run perform lead
    configure: install
    construct: build
    consult: advise
    control: manage monitor
    convert: turn
    cook: prepare
    coordinate: organize arrange
    counsel: advise coach
    create: build develop design
    cultivate: grow build
    debug: troubleshoot fix
    define: specify
    delegate: assign
    deliver: provide
    demonstrate: show
    deploy: install release
    design: create plan
    determine: decide
    develop: build create
    devise: design create
    diagnose: identify troubleshoot
    direct: lead manage
    dispense: supply
    distribute: deliver
    document: write record
    draft: write prepare
    drive: lead
    edit: revise
    educate: teach train
    eliminate: remove
    enforce: apply
    engage: involve
    engineer: build design
    enhance: improve
    ensure: guarantee
    enter: record
    establish: create found
    estimate: calculate
    evaluate: assess review
    examine: review inspect
    execute: run perform
    expand: grow extend
    explain: teach
    extend: expand
    facilitate: run support
    file: record
    finish: complete
    fix: repair
    forecast: predict
    formulate: develop write
    found: establish
    gather: collect
    generate: produce
    greet: welcome
    grow: expand increase
    guarantee: ensure
    guide: coach advise
    handle: manage process
    head: lead run
    help: assist support
    hire: recruit
    host: run
    identify: find
    implement: introduce deploy
    import:
    improve: enhance
    increase: raise grow
    inform: brief
    initiate: start launch
    inspect: check examine
    install: configure
    instruct: teach train
    integrate: connect
    interpret: read
    interview:
    introduce: launch start
    investigate: examine research
    judge: assess
    launch: start introduce
    lead: head manage run
    leverage: use
    liaise: coordinate
    load:
    maintain: keep service
    manage: run lead oversee
    manufacture: make produce
    market: promote sell
    measure: track
    mediate:
    mentor: coach train
    migrate: move
    mix:
    model:
    modify: change adapt
    monitor: track watch
    motivate: encourage
    move:
    negotiate: agree
    observe: watch
    obtain: get
    operate: run use
    optimize: improve tune
    order: buy
    organize: arrange plan
    originate: start
    oversee: manage supervise
    participate:
    perform: carry conduct
    pick:
    pilot: test
    plan: organize schedule
    post: record
    predict: forecast
    prepare: compile draft
    present: show
    process: handle
    procure: buy purchase
    produce: make create
    program: code write
    promote: market
    propose: suggest
    provide: give deliver offer
    publish: release
    purchase: buy procure
    query:
    receive:
    recommend: suggest
    reconcile: balance
    record: document log
    recruit: hire
    redesign: rework
    reduce: cut lower
    register: record
    release: deploy
    remove:
    repair: fix
    replace: change
    report:
    represent:
    research: investigate study
    resolve: solve fix
    restore: repair
    restructure: reorganize
    review: check evaluate
    revise: update
    run: manage operate
    schedule: plan book
    secure: win
    select: choose
    sell: market
    serve: support
    service: maintain
    set:
    ship: send
    simplify: streamline
    solve: resolve
    spearhead: lead
    staff: recruit
    stock:
    streamline: simplify improve
    study: examine
    submit: send
    supervise: oversee manage
    supply: provide
    support: help assist
    teach: train instruct
    test: check
    track: monitor
    train: teach coach
    transcribe:
    transfer: move
    transform: change
    translate:
    treat:
    troubleshoot: debug diagnose fix
    tune: optimize
    tutor: teach
    update: revise maintain
    upgrade: update
    use: operate
    utilize: use
    validate: verify check
    verify: check confirm
    visit:
    weld: join
    win: secure
    wire:
    work:
    write: draft prepare
    """.splitlines()
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
_DOUBLED = words(
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
NOUN_LIKE = words(
    """
    audit book brief budget care check coach code control cook counsel design document draft
    drive engineer estimate file forecast fix guide head help host import interview lead
    load market measure mix model monitor move order pick pilot plan post present process
    produce program purchase query record release repair report research review schedule
    secure service set ship staff stock study supply support test track train transfer tune
    tutor update upgrade use visit weld wire work
    """
)

# Last words of job titles.
TITLE_HEADS = words(
    """
    accountant accounting actuary administrator adviser advisor agent analyst apprentice
    architect artist assistant associate attendant attorney auditor aide baker banker
    barista bartender biologist bookkeeper broker builder butcher buyer captain caregiver
    carer carpenter cashier chairman chef chemist cleaner clerk clinician coach consultant
    contractor controller cook coordinator co-ordinator copywriter counsel counselor
    counsellor dba dentist designer developer dietitian director dispatcher doctor driver
    economist editor educator electrician engineer estimator evangelist executive expert
    farmer fitter foreman forester founder gardener guard hairdresser head housekeeper
    hygienist illustrator inspector instructor intern interpreter investigator janitor
    journalist judge lawyer leader lecturer librarian lieutenant machinist manager marketer
    mason mechanic mentor merchandiser midwife miner nanny nurse nutritionist officer
    operator orderly organizer owner painter paralegal paramedic partner pharmacist
    phlebotomist photographer physician physicist physiotherapist pilot planner plumber
    porter president principal producer professor programmer psychologist publicist
    receptionist recruiter reporter representative rep researcher roofer salesman
    salesperson scheduler scientist secretary sergeant social-worker specialist statistician
    steward stocker strategist stylist superintendent supervisor surgeon surveyor teacher
    technician technologist teller tester therapist trader trainee trainer translator
    treasurer tutor underwriter veterinarian waiter waitress warehouseman welder worker
    writer
    """
)

# Words in -ing and -ed that begin a noun phrase rather than a clause.
NOUN_STARTS = words(
    """
    accounting advertising banking billing bookkeeping branding budgeting building catering
    coaching coding computing consulting cooking counseling counselling copywriting drilling
    editing engineering farming filing financing fundraising housing landscaping learning
    lending lighting machining manufacturing marketing merchandising mining modeling
    modelling networking nursing operating outsourcing packaging parenting pricing printing
    processing programming publishing purchasing recruiting reporting rigging routing
    sales-training scheduling screening sewing shipping spring staffing styling surveying
    swimming teaching testing ticketing trading training tutoring underwriting versioning
    welding wiring writing advanced automated certified connected cross-functional
    distributed embedded fixed gated integrated licensed limited managed mixed registered
    restricted secured shared unified unsecured used-car
    """
)
# Endings of words that do not stand alone as the name of a skill.
ADJECTIVE_ENDINGS = ("ive", "al", "ous", "ful", "able", "ible", "ary", "less", "ed", "ent", "ant")
