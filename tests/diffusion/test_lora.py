"""LoRA files of every layout, held against a layer's own forward pass in float64; what is put into a model leaves it bit by bit."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from huafang import metadata, methods
from huafang.diffusion.adapters import lora
from huafang.diffusion.model import load
from huafang.diffusion.prompt import grammar, lora_blocks
from huafang.errors import BadInput, UnknownWeights
from huafang.models.kinds import kind_of
from tests.diffusion import tiny

Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
PROJ = "down_blocks.0.attentions.0.proj_in"
TEXT = "encoder.layers.0.self_attn.q_proj"
RANK = 3


@pytest.fixture(scope="module")
def model():
    return load.load(tiny.folder("sd1"))


def module(model, name):
    return model.unet.get_submodule(name)


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def low_rank(weight, prefix="", names=("lora_down.weight", "lora_up.weight"), alpha=None):
    """The two factors for `weight`, a k × k `down` for a convolution."""
    out, into, *kernel = weight.shape
    found = {f"{prefix}.{names[0]}": rand(RANK, into, *kernel), f"{prefix}.{names[1]}": rand(out, RANK, *[1] * len(kernel), seed=1)}
    return found | ({f"{prefix}.alpha": torch.tensor(float(alpha))} if alpha is not None else {})


def weights_of(model):
    parts = [model.unet, *(encoder.model for encoder in model.encoders)]
    return {f"{number}.{name}": tensor for number, part in enumerate(parts) for name, tensor in part.state_dict().items()}


def bits(model):
    return {name: tensor.clone() for name, tensor in weights_of(model).items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def use(tmp_path, tensors, strength=1.0, text_strength=1.0, metadata=None, name="x"):
    path = tmp_path / f"{name}.safetensors"
    save_file(tensors, path, metadata)
    return lora.Use(name, path, strength, text_strength)


def forward(layer, weight, x):
    weight = weight.double()
    if weight.dim() == 2:
        return F.linear(x.double(), weight)
    return F.conv2d(x.double(), weight, padding=weight.shape[-1] // 2)


@pytest.mark.parametrize("layer", [Q, CONV, PROJ])
@pytest.mark.parametrize("alpha", [None, 6.0, 9999999999.0])
@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("lora_unet_{flat}", ("lora_down.weight", "lora_up.weight")),
        ("lycoris_{flat}", ("lora_down.weight", "lora_up.weight")),
        ("unet.{dots}", ("lora.down.weight", "lora.up.weight")),
        ("unet.{dots}", ("lora_A.weight", "lora_B.weight")),
        ("base_model.model.{dots}", ("lora_A.default.weight", "lora_B.default.weight")),
        ("{dots}", ("lora_A.weight", "lora_B.weight")),
    ],
)
def test_low_rank_is_the_two_layers_one_after_the_other(model, tmp_path, layer, prefix, names, alpha):
    before, weight = bits(model), module(model, layer).weight
    x = rand(2, weight.shape[1], *[5] * (weight.dim() - 2))
    plain = forward(layer, weight, x)
    tensors = low_rank(weight, prefix.format(flat=layer.replace(".", "_"), dots=layer), names, alpha)
    down, up = (tensor.double() for tensor in list(tensors.values())[:2])
    scale = 1.0 if alpha is None or alpha > 1e6 else alpha / RANK
    pad = down.shape[-1] // 2
    extra = F.linear(F.linear(x.double(), down), up) if weight.dim() == 2 else F.conv2d(F.conv2d(x.double(), down, padding=pad), up)
    with lora.applied(model, [use(tmp_path, tensors, 0.7)]) as (effect,):
        assert torch.allclose(forward(layer, weight, x), plain + 0.7 * scale * extra, atol=1e-4)
        assert (effect.changed, effect.total, effect.ranks, effect.dropped) == (1, 1, (RANK,), {})
        assert effect.share > 0.01
    assert same(before, bits(model))


def test_names_of_ldm_and_the_old_names_of_diffusers_are_the_same_modules(model, tmp_path):
    q, conv = module(model, Q).weight, module(model, CONV).weight
    spellings = {
        Q: ["lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", f"unet.{Q}".replace("to_q", "processor.to_q_lora")],
        CONV: ["lora_unet_input_blocks_1_0_in_layers_2", "diffusion_model.input_blocks.1.0.in_layers.2"],
    }
    for name, prefixes in spellings.items():
        weight = q if name == Q else conv
        before = weight.clone()
        for prefix in prefixes:
            tensors = low_rank(weight, prefix)
            if "_lora" in prefix:
                tensors = {key.replace("_lora.lora_down", "_lora.down").replace("_lora.lora_up", "_lora.up"): one for key, one in tensors.items()}
            with lora.applied(model, [use(tmp_path, tensors)]) as (effect,):
                assert effect.changed == 1, prefix
                assert not torch.equal(weight, before)


def test_matrices_fit_convolutions_of_one_pixel_and_the_other_way_round(model, tmp_path):
    weight = module(model, PROJ).weight
    assert weight.dim() == 4
    flat = {name: tensor.flatten(1) for name, tensor in low_rank(weight, f"lora_unet_{PROJ.replace('.', '_')}").items()}
    with lora.applied(model, [use(tmp_path, flat)]) as (effect,):
        assert effect.changed == 1
    square = {name: tensor[..., None, None] for name, tensor in low_rank(module(model, Q).weight, f"lora_unet_{Q.replace('.', '_')}").items()}
    with lora.applied(model, [use(tmp_path, square)]) as (effect,):
        assert effect.changed == 1


def delta(model, tmp_path, name, parts, metadata=None):
    """What a file of `parts` adds to the weight of `name`, float64."""
    weight = module(model, name).weight
    before = weight.double().clone()
    with lora.applied(model, [use(tmp_path, {f"lora_unet_{name.replace('.', '_')}.{part}": tensor for part, tensor in parts.items()}, metadata=metadata)]):
        return weight.double() - before


def test_tucker_loha_lokr_and_full_differences(model, tmp_path):
    out, into, height, width = module(model, CONV).weight.shape
    up, mid, down = rand(out, RANK, 1, 1), rand(RANK, RANK, height, width, seed=2), rand(RANK, into, 1, 1, seed=3)
    wanted = torch.zeros(out, into, height, width, dtype=torch.float64)
    for a in range(RANK):
        for b in range(RANK):
            wanted += up.double()[:, a, 0, 0, None, None, None] * mid.double()[a, b] * down.double()[None, b, :, 0, 0, None, None]
    found = delta(model, tmp_path, CONV, {"lora_up.weight": up, "lora_mid.weight": mid, "lora_down.weight": down, "alpha": torch.tensor(6.0)})
    assert torch.allclose(found, 2 * wanted, atol=1e-4)

    rows, columns = module(model, Q).weight.shape
    factors = {name: rand(*shape, seed=7 + n) for n, (name, shape) in enumerate(
        {"hada_w1_a": (rows, RANK), "hada_w1_b": (RANK, columns), "hada_w2_a": (rows, RANK), "hada_w2_b": (RANK, columns)}.items()
    )}  # fmt: skip
    one, two = (factors[f"hada_w{n}_a"].double() @ factors[f"hada_w{n}_b"].double() for n in (1, 2))
    assert torch.allclose(delta(model, tmp_path, Q, {**factors, "alpha": torch.tensor(1.5)}), 0.5 * one * two, atol=1e-4)

    small, large = rand(2, 2), rand(rows // 2, columns // 2, seed=5)
    assert torch.allclose(
        delta(model, tmp_path, Q, {"lokr_w1": small, "lokr_w2": large, "alpha": torch.tensor(2.0)}), torch.kron(small.double(), large.double()), atol=1e-5
    )
    a, b = rand(rows // 2, RANK), rand(RANK, columns // 2, seed=6)
    found = delta(model, tmp_path, Q, {"lokr_w1": small, "lokr_w2_a": a, "lokr_w2_b": b, "alpha": torch.tensor(1.5)})
    assert torch.allclose(found, 0.5 * torch.kron(small.double(), a.double() @ b.double()), atol=1e-4)
    cores = rand(2, 2), rand(out // 2, into // 2, height, width, seed=8)
    found = delta(model, tmp_path, CONV, {"lokr_w1": cores[0], "lokr_w2": cores[1]})
    assert torch.allclose(found[: out // 2, : into // 2], (cores[0][0, 0] * cores[1]).double(), atol=1e-5)

    change = rand(rows, columns, seed=9)
    assert torch.allclose(delta(model, tmp_path, Q, {"diff": change}), change.double(), atol=1e-5)
    bias = module(model, CONV).bias
    before = bias.clone()
    with lora.applied(model, [use(tmp_path, {f"lora_unet_{CONV.replace('.', '_')}.diff_b": torch.ones(out)}, 0.5)]):
        assert torch.allclose(bias, before + 0.5)
    assert torch.equal(bias, before)


@pytest.mark.parametrize("axis", [0, 1])
def test_dora_gives_rows_or_columns_their_lengths_and_is_off_at_strength_0(model, tmp_path, axis):
    weight = module(model, Q).weight
    before = weight.double().clone()
    scale = rand(*((len(weight), 1) if axis == 0 else (1, weight.shape[1]))).abs() + 0.5
    prefix = f"lora_unet_{Q.replace('.', '_')}"
    tensors = low_rank(weight, prefix) | {f"{prefix}.dora_scale": scale}
    with lora.applied(model, [use(tmp_path, tensors)]):
        assert torch.allclose(weight.double().norm(dim=1 - axis), scale.flatten().double(), atol=1e-4)
    with lora.applied(model, [use(tmp_path, tensors, 0.0)]):
        assert torch.equal(weight.double(), before)


def test_the_scale_of_peft_stands_in_the_header(model, tmp_path):
    weight = module(model, Q).weight
    before, tensors = weight.clone(), low_rank(weight, f"unet.{Q}", ("lora_A.weight", "lora_B.weight"))
    down, up = tensors.values()
    for said, scale in (({"unet.r": RANK, "unet.lora_alpha": 6}, 2.0), ({"unet.r": 4, "unet.lora_alpha": 6, "unet.use_rslora": True}, 3.0)):
        with lora.applied(model, [use(tmp_path, tensors, metadata={"lora_adapter_metadata": json.dumps(said)})]):
            assert torch.allclose(weight, before + scale * (up @ down), atol=1e-4)


def test_text_encoders_have_a_strength_of_their_own_and_bert_takes_none(model, tmp_path):
    encoder = model.encoders[0].model
    name = next(name for name, _ in encoder.named_modules() if name.endswith(TEXT))
    weight = encoder.get_submodule(name).weight
    before = weight.clone()
    tensors = low_rank(weight, f"lora_te_text_model_{TEXT.replace('.', '_')}") | low_rank(module(model, Q).weight, f"lora_unet_{Q.replace('.', '_')}")
    with lora.applied(model, [use(tmp_path, tensors, 1.0, 0.0)]) as (effect,):
        assert (effect.changed, effect.texts) == (2, 1)
        assert torch.equal(weight, before)
    with lora.applied(model, [use(tmp_path, tensors, 0.0, 1.0)]):
        assert not torch.equal(weight, before)
    taiyi = load.load(tiny.folder("bert"))
    with lora.applied(taiyi, [use(tmp_path, tensors)]) as (effect,):
        assert effect.changed == 1
        assert effect.dropped == {lora.NO_CLIP: 1}
        assert "CLIP" in effect.note().zh


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lora_unet_double_blocks_0_img_attn_qkv", "FLUX"),
        ("diffusion_model.joint_blocks.0.x_block.attn.qkv", "Stable Diffusion 3"),
        ("transformer.transformer_blocks.0.attn.to_q", "another family"),
        ("lora_unet_down_blocks_9_attentions_0_proj_in", lora.NOT_THERE),
    ],
)
def test_a_file_of_another_family_is_refused_and_named(model, tmp_path, name, said):
    before = bits(model)
    with pytest.raises(BadInput, match="nothing would change") as caught, lora.applied(model, [use(tmp_path, low_rank(torch.zeros(8, 8), name))]):
        pass
    assert caught.value.code == "lora.other_family"
    assert said in caught.value.message
    assert same(before, bits(model))


def test_zero_effect_is_an_error_and_so_is_another_shape(model, tmp_path):
    prefix = f"lora_unet_{Q.replace('.', '_')}"
    zero = low_rank(module(model, Q).weight, prefix)
    zero[f"{prefix}.lora_up.weight"].zero_()
    with pytest.raises(BadInput, match="changes nothing"), lora.applied(model, [use(tmp_path, zero)]):
        pass
    with pytest.raises(BadInput, match="of another shape"), lora.applied(model, [use(tmp_path, low_rank(torch.zeros(40, 24), prefix))]):
        pass
    with pytest.raises(BadInput, match="lack a tensor"), lora.applied(model, [use(tmp_path, {f"{prefix}.lora_up.weight": rand(8, 3)})]):
        pass
    with pytest.raises(BadInput, match="OFT"), lora.applied(model, [use(tmp_path, {f"{prefix}.oft_blocks": rand(2, 4, 4)})]):
        pass


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_any_order_and_number_the_model_has_its_own_bits_again(model, tmp_path, data):
    before = bits(model)
    layers = [Q, CONV, PROJ]
    files = [
        use(tmp_path, low_rank(module(model, one).weight, f"lora_unet_{one.replace('.', '_')}"), strength, name=f"f{number}")
        for number, (one, strength) in enumerate(data.draw(st.lists(st.tuples(st.sampled_from(layers), st.sampled_from([-1.5, -0.25, 0.5, 1.0])), max_size=4)))
    ]
    with lora.applied(model, files):
        inside = bits(model)
        if data.draw(st.booleans()):
            with pytest.raises(ZeroDivisionError), lora.applied(model, files[:1]):
                raise ZeroDivisionError
            assert same(inside, bits(model))
    assert same(before, bits(model))
    with lora.applied(model, files[::-1]):
        assert all(torch.allclose(one, inside[name], atol=1e-5) for name, one in bits(model).items())


def test_a_prompt_names_loras():
    prompt = "a house <lora:monet:0.8>, <lora:my/sketch:1:0.5> (red:1.2)"
    assert grammar.loras(prompt) == (grammar.NamedLora("monet", 0.8), grammar.NamedLora("my/sketch", 0.5, 1.0)), (
        "the text encoder's strength stands first, as in A1111"
    )
    assert "".join(span.text for part in grammar.parse(prompt) for span in part) == "a house ,  red"
    for wrong in ("<lora:>", "<lora:a b:1>", "<lora:x:much>", "<lora:x:9>", "<hypernet:x:1>", "<lora:../x:1>", "<lora:x:1:1:lbw=1,1>"):
        with pytest.raises(ValueError, match=r"lora|hypernet"):
            grammar.parse(f"a {wrong}")


def test_a_picture_is_drawn_with_loras_and_then_as_before(bench):
    tiny_model = bench.weights.add(tiny.folder("sd1"))
    unet = load.load(tiny.folder("sd1")).unet
    tensors = {}
    for name, part in unet.named_modules():
        if name.endswith(("to_q", "to_v", "conv1")):
            tensors |= low_rank(part.weight, f"lora_unet_{name.replace('.', '_')}")
    bench.weights.root.mkdir(parents=True, exist_ok=True)
    save_file(tensors, bench.weights.root / "style.safetensors")
    assert kind_of(tensors) == "lora"
    plain = {"prompt": "a house", "model": tiny_model, "steps": 2, "width": 64, "height": 64}
    ctx = bench.context()

    def draw(**more):
        return methods.run(methods.build("text_to_image", plain | more), ctx)

    with_it_params = methods.build("text_to_image", plain | {"loras": [{"name": "style", "weight": 0.5}]})
    before, with_it = draw().images[0], draw(loras=[{"name": "style", "weight": 0.5}])
    assert not torch.equal(before, with_it.images[0])
    assert any("style: " in note and "modules changed" in note for note in with_it.notes)
    recipe = metadata.recipe(with_it_params.model_dump(mode="json"))
    assert recipe["parameters"].splitlines()[0] == "a house <lora:style:0.5>"
    named = draw(prompt="a house<lora:style:0.5>")
    assert torch.equal(named.images[0], with_it.images[0])
    assert torch.equal(draw().images[0], before)
    assert torch.equal(draw(loras=[{"name": "style", "weight": 0.0}]).images[0], before)
    for wrong in ({"loras": [{"name": "gone"}]}, {"prompt": "a <lora:gone:1>"}):
        with pytest.raises(UnknownWeights, match="gone"):
            methods.check_models(methods.build("text_to_image", plain | wrong), bench.weights)
    with pytest.raises(BadInput, match="lora"):
        methods.check_models(methods.build("text_to_image", plain | {"loras": [{"name": tiny_model}]}), bench.weights)


SYNTAX = {
    "<lora:x>": {},
    "<lora:x:0.5>": {"weight": 0.5},
    "<lora:x:0.5:0.8>": {"weight": 0.8, "text_weight": 0.5},
    "<lora:x:0.5:0.5>": {"weight": 0.5},
    "<lora:x:te=0.2:unet=0.7>": {"weight": 0.7, "text_weight": 0.2},
    "<lora:x:1:unet=0>": {"weight": 0.0, "text_weight": 1.0},
    "<lora:x:1:1:lbw=ALL>": {"blocks": dict.fromkeys(lora_blocks.BLOCKS, 1.0)},
    "<lora:x:1:ALL0.5>": {"blocks": dict.fromkeys(lora_blocks.BLOCKS, 0.5)},
    "<lora:x:1:0,1,0,0,0,0,0,0,0,0,0,0>": {"blocks": dict.fromkeys(lora_blocks.BLOCKS, 0.0) | {"IN04": 1.0}},
    "<lora:x:1:lbw=NONE:start=5>": {"blocks": dict.fromkeys(lora_blocks.BLOCKS, 0.0), "start": "5"},
    "<lora:x:lbw=ALL:stop=0.8>": {"blocks": dict.fromkeys(lora_blocks.BLOCKS, 1.0), "stop": "0.8"},
    "<lora:x:1:step=5-10>": {"start": "5", "stop": "10"},
}


@pytest.mark.parametrize("text", SYNTAX)
def test_what_stands_behind_a_name(text):
    assert grammar.loras(f"a {text} b") == (grammar.NamedLora("x", **SYNTAX[text]),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<lora:x:1:lbw=OUTAL>", r"there are no block weights 'OUTAL'.*did you mean OUTALL\?"),
        ("<lora:x:1:lbw=1,1,1>", "3 block weights came; allowed are 12"),
        ("<lora:x:1:lbw=R,1,1,1,1,1,1,1,1,1,1,1>", "the block weight 'R' is no number"),
        ("<lora:x:1:lbw=9,1,1,1,1,1,1,1,1,1,1,1>", "block weights are -4 to 4"),
        ("<lora:x:1:start=soon>", "has the step 'soon'"),
        ("<lora:x:1:step=5>", "has the step ''"),
        ("<lora:x:1:dyn=4>", "has dyn=, which is not read here"),
        ("<lora:x:te=much>", "cannot be read"),
        ("<lora:x:unet=7>", "is too strong"),
    ],
)
def test_what_behind_a_name_cannot_be_read_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        grammar.loras(text)


EXTENSION = {
    "NONE": "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
    "ALL": "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
    "INS": "1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0",
    "IND": "1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0",
    "INALL": "1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0",
    "MIDD": "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0",
    "OUTD": "1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0",
    "OUTS": "1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1",
    "OUTALL": "1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1",
}
"""The presets that the extension comes with."""


@pytest.mark.parametrize("preset", EXTENSION)
def test_presets_are_the_extensions_on_the_blocks_that_a_lora_of_sd1_has(preset):
    ours, theirs = lora_blocks.parse(preset), lora_blocks.parse(EXTENSION[preset])
    assert {block: ours[block] for block in lora_blocks.LISTS[17]} == {block: theirs[block] for block in lora_blocks.LISTS[17]}


BLOCKED = {
    "IN01": ("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.0.resnets.0.conv1"),
    "IN02": ("down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q",),
    "MID": ("mid_block.attentions.0.transformer_blocks.0.attn1.to_q",),
    "OUT03": ("up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "up_blocks.1.resnets.0.conv1"),
}


def in_blocks(model):
    """Blocks of the tiny model that have an attention, with one module each, by the names that diffusers and the original layout give them."""
    found = {}
    for block, names in BLOCKED.items():
        for name in names:
            try:
                found[name] = block, model.unet.get_submodule(name).weight
            except AttributeError:
                continue
    return found


@pytest.mark.parametrize("weights", ["ALL", "NONE", "INS", "MIDD", "OUTALL", "0.5,2,-1,0.25,1,1,1,3,0.125,1,1,1,1,1,1,1,0"])
def test_each_block_is_changed_by_its_own_weight(model, tmp_path, weights):
    """ΔW is computed here, in float64; the blocks' numbers are those that the original layout has for these modules."""
    there = in_blocks(model)
    assert {block for block, _ in there.values()} >= {"IN01", "MID"}
    before = bits(model)
    tensors = {}
    for number, (name, (_, weight)) in enumerate(there.items()):
        tensors |= {key: tensor + number for key, tensor in low_rank(weight, f"lora_unet_{name.replace('.', '_')}").items()}
    text = model.encoders[0].model.get_submodule(TEXT if hasattr(model.encoders[0].model, "encoder") else f"text_model.{TEXT}").weight
    tensors |= low_rank(text, f"lora_te_text_model_{TEXT.replace('.', '_')}")
    numbers = weights.split(",") if "," in weights else EXTENSION[weights].split(",")
    factors = dict(zip(lora_blocks.LISTS[17], map(float, numbers), strict=True))
    used = replace(use(tmp_path, tensors, 0.8, 0.4), blocks=lora_blocks.parse(weights))
    old = {name: weight.detach().double().clone() for name, (_, weight) in there.items()}
    old_text = text.detach().double().clone()
    with lora.applied(model, [used]) as (effect,):
        for name, (block, weight) in there.items():
            prefix = f"lora_unet_{name.replace('.', '_')}"
            up, down = (tensors[f"{prefix}.lora_{part}.weight"].double() for part in ("up", "down"))
            change = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
            assert torch.allclose(weight.double(), old[name] + 0.8 * factors[block] * change, atol=1e-4), name
        up, down = (tensors[f"lora_te_text_model_{TEXT.replace('.', '_')}.lora_{part}.weight"].double() for part in ("up", "down"))
        assert torch.allclose(text.double(), old_text + 0.4 * factors["BASE"] * (up @ down), atol=1e-4)
        ratio = 0.4 * factors["BASE"] * (up @ down).norm() / old_text.norm()
        assert effect.blocks["BASE"] == pytest.approx(abs(float(ratio)), rel=1e-4)
        assert effect.blocks.keys() == {"BASE", *(block for block, _ in there.values())}
        mid = next(name for name, (block, _) in there.items() if block == "MID")
        assert effect.blocks["MID"] == pytest.approx(float((there[mid][1].double() - old[mid]).norm() / old[mid].norm()), rel=1e-3, abs=1e-6)
    assert same(before, bits(model))
    assert lora.effect(model, used) == effect
    assert same(before, bits(model))


def test_block_weights_that_leave_out_all_that_a_file_changes_are_an_error(model, tmp_path):
    tensors = low_rank(module(model, Q).weight, f"lora_unet_{Q.replace('.', '_')}")
    used = replace(use(tmp_path, tensors), blocks=lora_blocks.parse("0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1"))
    with pytest.raises(BadInput, match=r"its block weights are 0 for all that it would change \(IN01\)"), lora.applied(model, [used]):
        pass
    with lora.applied(model, [replace(used, blocks=lora_blocks.parse("NONE"))]) as (effect,):
        assert effect.share == 0


@pytest.mark.parametrize(
    ("start", "stop", "acting"),
    [
        (None, None, range(10)),
        ("4", None, range(3, 10)),
        (None, "4", range(4)),
        ("3", "5", range(2, 5)),
        ("0.5", None, range(5, 10)),
        (None, "0.5", range(5)),
        ("0.2", "0.9", range(2, 9)),
        ("11", None, ()),
        (None, "0", ()),
        ("1", "99", range(10)),
    ],
)
def test_the_steps_in_which_a_file_acts(tmp_path, start, stop, acting):
    used = lora.Use("x", tmp_path, start=start, stop=stop)
    assert [step for step in range(10) if used.acts(step, 10)] == list(acting)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_over_the_steps_each_weight_is_its_own_plus_those_that_act(model, tmp_path, data):
    """Whatever ranges overlap on one weight, and wherever drawing breaks off."""
    before, weight = bits(model), module(model, Q).weight
    old = weight.detach().clone()
    prefix = f"lora_unet_{Q.replace('.', '_')}"
    files, changes = [], []
    for number in range(data.draw(st.integers(1, 3))):
        tensors = {key: tensor + number for key, tensor in low_rank(weight, prefix).items()}
        start, stop = (data.draw(st.sampled_from([None, "1", "2", "4", "0.5"])) for _ in range(2))
        files.append(replace(use(tmp_path, tensors, 0.1, name=f"f{number}"), start=start, stop=stop))
        changes.append(0.1 * tensors[f"{prefix}.lora_up.weight"] @ tensors[f"{prefix}.lora_down.weight"])
    with lora.Loras(files).inject(model) as active:
        for step in range(data.draw(st.integers(0, 6))):
            active.at_step(step, 6)
            wanted = old + sum((change for one, change in zip(files, changes, strict=True) if one.acts(step, 6)), torch.zeros_like(old))
            assert torch.allclose(weight, wanted, atol=1e-5)
    assert same(before, bits(model))


def test_a_picture_is_drawn_with_blocks_and_steps(bench):
    tiny_model = bench.weights.add(tiny.folder("sd1"))
    unet = load.load(tiny.folder("sd1")).unet
    tensors = {}
    for name, part in unet.named_modules():
        if name.endswith("to_q"):
            tensors |= low_rank(part.weight, f"lora_unet_{name.replace('.', '_')}")
    bench.weights.root.mkdir(parents=True, exist_ok=True)
    save_file(tensors, bench.weights.root / "style.safetensors")

    def draw(tag):
        return methods.run(methods.build("text_to_image", {"prompt": f"a house{tag}", "model": tiny_model, "steps": 4}), bench.context())

    plain, full = draw("").images[0], draw("<lora:style:1>").images[0]
    assert torch.equal(draw("<lora:style:1:lbw=ALL>").images[0], full)
    assert torch.equal(draw("<lora:style:1:lbw=NONE>").images[0], plain)
    assert torch.equal(draw("<lora:style:1:start=1:stop=4>").images[0], full)
    never = draw("<lora:style:1:start=5>")
    assert torch.equal(never.images[0], plain)
    assert "style acts in none of the 4 steps: see its start and stop" in never.notes
    half, blocks = draw("<lora:style:1:stop=0.5>").images[0], draw("<lora:style:1:lbw=OUTALL>").images[0]
    for one in (half, blocks):
        assert not torch.allclose(one, plain, atol=1e-4)
        assert not torch.allclose(one, full, atol=1e-4)
    assert torch.equal(draw("").images[0], plain)
