"""Which passages of the whole corpus answer a query, beside its own."""

from cvseeker.queries.judging.labels import Judging, label_datasets, plan_labels

__all__ = ["Judging", "label_datasets", "plan_labels"]
