"""One `.safetensors` file in the LDM layout -> the parts of a model. Offline: the architectures are in `configs/`, beside this file.

    model.diffusion_model.*                          UNet
    first_stage_model.*                              VAE
    cond_stage_model.transformer.[text_model.]*      CLIP ViT-L                  (SD 1)
    cond_stage_model.model.*                         OpenCLIP ViT-H              (SD 2)
    conditioner.embedders.0.transformer.*            CLIP ViT-L                  (XL)
    conditioner.embedders.1.model.*                  OpenCLIP ViT-bigG           (XL)

UNet and VAE are converted by diffusers; the text encoders here, since their names changed with transformers 5. A file that was exported by Huafang brings
its own configurations and vocabulary (`embedded_config.py`), and then must hold exactly the tensors that they tell of.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from huafang.diffusion.model.inspect import KINDS, TITLES, Checkpoint, Family, tokenizer_files
from huafang.errors import BadInput, MissingWeights, check_memory
from huafang.models import modelfile
from huafang.models.folders import read_config
from huafang.models.tokenizer_configs import TokenizerConfig
from huafang.nets import stored, tokenizer
from huafang.notes import Note

CONFIGS = Path(__file__).parent / "configs"
V_PREDICTION_SPREAD = 0.09
"""SD 2's two kinds of UNet have the same names and shapes; a bias deep in the 768-v one has a spread above this (seen by ComfyUI's authors)."""

State = dict[str, torch.Tensor]


def read(path: Path) -> State:
    """All tensors but the training averages; `load.py` looks for NaN in those it uses. Raises BadInput when the file is damaged."""
    return {name: tensor for name, tensor in modelfile.load(path, finite=False).items() if not name.startswith("model_ema.")}


def unet(state: State, found: Checkpoint, dtype: torch.dtype) -> Any:
    """UNet2DConditionModel."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    own = {name: tensor for name, tensor in state.items() if name.startswith("model.diffusion_model.")}
    channels = own["model.diffusion_model.input_blocks.0.0.weight"].shape[1]  # an inpainting model takes nine, which no published config of ours says
    return _converted(UNet2DConditionModel, convert_ldm_unet_checkpoint, own, found, "unet", dtype, in_channels=channels)


def vae(state: State, found: Checkpoint, dtype: torch.dtype) -> Any:
    """AutoencoderKL."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    own = {name: tensor for name, tensor in state.items() if name.startswith("first_stage_model.")}
    if not any(name.startswith("first_stage_model.decoder.") for name in own):
        raise MissingWeights(f"{found.path.name} has no VAE, the part that turns what was drawn into pixels", code="weights.incomplete")
    return _converted(AutoencoderKL, convert_ldm_vae_checkpoint, own, found, "vae", dtype)


def _converted(kind: Any, convert: Callable[..., State], own: State, found: Checkpoint, part: str, dtype: torch.dtype, **more: Any) -> Any:
    config = {**(found.carried.parts[part] if found.carried else _config(found, part)), **more}
    made = _bare(lambda: kind.from_config(config), found, part)
    try:
        named = convert(checkpoint=own, config=dict(config))
    except Exception as error:  # names and shapes are a stranger's, and may lead the library's converter anywhere
        check_memory(error)
        raise _other_shape(found, part, f"{type(error).__name__}: {error}") from error
    return _filled(made, named, found, part, dtype)


def _config(found: Checkpoint, part: str) -> dict[str, Any]:
    """The published config of a part, which comes with Huafang."""
    return read_config(KINDS[part], CONFIGS / found.family / part / "config.json").given()


def _bare(make: Callable[[], Any], found: Checkpoint, part: str) -> Any:
    try:
        return stored.bare(make, f"the {part} of {found.path.name}")
    except BadInput as error:
        raise _other_shape(found, part, error.message) from error


def text_encoders(state: State, found: Checkpoint, dtype: torch.dtype) -> list[Any]:
    """SD 1 and 2: [CLIPTextModel]; XL: [CLIPTextModel, CLIPTextModelWithProjection]."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    if found.family == "sd1":
        return [_text(CLIPTextModel, clip_names(_below(state, "cond_stage_model.transformer.")), found, "text_encoder", dtype)]
    if found.family == "sd2":
        return [_text(CLIPTextModel, open_clip_names(_below(state, "cond_stage_model.model.")), found, "text_encoder", dtype)]
    first = clip_names(_below(state, "conditioner.embedders.0.transformer."))
    second = open_clip_names(_below(state, "conditioner.embedders.1.model."))
    inner = {name if name == "text_projection.weight" else f"text_model.{name}": tensor for name, tensor in second.items()}
    return [_text(CLIPTextModel, first, found, "text_encoder", dtype), _text(CLIPTextModelWithProjection, inner, found, "text_encoder_2", dtype)]


def _below(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def clip_names(state: State) -> State:
    """CLIP's own names; older files lack `text_model.`, and `position_ids` is a constant that some carry."""
    return {name.removeprefix("text_model."): tensor for name, tensor in state.items() if not name.endswith("position_ids")}


_OPEN_CLIP = (
    (r"^token_embedding\.weight$", "embeddings.token_embedding.weight"),
    (r"^positional_embedding$", "embeddings.position_embedding.weight"),
    (r"^ln_final\.", "final_layer_norm."),
    (r"^transformer\.resblocks\.", "encoder.layers."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
)


def open_clip_names(state: State) -> State:
    """OpenCLIP's names -> CLIP's: queries, keys and values come as one matrix (3·C, C), the projection the other way round."""
    named: State = {}
    for name, tensor in state.items():
        if name in ("logit_scale",) or name.endswith("position_ids"):
            continue
        if name == "text_projection":
            named["text_projection.weight"] = tensor.T.contiguous()
            continue
        for pattern, new in _OPEN_CLIP:
            name = re.sub(pattern, new, name)
        if ".attn.in_proj_" in name:
            base, kind = name.split(".attn.in_proj_")
            for part, slice_ in zip("qkv", tensor.chunk(3), strict=True):
                named[f"{base}.self_attn.{part}_proj.{kind}"] = slice_.contiguous()
        else:
            named[name] = tensor
    return named


def _text(kind: Any, named: State, found: Checkpoint, part: str, dtype: torch.dtype, **more: Any) -> Any:
    config = {**(found.carried.parts[part] if found.carried else _config(found, part)), **more}
    return _filled(_bare(lambda: kind(kind.config_class(**config)), found, part), named, found, part, dtype)


def _filled(made: Any, named: State, found: Checkpoint, part: str, dtype: torch.dtype) -> Any:
    """`made`, empty so far, with the tensors of `named` in `dtype`. One that is missing is an error; one too many is left, but not where the file says itself
    what it holds.

    SD 2's text encoder is read up to its last layer but one, so its configuration ends there and the file's last layer is left.
    """
    wanted = made.state_dict().keys()
    try:
        made.load_state_dict({name: tensor.to(dtype) for name, tensor in named.items() if name in wanted}, strict=False, assign=True)
    except RuntimeError as error:
        check_memory(error)
        raise _other_shape(found, part, str(error)) from error
    absent = [name for name, tensor in made.named_parameters() if tensor.is_meta]
    if absent:
        raise BadInput(f"{found.path.name} lacks {len(absent)} of the tensors of its {part}, {absent[0]} first", code="weights.incomplete")
    if found.carried and (more := sorted(named.keys() - wanted)):
        raise _other_shape(found, part, f"{len(more)} tensors are in none of its layers, {more[0]} first")
    return made.eval()


def _other_shape(found: Checkpoint, part: str, detail: str) -> BadInput:
    told = "says what it holds" if found.carried else f"looks like {TITLES[found.family]}"
    return BadInput(
        f"{found.path.name} {told}, but its {part} has another shape: {' '.join(detail.split())[:240]}",
        code="weights.wrong_kind",
        hint="cut-down models (SSD-1B, Segmind) are read as diffusers folders, which bring their own configuration",
    )


def prediction(state: State, found: Checkpoint) -> tuple[str, list[Note]]:
    """What the UNet was trained to say, and a sentence about it where the file does not tell and it had to be found out."""
    if found.prediction:
        return found.prediction, []
    bias = state.get("model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias")
    v = bias is not None and float(bias.float().std(unbiased=False)) > V_PREDICTION_SPREAD
    said = "v_prediction" if v else "epsilon"
    en = f"{found.path.name} does not say what it predicts; by its weights it is {said}. If the picture is noise, set `prediction` to the other"
    return said, [Note(en, f"{found.path.name} 没有说明它预测什么；从权重看是 {said}。如果画面是噪声，请把 prediction 改成另一种。")]


def tokenizers(found: Checkpoint) -> list[tuple[Any, int]]:
    """CLIP's tokenizer for each text encoder, and the token that fills a chunk behind its end. Raises MissingWeights."""
    own = found.carried
    if own is None or own.vocab is None:
        vocab, _ = tokenizer_files(found)
        words = tokenizer.plain(vocab.parent)
    else:
        words = own.words
    if own is None:
        made = words.make()
        end = int(made.eos_token_id)
        return [(made, pad) for pad in {"sd1": [end], "sd2": [0], "xl": [end, 0]}[found.family]]
    config = TokenizerConfig(model_max_length=own.length)
    each = [replace(words, config=config, special={**words.special, "pad_token": pad}).make() for pad in own.pads]
    return [(made, int(made.pad_token_id)) for made in each]


def scheduler(found: Checkpoint, says: str) -> Mapping[str, Any]:
    if found.carried:
        return found.carried.parts["scheduler"]
    base = read_config(KINDS["scheduler"], CONFIGS / found.family / "scheduler" / "scheduler_config.json").given()
    return base | {"prediction_type": says} | ({"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if found.zero_snr else {})


def trained_size(found: Checkpoint, says: str) -> int:
    """The side in pixels that a published model of the family was trained on."""
    family: Family = found.family
    return {"sd1": 512, "sd2": 768 if says == "v_prediction" else 512, "xl": 1024}[family]
