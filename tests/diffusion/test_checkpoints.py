"""What a checkpoint is, and what is never opened. Nothing here reads a tensor."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from huafang.diffusion.model.inspect import inspect
from huafang.diffusion.model.load import load
from huafang.errors import BadInput, MissingWeights
from tests.diffusion import tiny


@pytest.mark.parametrize(("family", "says"), [("sd1", "epsilon"), ("sd2", "v_prediction"), ("xl", "epsilon")])
def test_folders_are_known(family, says, tmp_path):
    place = tiny.copy(family, tmp_path / "model")
    if family == "sd2":
        edit(place / "unet" / "config.json", cross_attention_dim=1024)
        edit(place / "text_encoder" / "config.json", hidden_size=1024)
    found = inspect(place)
    assert (found.family, found.single, found.prediction) == (family, False, says)


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl"])
def test_single_files_are_known(family, tmp_path):
    found = inspect(tiny.single(family, tmp_path))
    assert (found.family, found.single) == (family, True)
    assert found.prediction == (None if family == "sd2" else "epsilon")


def test_a_single_file_may_say_what_it_predicts(tmp_path):
    assert inspect(tiny.single("sd2", tmp_path / "a", metadata={"modelspec.architecture": "stable-diffusion-v2-768-v"})).prediction == "v_prediction"
    assert inspect(tiny.single("sd2", tmp_path / "b", metadata={"modelspec.prediction_type": "epsilon"})).prediction == "epsilon"


def edit(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


TRAP = "import pathlib; pathlib.Path({mark!r}).write_text('run')\n"


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "is a 'FluxPipeline'.*allowed are StableDiffusionPipeline"),
        ("model_index.json", {"_class_name": ["pipeline", "Evil"]}, "is not run here; allowed are"),
        ("model_index.json", {"custom_pipeline": "pipeline.py"}, "custom_pipeline: 'pipeline.py'"),
        ("model_index.json", {"unet": ["my_unet", "Evil"]}, r"wants 'my_unet\.Evil' as its unet; allowed are diffusers\.UNet2DConditionModel"),
        ("model_index.json", {"text_encoder": ["transformers", "T5EncoderModel"]}, r"'transformers\.T5EncoderModel' as its text_encoder; allowed are"),
        ("model_index.json", {"text_encoder": ["transformers", "BertModel"]}, "parts do not belong together: .* BertModel and CLIPTokenizer"),
        ("model_index.json", {"scheduler": ["scheduler", "Evil"]}, r"'scheduler\.Evil' as its scheduler"),
        ("model_index.json", {"evil": ["evil", "Evil"]}, "has a part 'evil'"),
        ("unet/config.json", {"auto_map": {"AutoModel": "evil.Evil"}}, "auto_map"),
        ("text_encoder/config.json", {"auto_map": {"AutoModel": "evil.Evil"}}, "auto_map"),
        ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": "evil.Evil"}}, "auto_map"),
        ("unet/config.json", {"in_channels": 7}, "a model that starts from a picture"),
        ("unet/config.json", {"time_cond_proj_dim": 256}, "guidance-distilled"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow_prediction"}, "predicts 'flow_prediction'"),
    ],
)
def test_43_code_and_foreign_classes_in_a_folder_are_refused_by_name_and_never_imported(file, values, message, tmp_path):
    place, mark = tiny.copy("sd1", tmp_path / "model"), tmp_path / "mark"
    for trap in ("pipeline.py", "evil.py", "unet/my_unet.py", "unet/evil.py", "scheduler/scheduler.py", "text_encoder/evil.py", "tokenizer/evil.py"):
        (place / trap).write_text(TRAP.format(mark=str(mark)))
    edit(place / file, **values)
    with pytest.raises(BadInput, match=message):
        load(place)
    assert not mark.exists()
    assert not {"evil", "my_unet"} & set(sys.modules)


def test_43_python_beside_the_weights_is_left_alone(tmp_path):
    place, mark = tiny.copy("sd1", tmp_path / "model"), tmp_path / "mark"
    for trap in ("pipeline.py", "unet/unet_2d_condition.py", "text_encoder/modeling_clip.py", "__init__.py"):
        (place / trap).write_text(TRAP.format(mark=str(mark)))
    assert load(place).family == "sd1"
    assert not mark.exists()


def test_41_a_folder_of_pickles_is_refused_unopened(tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    (place / "unet" / "diffusion_pytorch_model.safetensors").rename(place / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(BadInput, match=r"unet/diffusion_pytorch_model.bin is no .safetensors file"):
        load(place)


def test_a_folder_that_is_not_whole_says_what_is_missing(tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    (place / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(MissingWeights, match="no weights in vae/"):
        load(place)
    (place / "vae" / "config.json").unlink()
    with pytest.raises(MissingWeights, match=r"vae/config\.json is not there"):
        load(place)


OTHERS = {
    "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": "a Stable Diffusion 3 model",
    "double_blocks.0.img_attn.qkv.weight": "a Flux model",
    "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": "a LoRA",
    "unet.down_blocks.0.attentions.0.to_q.lora_A.weight": "a LoRA",
    "control_model.input_blocks.0.0.weight": "a ControlNet",
    "emb_params": "a textual inversion embedding",
    "first_stage_model.decoder.conv_in.weight": "a VAE alone",
    "down_blocks.0.resnets.0.conv1.weight": "a UNet alone",
    "text_model.embeddings.token_embedding.weight": "a text encoder alone",
    "features.0.weight": "a network for classifying",
    "something.else": r"no model that is known here \(its first tensor is 'something.else'\)",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_weights_are_called_by_their_name(name, tmp_path):
    save_file({name: torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadInput, match=OTHERS[name]) as refused:
        inspect(tmp_path / "other.safetensors")
    assert "models that are read here: Stable Diffusion 1.x (Taiyi too), 2.x and XL" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"cond_stage_model.transformer.encoder.layer.0.attention.self.query.weight": (2, 2)}, "reads its prompts with BERT"),
        ({"conditioner.embedders.0.model.ln_final.weight": (2,)}, "an XL refiner"),
        ({}, "a UNet without its text encoder"),
        ({"../../x": (1,)}, "'../../x' is no name of a tensor"),
    ],
)
def test_relatives_are_called_by_their_name(names, message, tmp_path):
    shapes = {"model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3), **names}
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "other.safetensors")
    with pytest.raises(BadInput, match=message):
        inspect(tmp_path / "other.safetensors")


def test_39_a_file_that_is_none(tmp_path):
    for body in (b"", b"PK\x03\x04" + b"0" * 90, b"\xff" * 7 + b"\x7f", (2**63).to_bytes(8, "little") + b"{}"):
        (tmp_path / "bad.safetensors").write_bytes(body)
        with pytest.raises(BadInput, match="is no safetensors file"):
            inspect(tmp_path / "bad.safetensors")


def test_40_weights_that_are_no_numbers_are_refused(tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    state = tiny.states("sd1")["unet"]
    save_file(state | {"conv_in.bias": torch.full_like(state["conv_in.bias"], torch.nan)}, place / "unet" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(BadInput, match=r"conv_in.bias holds values that are no numbers"):
        load(place)


@pytest.mark.parametrize(
    ("part", "file", "name"), [("unet", "diffusion_pytorch_model", "conv_out.weight"), ("text_encoder", "model", "final_layer_norm.weight")]
)
def test_a_tensor_that_is_not_there_is_never_made_up(part, file, name, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    state = tiny.states("sd1")[part]
    save_file({key: tensor for key, tensor in state.items() if not key.endswith(name)}, place / part / f"{file}.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=f"{name}"):
        load(place)


def test_text_encoders_saved_before_transformers_5_are_read(tmp_path):
    """Every folder on the hub names its tensors `text_model.…`."""
    place = tiny.copy("sd1", tmp_path / "model")
    state = {f"text_model.{name}": tensor for name, tensor in tiny.states("sd1")["text_encoder"].items()}
    save_file(state, place / "text_encoder" / "model.safetensors", metadata={"format": "pt"})
    ids = torch.arange(77)[None]
    assert torch.equal(load(place).encoders[0].model(ids)[0], load(tiny.folder("sd1")).encoders[0].model(ids)[0])


def test_a_folder_with_half_precision_files_only_is_read(tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    for file in place.rglob("*.safetensors"):
        file.rename(file.with_name(file.name.replace(".safetensors", ".fp16.safetensors")))
    assert torch.equal(load(place).unet.conv_in.weight, load(tiny.folder("sd1")).unet.conv_in.weight)
