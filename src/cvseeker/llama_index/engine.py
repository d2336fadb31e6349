"""LlamaIndex's engine that fine-tunes an embedding model, over CVSeeker's ordinary stage."""

import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cvseeker.core.datasets import RetrievalDataset, write_dataset
from cvseeker.core.errors import MissingExtraError, SettingsError, WorkspaceError
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.llama_index.bar import bar
from cvseeker.llama_index.dataset import read_any
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.train import TrainingData, finetune_stage

_EMBEDDING_MODULE = "llama_index.embeddings.huggingface"


class SentenceTransformersFinetuneEngine:
    """Fine-tune an embedding model on questions and the passages that answer them.

    Has the parameters and methods of LlamaIndex's class of the same name; docs/training.md says
    what it does otherwise. A model's folder appears when it is complete: an interrupted
    :meth:`finetune` goes on where it was, and one of the same data and settings is not run twice.

    Parameters
    ----------
    dataset
        CVSeeker's or LlamaIndex's ``EmbeddingQAFinetuneDataset``, anything else with ``queries``,
        ``corpus`` and ``relevant_docs``, or the path of a LlamaIndex JSON file or a BEIR folder.
    model_id
        The base model: a folder or a hub name; ``None`` for CVSeeker's default.
    model_output_path
        Folder of the tuned model; a relative one is taken from the current folder, now.
    batch_size
        Pairs in a batch, at least 2; with very few pairs, half of them.
    val_dataset
        As ``dataset``; all its relevant passages count, whatever ``use_all_docs`` says.
    loss
        Only ``None``: the loss is InfoNCE in which nobody is pushed away from a passage of their
        own.
    epochs
        Passes over the pairs at most; training ends sooner where validation gains nothing more.
    show_progress_bar
        Whether a progress bar is shown.
    evaluation_steps
        Without effect: validations are spread evenly, some in each epoch.
    use_all_docs
        Whether all of a query's relevant passages are known to the training, or only the first, as
        if the data set named no other; another one may then serve as a negative.

    Raises
    ------
    DatasetError
        If a data set cannot be used; see ``RetrievalDataset.check``.
    SettingsError
        If a loss is given, or a setting has a value that it cannot have.
    """

    def __init__(
        self,
        dataset: Any,
        model_id: str = "BAAI/bge-small-en",
        model_output_path: str = "exp_finetune",
        batch_size: int = 10,
        val_dataset: Any | None = None,
        loss: Any | None = None,
        epochs: int = 2,
        show_progress_bar: bool = True,
        evaluation_steps: int = 50,  # noqa: ARG002  (validations are spread by epoch)
        use_all_docs: bool = False,
    ) -> None:
        if loss is not None:
            raise SettingsError(
                f"loss {type(loss).__name__}: CVSeeker trains with a loss of its own, which knows "
                "whose passage is whose; expected loss=None"
            )
        wanted = {"base": model_id, "batch_size": batch_size, "epochs": epochs}
        self._settings = Settings().override("finetune", wanted)
        train = read_any(dataset, "dataset", split="train")
        self._train = train if use_all_docs else _first_relevant(train)
        self._val = (
            None if val_dataset is None else read_any(val_dataset, "val_dataset", split="dev")
        )
        self._folder = Path(model_output_path).expanduser().resolve()
        self._show_progress_bar = show_progress_bar

    def finetune(self, **train_kwargs: Any) -> StageResult:  # noqa: ARG002
        """Fine-tune the base model and write the better of the two to ``model_output_path``.

        ``train_kwargs`` are without effect, as LlamaIndex has it. A folder that CVSeeker did not
        write is not overwritten.
        """
        with (
            TemporaryDirectory(prefix="cvseeker-") as scratch,
            bar("fine-tune", shown=self._show_progress_bar) as progress,
        ):
            train, val = Path(scratch, "train"), Path(scratch, "val")
            write_dataset(self._train, train, split="train")
            if self._val is not None:
                write_dataset(self._val, val, split="dev")
            data = TrainingData.from_files(train, val if self._val else None, self._folder)
            result = finetune_stage(data, self._settings, progress)
        verdict = result.counts["verdict"]
        if verdict["kept"] == "base":
            warnings.warn(
                f"{self._folder}: the base model was kept ({verdict['reason']}); the tuned one is "
                "in its folder 'refused'",
                stacklevel=2,
            )
        return result

    def get_finetuned_model(self, **model_kwargs: Any) -> Any:
        """Load the model that :meth:`finetune` kept as LlamaIndex's ``HuggingFaceEmbedding``.

        Its vectors are those of CVSeeker for queries and for texts no longer than a window; it cuts
        a longer text off where CVSeeker encodes window by window. ``model_kwargs`` are passed on to
        that class, and win over what is set here.
        """
        if Workspace(self._folder.parent).manifest(self._folder.name) is None:
            raise WorkspaceError(f"{self._folder}: no finished model there; call finetune() first")
        try:
            module = import_module(_EMBEDDING_MODULE)
        except ImportError as error:
            reason = " ".join(str(error).split())[:200]
            raise MissingExtraError(
                f"LlamaIndex's HuggingFaceEmbedding cannot be imported ({reason}); run: pip "
                "install llama-index-embeddings-huggingface; or use the model without LlamaIndex: "
                f"SentenceTransformer({str(self._folder)!r})"
            ) from error
        encoder = LocalEncoder.from_name(str(self._folder))
        settings = {
            # An absolute path: some relative ones are hub names, which bring prompts with them.
            "model_name": str(self._folder),
            "query_instruction": encoder.query_prompt,
            "text_instruction": encoder.document_prompt,
            "trust_remote_code": False,
        }
        return module.HuggingFaceEmbedding(**(settings | model_kwargs))


def _first_relevant(dataset: RetrievalDataset) -> RetrievalDataset:
    """Return the data set with the first relevant passage of each query alone."""
    first = {
        query_id: next((key, grade) for key, grade in grades.items() if grade > 0)
        for query_id, grades in dataset.qrels.items()
    }
    return replace(dataset, qrels={key: dict([found]) for key, found in first.items()})
