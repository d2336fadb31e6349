"""Queries and qrels → a tuned encoder."""

from cvseeker.train.distributed import is_main, world_size
from cvseeker.train.estimate import Estimate, estimate_finetune
from cvseeker.train.publish import publish_model
from cvseeker.train.sources import TrainingData
from cvseeker.train.stage import check_finetune, finetune_stage

__all__ = [
    "Estimate",
    "TrainingData",
    "check_finetune",
    "estimate_finetune",
    "finetune_stage",
    "is_main",
    "publish_model",
    "world_size",
]
