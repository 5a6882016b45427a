"""Names of tensors in the LDM layout (the authors' code of Latent Diffusion Models, Rombach et al. 2022) for those in diffusers'. No torch here.

LDM's UNet numbers its modules in the order in which they run. Going down, each level is `layers_per_block` steps of a residual block and, where the level
has attention, a transformer, then a step that halves the size, but for the last level. Going up, each level is one step more, and the last step of a level
also doubles the size, but for the last level. So the numbers follow from the configuration:

    input_blocks.0        conv_in
    input_blocks.N.0 .1   residual block, transformer      or   input_blocks.N.0.op   halving
    middle_block.0 .1 .2  residual block, transformer, residual block
    output_blocks.N.0 ….  residual block, [transformer,] [conv: doubling]
"""

from collections.abc import Mapping
from typing import Any

DOWN = ("DownBlock2D", "CrossAttnDownBlock2D")
UP = ("UpBlock2D", "CrossAttnUpBlock2D")
"""The levels that LDM's UNet can have, without and with attention."""

_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_places(config: Mapping[str, Any]) -> dict[str, str]:
    """Where the modules of a UNet2DConditionModel of this configuration stand: diffusers' prefix -> LDM's."""
    layers, levels = config["layers_per_block"], len(config["down_block_types"])
    places = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    if config.get("addition_embed_type") == "text_time":  # XL: the pooled prompt and the picture's size
        places |= {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
    number = 0
    for level, kind in enumerate(config["down_block_types"]):
        for layer in range(layers):
            number += 1
            places[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{number}.0"
            if kind == DOWN[1]:
                places[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
        if level < levels - 1:
            number += 1
            places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
    number = 0
    for level, kind in enumerate(config["up_block_types"]):
        for layer in range(layers + 1):
            step = [f"up_blocks.{level}.resnets.{layer}"]
            if kind == UP[1]:
                step.append(f"up_blocks.{level}.attentions.{layer}")
            places |= {ours: f"output_blocks.{number}.{order}" for order, ours in enumerate(step)}
            if layer == layers and level < levels - 1:
                places[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{number}.{len(step)}.conv"
            number += 1
    return places


def vae_places(config: Mapping[str, Any]) -> dict[str, str]:
    """The same for an AutoencoderKL. LDM counts the decoder's levels from fine to coarse, as it counts the encoder's."""
    layers, levels = config["layers_per_block"], len(config["block_out_channels"])
    places = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for side in ("encoder", "decoder"):
        places |= {f"{side}.conv_in": f"{side}.conv_in", f"{side}.conv_norm_out": f"{side}.norm_out", f"{side}.conv_out": f"{side}.conv_out"}
        places |= {f"{side}.mid_block.resnets.{number}": f"{side}.mid.block_{number + 1}" for number in (0, 1)}
        places[f"{side}.mid_block.attentions.0"] = f"{side}.mid.attn_1"
    for level in range(levels):
        coarse = levels - 1 - level
        places |= {f"encoder.down_blocks.{level}.resnets.{layer}": f"encoder.down.{level}.block.{layer}" for layer in range(layers)}
        places |= {f"decoder.up_blocks.{level}.resnets.{layer}": f"decoder.up.{coarse}.block.{layer}" for layer in range(layers + 1)}
        if level < levels - 1:
            places[f"encoder.down_blocks.{level}.downsamplers.0.conv"] = f"encoder.down.{level}.downsample.conv"
            places[f"decoder.up_blocks.{level}.upsamplers.0.conv"] = f"decoder.up.{coarse}.upsample.conv"
    return places


def unet_name(name: str, places: Mapping[str, str]) -> str:
    """LDM's name of a tensor of the UNet. Raises KeyError for one that LDM's has no place for."""
    ours, rest = _split(name, places)
    return f"{places[ours]}.{_inner(rest, _RESIDUAL) if '.resnets.' in ours else rest}"


def vae_name(name: str, places: Mapping[str, str]) -> str:
    """LDM's name of a tensor of the VAE. Raises KeyError for one that LDM's has no place for."""
    ours, rest = _split(name, places)
    return f"{places[ours]}.{_inner(rest, _VAE_ATTENTION if '.attentions.' in ours else {'conv_shortcut': 'nin_shortcut'})}"


def _split(name: str, places: Mapping[str, str]) -> tuple[str, str]:
    words = name.split(".")
    for cut in range(len(words) - 1, 0, -1):
        if (head := ".".join(words[:cut])) in places:
            return head, ".".join(words[cut:])
    raise KeyError(name)


def _inner(rest: str, names: Mapping[str, str]) -> str:
    inside, dot, kind = rest.rpartition(".")  # "norm1", "weight"
    return f"{names.get(inside, inside)}{dot}{kind}"
