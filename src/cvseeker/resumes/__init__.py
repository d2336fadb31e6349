"""From files to résumés and passages: read, clean, cut into sections, group by person, split."""

from cvseeker.resumes.duplicates import exact_duplicates, person_groups, word_ngrams
from cvseeker.resumes.ingest import iterate_passages, load_names, load_passages, load_resumes
from cvseeker.resumes.insights.dates import working_years
from cvseeker.resumes.insights.profile import extract_profile
from cvseeker.resumes.lexicon import PLACES
from cvseeker.resumes.redaction.candidate import candidate_name
from cvseeker.resumes.redaction.names import find_name, names_candidate
from cvseeker.resumes.redaction.redact import redact
from cvseeker.resumes.sections import find_sections
from cvseeker.resumes.split import assign_splits
from cvseeker.resumes.stage import ingest_stage

__all__ = [
    "PLACES",
    "assign_splits",
    "candidate_name",
    "exact_duplicates",
    "extract_profile",
    "find_name",
    "find_sections",
    "ingest_stage",
    "iterate_passages",
    "load_names",
    "load_passages",
    "load_resumes",
    "names_candidate",
    "person_groups",
    "redact",
    "word_ngrams",
    "working_years",
]
