"""Word lists that several modules of this package share.

All of it is general language, written by hand; nothing is learnt from a data set.
"""

from cvseeker.core.languages import month_numbers
from cvseeker.core.wordlists import read_pairs, read_words

STOP_WORDS = read_words("cvseeker.queries.offline", "stop_words")
# Words that fit nearly every résumé: they never make a query specific.
GENERIC_WORDS = read_words("cvseeker.core", "generic_words")
# Last words of job titles.
TITLE_HEADS = frozenset(
    word for word, mark in read_pairs("cvseeker.core", "job_titles").items() if mark != "profile"
)
# Months in full and short.
MONTHS = frozenset(month_numbers("en"))
# Allowed inside a phrase ("terms of reference", "plant and machinery"), never at its ends.
INNER_WORDS = frozenset({"of", "and"})
# Words in -ing and -ed that begin a noun phrase rather than a clause.
NOUN_STARTS = read_words("cvseeker.queries.offline", "noun_starts")
# Endings of words that do not stand alone as the name of a skill.
ADJECTIVE_ENDINGS = ("ive", "al", "ous", "ful", "able", "ible", "ary", "less", "ed", "ent", "ant")
