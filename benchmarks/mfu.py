"""How much of a GPU a training uses: the arithmetic of a transformer, and the peaks of GPUs."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Part of a device's name → its peak in bfloat16 without sparsity, in FLOP/s, from NVIDIA's data
# sheets. The first that fits counts, so a variant stands before its family.
PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "RTX 4090": 165e12,
}


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Weights that every token passes (no embeddings, no pooler), layers, and their width."""

    weights: int
    layers: int
    hidden: int

    @classmethod
    def of_model(cls, model: "SentenceTransformer") -> "ModelSize":
        """Measure a model with a transformer of the usual kind."""
        from torch import nn

        transformer = model.transformers_model
        if transformer is None:
            raise ValueError("the model has no transformer; expected one of BERT's kind")
        embeddings = {
            id(weight)
            for module in transformer.modules()
            if isinstance(module, nn.Embedding)
            for weight in module.parameters()
        }
        weights = sum(
            weight.numel()
            for name, weight in transformer.named_parameters()
            if id(weight) not in embeddings and not name.startswith("pooler.")
        )
        config = transformer.config
        return cls(weights, int(config.num_hidden_layers), int(config.hidden_size))

    def training_flops(self, *, tokens: float, squares: float) -> float:
        """Return the FLOPs of a forward and a backward pass over texts.

        ``squares`` is the sum of their squared lengths. Padding counts for nothing, nor does what
        is computed twice to save memory.

        References
        ----------
        6 N for each token and 12 L d T for each token of a text of T tokens: Chowdhery et al. 2022,
        PaLM, appendix B, https://arxiv.org/abs/2204.02311.
        """
        return 6 * self.weights * tokens + 12 * self.layers * self.hidden * squares


def peak_flops(device: str) -> float | None:
    """Return a GPU's peak in bfloat16, in FLOP/s, by its name; ``None`` where it is unknown."""
    named = (peak for name, peak in PEAKS.items() if re.search(rf"\b{name}\b", device))
    return next(named, None)
