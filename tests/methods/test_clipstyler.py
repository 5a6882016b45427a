"""A style in words: the paper's losses, CLIP as transformers has it, and the method with a CLIP so small that it is made here."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

from huafang import methods
from huafang.errors import BadInput, Cancelled, MissingWeights
from huafang.methods.clipstyler.losses import corners, direction, pieces, rejected, variation, views
from huafang.methods.clipstyler.painter import Painter
from huafang.methods.clipstyler.run import contrasted, phrased
from huafang.nets import clip, squeezenet
from tests.conftest import scene

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def tiny_clip(home: Path) -> Path:
    """A CLIP of two layers that spells words, written as transformers writes one."""
    home.mkdir(parents=True, exist_ok=True)
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (home / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (home / "merges.txt").write_text("#version: 0.2\n")
    (home / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 60}))
    text = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 60}
    ends = {"vocab_size": len(words), "bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    vision = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text | ends, vision_config=vision, projection_dim=16))
    model.config.save_pretrained(home)
    save_file(model.state_dict(), home / "model.safetensors", metadata={"format": "pt"})
    return home / "model.safetensors"


def sample(bench) -> dict:
    if not (bench.weights.root / "tiny").exists():
        tiny_clip(bench.weights.root / "tiny")
        net = squeezenet.SqueezeNet()
        for one in net.parameters():
            one.data = torch.randn(one.shape, generator=generator()) * (2 / one[0].numel()) ** 0.5 if one.ndim > 1 else torch.zeros_like(one)
        save_file(net.state_dict(), bench.weights.root / "squeezenet1_1.safetensors")
    return {"content": bench.content, "prompt": "fire", "clip": "tiny", "steps": 4, "crops": 3}


def paint(bench, **settings) -> torch.Tensor:
    return methods.run(methods.build("clipstyler", sample(bench) | settings), bench.context()).images[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return clip.load(tiny_clip(tmp_path_factory.mktemp("clip") / "tiny"))


def test_vectors_are_those_of_transformers_own_clip(judge):
    pixels, texts = torch.rand(2, 3, 32, 32, generator=generator()), ["a photo of fire", "ice"]
    read = judge.tokenizer(texts, padding=True, return_tensors="pt")
    mean, std = torch.tensor(clip.MEAN).view(1, 3, 1, 1), torch.tensor(clip.STD).view(1, 3, 1, 1)
    theirs = judge.model(pixel_values=(pixels - mean) / std, **read)
    assert torch.allclose(F.normalize(judge.pictures(pixels), dim=1), theirs.image_embeds, atol=1e-5)
    assert torch.allclose(F.normalize(judge.words(texts), dim=1), theirs.text_embeds, atol=1e-5)


def test_any_picture_is_seen_whole(judge):
    wide = torch.cat([torch.zeros(1, 3, 40, 60), torch.ones(1, 3, 40, 60)], 3)
    square = F.interpolate(wide, (32, 32), mode="bicubic", antialias=True)
    assert torch.allclose(judge.pictures(wide), judge.pictures(square), atol=1e-5)


def test_the_direction_is_equation_2():
    picture, photo, words, plain = (torch.randn(count, 8, generator=generator(seed)) for seed, count in enumerate((5, 1, 1, 1)))
    unit = lambda rows: rows / rows.norm(dim=1, keepdim=True)  # noqa: E731
    asked = (unit(words) - unit(plain))[0]
    for found, row in zip(direction(picture, photo, words, plain), unit(picture), strict=True):
        moved = row - unit(photo)[0]
        assert float(found) == pytest.approx(1 - float(moved @ asked / (moved.norm() * asked.norm())), abs=1e-5)


def test_good_pieces_do_not_count():
    losses = torch.tensor([0.2, 0.69, 0.71, 1.5], requires_grad=True)
    total = rejected(losses, 0.7)
    assert float(total.detach()) == pytest.approx((0.71 + 1.5) / 4)
    total.backward()
    assert losses.grad.tolist() == [0, 0, 0.25, 0.25]


def test_variation_is_the_sum_of_four_norms():
    pixels = torch.rand(1, 2, 5, 6, generator=generator())
    total = 0.0
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        squares = 0.0
        for y in range(5 - down):
            for x in range(max(0, -right), 6 - max(0, right)):
                squares += float(((pixels[0, :, y, x] - pixels[0, :, y + down, x + right]) ** 2).sum())
        total += squares**0.5
    assert float(variation(pixels)) == pytest.approx(total, rel=1e-5)


def test_the_corners_of_a_piece_are_seen_where_they_were_drawn_to():
    drawn_in = 0.5 * torch.rand(3, 4, 2, generator=generator())
    assert torch.allclose(views(corners(torch.zeros(1, 4, 2)), 8), F.affine_grid(torch.eye(2, 3)[None], (1, 1, 8, 8), align_corners=False), atol=1e-6)
    fine = views(corners(drawn_in), 801)
    for number in range(3):
        for corner, wanted in zip(corners(drawn_in)[number], corners(torch.zeros(1, 4, 2))[0], strict=True):
            column, row = ((corner + 1) / 2 * 801 - 0.5).round().long().clamp(0, 800).tolist()
            assert torch.allclose(fine[number, row, column], wanted, atol=0.01)
    straight = fine[0, 400] - fine[0, 400, :1]  # a homography keeps lines straight
    assert float((straight[:, 0] * straight[-1, 1] - straight[:, 1] * straight[-1, 0]).abs().max()) < 1e-4


def test_pieces_come_from_the_picture_with_black_around():
    picture = 0.25 + 0.5 * torch.rand(1, 3, 40, 50, generator=generator())
    found = pieces(picture, 20, 16, 24, generator())
    assert found.shape == (20, 3, 24, 24)
    assert 0 <= float(found.min()) <= float(found.max()) <= float(picture.max()) + 1e-6
    assert float(found[..., 12, 12].min()) >= 0.25, "the middle of a view is never beside the piece"
    assert torch.equal(found, pieces(picture, 20, 16, 24, generator()))


def test_the_painter_is_the_authors_in_size_and_keeps_shapes():
    painter = Painter(generator())
    assert sum(one.numel() for one in painter.parameters()) == 615_267
    out = painter(torch.rand(1, 3, 40, 56))
    assert out.shape == (1, 3, 40, 56)
    assert 0 < float(out.min().detach()) < float(out.max().detach()) < 1
    assert all(torch.equal(a, b) for a, b in zip(painter.parameters(), Painter(generator()).parameters(), strict=True))


def test_phrases_hold_the_text_once_each():
    assert len(set(phrased("fire"))) == len(phrased("fire")) == 70
    assert all(phrase.count("fire") == 1 for phrase in phrased("fire"))
    assert phrased("{}")[0] == "a photo of {}"


def test_contrast_is_about_the_mean_grey():
    photo = 0.3 + 0.4 * scene(20, 20)
    assert torch.allclose(contrasted(photo, 1.0), photo, atol=1e-6)
    assert float(contrasted(photo, 1.2).std()) == pytest.approx(1.2 * float(photo.std()), rel=1e-2)


def test_training_goes_down_towards_the_words(bench):
    methods.run(methods.build("clipstyler", sample(bench) | {"steps": 16, "crops": 3, "content_weight": 0.0, "threshold": 0.0}), bench.context())
    losses = [step.figures["loss"] for step in bench.steps]
    assert len(losses) == 16
    assert sum(losses[-4:]) < 0.95 * sum(losses[:4])
    assert set(bench.steps[0].figures) == {"loss", "patch", "direction", "content"}


def test_the_photo_is_learnt_where_the_words_are_left_out(bench):
    methods.run(methods.build("clipstyler", sample(bench) | {"steps": 16, "style_weight": 0.0}), bench.context())
    assert bench.steps[-1].figures["content"] < 0.9 * bench.steps[0].figures["content"]


def test_words_seed_and_strength_matter(bench):
    out, photo = paint(bench), bench.context().image(bench.content)
    assert torch.equal(out, paint(bench))
    assert not torch.equal(out, paint(bench, seed=1))
    assert not torch.equal(out, paint(bench, prompt="ice"))
    assert torch.allclose(paint(bench, strength=0.0), photo, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 90), (61, 35)])
def test_photos_of_any_size(bench, height, width):
    out = paint(bench, content=bench.put(scene(height, width)), steps=2)
    assert out.shape == (1, 3, height, width)
    assert torch.isfinite(out).all()


def test_every_step_hears_a_cancel(bench):
    with pytest.raises(Cancelled):
        methods.run(methods.build("clipstyler", sample(bench)), bench.context(stop_after=2))
    assert len(bench.steps) == 2


def test_a_clip_without_its_config_and_too_many_words_are_refused(bench, judge):
    values = sample(bench) | {"clip": "tiny/model"}
    (bench.weights.root / "tiny" / "config.json").unlink()
    with pytest.raises(BadInput, match=r"no config\.json beside model\.safetensors"):
        methods.run(methods.build("clipstyler", values), bench.context())
    with pytest.raises(BadInput, match="this CLIP reads 58 at most"):
        judge.words(["fire " * 40])


def test_another_networks_file_is_refused(bench):
    values = sample(bench)
    save_file({"logit_scale": torch.zeros(())}, bench.weights.root / "tiny" / "model.safetensors")
    with pytest.raises(BadInput, match=r"lacks .* of its tensors"):
        methods.run(methods.build("clipstyler", values), bench.context())


def test_the_store_knows_a_clip(bench):
    sample(bench)
    assert {model.name: model.holds for model in bench.weights.models() if model.path}["tiny"] == "clip"
    assert bench.weights.verify("tiny").faults == ()
    alone = bench.weights.add(bench.weights.path("tiny") / "model.safetensors")
    assert torch.equal(paint(bench, clip=alone), paint(bench)), "the file in the folder stands for the folder"


def test_without_its_network_the_method_says_how_to_get_it(bench):
    values = sample(bench)
    with pytest.raises(MissingWeights) as caught:
        methods.run(methods.build("clipstyler", values | {"features": "vgg19"}), bench.context())
    assert caught.value.hint == "get it with: huafang models pull vgg19"
