"""Our loop is diffusers' own: the same latents, embeddings and pictures as its pipelines give, sampler by sampler."""

import inspect
from functools import cache

import pytest
import torch

from huafang.diffusion import latents
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop, schedulers
from huafang.errors import BadInput
from tests.diffusion import tiny

PROMPT, NEGATIVE, GUIDANCE, STEPS, SEED = "a cat, a dog on the hill", "bird", 6.0, 5, 41


@cache
def model(family: str):
    return load(tiny.folder(family))


def ours(family: str, sampler: str, *, steps=STEPS, guidance=GUIDANCE, negative=NEGATIVE, width=64, height=64, callback=lambda state: None):
    generator = torch.Generator().manual_seed(SEED)
    said = encode(model(family), PROMPT, negative, guided=guidance > 1)
    start = model(family).start_noise(width, height, generator)
    return loop.sample(model(family), said, start, sampler=sampler, steps=steps, guidance=guidance, generator=generator, callback=callback)


def theirs(family: str, sampler: str, *, guidance=GUIDANCE, negative=NEGATIVE, width=64, height=64, output="latent"):
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    own = model(family)
    scheduler = schedulers.scheduler(sampler, own.scheduler, STEPS)
    parts = {"vae": own.vae, "unet": own.unet, "scheduler": scheduler}
    parts |= {f"text_encoder{number}": encoder.model for number, encoder in zip(("", "_2"), own.encoders, strict=False)}
    parts |= {f"tokenizer{number}": encoder.tokenizer for number, encoder in zip(("", "_2"), own.encoders, strict=False)}
    if family == "xl":
        pipe = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    else:
        pipe = StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    call = {"prompt": PROMPT, "negative_prompt": negative, "num_inference_steps": STEPS, "guidance_scale": guidance, "output_type": output}
    return pipe(**call, width=width, height=height, generator=torch.Generator().manual_seed(SEED)).images


CASES = [("sd1", name) for name in schedulers.SAMPLERS] + [(family, name) for family in ("sd2", "xl") for name in ("ddim", "euler_a", "dpmpp_2m_karras")]


@pytest.mark.parametrize(("family", "sampler"), CASES)
def test_latents_are_those_of_diffusers_pipelines(family, sampler):
    difference = (ours(family, sampler) - theirs(family, sampler)).abs().max()
    assert float(difference) < 1e-4


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl"])
def test_pixels_are_those_of_diffusers_pipelines(family):
    pixels = latents.decode(model(family), ours(family, "ddim", width=72, height=64))
    assert pixels.shape == (1, 3, 64, 72)
    assert float((pixels - theirs(family, "ddim", width=72, height=64, output="pt")).abs().max()) < 1e-4


@pytest.mark.parametrize("family", ["sd1", "xl"])
def test_without_a_negative_prompt_and_without_guidance_too(family):
    assert torch.allclose(ours(family, "euler", negative=""), theirs(family, "euler", negative=None), atol=1e-4)
    assert torch.allclose(ours(family, "euler", guidance=1.0), theirs(family, "euler", guidance=1.0), atol=1e-4)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_guidance_one_skips_the_second_side(guidance, monkeypatch):
    rows = []
    real = model("sd1").unet.forward

    def counting(sample, *args, **kwargs):
        rows.append(len(sample))
        return real(sample, *args, **kwargs)

    monkeypatch.setattr(model("sd1").unet, "forward", counting)
    ours("sd1", "euler", guidance=guidance)
    assert rows == [1 if guidance == 1 else 2] * STEPS


@pytest.mark.parametrize("steps", [1, 2, 3, 20])
@pytest.mark.parametrize("sampler", schedulers.SAMPLERS)
def test_every_step_is_told_once_whatever_the_sampler_calls(sampler, steps):
    told = []
    drawn = ours("sd1", sampler, steps=steps, callback=lambda state: told.append((state.done, state.expected())))
    assert [done for done, _ in told] == list(range(1, steps + 1))
    assert torch.isfinite(drawn).all()
    assert all(torch.isfinite(expected).all() and expected.shape == drawn.shape for _, expected in told)


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "euler", "euler_a", "lms"])
def test_what_the_model_expects_is_what_the_schedulers_say(family, sampler):
    """Those schedulers of diffusers that tell their own z₀ agree with ours, noise and velocity alike."""
    own = model(family)
    scheduler = schedulers.scheduler(sampler, own.scheduler, 10)
    scheduler.set_timesteps(10)
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn((1, 4, 8, 8), generator=generator) * scheduler.init_noise_sigma
    said = torch.randn((1, 4, 8, 8), generator=generator)
    timestep = scheduler.timesteps[0]
    scaled = scheduler.scale_model_input(noisy, timestep)
    theirs_ = scheduler.step(said, timestep, noisy).pred_original_sample
    state = loop.StepState(1, scaled, said, float(scheduler.alphas_cumprod[round(float(timestep))]), scheduler.config.prediction_type == "v_prediction")
    assert torch.allclose(state.expected(), theirs_, rtol=2e-3, atol=2e-2)


def test_the_last_expectation_is_the_picture():
    told = []
    drawn = ours("sd1", "dpmpp_2m", steps=8, callback=lambda state: told.append(state.expected()))
    assert torch.allclose(told[-1], drawn, atol=0.15 * float(drawn.std()))
    assert (told[0] - drawn).abs().mean() > (told[-1] - drawn).abs().mean()


def test_samplers_are_those_the_method_offers():
    from huafang.diffusion.params import Sampler

    assert list(schedulers.SAMPLERS) == list(Sampler.__args__)
    with pytest.raises(BadInput, match="did you mean euler_a"):
        schedulers.scheduler("euler_aa", model("sd1").scheduler, 10)


def test_what_the_model_was_trained_with_reaches_every_sampler():
    trained = {**tiny.scheduler_config("sd2"), "rescale_betas_zero_snr": True}
    for name in schedulers.SAMPLERS:
        config = schedulers.scheduler(name, trained, 10).config
        assert (config.beta_start, config.beta_end, config.beta_schedule) == (0.00085, 0.012, "scaled_linear")
        assert config.prediction_type == "v_prediction"
        kept = "rescale_betas_zero_snr" in inspect.signature(schedulers.scheduler(name, trained, 10).__class__.__init__).parameters
        assert schedulers.zero_snr_lost(name, trained) is not kept
        assert not schedulers.zero_snr_lost(name, tiny.scheduler_config("sd2"))


def test_how_the_makers_sampled_does_not_change_what_a_samplers_name_means():
    liked = {"use_karras_sigmas": True, "use_exponential_sigmas": True, "algorithm_type": "sde-dpmsolver++", "clip_sample": True, "thresholding": True}
    for name in schedulers.SAMPLERS:
        plain = dict(schedulers.scheduler(name, tiny.scheduler_config("sd1"), 10).config)
        assert dict(schedulers.scheduler(name, tiny.scheduler_config("sd1") | liked, 10).config) == plain


def test_previews_follow_the_published_line_and_any_other_vae_gets_its_own(monkeypatch):
    small = model("sd1")
    own = latents.rgb_factors(small, 4)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(own, latents.fit(small, 4), strict=True))
    assert latents.rgb_factors(small, 4)[0] is own[0], "fitted once"
    monkeypatch.setattr(latents, "PUBLISHED", tuple(model("sd1").vae.config.block_out_channels))
    line = latents.preview(model("sd1"), torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1, 1))
    assert torch.allclose(line.flatten(), (torch.tensor([0.3512, 0.2297, 0.3227]) + 1) / 2)
    assert latents.preview(model("xl"), torch.full((1, 4, 3, 5), torch.nan)).shape == (1, 3, 3, 5)
    factors, bias = latents.fit(model("sd1"), 4)
    wide = torch.randn((1, 4, 4, 4), generator=torch.Generator().manual_seed(5))
    smooth = torch.nn.functional.interpolate(wide, size=(16, 16), mode="bilinear")
    colours = torch.nn.functional.avg_pool2d(latents.decode(model("sd1"), smooth), 8) * 2 - 1
    said = torch.einsum("bchw,cr->brhw", smooth, factors) + bias.view(1, 3, 1, 1)
    assert (said - colours).square().mean() < colours.var(dim=(2, 3)).mean() * 1.1, "no worse than each channel's mean"
