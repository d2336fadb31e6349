"""Masking web addresses of a candidate's own, and handles."""

import re
from collections.abc import Iterator

from cvseeker.resumes.names import PersonName
from cvseeker.resumes.spans import before, replace_spans

_DOTTED = re.compile(r"\.[A-Za-z]{2}|(?<![\w/])in/\w|data:image")
_SITES = (
    r"linkedin|github|gitlab|bitbucket|stackoverflow|behance|dribbble|twitter|facebook|instagram|"
    r"medium|kaggle|leetcode|hackerrank|researchgate|orcid|scholar\.google|youtube|vimeo|t|x|xing|"
    r"codepen|hackerearth|codechef|linktr|wa|angel|wellfound|huggingface|soundcloud|artstation|"
    r"indeed|viadeo|malt|topcoder|deviantart|flickr|tumblr|pinterest|tiktok|threads|academia|vk|"
    r"infojobs|goldenline|about|academia|quora|substack|calendly|credly|gulp|freelancermap"
)
_TAIL = r"[^\s\[\]<>\"|•·，、。）]"
_URL = re.compile(
    rf"(?<![\w@.-])(?:(?:https?|ftp)://{_TAIL}{{1,500}}+|www\.[\w-]{{1,63}}\.{_TAIL}{{1,500}}+"
    rf"|(?:[\w-]{{1,20}}\.)?(?:{_SITES})[ ]?\.[ ]?(?:com|org|net|me|ee|co|io|edu|de|fr|ru|pl)[ "
    rf"]?/[ ]?{_TAIL}{{1,300}}+"
    r"|data:image/[\w.+-]{1,20};base64,[\w+/=]{1,500}+[\w+/=]*"
    # A host with a path below it, and a host of the sort that people keep for themselves.
    rf"|(?:[a-z\d-]{{1,63}}\.){{1,3}}[a-z]{{2,6}}/~?[\w-]{_TAIL}{{0,300}}+|(?<!/)(?:in"
    rf"|profile)/[\w%-]{{4,60}}(?![\w/])"
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
    r"(?i)(?:web(?:site)?|site|portfolio|blog|home ?page|url|online|linkedin|github|profile|xing|"
    r"webseite|sito(?: web)?|site web|página web|strona|сайт)\s*[|:：\-–]?\s*$"
)
_CONTACT_LINE = re.compile(r"\[(?:EMAIL|PHONE|URL)\]")
_TRAILING = ".,;:!?'’"

_HANDLE = re.compile(r"@(?<![\w.)].)[A-Za-z\d][\w.-]{1,40}\w(?![\w@/(])")
_CALLED = re.compile(
    r"(?i)(?<!\w)(?:skype|telegram|twitter|insta(?:gram)?|wechat|微信|line|qq|whatsapp|discord"
    r"|signal|slack|"
    r"snapchat|mastodon|github|gitlab|kaggle|leetcode|handle|linkedin|xing|icq)(?: (?:id|name"
    r"|user|handle))?"
    r"[ \t]{0,3}[:：=|](?!//)[ \t]{0,3}(?P<value>@?[A-Za-z\d][\w.-]{1,40}\w)(?![\w@/(])"
)
# Words behind an at sign that are code, not people.
_CODE = re.compile(
    r"@(?:[A-Z][a-z]+(?:[A-Z][a-z]+)*\b|(?:autowired?|controller|component|service|repository|bean|"
    r"property|staticmethod|classmethod|dataclass|override|media|import|angular|types|param"
    r"|return)\b)"
)


def mask_links(text: str, person: PersonName) -> tuple[str, int]:
    """Mask addresses, and bare hosts that have the name, a label or contacts beside them."""
    if not _DOTTED.search(text):
        return text, 0
    total = 0
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if _DOTTED.search(line):
            lines[place], number = _mask_line(line, person)
            total += number
    return "\n".join(lines), total


def _mask_line(line: str, person: PersonName) -> tuple[str, int]:
    line, total = _URL.subn(_mask_url, line)
    spans = []
    for match in _HOST.finditer(line):
        around = line[max(0, match.start() - 200) : match.end() + 200]
        own = person.find(re.sub(r"[.-]", " ", match[0]))
        if own or _SITE_LABEL.search(before(match, 20)) or _CONTACT_LINE.search(around):
            spans.append(match.span())
    return replace_spans(line, spans, "[URL]"), total + len(spans)


def _mask_url(match: re.Match[str]) -> str:
    url = match[0].rstrip(_TRAILING)
    if url.endswith(")") and url.count("(") < url.count(")"):
        url = url.rstrip(_TRAILING + ")")
    return "[URL]" + match[0][len(url) :]


def handle_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of "@jd_87", and of what stands behind "Skype:" and the like."""
    for match in _HANDLE.finditer(text):
        if not _CODE.match(match[0]) or re.search(r"[\d_]", match[0]):
            yield match.span()
    yield from (match.span("value") for match in _CALLED.finditer(text))
