"""Masking street addresses; the city and the region beside them stay."""

import re
from collections.abc import Iterator, Sequence

from cvseeker.resumes.labels import Label
from cvseeker.resumes.lexicon import STATES
from cvseeker.resumes.redaction.streets import STREETS
from cvseeker.resumes.spans import before, mask

# Behind their first letters: a pattern that begins with a set of characters fails soonest.
_STATES = "|".join(rf"(?<={state[0]}){state[1:]}" for state in sorted(map(str.upper, STATES)))

# "12 Elm Street", "221B Baker St., Apt 4".
_WORD = r"(?:[A-Z\d][\w'’.-]{0,24}[ \t]+)"
_UNIT = (
    r"(?:,?[ \t]{0,2}(?:#[ \t]?|(?:Apartment|Apt|Unit|Suite|Ste|Flat|Floor|Fl|Room|Rm|Wing)\b"
    r"[.#: \t]{0,3}(?:No\.?[ \t]?)?)[\w-]{1,6}(?!\w))"
)
_NUMBER = r"\d(?<![\w$€£.,/%-]\d)\d{0,4}[A-Za-z]?(?:[-/]\d{1,5}[A-Za-z]?)?,?[ \t]+"
_SURE = (
    r"(?:Streets?|St|Str|Avenue|Ave|Road|Rd|Lane|Ln|Boulevard|Blvd|Terrace|Crescent|Parkway|Pkwy|"
    r"Highway|Hwy|Turnpike|Gardens|Mews)"
)
# Words that are much else besides: only before a comma, the end of the line, or a city and a state.
_UNSURE = r"(?:Drive|Dr|Court|Ct|Place|Pl|Way|Close|Square|Sq|Circle|Cir|Trail|Row|Walk|Hill|Park)"
_STREET = (
    rf"{_NUMBER}{_WORD}{{1,4}}?{_SURE}\b\.?(?:[ \t][NSEW]{{1,2}}\b)?{_UNIT}?"
    rf"|{_NUMBER}{_WORD}{{1,3}}?{_UNSURE}\b\.?{_UNIT}?"
    r"(?=[ \t]*(?:,|\n|$|[|·•;]|(?:[ \t][A-Z][\w.]{1,20}){1,3},[ \t]*[A-Z]{2}\b))"
)
# With no number, but a city and a region behind it.
_NAMED_STREET = (
    r"[A-Z](?<!\w.)[\w'’]{1,24}[ \t](?:[A-Z][\w'’]{1,24}[ \t]){0,2}"
    r"(?:Street|Avenue|Road|Lane|Boulevard)(?=,[ \t]*[A-Z][\w .]{1,24},[ \t]*[A-Z])"
)
_BOX = (
    r"[PB](?<!\w.)(?:\.?[ \t]?O\.?[ \t]?Box|ost(?:fach|bus|al Box)|\.?P\.)[ \t]*(?:No\.?)?[ \t:#]*"
    r"\d[\w-]{0,9}(?: \d{2,4})?"
)
_APARTMENT = (
    r"[AF](?<!\w.)(?:pt|partment|lat)\b[ \t]{0,2}(?:[.#:-][ \t]{0,2})?(?:[Nn]o\b[.:\- \t]{0,3})?"
    r"[A-Z]?-?\d{1,4}[A-Za-z]?(?![\w%])(?![ \t]?%)"
)
# "Hauptstraße 12a", "Am Markt 3, 10115 Berlin" only up to the city.
_GERMAN = (
    r"(?<!\w)(?:[A-ZÄÖÜ][\wäöüß.-]{0,30}[ -]){0,2}[A-ZÄÖÜa-zäöü][\wäöüß.-]{0,30}"
    r"(?:stra(?:ß|ss)e|str\.|gasse|platz|allee|damm|ufer|weg|straat|laan|gracht|kade|gatan|vej"
    r"|gade)"
    r"[ \t]+\d{1,4}[ \t]?[a-zA-Z]?(?!\w)(?:,[ \t]*(?:[A-Z]{1,2}-)?\d{4,5}(?=[ \t]+[A-ZÄÖÜ]))?"
    r"|(?<!\w)[A-ZÄÖÜ][\wäöüß-]{1,20} (?:Stra(?:ß|ss)e|Str\.|Allee|Platz)[ \t]+\d{1,4}[a-z]?(?!\w)"
)
# "12 bis, rue de la Paix, 75002 Paris", "Calle Mayor 5", "Via Roma, 3".
_ROMANCE = (
    r"\d(?<![\w.,/-]\d)\d{0,3}(?:[ \t]?(?:bis|ter))?,?[ \t]+(?i:rue|avenue|av\.|boulevard|bd|place|"
    # Courses are counted, too: a comma before, a name or a code behind tells a street.
    r"chemin|all[ée]e|impasse|quai|(?:cours|route)(?:(?<=, cours)|(?<=, route)"
    r"|(?=[ \t]+d(?:u|e|e la)[ \t]+(?-i:[A-ZÀ-Ý]))|(?=[^,\n\d]{2,60},?[ \t]*\d{5}\b)))[ \t]+"
    r"(?:d[eu]s?\b|de la\b|l['’])?[ \t]*"
    r"[\w'’-]{1,25}"
    r"(?:[ \t][A-ZÀ-Ý][\w'’-]{1,25}){0,3}(?:,?[ \t]*\d{5}(?=[ \t]+[A-ZÀ-Ý]))?"
)
# "Plot No 8-9, Rukhmini Nagar", "H.No. 3-4-35, Masjid Lane", "318/4 Sarvahara Nagar".
_LOCALITY = (
    r"(?:[Nn]agar|NAGAR|[Cc]olony|COLONY|Marg|Chowk|Enclave|Vihar|Layout|Salai|Gall?i|Mohalla"
    r"|Chawl|"
    r"Society|Soc|Apartments?|Apts?|Apt|Complex|Residency|Bldg|Building|Towers?|Phase|Sector|Cross|"
    r"Main|Stage|Wing|Street|St|Road|Rd|ROAD|STREET|Lane|Bypass|Floor|Near|Nr|Opp|Behind|B/[Hh]|"
    r"Temple|Mandir|Village|Post|Block|Gate|Bunglows?|Bungalow|House|Villa|Park|Puram|Peth|Wadi)"
)
_INDIAN = (
    r"(?<!\w)(?:(?i:flat|house|h|plot|p|door|d|dr|shop|room|qtr|quarter|bungalow|villa|block"
    r"|a-?wing)"
    r"[ .]{0,2}(?i:nos?|number|#)[ \t]{0,2}[.:#,-]{0,2}[ \t]{0,3}[\w/&-]{0,10}\d[\w/-]{0,10}"
    r"|(?:No|NO)[ .:,#-]{1,4}\d[\w/-]{0,10}"
    r"(?=,?[ \t][^,\n]{0,30}\b(?:Street|Nagar|Road|Lane|Colony))"
    r"|(?:[A-Z]{1,2}[/-])?\d[\d/-]{0,8}[A-Z]?,?[ \t]+(?=(?:[A-Z][\w.]{0,20}[ \t]+){1,3}"
    r"(?:[Nn]agar|NAGAR|[Cc]olony|COLONY|Marg|Enclave|Vihar|Layout|Society|Chawl)\b))"
    rf"(?:[ \t]*,?[ \t]*[^,\n\[\]]{{0,40}}?\b{_LOCALITY}\b[^,.\n\[\]]{{0,30}}){{0,6}}"
)
# Each with the words of which a line must have one to be searched at all.
_STREETS = tuple(
    (re.compile(pattern), tuple(signs.split()))
    for pattern, signs in (
        (_BOX, "Box Post B.P BP"),
        (
            _STREET,
            "St Ave Road Rd Lane Ln Bou Blvd Ter Cres Park Pk Hwy High Turn Gard Mews Dr Court Ct "
            "Pl Way Close Sq Cir Trail Row Walk Hill",
        ),
        (_NAMED_STREET, "Street, Avenue, Road, Lane, Boulevard,"),
        (_INDIAN, "agar AGAR olony OLONY Marg Encl Vihar Layout Soc Chawl No no NO # umber"),
        (
            _GERMAN,
            "straße strasse Straße Strasse str. Str. gasse platz Platz allee Allee damm ufer weg "
            "straat laan gracht kade gatan vej gade",
        ),
        (
            _ROMANCE,
            "rue Rue RUE venue av. Av. oul bd Bd BD lace hemin all All mpasse uai ours oute "
            "Calle C/ Rua Via Piazza Plaza Carrer",
        ),
        (_APARTMENT, "Apt Apartment Flat"),
    )
)

_ALL_STREETS = (*STREETS, *_STREETS)
# A line without a digit has no address but a street beside a city.
_SIGN = re.compile(r"\d|(?:Street|Avenue|Road|Lane|Boulevard),|شارع|حي ")

# Codes that stand with a city: only they are masked.
_CODE = re.compile(r"\d(?:\d{3}|\d\d \d|[A-Z]|[A-Z\d]? \d[A-Z]|\d[- ]\d)")
_US_CODE = re.compile(
    rf"[A-Z](?<!\w.)(?:{_STATES})\.?,?(?:[ \t]+|-)(?P<value>\d{{5}}(?:-\d{{4}})?)(?![\w,.]?\d)"
)
_AU_CODE = re.compile(r"[NVQTAWS](?<!\w.)(?:SW|IC|LD|AS|CT|A|T)[ \t]+(?P<value>[2-7]\d{3})(?!\w)")
_OTHER_CODES = re.compile(
    r"[A-Z](?<![\w-].)(?:[A-Z]?\d[A-Z\d]?[ \t]\d[A-Z]{2}|\d[A-Z][ \t]\d[A-Z]\d)(?![\w-])"
)
_PIN_CODE = re.compile(r"[1-9](?<!\w.)(?:\d{4,5}|\d\d \d{3})(?=[ \t]*(?:$|[,.;()|]))")
_PIN_LABEL = re.compile(
    r"(?<!\w)(?:(?i:pin|zip|postal|post)[ -]?(?i:code)?[ \t]*[:.#-]?[ \t]*"
    r"|[A-Z][a-z]{2,20}[ \t]?[-–][ \t]?)$"
)
_CITY = r"[^\W\d_][\w'’.-]{1,24}(?:[ -][^\W\d_][\w'’.-]{1,24}){0,3}"
# A code that has a street, or the beginning of its line or cell, before it and a city behind.
_CODE_BEFORE_CITY = re.compile(
    r"(?:(?<=\[ADDRESS\])[ \t]{0,2}[,|·–-]?[ \t]{0,2}|(?:(?<=[|,;•·])|^)[ \t]*)"
    r"(?P<value>(?:[A-Z]{1,2}[- ])?(?:\d{5}(?:-\d{3})?|\d\d-\d{3}|\d{4}-\d{3}|\d{3} \d\d|\d{4}[ "
    r"]?[A-Z]{2})|(?:A|CH|DK|B|NO)-\d{4})"
    rf"(?=[ \t]{{1,2}}(?!(?:users|people)\b){_CITY}[ \t]*(?:$|[|,;•·(–-]))"
)
_CODE_AFTER_STREET = re.compile(
    r"(?<=\[ADDRESS\])(?P<gap>[ \t]{0,2},?[ \t]{0,2})(?:[A-Z]{1,2}-)?\d{4,6}(?=[ "
    r"\t]+[A-ZÀ-Ž\u0400-\u042f])"
)


# A street that no word gives away, with its number and a city behind, between other contacts.
_BARE_STREET = re.compile(
    r"^(?P<value>(?:[^\W\d_a-z][\w'’.-]{1,24}[ ]){1,4}(?!(?:19|20)\d\d(?!\d))\d{1,4}[ "
    r"]?[a-zA-Z]?),[ ]"
    rf"(?:(?:[A-Z]{{1,2}}-)?\d[\dA-Z -]{{2,8}}[ ])?{_CITY}(?:,[ ]?{_CITY})?[ ]*$"
)
_NEAR = re.compile(r"\[(?:EMAIL|PHONE|BIRTHDATE|ID|NAME)\]")


def mask_addresses(text: str) -> tuple[str, int]:
    """Mask street addresses, boxes, apartments and postal codes."""
    total = 0
    streets = [
        (pattern, found)
        for pattern, signs in _ALL_STREETS
        if (found := tuple(sign for sign in signs if sign in text))
    ]
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if line and _SIGN.search(line):
            lines[place], number = _mask_line(line, streets)
            if not number and (bare := _BARE_STREET.match(line)):
                around = "\n".join(lines[max(0, place - 3) : place + 4])
                if _NEAR.search(around):
                    lines[place], number = f"[ADDRESS]{line[bare.end('value') :]}", 1
            total += number
    return "\n".join(lines), total


def _mask_line(
    line: str, streets: Sequence[tuple[re.Pattern[str], Sequence[str]]]
) -> tuple[str, int]:
    total = 0
    for pattern, signs in streets:
        if any(sign in line for sign in signs):
            line, number = pattern.subn(_keep_end, line)
            total += number
    if _CODE.search(line):
        line, number = _mask_codes(line)
        total += number
    return line, total


def _mask_codes(line: str) -> tuple[str, int]:
    total = 0
    for pattern in (_US_CODE, _AU_CODE, _OTHER_CODES, _CODE_BEFORE_CITY):
        line, number = mask(pattern, line, "[ADDRESS]")
        total += number
    line, number = mask(
        _PIN_CODE, line, "[ADDRESS]", accept=lambda match: _PIN_LABEL.search(before(match, 30))
    )
    line, more = _CODE_AFTER_STREET.subn(r"\g<gap>[ADDRESS]", line)
    return line, total + number + more


def _keep_end(match: re.Match[str]) -> str:
    """Keep the spaces and commas that an address ends with."""
    return "[ADDRESS]" + match[0][len(match[0].rstrip(" \t,،")) :]


# Behind "Address:" --------------------------------------------------------------------------------

_PIECES = re.compile(r"[^,;،、|\n]+")
_STREET_WORD = re.compile(
    r"(?i)(?<!\w)(?:street|st|road|rd|avenue|ave|lane|ln|drive|close|court|house|villa|cottage"
    r"|building|"
    r"tower|apartment|apartments|flat|floor|block|near|opp|opposite|behind|nagar|colony|marg"
    r"|sector|"
    r"rue|calle|rua|via|ul|ул|улица|д|кв|résidence|residencia|edificio|bâtiment)(?!\w)|शहर|मार्ग"
    r"|नगर|गली|سكن"
)
_CITY_WITH_CODE = re.compile(
    rf"[ \t]*(?:{_CITY}[ \t,–-]{{0,4}})?(?:(?:[A-Z]{{1,2}}-)?\d[\dA-Z]{{1,5}}(?:[ "
    rf"-]\d?[\dA-Z]{{2,3}})?)?(?:[ \t–-]{{0,4}}{_CITY})?[ \t.]*"
)
# What stands before a street and is no house's name: a code with its city, or a city called one.
_NO_HOUSE = re.compile(r"\d|(?<!\w)(?:г|город|місто|м|TP|TX|Thành phố|city)(?!\w)", re.IGNORECASE)
_LONGEST_ADDRESS = 200


def labelled_spans(text: str, labels: Sequence[Label]) -> Iterator[tuple[int, int]]:
    """Yield the places of what "Address:" names up to the city, and of the city's code."""
    for label in labels:
        if label.kind != "address" or not (label.parted and label.leads):
            continue
        end = text.find("\n", label.value, label.value + _LONGEST_ADDRESS)
        end = end if end >= 0 else min(len(text), label.value + _LONGEST_ADDRESS)
        if text[label.value : end].rstrip().endswith(","):
            more = text.find("\n", end + 1, end + _LONGEST_ADDRESS)
            end = more if more >= 0 else min(len(text), end + _LONGEST_ADDRESS)
        if "[" not in text[label.value : end]:
            yield from _street_and_code(text, label.value, end)


def _street_and_code(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    pieces = [match.span() for match in _PIECES.finditer(text, start, end)]
    streets = [
        place
        for place, (first, last) in enumerate(pieces)
        if _is_street(text[first:last], alone=len(pieces) == 1)
    ]
    if streets:
        first = pieces[streets[0]][0]
        # A house's name stands before the street, a city may, where a code says that it is one.
        if not any(_NO_HOUSE.search(text[one:other]) for one, other in pieces[: streets[0]]):
            first = start
        last = pieces[streets[-1]][1]
        shown = text[first:last]
        yield first + len(shown) - len(shown.lstrip()), first + len(shown.rstrip())
        rest = last
    else:
        rest = start
    for code in re.finditer(
        r"(?<![\w-])(?:[A-Z]{1,2}-)?\d(?:[\d -]{2,8}\d|\d{3})(?!\w)", text[rest:end]
    ):
        yield rest + code.start(), rest + code.end()


def _is_street(piece: str, *, alone: bool) -> bool:
    if _STREET_WORD.search(piece):
        return True
    if not re.search(r"\d", piece):
        return False
    code = re.search(r"\d{3}|\d \d[A-Z]|\d{2}[- ]\d{2}", piece)
    is_city = code is not None and _CITY_WITH_CODE.fullmatch(piece) is not None
    return not is_city or (alone and code is None)
