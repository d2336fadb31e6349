"""The seed metric of this field: one passage, one vector, cut at the model's length."""

from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder


def truncated_metrics(encoder: LocalEncoder, dataset: RetrievalDataset) -> dict[str, float]:
    """Run sentence-transformers' own ``InformationRetrievalEvaluator``, with its defaults.

    Parameters
    ----------
    encoder
        The model; its windows are not used.
    dataset
        Corpus, queries and qrels; grades are only relevant (> 0) or not.

    Returns
    -------
    dict
        The evaluator's metrics under its own names less the similarity's (``cosine_``), six
        decimals.
    """
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    evaluator = InformationRetrievalEvaluator(
        queries=dict(dataset.queries),
        corpus=dict(dataset.corpus),
        relevant_docs={
            query_id: {key for key, grade in grades.items() if grade > 0}
            for query_id, grades in dataset.qrels.items()
        },
        query_prompt=encoder.query_prompt or None,
        write_csv=False,
        show_progress_bar=False,
    )
    prefix = f"{encoder.model.similarity_fn_name}_"
    values = evaluator(encoder.model)
    return {
        name.removeprefix(prefix): round(float(value), 6)
        for name, value in values.items()
        if name.startswith(prefix)
    }
