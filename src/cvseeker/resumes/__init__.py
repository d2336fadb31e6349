"""From files to résumés and passages: read, clean, cut into sections, group by person, split."""

from cvseeker.resumes.insights import read_insights
from cvseeker.resumes.names import PersonName
from cvseeker.resumes.persons import person_groups
from cvseeker.resumes.redaction import redact
from cvseeker.resumes.sections import find_sections
from cvseeker.resumes.split import assign_splits
from cvseeker.resumes.stage import Ingested, ingest_stage

__all__ = [
    "Ingested",
    "PersonName",
    "assign_splits",
    "find_sections",
    "ingest_stage",
    "person_groups",
    "read_insights",
    "redact",
]
