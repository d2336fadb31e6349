"""The bundled fictional résumés and the queries that people wrote about them."""

from pathlib import Path

EXAMPLES = Path(__file__).parent

# Searched before and after fine-tuning at the end of the demo; chosen before any model was run.
DEMO_QUERIES = (
    "someone who can keep a hospital ward safe overnight and teach the juniors",
    "has run payments infrastructure that must not lose a cent",
)


def demo_resumes() -> Path:
    """Return the folder of the fictional résumés."""
    return EXAMPLES / "resumes"


def demo_judgements() -> Path:
    """Return the folder of the hand-written queries and their graded qrels, by résumé."""
    return EXAMPLES / "judgements"
