"""Action verbs: their forms, and the verbs that a recruiter may put in their place."""

from functools import lru_cache

from cvseeker.core.wordlists import read_pairs, read_words

# Lemma → verbs that a recruiter may put in its place, each of them a lemma of this table.
VERBS = {
    lemma: tuple(others.split())
    for lemma, others in read_pairs("cvseeker.queries.offline", "verbs").items()
}
_IRREGULAR = {
    lemma: tuple(forms.split())
    for lemma, forms in read_pairs("cvseeker.queries.offline", "irregular_verbs").items()
}
_DOUBLED = frozenset("cut get plan program run set ship submit transfer win".split())
# Verbs whose bare form is as often a noun: "design reviews" is no instruction to design reviews.
NOUN_LIKE = read_words("cvseeker.queries.offline", "noun_like_verbs")


@lru_cache(maxsize=2048)
def verb_forms(lemma: str) -> tuple[str, str, str, str]:
    """Return a verb's gerund, past, past participle and third person."""
    stem = lemma + lemma[-1] if lemma in _DOUBLED else lemma
    silent_e = lemma.endswith("e") and not lemma.endswith("ee")
    gerund = (stem[:-1] if silent_e else stem) + "ing"
    consonant_y = lemma.endswith("y") and lemma[-2] not in "aeiou"
    regular = lemma + "d" if lemma.endswith("e") else lemma[:-1] + "ied" if consonant_y else ""
    past, participle = _IRREGULAR.get(lemma, (regular or stem + "ed",) * 2)
    sibilant = lemma.endswith(("s", "x", "z", "ch", "sh"))
    third = lemma[:-1] + "ies" if consonant_y else lemma + ("es" if sibilant else "s")
    return gerund, past, participle, third


_BRITISH = {"analyze": "analyse", "organize": "organise", "optimize": "optimise"}
_BRITISH |= {"utilize": "utilise", "authorize": "authorise", "program": "programme"}


def _form_table(slot: int | None) -> dict[str, str]:
    table = {}
    for lemma in VERBS:
        for spelling in (lemma, _BRITISH.get(lemma, lemma)):
            forms = (*verb_forms(spelling), spelling)
            for form in forms if slot is None else (forms[slot],):
                table[form] = lemma
    return table


LEMMAS = _form_table(None)
"""Every form of every action verb → its lemma."""
PAST_FORMS = frozenset(_form_table(1)) - frozenset({"set", "cut", "read", "found"})
"""The past forms, which end one noun phrase and begin another clause."""
GERUNDS = frozenset(_form_table(0))
