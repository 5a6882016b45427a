"""Every config of a model folder or file that a stranger made, as pydantic models: types and bounds are checked before any library sees a value. No torch.

A key that is not listed here is not read, whatever it says. Numbers are bounded by what published models have, with room above; what a network really
has of layers and channels is then compared with the tensors that are there (`nets/stored.py`), so that nothing larger than the file is ever built.
Defaults are those of diffusers and transformers, which leave keys at their default out of a file; a test compares them.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from huafang.errors import BadInput

Kind = Literal["DownBlock2D", "CrossAttnDownBlock2D"]
Up = Literal["UpBlock2D", "CrossAttnUpBlock2D"]
Activation = Literal["silu", "swish", "mish", "gelu", "relu"]
Layers = Annotated[int, Field(ge=1, le=16)]
Depth = Annotated[int, Field(ge=1, le=64)]
Heads = Annotated[int, Field(ge=1, le=1024)]
Channels = Annotated[int, Field(ge=1, le=8192)]
Side = Annotated[int, Field(ge=1, le=8192)]
TokenId = Annotated[int, Field(ge=0, le=1_000_000)]
Word = Annotated[str, Field(min_length=1, max_length=1000)]
LEVELS = {"min_length": 1, "max_length": 8}
LONGEST = 4096
"""Tokens that a text encoder reads at once, at most."""


class Config(BaseModel):
    """Base of all configs: other keys are passed over, numbers are strict and finite."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _not_quantised(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and (told := values.get("quantization_config")):
            method = told.get("quant_method", "an unknown method") if isinstance(told, Mapping) else "an unknown method"
            raise ValueError(f"its weights are quantised ({str(method)[:40]}), which is not read; take the model in half or single precision")
        return values


C = TypeVar("C", bound=Config)


def checked(kind: type[C], values: Any, name: str) -> C:
    """`values` as a config of the `kind`. Raises BadInput (`weights.bad_config`) that names the file `name`, each key, what came and what is allowed."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        said = list(sentences(error))
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        raise BadInput(
            f"{name} says what cannot be: {'; '.join(said[:3])}{more}", code="weights.bad_config", hint="the model is damaged or of another kind; get it again"
        ) from None


def sentences(error: ValidationError) -> Iterator[str]:
    """What is wrong, key by key, in words."""
    seen = set()
    faults = [(_key(fault["loc"]), fault) for fault in error.errors(include_url=False)]
    bounded = {key for key, fault in faults if not fault["type"].endswith("_type")}
    for key, fault in faults:
        if fault["type"] == "list_type" and key in bounded:
            continue  # a number or a list may stand there, and the number is what is wrong
        said = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be").replace("Field required", "is missing")
        came = "" if fault["type"] in ("missing", "value_error") else f" = {_short(fault['input'])}"
        if (sentence := f"{key}{came}: {said}" if key else said) not in seen:
            seen.add(sentence)
            yield sentence


def _key(place: tuple[int | str, ...]) -> str:
    """The key at a place, without pydantic's names for the branches of a union."""
    return ".".join(str(part)[:60] for part in place if not (isinstance(part, str) and ("[" in part or part in _BRANCHES)))


_BRANCHES = {"int", "float", "str", "bool", "none", "nullable", "constrained-int", "constrained-float", "literal"}
"""What pydantic calls the branches of a union in the place of a fault."""


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a number of very many digits"
    return text if len(text) <= 60 else text[:57] + "…"


def _one_for_each_level(config: Any, levels: int, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(config, name)
        if isinstance(value, list) and len(value) != levels:
            raise ValueError(f"{name} has {len(value)} entries, and there are {levels} levels of block_out_channels")


class Part(Config):
    """The config of a network."""

    def given(self) -> dict[str, Any]:
        """The keys that the file has, with their values, for the library's own config class."""
        return self.model_dump(exclude_unset=True)


class UNet(Part):
    """`unet/config.json` of a UNet2DConditionModel, as Stable Diffusion 1, 2 and XL and their cut-down relatives have it."""

    sample_size: Side | list[Side] | None = None
    in_channels: Annotated[int, Field(ge=1, le=64)] = 4
    out_channels: Annotated[int, Field(ge=1, le=64)] = 4
    center_input_sample: bool = False
    flip_sin_to_cos: bool = True
    freq_shift: Annotated[int, Field(ge=0, le=1)] = 0
    down_block_types: Annotated[list[Kind], Field(**LEVELS)] = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]
    mid_block_type: Literal["UNetMidBlock2DCrossAttn"] | None = "UNetMidBlock2DCrossAttn"
    up_block_types: Annotated[list[Up], Field(**LEVELS)] = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]
    only_cross_attention: bool | list[bool] = False
    block_out_channels: Annotated[list[Channels], Field(**LEVELS)] = [320, 640, 1280, 1280]
    layers_per_block: Layers | list[Layers] = 2
    downsample_padding: Literal[1] = 1
    mid_block_scale_factor: Annotated[float, Field(ge=1e-3, le=1000)] = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    act_fn: Activation = "silu"
    norm_num_groups: Annotated[int, Field(ge=1, le=1024)] = 32
    norm_eps: Annotated[float, Field(ge=1e-12, le=0.1)] = 1e-5
    cross_attention_dim: Annotated[int, Field(ge=1, le=16_384)] = 1280
    transformer_layers_per_block: Depth | list[Depth | list[Depth]] = 1
    reverse_transformer_layers_per_block: list[Depth | list[Depth]] | None = None
    attention_head_dim: Heads | list[Heads] = 8
    num_attention_heads: Heads | list[Heads] | None = None
    dual_cross_attention: Literal[False] = False
    use_linear_projection: bool = False
    class_embed_type: None = None
    addition_embed_type: Literal["text_time"] | None = None
    addition_time_embed_dim: Annotated[int, Field(ge=1, le=8192)] | None = None
    num_class_embeds: None = None
    upcast_attention: bool = False
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    resnet_skip_time_act: bool = False
    resnet_out_scale_factor: Annotated[float, Field(ge=1e-3, le=1000)] = 1.0
    time_embedding_type: Literal["positional"] = "positional"
    time_embedding_dim: Annotated[int, Field(ge=2, le=65_536, multiple_of=2)] | None = None
    time_embedding_act_fn: Activation | None = None
    timestep_post_act: Activation | None = None
    time_cond_proj_dim: None = None
    conv_in_kernel: Literal[1, 3, 5, 7] = 3
    conv_out_kernel: Literal[1, 3, 5, 7] = 3
    projection_class_embeddings_input_dim: Annotated[int, Field(ge=1, le=65_536)] | None = None
    encoder_hid_dim: None = None
    encoder_hid_dim_type: None = None
    attention_type: Literal["default"] = "default"
    class_embeddings_concat: Literal[False] = False
    mid_block_only_cross_attention: bool | None = None
    cross_attention_norm: None = None
    addition_embed_type_num_heads: Heads = 64

    @model_validator(mode="after")
    def _levels(self) -> Self:
        levels = len(self.block_out_channels)
        per_level = ("only_cross_attention", "layers_per_block", "transformer_layers_per_block", "attention_head_dim", "num_attention_heads")
        _one_for_each_level(self, levels, ("down_block_types", "up_block_types", *per_level, "reverse_transformer_layers_per_block"))
        if odd := [channels for channels in self.block_out_channels if channels % self.norm_num_groups]:
            raise ValueError(f"norm_num_groups: {odd[0]} channels cannot be cut into {self.norm_num_groups} groups")
        if self.addition_embed_type and not (self.addition_time_embed_dim and self.projection_class_embeddings_input_dim):
            raise ValueError("addition_embed_type: addition_time_embed_dim and projection_class_embeddings_input_dim belong to it, and are missing")
        return self

    @property
    def side(self) -> int | None:
        """The longer side of the latents that it was trained on; None where the file does not tell."""
        return max(self.sample_size) if isinstance(self.sample_size, list) and self.sample_size else self.sample_size or None  # type: ignore[return-value]

    def layers(self, level: int) -> int:
        """Residual blocks on the way down of a level."""
        return self.layers_per_block[level] if isinstance(self.layers_per_block, list) else self.layers_per_block


class Vae(Part):
    """`vae/config.json` of an AutoencoderKL."""

    in_channels: Literal[3] = 3
    out_channels: Literal[3] = 3
    down_block_types: Annotated[list[Literal["DownEncoderBlock2D"]], Field(**LEVELS)] = ["DownEncoderBlock2D"]
    up_block_types: Annotated[list[Literal["UpDecoderBlock2D"]], Field(**LEVELS)] = ["UpDecoderBlock2D"]
    block_out_channels: Annotated[list[Channels], Field(**LEVELS)] = [64]
    layers_per_block: Layers = 1
    act_fn: Activation = "silu"
    latent_channels: Annotated[int, Field(ge=1, le=64)] = 4
    norm_num_groups: Annotated[int, Field(ge=1, le=1024)] = 32
    sample_size: Side = 32
    scaling_factor: Annotated[float, Field(ge=1e-4, le=100)] = 0.18215
    shift_factor: Annotated[float, Field(ge=0, le=0)] | None = None
    latents_mean: list[Annotated[float, Field(ge=-1000, le=1000)]] | None = None
    latents_std: list[Annotated[float, Field(ge=1e-4, le=1000)]] | None = None
    force_upcast: bool = True
    use_quant_conv: bool = True
    use_post_quant_conv: bool = True
    mid_block_add_attention: bool = True

    @model_validator(mode="before")
    @classmethod
    def _size_is_not_needed(cls, values: Any) -> Any:
        """`sample_size` bounds the tiles of diffusers, which are not used; some files have null or a pair there."""
        if isinstance(values, Mapping) and not isinstance(values.get("sample_size", 0), int):
            return {key: value for key, value in values.items() if key != "sample_size"}
        return values

    @model_validator(mode="after")
    def _levels(self) -> Self:
        _one_for_each_level(self, len(self.block_out_channels), ("down_block_types", "up_block_types"))
        if odd := [channels for channels in self.block_out_channels if channels % self.norm_num_groups]:
            raise ValueError(f"norm_num_groups: {odd[0]} channels cannot be cut into {self.norm_num_groups} groups")
        for name in ("latents_mean", "latents_std"):
            if (found := getattr(self, name)) is not None and len(found) != self.latent_channels:
                raise ValueError(f"{name} has {len(found)} entries, and there are {self.latent_channels} latent channels")
        if (self.latents_mean is None) != (self.latents_std is None):
            raise ValueError("latents_mean and latents_std belong together, and one of them is missing")
        return self

    @property
    def scale(self) -> int:
        """Pixels that a latent spans."""
        return 1 << len(self.block_out_channels) - 1


class Transformer(Part):
    """What all encoders of transformers have."""

    hidden_size: Annotated[int, Field(ge=1, le=16_384)]
    intermediate_size: Annotated[int, Field(ge=1, le=65_536)]
    num_hidden_layers: Annotated[int, Field(ge=1, le=128)]
    num_attention_heads: Heads
    layer_norm_eps: Annotated[float, Field(ge=1e-15, le=0.1)] = 1e-5

    @model_validator(mode="after")
    def _heads(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(f"num_attention_heads: {self.hidden_size} features cannot be cut into {self.num_attention_heads} heads")
        return self


class ClipText(Transformer):
    """`text_encoder/config.json` of CLIP, and of OpenCLIP, which is XL's second."""

    vocab_size: Annotated[int, Field(ge=3, le=1_000_000)] = 49_408
    hidden_size: Annotated[int, Field(ge=1, le=16_384)] = 512
    intermediate_size: Annotated[int, Field(ge=1, le=65_536)] = 2048
    projection_dim: Annotated[int, Field(ge=1, le=16_384)] = 512
    num_hidden_layers: Annotated[int, Field(ge=1, le=128)] = 12
    num_attention_heads: Heads = 8
    max_position_embeddings: Annotated[int, Field(ge=3, le=LONGEST)] = 77
    hidden_act: Literal["quick_gelu", "gelu"] = "quick_gelu"
    bos_token_id: TokenId | None = 49_406
    eos_token_id: TokenId | None = 49_407
    pad_token_id: TokenId | None = 1


class Bert(Transformer):
    """`text_encoder/config.json` of a BERT, as Taiyi's."""

    vocab_size: Annotated[int, Field(ge=5, le=1_000_000)] = 30_522
    hidden_size: Annotated[int, Field(ge=1, le=16_384)] = 768
    intermediate_size: Annotated[int, Field(ge=1, le=65_536)] = 3072
    num_hidden_layers: Annotated[int, Field(ge=1, le=128)] = 12
    num_attention_heads: Heads = 12
    hidden_act: Literal["gelu", "gelu_new", "relu", "silu"] = "gelu"
    max_position_embeddings: Annotated[int, Field(ge=3, le=LONGEST)] = 512
    type_vocab_size: Annotated[int, Field(ge=1, le=64)] = 2
    layer_norm_eps: Annotated[float, Field(ge=1e-15, le=0.1)] = 1e-12
    pad_token_id: TokenId | None = 0
    position_embedding_type: Literal["absolute"] = "absolute"
    use_attention_mask: bool = False
    is_decoder: Literal[False] = False
    add_cross_attention: Literal[False] = False

    @model_validator(mode="after")
    def _padding(self) -> Self:
        if self.pad_token_id is not None and self.pad_token_id >= self.vocab_size:
            raise ValueError(f"pad_token_id is {self.pad_token_id}, and there are {self.vocab_size} words")
        return self


class ClipVision(Transformer):
    """The encoder of pictures of a CLIP."""

    hidden_size: Annotated[int, Field(ge=1, le=16_384)] = 768
    intermediate_size: Annotated[int, Field(ge=1, le=65_536)] = 3072
    projection_dim: Annotated[int, Field(ge=1, le=16_384)] = 512
    num_hidden_layers: Annotated[int, Field(ge=1, le=128)] = 12
    num_attention_heads: Heads = 12
    num_channels: Literal[3] = 3
    image_size: Annotated[int, Field(ge=1, le=2048)] = 224
    patch_size: Annotated[int, Field(ge=1, le=256)] = 32
    hidden_act: Literal["quick_gelu", "gelu"] = "quick_gelu"

    @model_validator(mode="after")
    def _patches(self) -> Self:
        if self.image_size < self.patch_size:
            raise ValueError(f"patch_size is {self.patch_size}, and pictures have {self.image_size} pixels a side")
        return self


class Clip(Part):
    """`config.json` of a whole CLIP, both of its encoders."""

    text_config: ClipText = ClipText()
    vision_config: ClipVision = ClipVision()
    projection_dim: Annotated[int, Field(ge=1, le=16_384)] = 512

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        """Files of before 2023 have `text_config_dict` beside it, or alone."""
        if not isinstance(values, Mapping):
            return values
        found = dict(values)
        for name in ("text_config", "vision_config"):
            if isinstance(older := found.get(f"{name}_dict"), Mapping):
                found[name] = {**(found[name] if isinstance(found.get(name), Mapping) else {}), **older}
            if found.get(name, 0) is None:
                del found[name]
        return found


class Scheduler(Part):
    """`scheduler/scheduler_config.json`: what it says of the noise that a model was trained with. How its makers liked to sample is not read."""

    num_train_timesteps: Annotated[int, Field(ge=200, le=10_000)] = 1000
    beta_start: Annotated[float, Field(ge=1e-6, le=0.5)] = 0.0001
    beta_end: Annotated[float, Field(ge=1e-6, le=0.999)] = 0.02
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"] = "linear"
    trained_betas: list[Annotated[float, Field(gt=0, lt=1)]] | None = None
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    rescale_betas_zero_snr: bool = False
    steps_offset: Annotated[int, Field(ge=0, le=1)] = 0
    timestep_spacing: Literal["leading", "trailing", "linspace"] = "leading"

    @model_validator(mode="after")
    def _betas(self) -> Self:
        if self.trained_betas is not None and len(self.trained_betas) != self.num_train_timesteps:
            raise ValueError(f"trained_betas has {len(self.trained_betas)} entries, and there are {self.num_train_timesteps} steps of training")
        if self.beta_start > self.beta_end:
            raise ValueError(f"beta_start ({self.beta_start:g}) is above beta_end ({self.beta_end:g})")
        return self


class ShardIndex(Config):
    """`….safetensors.index.json`: the names of tensors, and the files that they lie in."""

    weight_map: Annotated[dict[str, Word], Field(min_length=1)]


class ModelIndex(Config):
    """`model_index.json`, as far as it is more than a table of parts."""

    force_zeros_for_empty_prompt: bool = True
