"""Word lists: function words, words that fit every résumé, personal labels, titles' last words.

Everything here is general language, written by hand; nothing is learnt from a data set.
"""

import re


def word_set(block: str) -> frozenset[str]:
    """Return the words of a block of text.

    Parameters
    ----------
    block
        Words with white space between them.

    Returns
    -------
    frozenset of str
    """
    return frozenset(block.split())


# English, and the commonest function words of the languages résumés are otherwise written in.
STOP_WORDS = word_set(
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
    dos das na no em com uma um para het een van voor met bij op te coming going dealing
    relating depending belonging relates operates integrates provides includes contains
    hereby i.e e.g etc regards various
    """
)

# Allowed inside a phrase ("terms of reference", "plant and machinery"), never at its ends.
INNER_WORDS = frozenset({"of", "and"})

# Words that fit nearly every résumé: they never make a query specific.
GENERIC_WORDS = word_set(
    """
    player working academic academics admin aggregate annum board companyname cgpa ctc curricular
    designation percentage marks passing pass passed grade gpa percent result score obtained
    joining relieving fresher country state town village street road plot nagar post india
    indian usa uk america american online remote offline onsite versa taluk district singing
    song songs dancing cricket music listening travelling traveling reading books surfing
    chess swimming movies playing hobby hobbies sec hsc ssc higher secondary declare
    knowledge belief born married single male female father mother son daughter family
    gender signature sign email mail mobile telephone website online internet computer
    computers windows basic basics corp inc llc ltd limited pvt pte plc private sr jr senior
    junior beginning easy edge end front group handling idea lower middle nature number
    order plan point respect set side site sized start style step thing things total type
    types use view ability achievement activities address applicant application area areas
    aspect background basis candidate career challenge challenging city class clients
    communication company companies competencies competency course cover current curriculum
    cv date department details document duties dynamic education educational employee
    employees employer employment english environment excellent excel exceptional experience
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
    tool tools training type university value vitae word words work worker works xxx hindu
    muslim christian sikh jain buddhist catholic matriculation intermediate declaration
    self-declaration nationality plant-training curriculum-vitae bio-data biodata
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
    r"|hereby|to whom|self[ -]declaration|page\b|warning|confidential|curriculum vitae"
    r"|r[eé]sum[eé]\b)",
    re.IGNORECASE,
)

# Anywhere in a line, these tell an address.
ADDRESSES = re.compile(
    r"\b(?:nagar|vihar|colony|taluka?|tehsil|vill|dist|pin ?code|p\.o|post box|h\.? ?no|door no"
    r"|flat no|plot no|house no|po box|apt)\b"
    r"|^\W*\d+[\w/-]*,? (?:[\w.]+ ){1,4}(?:street|st|avenue|ave|road|rd|lane|drive|blvd)\b",
    re.IGNORECASE,
)

# Last words of job titles.
TITLE_HEADS = word_set(
    """
    accountant actuary administrator adviser advisor agent analyst apprentice
    architect artist assistant associate attendant attorney auditor aide baker banker
    barista bartender biologist bookkeeper broker builder butcher buyer captain caregiver
    carer carpenter cashier chairman chef chemist cleaner clerk clinician coach consultant
    contractor controller cook coordinator co-ordinator copywriter counsel counselor
    counsellor dba dentist designer developer dietitian director dispatcher doctor driver
    economist editor educator electrician engineer estimator evangelist executive expert
    farmer fitter foreman forester founder gardener hairdresser head housekeeper
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
NOUN_STARTS = word_set(
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
