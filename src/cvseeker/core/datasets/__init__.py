"""Corpus, queries and qrels: LlamaIndex, BEIR, MTEB and TREC forms."""

from cvseeker.core.datasets.dataset import RetrievalDataset
from cvseeker.core.datasets.qrels import Qrels
from cvseeker.core.datasets.readers import read_dataset, read_judgements, read_split
from cvseeker.core.datasets.writer import DatasetWriter, write_dataset

__all__ = [
    "DatasetWriter",
    "Qrels",
    "RetrievalDataset",
    "read_dataset",
    "read_judgements",
    "read_split",
    "write_dataset",
]
