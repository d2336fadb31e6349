"""Queries and qrels → a tuned encoder."""

from cvseeker.train.distributed import heard, is_main, world_size
from cvseeker.train.publish import publish_model
from cvseeker.train.stage import finetune_files, finetune_stage

__all__ = [
    "finetune_files",
    "finetune_stage",
    "heard",
    "is_main",
    "publish_model",
    "world_size",
]
