"""Which of a model's weights are trained, and how: frozen layers, LoRA, checkpointing."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import MissingExtraError, ModelError, SettingsError
from cvseeker.core.settings import FinetuneSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

INSTALL_LORA = "pip install 'cvseeker[lora]'"


def prepare_model(model: "SentenceTransformer", settings: FinetuneSettings) -> None:
    """Set a model up for training, in place: full weights, or what is left to train of them.

    Parameters
    ----------
    model
        As it was loaded. Its vectors stay the same: adapters begin as nothing.
    settings
        Frozen layers, rank of the adapters, gradient checkpointing.

    Raises
    ------
    SettingsError
        If all layers would be frozen.
    ModelError
        If layers are to be frozen and the model has none that can be told.
    MissingExtraError
        If adapters are wanted and peft is not installed.
    """
    # Some models are saved in half precision: small updates to such weights are lost to rounding.
    model.float()
    if settings.frozen_layers:
        freeze_layers(model, settings.frozen_layers)
    if settings.lora_rank is not None:
        add_lora(model, settings.lora_rank, first_layer=settings.frozen_layers, seed=settings.seed)
    if settings.gradient_checkpointing:
        checkpoint_activations(model)


def encoder_layers(model: "SentenceTransformer") -> "nn.ModuleList":
    """Return the list of a transformer's layers: its list of modules with the most weights.

    Raises
    ------
    ModelError
        If it has none.
    """
    from torch import nn

    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    found = max(lists, key=_weights, default=None)
    if found is None or not len(found):
        raise ModelError(
            "the model has no list of layers, as BERT and its like have; expected such a model, or "
            "--frozen-layers 0"
        )
    return found


def freeze_layers(model: "SentenceTransformer", count: int) -> None:
    """Freeze the embeddings and the first layers of a transformer.

    Parameters
    ----------
    model
        A model with a list of layers, such as BERT's.
    count
        Layers frozen. Whatever the transformer has before its layers is frozen with them.

    Raises
    ------
    SettingsError
        If that leaves no layer to train.
    ModelError
        If the model has no list of layers.
    """
    layers = encoder_layers(model)
    if count >= len(layers):
        raise SettingsError(
            f"frozen_layers is {count}, and the model has {len(layers)} layers; expected at most "
            f"{len(layers) - 1}, so that one is left to train: --frozen-layers {len(layers) - 1}"
        )
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

    Parameters
    ----------
    model
        Gets adapters in place; its vectors stay the same until they are trained.
    rank
        Of the adapters, which stand beside all linear layers; their output is scaled by 2.
    first_layer
        Layers before this one get none.
    seed
        Of the adapters' first weights.

    Raises
    ------
    MissingExtraError
        If peft is not installed.

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
    """Add trained adapters to the weights they stand beside, and take them away.

    Parameters
    ----------
    model
        Becomes a plain model, in place, with the same vectors but for rounding. One without
        adapters stays as it is.
    """
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

    Raises
    ------
    ModelError
        If the model's code does not provide for it.

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
    """Refuse adapters where the package that makes them is missing.

    Raises
    ------
    MissingExtraError
        With the line that installs it.
    """
    if find_spec("peft") is None:
        raise MissingExtraError(
            f"lora_rank needs peft, which is not installed; run: {INSTALL_LORA}; or train all "
            "weights: leave out --lora-rank"
        )


def _weights(module: "nn.Module") -> int:
    return sum(parameter.numel() for parameter in module.parameters())
