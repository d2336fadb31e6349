"""Which of a model's weights are trained, and how: frozen layers, LoRA, checkpointing."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import MissingExtraError, ModelError, SettingsError
from cvseeker.core.training_settings import FinetuneSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

INSTALL_LORA = "pip install 'cvseeker[lora]'"


def prepare_model(model: "SentenceTransformer", settings: FinetuneSettings) -> None:
    """Set a model up for training, in place; its vectors stay the same."""
    # Some models are saved in half precision: small updates to such weights are lost to rounding.
    model.float()
    if settings.frozen_layers:
        freeze_layers(model, settings.frozen_layers)
    if settings.lora_rank is not None:
        add_lora(model, settings.lora_rank, first_layer=settings.frozen_layers, seed=settings.seed)
    if settings.gradient_checkpointing:
        checkpoint_activations(model)


def encoder_layers(model: "SentenceTransformer") -> "nn.ModuleList":
    """Return the list of a transformer's layers: its list of modules with the most weights."""
    from torch import nn

    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    found = max(lists, key=_weights, default=None)
    if found is None or not len(found):
        raise ModelError(
            "the model has no list of layers, as BERT and its like have; expected such a model, or "
            "--frozen-layers 0"
        )
    return found


def check_model(model: "SentenceTransformer", settings: FinetuneSettings) -> None:
    """Refuse, before anything is written, settings that this model is too small for."""
    if settings.frozen_layers:
        _layers_with_one_left(model, settings.frozen_layers)
    widest, dim = max(settings.matryoshka, default=0), model.get_embedding_dimension()
    if dim and widest > dim:
        raise SettingsError(
            f"matryoshka names {widest} dimensions, and the model has {dim}; expected at most {dim}"
        )


def _layers_with_one_left(model: "SentenceTransformer", count: int) -> "nn.ModuleList":
    layers = encoder_layers(model)
    if count >= len(layers):
        raise SettingsError(
            f"frozen_layers is {count}, and the model has {len(layers)} layers; expected at most "
            f"{len(layers) - 1}, so that one is left to train: --frozen-layers {len(layers) - 1}"
        )
    return layers


def freeze_layers(model: "SentenceTransformer", count: int) -> None:
    """Freeze the first layers of a transformer, and whatever it has before them."""
    layers = _layers_with_one_left(model, count)
    transformer = model.transformers_model or model
    for part in transformer.children():
        if any(module is layers for module in part.modules()):
            break
        part.requires_grad_(False)
    for layer in list(layers)[:count]:
        layer.requires_grad_(False)


def add_lora(
    model: "SentenceTransformer", rank: int, *, first_layer: int = 0, seed: int = 13
) -> None:
    """Freeze a transformer and put low-rank adapters beside its linear layers.

    Layers before ``first_layer`` get none; ``seed`` is that of the adapters' first weights.

    References
    ----------
    Hu et al. 2021, https://arxiv.org/abs/2106.09685.
    """
    require_peft()
    import torch
    from peft import LoraConfig

    chosen = {
        module
        for layer in list(encoder_layers(model))[first_layer:]
        for module in layer.modules()
        if isinstance(module, torch.nn.Linear)
    }
    transformer: Any = model.transformers_model
    # All of them: adapters of the attention alone learn less (Dettmers et al. 2023,
    # https://arxiv.org/abs/2305.14314, section 4).
    names = [name for name, module in transformer.named_modules() if module in chosen]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.add_adapter(config)


def merge_lora(model: "SentenceTransformer") -> None:
    """Add trained adapters to the weights they stand beside, and take them away, in place."""
    transformer: Any = model.transformers_model
    if not getattr(transformer, "_hf_peft_config_loaded", False):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(transformer.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge(safe_merge=True)
            transformer.set_submodule(name, module.get_base_layer())
    # What transformers knows of adapters, and would save them by.
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config


def checkpoint_activations(model: "SentenceTransformer") -> None:
    """Recompute activations in the backward pass instead of keeping them.

    References
    ----------
    Chen et al. 2016, https://arxiv.org/abs/1604.06174.
    """
    transformer: Any = model.transformers_model
    # Renamed in transformers 5.2x.
    enable = getattr(transformer, "activation_checkpointing_enable", None)
    enable = enable or transformer.gradient_checkpointing_enable
    try:
        enable({"use_reentrant": False})
    except ValueError as error:
        raise ModelError(f"{error}; leave out --gradient-checkpointing") from error


def require_peft() -> None:
    """Refuse adapters where the package that makes them is missing."""
    if find_spec("peft") is None:
        raise MissingExtraError(
            f"lora_rank needs peft, which is not installed; run: {INSTALL_LORA}; or train all "
            "weights: leave out --lora-rank"
        )


def _weights(module: "nn.Module") -> int:
    return sum(parameter.numel() for parameter in module.parameters())
