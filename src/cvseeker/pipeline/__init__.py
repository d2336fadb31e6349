"""The whole story, from a folder of résumés to a report; and taking somebody out of all of it."""

from cvseeker.pipeline.erasure import Receipt, outdated_people, readmit, remove_people
from cvseeker.pipeline.story import StageDone, run

__all__ = ["Receipt", "StageDone", "outdated_people", "readmit", "remove_people", "run"]
