"""The method: what strength means, diffusers' own pictures, shapes that are kept, models that are chosen."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F

from huafang import images, methods
from huafang.diffusion import latents
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop, schedulers
from huafang.diffusion.sizes import fitted
from huafang.errors import BadInput, Cancelled
from huafang.models import catalogue
from tests.conftest import scene, weave
from tests.diffusion import tiny
from tests.diffusion.conftest import one_thread as one_thread  # a fixture, used by being here


def sample(bench) -> dict:
    return {"content": bench.content, "prompt": "a cat", "model": bench.weights.add(tiny.folder("sd1")), "steps": 5}


def run(bench, **values):
    return methods.run(methods.build("image_to_image", {**sample(bench), **values}), bench.context())


@cache
def own(family: str):
    return load(tiny.folder(family))


@pytest.mark.parametrize("sampler", schedulers.SAMPLERS)
@pytest.mark.parametrize(("strength", "steps"), [(0.6, 6), (0.3, 10)])
def test_latents_are_those_of_diffusers_pipeline(sampler, strength, steps):
    from diffusers import StableDiffusionImg2ImgPipeline

    model, photo, seed = own("sd1"), scene(64, 72), 23
    (encoder,) = model.encoders
    pipe = StableDiffusionImg2ImgPipeline(
        vae=model.vae,
        unet=model.unet,
        text_encoder=encoder.model,
        tokenizer=encoder.tokenizer,
        scheduler=schedulers.scheduler(sampler, model.scheduler, steps),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    theirs = pipe(
        "a cat",
        image=photo,
        strength=strength,
        num_inference_steps=steps,
        guidance_scale=6.0,
        negative_prompt="bird",
        output_type="latent",
        generator=torch.Generator().manual_seed(seed),
    ).images
    generator = torch.Generator().manual_seed(seed)
    over = latents.encode(model, photo, generator)
    told = []
    ours = loop.sample(
        model,
        encode(model, "a cat", "bird"),
        model.start_noise(72, 64, generator),
        sampler=sampler,
        steps=steps,
        guidance=6.0,
        generator=generator,
        over=over,
        last=int(steps * strength),
        callback=lambda state: told.append(state.done),
    )
    assert float((ours - theirs).abs().max()) < 1e-4
    assert told == list(range(1, int(steps * strength) + 1))


def test_the_methods_picture_is_diffusers_too(bench):
    """From the stored photo to pixels, with the folder read by diffusers itself."""
    from diffusers import StableDiffusionImg2ImgPipeline

    photo = bench.put(scene(64, 64))
    pipe = StableDiffusionImg2ImgPipeline.from_pretrained(tiny.folder("bert"), safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.scheduler = schedulers.scheduler("ddim", own("bert").scheduler, 10)
    pipe.set_progress_bar_config(disable=True)
    content = images.decode(bench.assets.read(photo))
    call = {"strength": 0.5, "num_inference_steps": 10, "guidance_scale": 7.5, "output_type": "pt", "generator": torch.Generator().manual_seed(3)}
    theirs = pipe("一只猫", image=content, **call).images
    model = bench.weights.add(tiny.folder("bert"))
    ours = run(bench, content=photo, prompt="一只猫", model=model, strength=0.5, steps=10, sampler="ddim", seed=3).images[0]
    assert float((ours - theirs).abs().max()) < 1e-4


def test_strength_0_gives_the_photo_back_through_the_vae(bench):
    result = run(bench, strength=0.0, seed=4)
    model = own("sd1")
    photo = images.decode(bench.assets.read(bench.content))
    small = F.interpolate(photo, tuple(result.images[0].shape[2:]), mode="bicubic", antialias=True).clamp(0, 1)
    through = latents.decode(model, latents.encode(model, small, torch.Generator().manual_seed(4)))
    assert torch.allclose(result.images[0], through, atol=1e-6)
    assert torch.equal(run(bench, strength=0.0, seed=4, prompt="a dog").images[0], result.images[0]), "no prompt was asked"
    assert result.figures["steps_taken"] == 0
    assert not result.notes


def test_strength_1_ignores_the_photo_and_is_text_to_image(bench):
    square = [bench.put(scene(64, 64)), bench.put(weave(64, 64))]
    first, other = (run(bench, content=content, strength=1.0).images[0] for content in square)
    assert torch.equal(first, other)
    alone = methods.build("text_to_image", {name: value for name, value in sample(bench).items() if name != "content"})
    assert torch.equal(first, methods.run(alone, bench.context()).images[0])


def test_below_full_strength_the_photo_counts(bench):
    other = bench.put(weave(48, 64))
    for strength in (0.2, 0.6, 0.8):
        assert not torch.equal(run(bench, strength=strength).images[0], run(bench, strength=strength, content=other).images[0])
    assert not torch.equal(run(bench, strength=0.6).images[0], run(bench, strength=0.8).images[0])


def test_a_strength_below_one_step_is_said(bench):
    result = run(bench, strength=0.1, steps=5)
    assert result.figures["steps_taken"] == 0
    assert result.notes == ["0.1 of 5 steps is not one whole step, so the photo came back as it was; take more steps or a higher strength"]


def test_same_seed_same_pixels_another_seed_others(bench):
    first = run(bench, seed=5, sampler="euler_a").images[0]
    assert torch.equal(first, run(bench, seed=5, sampler="euler_a").images[0])
    assert not torch.equal(first, run(bench, seed=6, sampler="euler_a").images[0])
    for change in ({"prompt": "a dog"}, {"negative_prompt": "bird"}, {"guidance": 3.0}, {"clip_skip": 2}, {"prediction": "v_prediction"}):
        assert not torch.equal(run(bench).images[0], run(bench, **change).images[0]), change


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 48), (8, 8), (100, 31), (9, 16), (500, 333)])
@pytest.mark.parametrize("size", [None, 64, 128])
def test_the_shape_is_kept(bench, height, width, size):
    result = run(bench, content=bench.put(scene(height, width)), size=size, steps=2, strength=0.5)
    high, wide = result.images[0].shape[2:]
    assert (wide, high) == (result.figures["width"], result.figures["height"])
    assert wide % 8 == high % 8 == 0
    if size:
        assert max(wide, high) == size
        factor = size / max(width, height)
    else:
        factor = 64 / (width * height) ** 0.5
    assert abs(wide - width * factor) <= 4.001
    assert abs(high - height * factor) <= 4.001


def test_sizes_of_long_pictures():
    assert fitted(4000, 3000, None, own=512, block=8) == (592, 440)
    assert fitted(3000, 4000, 1024, own=512, block=8) == (768, 1024)
    assert fitted(40_000, 100, None, own=512, block=8) == (2048, 8), "no side above 2048, none below a block"
    assert fitted(8, 8, None, own=96, block=16) == (96, 96)


def test_a_photo_too_narrow_for_its_shape_is_said(bench):
    result = run(bench, content=bench.put(scene(8, 400)), steps=2, strength=0.5, size=128)
    assert result.images[0].shape == (1, 3, 8, 128)
    assert any("bend its shape" in note for note in result.notes)


@pytest.mark.parametrize("sampler", ["dpmpp_2m_karras", "heun", "pndm", "ddim"])
def test_steps_that_are_taken_are_told_with_previews(bench, sampler):
    run(bench, strength=0.5, steps=8, sampler=sampler)
    assert [(step.done, step.total) for step in bench.steps] == [(done, 4) for done in range(1, 5)]
    assert bench.steps[0].preview.shape[2:] == (7, 9), "a pixel for a latent"
    assert bench.steps[-1].preview.shape[2:] == (56, 72)
    assert all(step.figures["seconds_per_step"] > 0 for step in bench.steps)
    with pytest.raises(Cancelled):
        methods.run(methods.build("image_to_image", {**sample(bench), "sampler": sampler}), bench.context(stop_after=1))
    assert len(bench.steps) == 1


def test_without_a_model_the_prompts_language_chooses(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "BUILT_IN", tiny.built_in(tmp_path / "builtin"))
    for prompt, name in (("夕阳下的山", "mini-zh"), ("mountains", "mini")):
        params = methods.build("image_to_image", {"content": bench.content, "prompt": prompt, "steps": 4})
        assert params.model == name
        assert any(f"{name} draws" in note for note in methods.run(params, bench.context()).notes)


@pytest.mark.parametrize("family", ["sd2", "xl"])
def test_other_families_redraw_too(bench, family):
    model = bench.weights.add(tiny.folder(family))
    pixels = [run(bench, model=model, strength=strength).images[0] for strength in (0.0, 0.5)]
    assert all(torch.isfinite(one).all() for one in pixels)
    assert not torch.equal(*pixels)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strength": 1.1}, r"strength: must be a number, 0 to 1 \(came: 1.1\)$"),
        ({"strength": float("nan")}, r"strength: must be a number, 0 to 1 \(came: nan\)$"),
        ({"size": 32}, "size: must be a whole number, 64 to 2048"),
        ({"prompt": "<lora:x y:1>"}, "prompt: '<lora:x y:1>' cannot be read"),
        ({"negative_prompt": "<lora:x:1>"}, "negative_prompt: names the LoRA x, which has no effect here"),
        ({"content": "photo.jpg"}, "content: must be the id of an uploaded picture"),
    ],
)
def test_what_is_out_of_bounds_is_refused(bench, values, message):
    with pytest.raises(BadInput, match=message):
        methods.build("image_to_image", {**sample(bench), **values})
