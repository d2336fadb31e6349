"""Word lists that profiles are read with; all lower case."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text, to write a list down without quotes."""
    return frozenset(text.split())


# The last word of a job title, seniority and numbering aside.
TITLE_HEADS = words("""
accountant actor actuary adjuster administrator adviser advisor advocate agent aide ambassador
analyst anesthesiologist apprentice arborist arbitrator architect archivist artist assembler
assessor assistant associate astronomer attendant attorney auctioneer auditor author baker banker
barber barista barrister bartender beautician biochemist biologist blacksmith boilermaker
bookkeeper bricklayer broker builder butcher buyer captain caregiver caretaker carer carpenter
cartographer cashier caterer ceo cfo cheesemaker chef chemist chiropractor cio cleaner clerk
clinician coach cobbler coder collector columnist compliance composer concierge conductor
conservator consultant contractor controller cook coo coordinator co-ordinator copywriter corporal
correspondent counsel counsellor counselor courier crew cto curator custodian dancer dealer
dentist deputy dermatologist designer detective developer dietician dietitian director dispatcher
distiller docent doctor doula dramaturg driller driver ecologist economist editor educator
electrician embryologist engineer engraver entrepreneur epidemiologist estimator evaluator
examiner executive expert fabricator facilitator farmer farrier fellow filmmaker firefighter
fisher fisherman fitter florist forecaster foreman forester founder co-founder freelancer
fundraiser gardener generalist geographer geologist geophysicist glazier goldsmith grader groom
guard guide hairdresser handler handyman head herder historian host hostess hygienist illustrator
inspector installer instructor intern internist interpreter interviewer inventor investigator
janitor jeweler jeweller joiner journalist judge keeper laborer labourer landscaper lawyer leader
lecturer liaison librarian lieutenant lifeguard linguist machinist magistrate maker manager
marketer mason master mathematician mechanic mechanician mediator medic mentor merchandiser
merchant meteorologist microbiologist midwife miller millwright miner model moderator musician
nanny naturalist negotiator neurologist nurse nutritionist oceanographer officer oncologist
operative operator optician optometrist orderly organizer organiser originator owner packer
painter paralegal paramedic paraprofessional partner pastor pathologist pediatrician perfusionist
pharmacist phlebotomist photographer physicist physician physiologist physiotherapist picker pilot
planner plasterer plumber podiatrist porter potter practitioner preceptor preparer president
presenter principal printer processor producer professor programmer promoter proofreader provider
psychiatrist psychologist publicist purser radiographer radiologist rancher ranger realtor
receptionist recruiter registrar renovator reporter representative researcher restaurateur rigger
roofer sailor salesman salesperson saleswoman scaffolder scheduler scientist sculptor seamstress
secretary sergeant server sheriff shipwright shopkeeper smith sociologist soldier solicitor
sommelier sonographer specialist statistician stenographer steward stewardess stocker storekeeper
strategist stylist superintendent supervisor surgeon surveyor tailor teacher technician
technologist telemarketer teller tester therapist toolmaker trader trainee trainer translator
treasurer tutor typist underwriter upholsterer usher valet valuer veterinarian videographer
vintner vp waiter waitress warden weaver webmaster welder winemaker worker writer zoologist
""")

# Words that lead a title on: seniority and the like.
TITLE_TAILS = words("i ii iii iv v vi 1 2 3 4 intern trainee assistant lead")

# A heading's or a sentence's words, never part of a title or of a name.
NOT_IN_TITLES = words("""
able achieved achieving also am ability assisted been being completed create created developed
did do ensure ensured ensures experience experienced for from had has have helped hired i include
included includes including into is it its led managed managing my name our performed prepared
provide provided provides providing reported reporting reports responsibilities responsible
resume served serving skilled skills strong summary supervised supported that the their they this
through to trained training under up using various was we were when where which while who will
with within work worked working years your education university college school
""")

# Too common in headings and job titles to be anybody's name.
NOT_IN_NAMES = words("""
academic account accounting accounts address agency analysis and application applications apparel
area art arts associates auto automotive aviation bachelor bank banking bio biology bpo building
business capability care career center centre certificate certified chemical city clinical college
commercial communication communications community company computer confidential construction
contact content control core corp corporate council creative credit curriculum customer cv cyber
data declaration degree department description design details development digital district
economics editorial education electrical electronics email employee employment energy engineering
english enterprise environmental equipment event events executive experience facilities family
fashion field finance financial fitness food foreign freelance general global government graduate
graphic group head health healthcare high highlights hospital hotel human identity inc india
industrial information innovation institute insurance interior international internship inventory
investment junior key lab legal lead learning library limited line llc logistics ltd maintenance
management manufacturing market marketing mechanical media medical mental military mobile mortgage
name national network nursing objective office online operations other overview page park pastry
patient people prep personal phone photography policy portfolio pr private process product
production professional profile program programme project projects property public purchasing
quality references regional relations relationship reporting research resource resources
responsibilities restaurant resume retail risk road safety sales school science sciences security
select selected senior service services site skill skills social software solutions special sports
staff state store strategic strategy street studies summary supply support system systems talent
team technical technologies technology telecom test testing the title tax training transportation
travel university unit urban user vendor virtual vitae warehouse web work working world
""")

# Words that start, or come second in, a field of study.
FIELD_WORDS = words("""
accountancy accounting actuarial administration advertising aeronautical aerospace agricultural
agriculture agronomy animation anthropology apparel applied architecture archaeology art arts
astronomy audiology automotive aviation banking biochemistry bioinformatics biological biology
biomedical biotechnology botany broadcasting business chemical chemistry child childhood cinema
civil classics clinical cognitive commerce communication communications computer computing
construction counseling counselling creative criminal criminology culinary curriculum
cybersecurity dance data dental design development dietetics digital early ecology economics
education educational electrical electronic electronics elementary engineering english
entrepreneurship environmental event exercise fashion film finance financial fine food forensic
forestry general geography geology geophysics government graphic health healthcare history
horticulture hospitality hotel human humanities industrial informatics information instrumentation
insurance interior international jewellery journalism justice kinesiology labor law leadership
legal liberal library linguistics literature logistics management manufacturing marine marketing
mass materials mathematics math maths mechanical mechatronics media medical medicine metallurgy
microbiology midwifery molecular music network networking neuroscience nursing nutrition
occupational operations organizational pharmaceutical pharmacy philosophy photography
physical physics physiology physiotherapy political politics production psychology public
quantitative radiology real recreation religious robotics sales science sciences secondary
security social sociology software spanish special speech sports statistics studies supply
surveying sustainability systems taxation teaching technical technology telecommunications textile
textiles theater theatre theology tourism translation transportation urban veterinary visual water
web welding wildlife writing zoology
""")

# Trades that are surnames as well.
SURNAMES = words("""
baker barber brewer butcher carpenter chandler cook farmer fisher forester foreman gardener
goldsmith groom guard head judge mason merchant miller packer painter parson plumber porter potter
sailor sergeant smith steward tailor teller usher ward warden weaver
""")

LANGUAGES = words("""
afrikaans albanian amharic arabic armenian assamese azerbaijani bahasa basque belarusian bengali
bosnian bulgarian burmese cantonese catalan cebuano croatian czech danish dari dutch english
estonian farsi filipino finnish flemish french galician georgian german greek gujarati hausa
hawaiian hebrew hindi hungarian icelandic igbo ilocano indonesian irish italian japanese kannada
kazakh khmer kikuyu kinyarwanda konkani korean kurdish lao latin latvian lithuanian luxembourgish
macedonian malay malayalam maltese mandarin maori marathi mongolian nepali ndebele norwegian odia
oriya oromo pashto persian polish portuguese punjabi quechua romanian russian samoan sanskrit
scots serbian shona sindhi sinhala sinhalese slovak slovene slovenian somali sotho spanish
swahili swedish sylheti tagalog taiwanese tajik tamil telugu thai tibetan tigrinya tongan tswana
tulu turkish twi ukrainian urdu uzbek valencian vietnamese welsh wolof xhosa yiddish yoruba zulu
""")

US_STATES = words("""
al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny
nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy pr ab bc mb nb nl ns nt nu on pe qc sk yt
nsw vic qld tas act
""")

PLACES = frozenset(
    name.strip()
    for name in """
alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, georgia,
hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine, maryland,
massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska, nevada,
new hampshire, new jersey, new mexico, new york, north carolina, north dakota, ohio, oklahoma,
oregon, pennsylvania, rhode island, south carolina, south dakota, tennessee, texas, utah, vermont,
virginia, washington, west virginia, wisconsin, wyoming, ontario, quebec, british columbia,
alberta, argentina, australia, austria, bangladesh, belgium, bolivia, brazil, bulgaria, canada,
chile, china, colombia, costa rica, croatia, cyprus, czech republic, czechia, denmark, ecuador,
egypt, england, estonia, ethiopia, finland, france, germany, ghana, greece, hong kong, hungary,
iceland, india, indonesia, ireland, israel, italy, japan, jordan, kenya, kuwait, latvia, lebanon,
lithuania, luxembourg, malaysia, malta, mexico, morocco, namibia, nepal, netherlands,
new zealand, nigeria, northern ireland, norway, oman, pakistan, panama, peru, philippines, poland,
portugal, qatar, romania, rwanda, saudi arabia, scotland, senegal, serbia, singapore, slovakia,
slovenia, south africa, south korea, spain, sri lanka, sweden, switzerland, taiwan, tanzania,
thailand, the netherlands, tunisia, turkey, uae, uganda, uk, ukraine, united arab emirates,
united kingdom, united states, uruguay, usa, venezuela, vietnam, wales, zambia, zimbabwe,
andhra pradesh, assam, bihar, goa, gujarat, haryana, karnataka, kerala, madhya pradesh,
maharashtra, odisha, punjab, rajasthan, tamil nadu, telangana, uttar pradesh, west bengal
""".replace("\n", " ").split(",")
)

# Acronyms and camel-case words that are no skills.
NOT_SKILLS = words("""
aa ab am and as asap attn av ave b.a ba bba bcom be bs bsc btech ca ceo cfo cgpa cio city co
companyname corp coo cto cv dc dept dob dr etc eg esq fl ga gcse ged gpa hs hsc i ie ii iii il inc
ind iv jd jr la linkedin llb llc llp llm lp ltd ma mba mca md me ms msc mr mrs mtech na
no nj nsw nw ny nyc oh on or pa pgdm ph.d phd pin plc pm pt pvt rd re sc se si sr ssc sslc st ste
state svp tba tbd tel the to tx uk un us usa va vi vii vp vs wa wi xxx xxxx
""")

# Words that a reader would take apart by that rule, wrongly.
WHOLE_WORDS = words(
    """
    aboard about above abreast abroad across adept adrift afar afloat afoot afresh again ahead akin
    alight alike alive alone along aloud amiss amount apart area areas arise around array ascent
    ashore aside asleep aspect assess asset assets assign assist assort assume assure attest await
    awake award aware away awhile basis forbid force forecast foreign forest forever forge forget
    form formal format formation former formula forth fortune forum forward forwards inform into
    island isn issue notation often onto order other organ ourselves prepare theft theme themselves
    there thereby therefor therein thereof they today together tomorrow tonight total totally toward
    towards withdraw withdrawal withdrawals withheld withhold within without withstand whoever
    whole wholesale maybe
    """
)
# Halves of compounds rather than words: next to them only a pair seen apart counts.
AFFIXES = words(
    """
    abilities ability able anti auto back book counter cross down extra fold forward full half
    house hyper inter intra land less like line macro mega meta micro mini mobile more multi ness
    note over person photo post proof self semi ship side soft some super sub tele time town trans
    under ville ward ware wards ways where wide wise wood work worth yard
    """
)
