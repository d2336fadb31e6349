"""Word lists and patterns that several modules of this package share.

All of it is general language, written by hand; nothing is learnt from a data set.
"""

import re

from cvseeker.core.wordlists import read_lines, read_pairs, read_words

STOP_WORDS = read_words("cvseeker.queries.offline", "stop_words")
# Words that fit nearly every résumé: they never make a query specific.
GENERIC_WORDS = read_words("cvseeker.queries.offline", "generic_words")
# Last words of job titles.
TITLE_HEADS = frozenset(
    word for word, mark in read_pairs("cvseeker.core", "job_titles").items() if mark != "profile"
)
# Months in full and short.
MONTHS = frozenset({"sept"}).union(
    form for month in read_lines("cvseeker.core", "months") for form in (month, month[:3])
)
# Allowed inside a phrase ("terms of reference", "plant and machinery"), never at its ends.
INNER_WORDS = frozenset({"of", "and"})
# Words in -ing and -ed that begin a noun phrase rather than a clause.
NOUN_STARTS = read_words("cvseeker.queries.offline", "noun_starts")
# Endings of words that do not stand alone as the name of a skill.
ADJECTIVE_ENDINGS = ("ive", "al", "ous", "ful", "able", "ible", "ary", "less", "ed", "ent", "ant")

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
