"""Masking what identifies a candidate, so that it never leaves the machine.

E-mails, phones, web addresses, handles, street addresses, dates of birth, identity numbers and the
candidate's name become placeholders in brackets. Cities and regions stay, since recruiters ask for
them, and so does every other number: years, money, percentages, versions, standards, quantities.

Every pattern is bounded or possessive and starts behind a look-behind: time is linear in the text.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from cvseeker.resumes.lexicon import MONTH
from cvseeker.resumes.names import PersonName
from cvseeker.resumes.redaction.addresses import mask_addresses
from cvseeker.resumes.redaction.masking import before, mask, replace_spans
from cvseeker.resumes.redaction.phones import mask_phones


@dataclass(frozen=True, slots=True)
class Redaction:
    """A masked text.

    ``counts`` says how many placeholders of each sort were put in: ``email``, ``phone``, ``url``,
    ``handle``, ``address``, ``birthdate``, ``id``, ``name``.
    """

    text: str
    counts: Mapping[str, int]


_MAIL_HOSTS = "gmail|yahoo|hotmail|outlook|live|icloud|aol|rediffmail|proton(?:mail)?|gmx|web|ymail"
_AT = r"(?:@\n?|[ \t]?[\[(](?:at|AT)[\])][ \t]?)"
_DOT = r"(?:\.|[ \t]?[\[(](?:dot|DOT)[\])][ \t]?)"
_EMAIL = re.compile(
    rf"(?<![\w.+%-])[\w.+%'-]{{1,64}}+(?:{_AT}[\w-]{{1,63}}+(?:{_DOT}[\w-]{{1,63}}+){{1,5}}+"
    rf"|[ \t]?@[ \t]?(?i:{_MAIL_HOSTS})[ \t]?\.[ \t]?[a-z]{{2,4}}(?:\.[a-z]{{2}})?)"
)

_DOTTED = re.compile(r"\.[A-Za-z]{2}")
_SITES = (
    r"linkedin|github|gitlab|bitbucket|stackoverflow|behance|dribbble|twitter|facebook|instagram|"
    r"medium|kaggle|leetcode|hackerrank|researchgate|orcid|scholar\.google|youtube|vimeo|t|x|xing|"
    r"codepen|hackerearth|codechef|linktr|wa|angel|wellfound|huggingface|soundcloud|artstation"
)
_TAIL = r"[^\s\[\]<>\"|•·]"
_URL = re.compile(
    rf"(?<![\w@.-])(?:(?:https?|ftp)://{_TAIL}{{1,500}}+|www\.[\w-]{{1,63}}\.{_TAIL}{{1,500}}+"
    rf"|(?:[\w-]{{1,20}}\.)?(?:{_SITES})\.(?:com|org|net|me|ee|co|io|edu|de)/{_TAIL}{{1,300}}+"
    # A host with a path below it, and a host of the sort that people keep for themselves.
    rf"|(?:[a-z\d-]{{1,63}}\.){{1,3}}[a-z]{{2,6}}/~?[\w-]{_TAIL}{{0,300}}+"
    r"|[a-z\d-]{2,63}\.(?:[a-z\d-]{2,63}\.)?(?:dev|page|blog|xyz|me|site|online|website|github\.io|"
    r"netlify\.app|vercel\.app|wordpress\.com|blogspot\.com|substack\.com|carrd\.co)(?![\w.-]))",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?<![\w@./-])(?:[a-z\d][a-z\d-]{0,62}\.){1,3}"
    r"(?:com|org|net|io|ai|co|info|biz|eu|us|uk|de|fr|nl|in|ca|au|ch|at|es|it|se|no|dk|pl|br)"
    r"(?![\w-])(?!\.\w)"
)
_SITE_LABEL = re.compile(
    r"(?i)(?:web(?:site)?|site|portfolio|blog|home ?page|url|online|linkedin|github|profile)"
    r"\s*[:\-–]?\s*$"
)

_ID = re.compile(
    r"(?i)(?<!\w)(?:passport|ssn|social security|aadh?aa?r|adhar|pan(?: card)?|national id|nino|"
    r"national insurance|tax id|curp|cpf|nric|emirates id|id(?: card)?|identity(?: card)?|"
    r"personalausweis|driv(?:ing|er['’]?s?) licen[cs]e|uan|orcid|voter id|steuer-?id|pesel)"
    r"(?!\w)\.?(?: (?:n[o°º]|number|num|nr|details?|#)\.?)?[ \t]{0,20}[:#№.=-]{0,3}\s?"
    r"(?P<value>(?=(?:[A-Z-]{0,6}\d){4})(?:\d{4}(?:[ -]\d{4}){1,3}|"
    r"(?!(?:19|20)\d\d(?![\d-]))[A-Z\d][A-Z\d-]{4,19})(?!\w))"
)
# Without one of these there is no identity number, as without those below no date of birth.
_ID_SIGNS = tuple(
    "passport|ssn|social sec|aadh|aadar|adhar|pan card|pan no|pan:|pan :|nino|national i|ni n|"
    "tax id|curp|cpf|nric| id:| id | id#| id.|\nid|ates id|identity|ausweis|licence n|license n|"
    "licence:|license:|licence #|license #| uan|orcid|voter|steuer|pesel".split("|")
)
_SSN = re.compile(r"\d(?<![\w-]\d)\d\d-\d{2}-\d{4}(?![\w-])")

# In English, German, French and Spanish.
_MONTH = (
    rf"(?:{MONTH}|m[aä]r|mai|okt|dez|janv|f[eé]v|avr|ao[uû]|d[eé]c|ene|abr|ago|dic)[a-zéûä]{{0,9}}"
)
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[\s./,-]{{0,3}}(?:of\s)?{_MONTH}[\s./,'-]{{0,3}}(?:\d{{4}}|\d\d)?"
    r"|\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:\d{4}|\d\d)|\d{4}[./-]\d{1,2}[./-]\d{1,2}"
    # Behind a month.
    r"|\d{1,2}(?:st|nd|rd|th)?[\s.,-]{1,3}\d{4}|(?:19|20)\d\d)(?!\w)"
)
_MONTH_BEFORE = re.compile(rf"(?i)(?<!\w){_MONTH}[\s.,-]{{0,3}}$")
_BIRTHDATE = re.compile(
    r"(?i)(?<!\w)(?:d\.?\s?o\.?\s?b\b\.?|date\s{0,3}of\s{0,3}birth|birth\s?-?dat(?:e|um)|birthday|"
    r"geburtsdatum|geboren|date de naissance|fecha de nacimiento|data di nascita|nacimiento|"
    rf"n[ée]e? le|born(?![\w-]))[^\d\[\]\n;|·•]{{0,60}}+[\s:.,–-]{{0,20}}+(?P<value>{_DATE})"
)

_BIRTH_SIGNS = tuple(
    "birth|born|dob|d.o|d. o|gebor|geburt|naissance|nacimiento|nascita|né le|née le".split("|")
)

_HANDLE = re.compile(r"@(?<![\w.)].)[A-Za-z\d][\w.-]{1,40}\w(?![\w@/(])")
_CALLED = re.compile(r"[:=](?!//)[ \t]{0,3}(?P<value>@?[A-Za-z\d][\w.-]{1,40}\w)(?![\w@/(])")
_HANDLE_LABEL = re.compile(
    r"(?i)(?<!\w)(?:skype|telegram|twitter|insta(?:gram)?|wechat|whatsapp|discord|signal|slack|"
    r"snapchat|mastodon|github|gitlab|kaggle|leetcode|handle|linkedin)(?: (?:id|name|user|handle))?"
    r"[ \t]{0,3}$"
)
# Words behind an at sign that are code, not people.
_CODE = re.compile(
    r"@(?:[A-Z][a-z]+(?:[A-Z][a-z]+)*\b|(?:autowired?|controller|component|service|repository|bean|"
    r"property|staticmethod|classmethod|dataclass|override|media|import|angular|types|param|return)\b)"
)

_CONTACT_LINE = re.compile(r"\[(?:EMAIL|PHONE|URL)\]")
# Two passes do but for texts made to defy them; no match crosses more lines.
_MOST_PASSES, _NEIGHBOURS = 8, 3
_TRAILING = ".,;:!?'’"


def redact(text: str, *, name: str = "") -> Redaction:
    """Mask what identifies the candidate.

    Parameters
    ----------
    text
        A résumé or a passage of one.
    name
        The candidate's full name, as the profile or an ingest has it. Where it is empty, the text's
        first line is taken for a name if an e-mail address in the text confirms it.

    Returns
    -------
    Redaction
        The masked text, in which masking again changes nothing, and the counts by sort.

    Examples
    --------
    >>> redact("Jane Doe, Oslo, jane@example.com: Jane led 12 nurses", name="Jane Doe").text
    '[NAME], Oslo, [EMAIL]: [NAME] led 12 nurses'
    """
    counts: Counter[str] = Counter()
    person = PersonName.from_text(text, name=name)
    start, end = "", ""
    for _ in range(_MOST_PASSES):
        masked = _mask_once(text, person, counts)
        if masked == text:
            break
        # What is masked may make plain what stands beside it, so look again, but only there.
        head, text, tail = _changed_part(text, masked)
        start, end = start + head, tail + end
    return Redaction(text=start + text + end, counts=dict(counts))


def _changed_part(old: str, new: str) -> tuple[str, str, str]:
    """Cut a text in three, so that all that changed, with its neighbours, is in the middle."""
    lines, others = new.splitlines(keepends=True), old.splitlines(keepends=True)
    most = min(len(lines), len(others))
    first = next((place for place in range(most) if lines[place] != others[place]), most)
    last = next((place for place in range(most) if lines[-1 - place] != others[-1 - place]), most)
    first = max(0, first - _NEIGHBOURS)
    last = max(first, len(lines) - max(0, last - _NEIGHBOURS))
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def _mask_once(text: str, person: PersonName, counts: Counter[str]) -> str:
    def noted(sort: str, masked: tuple[str, int]) -> str:
        counts.update({sort: masked[1]} if masked[1] else {})
        return masked[0]

    # Most passages have little to mask: plain searches spare them most patterns.
    if "@" in text or "(at)" in text.lower() or "[at]" in text.lower():
        text = noted("email", mask(_EMAIL, text, "[EMAIL]"))
    if _DOTTED.search(text):
        lines = [_mask_links(line, person, counts) for line in text.split("\n")]
        text = "\n".join(lines)
    lower = text.lower()
    if any(sign in lower for sign in _ID_SIGNS):
        text = noted("id", mask(_ID, text, "[ID]"))
    text = noted("id", mask(_SSN, text, "[ID]"))
    if any(sign in lower for sign in _BIRTH_SIGNS):
        text = noted("birthdate", _BIRTHDATE.subn(_mask_birthdate, text))
    text = noted("phone", mask_phones(text))
    text = noted("handle", mask(_HANDLE, text, "[HANDLE]", accept=_is_handle))
    text = noted("handle", mask(_CALLED, text, "[HANDLE]", accept=_is_called_handle))
    text = noted("address", mask_addresses(text))
    spans = person.find(text)
    return noted("name", (replace_spans(text, spans, "[NAME]"), len(spans)))


def _mask_birthdate(match: re.Match[str]) -> str:
    return _MONTH_BEFORE.sub("", match[0][: match.start("value") - match.start()]) + "[BIRTHDATE]"


def _mask_url(match: re.Match[str], *, counts: Counter[str]) -> str:
    counts["url"] += 1
    url = match[0].rstrip(_TRAILING)
    if url.endswith(")") and url.count("(") < url.count(")"):
        url = url.rstrip(_TRAILING + ")")
    return "[URL]" + match[0][len(url) :]


def _is_handle(match: re.Match[str]) -> bool:
    return not _CODE.match(match[0]) or bool(re.search(r"[\d_]", match[0]))


def _is_called_handle(match: re.Match[str]) -> bool:
    """Tell what stands behind "Skype:" and the like."""
    return bool(_HANDLE_LABEL.search(before(match, 30)))


def _mask_links(line: str, person: PersonName, counts: Counter[str]) -> str:
    """Mask addresses, and bare hosts that have the name, a label or contacts beside them."""
    if "." not in line or not _DOTTED.search(line):
        return line
    line = _URL.sub(partial(_mask_url, counts=counts), line)
    spans = []
    for match in _HOST.finditer(line):
        around = line[max(0, match.start() - 200) : match.end() + 200]
        own = person.find(re.sub(r"[.-]", " ", match[0]))
        if own or _SITE_LABEL.search(before(match, 20)) or _CONTACT_LINE.search(around):
            spans.append(match.span())
    counts.update({"url": len(spans)} if spans else {})
    return replace_spans(line, spans, "[URL]")
