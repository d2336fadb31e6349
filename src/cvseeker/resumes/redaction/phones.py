"""Masking telephone numbers, and no other numbers."""

import re

from cvseeker.resumes.redaction.masking import before, mask

_S = r"[ .\-\u2010-\u2015()\t]"
# A line break inside a number is no separator before a year.
_NL = r"(?:\n(?!(?:19|20)\d\d(?!\d)))"
_YEAR = r"(?:19|20)\d\d(?!\d)"
_PHONE = re.compile(
    r"[\d+(](?<![\w$€£¥₹,:%.-].)(?<![$€£¥₹] .)(?<!\d/.)(?:"
    rf"(?:(?<=\+)[ ]?|(?<=0)0)\(?\d(?:(?:{_S}{{0,3}}|{_NL})(?!{_YEAR}\s?[-–])\d){{6,14}}(?!\d)"
    r"|(?:(?<=\()\d|(?<=\d))\d\d\)?[ .\-\u2010-\u2015]{1,2}\d{3}[ .\-\u2010-\u2015]\d{4}(?![\d-])"
    r"|(?<=1)[ .-]\d{3}[ .-]\d{3}[ .-]\d{4}(?!\d)"
    r"|(?<=\()0?\d{1,4}\)[ ]?\d{2,5}[ -]?\d{2,5}(?:[ -]?\d{2,4})?(?!\d)"
    rf"|(?<=0)(?!\d?{_S}{{0,3}}{_YEAR})\d{{2,4}}(?:{_S}?\d){{6,9}}(?!\d)"
    r"|(?<=0)(?:\d(?:[ .-]\d\d){4}|\d[ -]\d{4}[ -]\d{4}|\d{2,4}/[ ]?\d{5,9})(?!\d)"
    r"|(?<=[6-9])\d{4}[ -]\d{5}(?!\d)|(?<=\d)\d{9,12}(?!\d)|(?<=\d)\d\d-0\d{3}(?![\d-])"
    r"|(?<=\d)(?<!\d .)\d(?: \d\d){3,4}(?![ ]?\d))(?!\s?%)"
)
_ANY_NUMBER = re.compile(
    rf"[\d+(](?<![\w$€£¥₹.].)(?!{_YEAR})\(?(?:{_S}{{0,3}}\d){{5,14}}(?!\d)(?!\s?%)"
)
_PHONE_LABEL = re.compile(
    r"(?i)(?<!\w)(?:tel(?:e?phone|efon|éphone|éfono)?|(?:cell|mobile|hand)(?: ?phone)?|phone|"
    r"mob|handy|ph|fax|whatsapp|contact(?: (?:no|number|details?))?|call|móvil|portable|gsm)"
    r"(?!\w)[^\n\d+(\[\]]{0,15}$"
)


def mask_phones(text: str) -> tuple[str, int]:
    """Mask numbers that have a phone's form, and numbers of any form that are called a phone's."""
    text, formed = mask(_PHONE, text, "[PHONE]")
    text, called = mask(
        _ANY_NUMBER, text, "[PHONE]", accept=lambda match: _PHONE_LABEL.search(before(match, 40))
    )
    return text, formed + called
