"""The bundled fictional résumés and the queries that people wrote about them."""

from cvseeker.examples.demonstration import DEMO_QUERIES, demo_judgements, demo_resumes

__all__ = [
    "DEMO_QUERIES",
    "demo_judgements",
    "demo_resumes",
]
