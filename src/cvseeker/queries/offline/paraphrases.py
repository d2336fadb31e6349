"""Other words for the same thing: what the résumé calls it → what a recruiter may type."""

import random
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

# Members of a group joined by "|" may stand for each other; what is left of ">" is only replaced.
_GROUPS = """
customer service | client support | customer care ; customer satisfaction | happy customers
customer relations | client relations ; customer complaints | client complaints
customers > clients ; customer > client ; clients > customers ; client > customer
staff > employees | team ; employees > staff ; team members > colleagues
accounts payable | supplier invoices | AP ; accounts receivable | customer invoices | AR
general ledger | GL ; bookkeeping > keeping the books ; payroll > wages ; budget > finances
financial statements > accounts ; financial reporting > financial reports
month end | monthly close ; internal audit > internal controls ; invoices > bills
revenue > turnover ; cold calling > telephone sales ; lead generation > finding new leads
business development > winning new business ; key accounts > major clients
account management > looking after accounts ; merchandising > product displays
point of sale | POS ; cash register > till ; inventory | stock
inventory control | stock control ; warehouse > storage ; shipping > dispatch
purchasing | procurement | buying ; vendors | suppliers ; vendor | supplier
supply chain > logistics ; forklift | fork truck ; truck driver | lorry driver
trucks > vehicles ; human resources | HR ; recruitment | hiring | talent acquisition
recruiting > hiring ; onboarding > induction of new starters
employee relations | staff relations ; performance appraisals | performance reviews
training programs | courses ; curriculum > lesson plans ; lesson plans > teaching plans
students > pupils | learners ; classroom > class ; special education | special needs
early childhood > preschool ; intensive care unit | ICU | intensive care ; icu > intensive care
emergency room | emergency department | A&E ; emergency department > emergency room | ER
operating room | operating theatre ; electronic medical records | EMR
emr > electronic patient records ; ehr > electronic health records ; vital signs > observations
medication administration > giving medicines ; medications > medicines | drugs
home health > care at home
long term care | nursing home ; mental health | psychiatric ; physical therapy | physiotherapy
speech therapy > speech and language work ; blood draws | phlebotomy
infection control > infection prevention ; cpr > resuscitation ; first aid > emergency aid
social work > case work ; case management > case work ; fundraising > raising funds
grant writing > grant applications ; volunteers > helpers ; software development | programming
web development | building websites ; web application | web app ; web applications | web apps
web services > APIs ; web pages > website ; website | web site ; mobile application | mobile app
mobile applications | mobile apps ; user interface | UI ; front end | frontend
back end | backend ; machine learning | ML ; artificial intelligence | AI
natural language processing | NLP ; data warehouse > data warehousing | DWH
data analysis | data analytics ; data entry > typing in data ; databases > DBs ; database > DB
object relational mapping | ORM ; unit testing | unit tests ; test cases > test scripts
quality assurance | QA ; quality control | QC ; version control > source control
continuous integration | CI ; requirements gathering > collecting requirements
user acceptance testing | UAT ; amazon web services | AWS ; google cloud platform | GCP
kubernetes | k8s ; javascript | JS ; typescript | TS ; microsoft office | MS Office
ms excel > Excel | spreadsheets ; microsoft excel > Excel | spreadsheets ; powerpoint > slides
active directory | AD ; help desk | service desk ; technical support | tech support
network security > securing networks ; disaster recovery > DR ; operating systems | OS
servers > server ; project management | managing projects ; project manager | PM
stakeholders > interested parties ; process improvement > better processes
six sigma > lean six sigma ; risk management > managing risk ; risk assessment | risk analysis
regulatory compliance | compliance ; anti-money laundering | AML ; aml > anti-money laundering
kyc > know your customer ; mortgage > home loan ; mortgages > home loans
home loans > mortgages ; home loan > mortgage ; loan > credit ; loans > credit | lending
underwriting > credit decisions ; insurance claims > claims
financial analysis > analysing finances ; wealth management > private banking
relationship manager | client manager ; social media > Facebook and Instagram
social media marketing > social marketing ; search engine optimization | SEO
seo > search optimisation ; content creation > writing content ; copywriting > writing copy
press releases > media releases ; public relations | PR ; event planning | organising events
graphic design > visual design ; branding > brand work ; adobe creative suite | Adobe CS
photo editing > retouching ; construction sites > building sites
blueprints > technical drawings ; carpentry > woodwork ; plumbing > pipework
hvac > heating and air conditioning ; preventive maintenance > planned maintenance
maintenance > upkeep ; heavy equipment > plant machinery ; machinery > machines
welding > welder ; manufacturing > production ; assembly line > production line
lean manufacturing > lean production ; health and safety | HSE
occupational safety > workplace safety ; safety procedures > safety rules ; aircraft > planes
flight attendant | cabin crew ; airframe and powerplant > A&P ; vehicles > cars
automotive > motor trade ; menu planning > planning menus ; food preparation | food prep
food safety > food hygiene ; fine dining > upscale restaurant ; restaurant > food service
catering > event food ; housekeeping > cleaning ; front desk | reception
personal training > fitness coaching ; fitness > exercise ; nutrition > diet ; crops > farming
livestock > farm animals ; pest control > pest management ; irrigation > watering systems
legal research > case law research ; litigation > court cases ; contracts > agreements
paralegal > legal assistant ; call center | call centre | contact centre
filing > record keeping ; scheduling > planning ; spreadsheets > Excel
correspondence > letters and e-mail ; bilingual > two languages ; bachelor's degree > degree
bachelors degree > degree ; bachelor of science | BSc ; bachelor of arts | BA
bachelor of commerce | BCom ; b.com | BCom | bachelor of commerce ; b.sc | BSc ; b.tech | BTech
mba > master of business administration ; master of science | MSc
certified public accountant | CPA ; chartered accountant | CA
driving license | driving licence ; driver's license | driving licence ; license > licence
certification > certificate ; certified > qualified ; vendor management > managing suppliers
team leader | team lead ; teamwork > working together ; implementation > roll-out | introduction
documentation > documents ; troubleshooting > fault finding ; deployment > release
monitoring > tracking
"""

_TITLES = """
sr. > senior ; sr > senior ; jr. > junior ; jr > junior ; asst > assistant ; mgr > manager
software engineer | software developer | programmer
software developer > developer | programmer ; java developer | java engineer | java programmer
full stack developer | full-stack engineer
web developer > frontend developer | website developer
data scientist > data science specialist ; data analyst > BI analyst
systems administrator | sysadmin ; system administrator | sysadmin ; business analyst | BA
network engineer > network specialist ; project manager | project lead
registered nurse | RN | nurse ; nurse practitioner | NP
certified nursing assistant | CNA ; caregiver | carer ; physician > doctor
accountant > accounting specialist ; staff accountant > accountant ; bookkeeper > accounts clerk
chief executive officer | CEO ; chief financial officer | CFO ; chief technology officer | CTO
human resources manager | HR manager ; hr generalist > HR officer
recruiter > talent acquisition specialist ; sales associate | shop assistant
sales representative | sales rep ; sales executive > salesperson ; sales manager > head of sales
account executive > account manager ; store manager | shop manager
cashier > checkout assistant
customer service representative | customer service rep | client adviser
administrative assistant | admin assistant ; executive assistant | PA
receptionist > front desk ; office manager > office administrator ; teacher > educator
instructor > trainer ; tutor > private teacher ; chef > cook ; sous chef > second chef
executive chef > head chef ; attorney | lawyer ; graphic designer > designer
mechanic > technician ; electrician > electrical tradesperson ; truck driver > HGV driver
driver > chauffeur ; consultant > adviser ; director > head ; personal trainer > fitness coach
relationship manager > client manager ; relationship officer > client officer
branch manager > head of branch ; team leader | team lead
"""


def _parse(groups: str) -> dict[str, tuple[str, ...]]:
    """Return lower-case wording → what may be put in its place."""
    table: dict[str, tuple[str, ...]] = {}
    for line in groups.replace(";", "\n").strip().splitlines():
        source, _, targets = line.partition(">")
        if targets:
            table[source.strip()] = tuple(target.strip() for target in targets.split("|"))
            continue
        members = [member.strip() for member in line.split("|")]
        for member in members:
            if member.lower() not in table:
                table[member.lower()] = tuple(other for other in members if other != member)
    return table


def _pattern(table: dict[str, tuple[str, ...]]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){_alternatives(sorted(table))}(?![\w-])", re.IGNORECASE)


def _alternatives(wordings: Sequence[str]) -> str:
    """Return a pattern of sorted wordings that branches letter by letter, the longest first.

    A plain list of some hundred wordings would be tried one by one at every word.
    """
    branches = [
        re.escape(letter) + _alternatives([wording[1:] for wording in group])
        for letter, group in groupby(filter(None, wordings), key=itemgetter(0))
    ]
    if not wordings[0]:
        branches.append("")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_TERMS, _ROLES = _parse(_GROUPS), _parse(_TITLES)
_TERM_PATTERN, _ROLE_PATTERN = _pattern(_TERMS), _pattern(_ROLES)


def _replace(
    text: str,
    table: dict[str, tuple[str, ...]],
    spans: Iterator[re.Match[str]],
    rng: random.Random,
    rate: float,
) -> str:
    pieces, end = [], 0
    for match in spans:
        if rng.random() < rate:
            pieces += [text[end : match.start()], rng.choice(table[match.group().lower()])]
            end = match.end()
    return "".join(pieces) + text[end:] if pieces else text


def paraphrase_term(text: str, rng: random.Random, *, rate: float) -> str:
    """Put other words for some of a text's trade terms.

    Parameters
    ----------
    text
        A phrase, or the object of a responsibility.
    rng
        Where chance comes from.
    rate
        Probability that a known term is replaced.

    Returns
    -------
    str
        The text; the same where it holds no known term.
    """
    return _replace(text, _TERMS, _TERM_PATTERN.finditer(text), rng, rate)


def paraphrase_title(text: str, rng: random.Random, *, rate: float) -> str:
    """Put another title for the same job.

    Parameters
    ----------
    text
        A job title as it stands in a résumé.
    rng
        Where chance comes from.
    rate
        Probability that a known title or a part of it is replaced.

    Returns
    -------
    str
        The title; the same where no other is known.
    """
    return _replace(text, _ROLES, _ROLE_PATTERN.finditer(text), rng, rate)
