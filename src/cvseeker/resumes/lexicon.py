"""The word lists that several modules of this package read résumés with; all lower case."""

from cvseeker.core.languages import month_numbers
from cvseeker.core.wordlists import read_pairs, read_words

TITLE_HEADS = frozenset(
    word for word, mark in read_pairs("cvseeker.core", "job_titles").items() if mark != "query"
)
NOT_IN_TITLES = read_words("cvseeker.resumes", "not_in_titles")
NOT_IN_NAMES = read_words("cvseeker.resumes", "not_in_names")
PARTICLES = read_words("cvseeker.core", "particles")
LANGUAGES = read_words("cvseeker.resumes", "languages")
PLACES = read_words("cvseeker.core", "places")
STATES = read_words("cvseeker.resumes", "states")

MONTHS = frozenset(month_numbers("en"))
# Begins an English month's name, in full or short; for patterns that ignore case.
MONTH = "|".join(sorted({month[:3] for month in MONTHS}))
