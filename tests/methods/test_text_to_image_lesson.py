"""The page of the process: attention maps are the softmax of the authors' equation, and recording them changes no pixel."""

import re

import pytest
import torch

from huafang import methods
from huafang.diffusion.model import load
from huafang.diffusion.prompt import encode
from huafang.diffusion.sampling import attention
from huafang.methods.text_to_image import lesson
from huafang.models import catalogue
from tests.diffusion import tiny


def settings(**more):
    return {"prompt": "a (castle:1.2) by the sea, watercolour", "model": "mini", "steps": 3, "width": 64, "height": 64, "lesson": True, **more}


def run(bench, **more):
    return methods.run(methods.build("text_to_image", settings(**more)), bench.context())


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl"])
@torch.inference_mode()
def test_a_map_is_the_mean_of_the_softmax_over_heads_and_layers(family):
    """Against diffusers' own attention probabilities, layer by layer; sides that are no multiple of the UNet's halvings too."""
    model = load.load(tiny.folder(family))
    said = encode.encode(model, "a castle by the sea", guided=False)
    height, width = 10, 6
    layers = [(name, part) for name, part in model.unet.named_modules() if name.endswith(".attn2")]
    seen = {}
    hooks = [
        part.register_forward_pre_hook(
            lambda module, args, kwargs, name=name: seen.update({name: (args[0], kwargs["encoder_hidden_states"])}), with_kwargs=True
        )
        for name, part in layers
    ]
    more = {}
    if family == "xl":
        more = {"added_cond_kwargs": {"text_embeds": said.at(0).wanted[0][0].pooled, "time_ids": torch.tensor([[80, 48, 0, 0, 80, 48]])}}
    latents = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(1))
    with attention.recorded(model.unet, 0, (height, width)) as maps:
        model.unet(latents, 500, encoder_hidden_states=said.at(0).wanted[0][0].embeds, **more)
    for hook in hooks:
        hook.remove()
    found = maps.take()
    wanted = []
    for name, part in layers:
        states, tokens = seen[name]
        shares = part.get_attention_scores(part.head_to_batch_dim(part.to_q(states)), part.head_to_batch_dim(part.to_k(tokens))).mean(0)
        shape = next(size for size in ((10, 6), (5, 3), (3, 2), (2, 1)) if size[0] * size[1] == len(shares))
        wanted.append(torch.nn.functional.interpolate(shares.T.reshape(1, -1, *shape), size=(height, width), mode="bilinear"))
    assert torch.allclose(found, torch.cat(wanted).mean(0), atol=1e-5)
    assert torch.allclose(found.sum(0), torch.ones(height, width), atol=1e-4)
    assert found.std() > 0
    assert not any(part._forward_pre_hooks for _, part in layers), "nothing is left behind"


def test_words_are_put_together_from_tokens():
    model = load.load(catalogue.built_in_place("mini"))
    ((end, words),) = encode.words_read(model, "a (castle:1.2), lighthouses unbelievable!", 10)
    assert end == 10
    assert [word.text for word in words] == ["a", "castle", "lighthouses", "unbelievable"]
    ids = [token for chunk in encode._chunks(model.encoders[0], "a (castle:1.2), lighthouses unbelievable!", {}) for token, _ in chunk]
    for word in words:
        assert model.encoders[0].tokenizer.decode([ids[place - 1] for place in word.places]).replace("</w>", "").strip() == word.text


def test_words_of_schedules_of_long_prompts_and_of_chinese():
    model = load.load(catalogue.built_in_place("mini"))
    found = encode.words_read(model, "a [castle:boat:0.5] AND a tree", 10)
    assert [(end, [word.text for word in words]) for end, words in found] == [(5, ["a", "castle"]), (10, ["a", "boat"])]
    long = encode.words_read(model, "castle " * 80, 1)[0][1]
    assert [word.places for word in long[74:76]] == [(75,), (78,)], "the second chunk begins behind the first one's end token and its own start token"
    chinese = encode.words_read(load.load(catalogue.built_in_place("mini-zh")), "海边的灯塔，castle", 1)[0][1]
    assert [word.text for word in chinese] == ["海", "边", "的", "灯", "塔", "castle"]


@pytest.mark.parametrize("more", [{}, {"guidance": 1}, {"sampler": "heun"}, {"images": 2}, {"prompt": "a castle AND (a boat:1.2)"}, {"prompt": ""}])
def test_the_picture_stays_the_same_and_the_page_shows_every_step(bench, more):
    plain, shown = run(bench, lesson=False, **more), run(bench, **more)
    assert all(torch.equal(a, b) for a, b in zip(plain.images, shown.images, strict=True))
    pages = [file for file in shown.files if file.media_type == "text/html"]
    assert [file.name for file in pages] == (["lesson.html"] if len(shown.images) == 1 else ["lesson-1.html", "lesson-2.html"])
    html = pages[0].data.decode()
    assert html.count("<section>") == 3 + 1
    assert len(re.findall(r'type="radio"', html)) == 3 + 1
    assert "<script" not in html
    assert not re.search(r"https?://", html)


def test_words_from_outside_are_escaped(bench):
    html = next(file for file in run(bench, prompt='<img src=x onerror="alert(1)"> castle').files if file.name == "lesson.html").data.decode()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_long_run_shows_as_many_steps_as_fit(bench):
    html = next(file for file in run(bench, steps=40).files if file.name == "lesson.html").data.decode()
    assert html.count("<section>") == lesson.STEPS_SHOWN + 1
    assert "Step 1 of 40" in html
    assert "Step 40 of 40" in html


def test_the_model_looks_at_the_castle_where_the_castle_is(bench, monkeypatch):
    """Of the built-in model's heat maps: the word of the subject is looked at in the middle of the picture more than at its upper edge, the sky's."""
    lessons = []
    page = lesson.Lesson.page
    monkeypatch.setattr(lesson.Lesson, "page", lambda self, *args: (lessons.append(self), page(self, *args))[1])
    run(bench, prompt="a castle on a hill, day", steps=12, width=128, height=128, seed=3)
    castle = torch.stack([moment.maps["castle"] for moment in lessons[0].moments]).mean(0)
    assert castle[5:11, 4:12].mean() > 1.5 * castle[:3].mean()
