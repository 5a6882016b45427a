"""The checked configs: their defaults are the libraries' own, and every config that comes with Huafang passes."""

import inspect
import json
from pathlib import Path

import pytest

from huafang.diffusion.model import single_file
from huafang.diffusion.model.inspect import KINDS
from huafang.errors import BadInput
from huafang.models import catalogue, configs, folders, tokenizer_configs


def theirs(kind: type) -> dict[str, object]:
    """Defaults of a library's class by key."""
    return {name: one.default for name, one in inspect.signature(kind).parameters.items() if one.default is not one.empty}


def same(ours: object, library: object) -> bool:
    return ours == (list(library) if isinstance(library, tuple) else library)


def test_defaults_are_the_libraries_own():
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import BertConfig, CLIPTextConfig, CLIPVisionConfig

    kinds = {
        configs.UNet: UNet2DConditionModel,
        configs.Vae: AutoencoderKL,
        configs.ClipText: CLIPTextConfig,
        configs.ClipVision: CLIPVisionConfig,
        configs.Bert: BertConfig,
    }
    for ours, library in kinds.items():
        known = theirs(library)
        for name, field in ours.model_fields.items():
            if name not in ("use_attention_mask", "position_embedding_type"):  # which only older versions of transformers had
                assert same(field.default, known[name]), f"{ours.__name__}.{name}"
    ignored = set(theirs(UNet2DConditionModel)) - set(configs.UNet.model_fields)
    assert not ignored, "a key that changes what is drawn is never passed over"
    assert not set(theirs(AutoencoderKL)) - set(configs.Vae.model_fields)


@pytest.mark.parametrize("file", sorted(single_file.CONFIGS.rglob("*config.json")) + sorted(catalogue.BUILT_IN.rglob("*config.json")), ids=str)
def test_the_configs_that_come_with_huafang_are_read_whole(file: Path):
    part = file.parent.name
    bert = "mini-zh" in str(file) and part == "text_encoder"
    kind = tokenizer_configs.TokenizerConfig if part == "tokenizer" else configs.Bert if bert else KINDS[part]
    found = folders.read_config(kind, file)
    said = json.loads(file.read_text())
    assert all(value == said[key] for key, value in found.model_dump(exclude_unset=True).items())


def test_faults_are_told_by_file_key_and_bound_and_never_at_length():
    values = {"layers_per_block": "x" * 10_000, "in_channels": 0, "out_channels": None, "norm_eps": -1, "dropout": 7, "act_fn": "evil"}
    with pytest.raises(BadInput) as refused:
        configs.checked(configs.UNet, values, "unet/config.json")
    assert refused.value.code == "weights.bad_config"
    assert refused.value.message.startswith("unet/config.json says what cannot be: in_channels = 0: must be greater than or equal to 1; ")
    assert refused.value.message.endswith("more")
    assert len(refused.value.message) < 600


def test_a_file_is_read_up_to_a_size(tmp_path):
    (tmp_path / "config.json").write_text('{"a": "' + "x" * folders.MAX_CONFIG + '"}')
    with pytest.raises(BadInput, match="bytes; at most 1,000,000 are read"):
        folders.read_json(tmp_path / "config.json")
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert folders.read_json(tmp_path / "config.json") == {"a": 1}, "a mark of the byte order is no fault"


def test_a_number_out_of_bounds_is_said_once_where_a_list_may_stand_too():
    with pytest.raises(BadInput, match=r"cannot be: attention_head_dim = 0: must be greater than or equal to 1$"):
        configs.checked(configs.UNet, {"attention_head_dim": 0}, "unet/config.json")
