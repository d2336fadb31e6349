"""Corpus, queries and qrels: LlamaIndex, BEIR, MTEB and TREC forms."""
