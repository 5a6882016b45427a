"""Inpainting: diffusers' own latents, pixels outside of the mask, models that read a mask and models that do not, masks that do not fit."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F

from huafang import methods
from huafang.diffusion import latents, repaint
from huafang.diffusion.model.load import load
from huafang.errors import BadInput
from huafang.kinds import KINDS
from huafang.params import fields
from tests.conftest import scene
from tests.diffusion import tiny
from tests.diffusion.conftest import one_thread as one_thread  # a fixture, used by being here

STEPS = 6


def disc(height: int, width: int, *, radius: float = 0.25, at: tuple[float, float] = (0.5, 0.5)) -> torch.Tensor:
    """(1, 3, H, W): white inside of a circle."""
    rows = torch.linspace(0, 1, height).view(-1, 1) - at[0]
    columns = torch.linspace(0, 1, width).view(1, -1) - at[1]
    return ((rows**2 + columns**2).sqrt() < radius).float().expand(1, 3, height, width).contiguous()


def sample(bench) -> dict:
    height, width = scene(48, 64).shape[2:]
    values = {"content": bench.put(scene(height, width)), "mask": (bench.put(disc(height, width)),), "prompt": "a cat"}
    return values | {"model": bench.weights.add(tiny.folder("sd1")), "steps": 5, "edge": 4}


def run(bench, **values):
    return methods.run(methods.build("inpaint", {**sample(bench), **values}), bench.context())


@cache
def own(family: str):
    return load(tiny.folder(family))


def pipeline(model, kind, sampler: str):
    from huafang.diffusion.sampling import schedulers

    (encoder,) = model.encoders
    parts = {"vae": model.vae, "unet": model.unet, "text_encoder": encoder.model, "tokenizer": encoder.tokenizer}
    scheduler = schedulers.scheduler(sampler, model.scheduler, STEPS)
    pipe = kind(**parts, scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("sampler", ["ddim", "euler", "euler_a", "dpmpp_2m_karras", "heun", "pndm", "lms", "unipc"])
@pytest.mark.parametrize("family", ["sd1", "inpainting"])
def test_latents_are_those_of_diffusers_pipeline(bench, monkeypatch, family, sampler, strength):
    from diffusers import StableDiffusionInpaintPipeline

    model, seed, content = own(family), 23, bench.put(scene(64, 64))
    photo = bench.context().image(content)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 8:40] = 1  # whole latents
    if family == "sd1" and sampler == "euler_a":
        pytest.skip("diffusers also encodes the masked photo, which this model does not read: its sampler's noise is the next one of the generator")
    theirs = pipeline(model, StableDiffusionInpaintPipeline, sampler)(
        "a cat",
        image=photo,
        mask_image=mask,
        height=64,
        width=64,
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=6.0,
        negative_prompt="bird",
        output_type="latent",
        generator=torch.Generator().manual_seed(seed),
    ).images
    drawn, decode = [], latents.decode
    monkeypatch.setattr(latents, "decode", lambda model, found: drawn.append(found) or decode(model, found))
    settings = {"prompt": "a cat", "negative_prompt": "bird", "steps": STEPS, "guidance": 6.0, "sampler": sampler, "seed": seed, "edge": 0, "size": 64}
    values = {"content": content, "mask": (bench.put(mask.expand(1, 3, 64, 64)),), "strength": strength, **settings}
    methods.run(methods.build("inpaint", values | {"model": bench.weights.add(tiny.folder(family))}), bench.context())
    torch.testing.assert_close(drawn[-1], theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("family", ["sd1", "inpainting", "bert", "xl"])
@pytest.mark.parametrize("area", ["photo", "mask"])
def test_every_pixel_outside_of_the_mask_stays_and_those_inside_change(bench, family, area):
    photo, mask = scene(96, 128), disc(96, 128, radius=0.15, at=(0.4, 0.6))
    values = {"content": bench.put(photo), "mask": (bench.put(mask),), "model": bench.weights.add(tiny.folder(family)), "area": area, "padding": 8}
    context = bench.context()
    kept = context.image(values["content"])
    (drawn,) = run(bench, **values, edge=6).images
    outside = repaint.softened(mask[:, :1], 6) <= repaint.VISIBLE
    assert drawn.shape == photo.shape
    assert torch.equal(drawn * outside, kept * outside)
    inside = F.max_pool2d(1 - mask[:, :1], 5, 1, 2) == 0
    assert float((drawn - kept).abs().mul(inside).sum() / inside.sum() / 3) > 0.02


def test_a_photo_without_a_step_comes_back_and_is_told(bench):
    result = run(bench, strength=0.1)
    assert torch.equal(result.images[0], bench.context().image(sample(bench)["content"]))
    assert any("is not one whole step" in note for note in result.notes)


def test_fills_start_from_something_else(bench):
    made = {fill: run(bench, fill=fill, strength=0.4).images[0] for fill in ("original", "surroundings", "noise")}
    assert not torch.equal(made["original"], made["surroundings"])
    assert not torch.equal(made["original"], made["noise"])


def test_noise_takes_all_steps_and_a_model_that_was_not_trained_for_it_is_remarked_on(bench):
    result = run(bench, fill="noise", strength=0.2)
    assert result.figures["steps_taken"] == 5
    assert any("hardly sees what is around the mask" in note for note in result.notes)
    trained = run(bench, fill="noise", model=bench.weights.add(tiny.folder("inpainting")))
    assert not any("hardly sees" in note for note in trained.notes)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.zeros(1, 3, 48, 64), "black all over"),
        (disc(64, 48), r"mask has 48 × 64 pixels and the photo 64 × 48"),
        (disc(48, 48), r"must have the photo's proportions"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(bench, mask, words):
    with pytest.raises(BadInput, match=words):
        run(bench, mask=(bench.put(mask),))


def test_a_mask_of_another_size_is_laid_over_the_photo(bench):
    large = run(bench, mask=(bench.put(disc(96, 128)),), edge=0).images[0]
    changed = (large - bench.context().image(sample(bench)["content"])).abs().amax(1) > 0
    assert float(changed.float().mean()) == pytest.approx(float(disc(48, 64).mean()), rel=0.25)


def test_one_mask_is_needed_and_no_more(bench):
    mask = sample(bench)["mask"]
    for wrong in ((), mask * 2):
        with pytest.raises(BadInput, match="mask"):
            methods.build("inpaint", {**sample(bench), "mask": wrong})
    spec = next(spec for spec in fields(methods.METHODS["inpaint"]) if spec.name == "mask")
    assert KINDS[spec.kind].flag(spec.name) == "--mask"


def test_whole_pictures_are_drawn_by_an_inpainting_model_too(bench):
    model = bench.weights.add(tiny.folder("inpainting"))
    drawn = methods.run(methods.build("text_to_image", {"prompt": "a cat", "model": model, "steps": 2}), bench.context()).images[0]
    redrawn = methods.run(methods.build("image_to_image", {"content": bench.content, "prompt": "a cat", "model": model, "steps": 4}), bench.context()).images[0]
    assert torch.isfinite(drawn).all()
    assert torch.isfinite(redrawn).all()


def test_what_is_around_a_hole_goes_on_in_it():
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 40, 64).contiguous()
    hole = disc(40, 64)[:, :1]
    spoilt = torch.where(hole > 0, torch.tensor(0.0), ramp)
    filled = repaint.filled_from_surroundings(spoilt, hole)
    assert torch.equal(filled * (1 - hole), ramp * (1 - hole))
    assert float((filled - ramp).abs().max()) < 0.25, "a smooth picture goes on smoothly"
    flat = torch.full((1, 3, 33, 17), 0.3)
    torch.testing.assert_close(repaint.filled_from_surroundings(flat, disc(33, 17)[:, :1]), flat)
    assert float(repaint.filled_from_surroundings(flat, torch.ones(1, 1, 33, 17)).mean()) == 0.5, "nothing is known: grey"


@pytest.mark.parametrize(
    ("mask", "padding", "box"), [((10, 20, 12, 22), 4, (6, 16, 16, 26)), ((0, 0, 4, 40), 0, (0, 0, 40, 40)), ((58, 90, 60, 100), 10, (40, 80, 60, 100))]
)
def test_the_box_around_a_mask_is_as_square_as_the_photo_allows(mask, padding, box):
    picture = torch.zeros(1, 1, 60, 100)
    picture[..., mask[0] : mask[2], mask[1] : mask[3]] = 1
    found = repaint.around(picture, padding)
    assert (found.top, found.left, found.bottom, found.right) == box
