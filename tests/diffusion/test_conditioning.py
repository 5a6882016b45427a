"""What the UNet is asked: prompts that change from step to step, several at once, more than text; and where drawing starts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from huafang.diffusion.adapters import Active, injected
from huafang.diffusion.conditioning import Conditioning, Encoded, StepConditioning, Track
from huafang.diffusion.model.load import Prior, load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import guidance, loop, schedulers
from huafang.notes import Note
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def model():
    return load(tiny.folder("sd1"))


def encoded(value):
    return Encoded(torch.full((1, 4, 8), float(value)))


def test_a_track_changes_at_its_ends():
    a, b, c = encoded(0), encoded(1), encoded(2)
    track = Track(((2, a), (3, b), (9, c)))
    assert [track.at(step) for step in range(11)] == [a, a, b, *[c] * 8]


def test_steps_that_ask_the_same_are_equal():
    said = Conditioning((Track(((2, encoded(0)), (4, encoded(1)))),), Track(((4, encoded(2)),)))
    assert said.at(0) == said.at(1) != said.at(2) == said.at(3)
    assert len({said.at(step) for step in range(4)}) == 2


def test_guidance_steers_away_from_one_prompt_and_towards_all_others():
    noise = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    now = StepConditioning(((encoded(1), 0.7), (encoded(2), -0.2)), encoded(0))
    wanted = noise[:1] + 5 * (0.7 * (noise[1:2] - noise[:1]) - 0.2 * (noise[2:] - noise[:1]))
    assert torch.allclose(guidance.guided(noise, now, 5.0), wanted, atol=1e-6)


def test_a_prompt_composed_with_itself_by_halves_is_that_prompt(model):
    cat = encode(model, "a cat", "a dog")
    (track,) = cat.wanted
    halves = replace(cat, wanted=(replace(track, weight=0.5), replace(track, weight=0.5)))
    latents, time = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor(500)
    one, two = (guidance.denoiser(model, said, latents.shape, 6.0)(latents, time, 0) for said in (cat, halves))
    assert torch.allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("sampler", ["euler", "heun", "pndm", "dpmpp_2m_karras"])
def test_each_step_is_drawn_with_its_own_prompt(model, sampler):
    """A schedule that is the cat up to the end is the cat; one that changes to the dog is neither; every step is asked for once, in order."""
    cat, dog = (encode(model, words) for words in ("a cat", "a dog"))
    mixed = replace(cat, wanted=(Track(((2, cat.wanted[0].at(0)), (5, dog.wanted[0].at(0)))),))
    same = replace(cat, wanted=(Track(((2, cat.wanted[0].at(0)), (5, cat.wanted[0].at(0)))),))
    heard: list[tuple[int, int]] = []

    def draw(said, at_step=lambda step, steps: None):
        generator = torch.Generator().manual_seed(3)
        start = model.start_noise(64, 64, generator)
        return loop.sample(model, said, start, sampler=sampler, steps=5, guidance=4.0, generator=generator, at_step=at_step)

    first = draw(cat, lambda step, steps: heard.append((step, steps)))
    assert heard == [(step, 5) for step in range(5)]
    assert torch.equal(first, draw(same))
    assert not torch.allclose(first, draw(mixed), atol=1e-3)
    assert not torch.allclose(draw(dog), draw(mixed), atol=1e-3)


@pytest.mark.parametrize(("sampler", "calls", "steps"), [("euler", 4, [0, 1, 2, 3]), ("heun", 7, [0, 0, 1, 1, 2, 2, 3]), ("pndm", 5, [0, 0, 1, 2, 3])])
def test_calls_of_the_unet_belong_to_steps(sampler, calls, steps):
    assert [schedulers.step_of(sampler, call, 4) for call in range(calls)] == steps


def test_the_unet_is_given_what_the_conditioning_holds():
    """Channels under the latents, for each prompt of the batch; tensors for attention, each prompt's own, the unwanted first."""
    seen = {}

    class UNet:
        dtype = torch.float32

        def __call__(self, batch, timestep, **given):
            seen.update(given, batch=batch)
            return (batch[:, :4],)

    model = SimpleNamespace(unet=UNet(), dtype=torch.float32, family="sd1", scale=8, device=torch.device("cpu"))
    cat, dog = (Encoded(torch.full((1, 4, 8), value), attention={"picture": torch.full((1, 2, 8), value)}) for value in (1.0, 2.0))
    said = Conditioning((Track(((1, cat),)),), Track(((1, dog),))).with_channels(torch.full((1, 5, 2, 2), 7.0))
    latents = torch.zeros(1, 4, 2, 2)
    guidance.denoiser(model, said, latents.shape, 2.0)(latents, torch.tensor(1), 0)
    assert seen["batch"].shape == (2, 9, 2, 2)
    assert (seen["batch"][:, 4:] == 7).all()
    assert seen["encoder_hidden_states"][:, 0, 0].tolist() == [2.0, 1.0]
    assert seen["cross_attention_kwargs"]["picture"][:, 0, 0].tolist() == [2.0, 1.0]


def test_start_noise_is_the_models(model):
    generator = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    plain = model.start_noise(64, 96, generator())
    assert plain.shape == (1, 4, 12, 8)
    assert torch.equal(plain, torch.randn(1, 4, 12, 8, generator=generator()))
    styled = replace(model, prior=Prior(mean=torch.full((1, 4, 2, 2), 0.5), std=torch.full((1, 4, 2, 2), 2.0)))
    assert torch.allclose(styled.start_noise(64, 96, generator()), 2 * plain + 0.5)


def test_adapters_come_out_the_other_way_round_whatever_happens(model):
    order = []

    class Recorded:
        def __init__(self, name, fails=False):
            self.name, self.fails = name, fails

        def inject(self, model):
            from contextlib import contextmanager

            @contextmanager
            def within():
                order.append(f"+{self.name}")
                if self.fails:
                    raise RuntimeError("no")
                try:
                    yield Active([Note(self.name, self.name)], lambda step, steps: order.append(f"{self.name}{step}/{steps}"))
                finally:
                    order.append(f"-{self.name}")

            return within()

    with injected(model, [Recorded("a"), Recorded("b")]) as active:
        active.at_step(1, 4)
        assert active.notes == ["a", "b"]
    assert order == ["+a", "+b", "a1/4", "b1/4", "-b", "-a"]
    order.clear()
    with pytest.raises(RuntimeError), injected(model, [Recorded("a"), Recorded("b", fails=True)]):
        pass
    assert order == ["+a", "+b", "-a"]


def draw(model, prompt, negative="", steps=4, guided=True):
    said = encode(model, prompt, negative, guided=guided, steps=steps)
    generator = torch.Generator().manual_seed(3)
    start = model.start_noise(64, 64, generator)
    return loop.sample(model, said, start, sampler="euler", steps=steps, guidance=4.0, generator=generator)


@pytest.mark.parametrize(
    ("scheduled", "plain"),
    [("[a cat:a dog:4]", "a cat"), ("[a cat:a dog:0]", "a dog"), ("a [cat|cat]", "a cat"), ("[a cat:(a cat:1.0):0.5]", "a cat"), ("a cat<lora:x:1>", "a cat")],
)
def test_a_schedule_that_never_changes_is_the_plain_prompt(model, scheduled, plain):
    assert torch.equal(draw(model, scheduled, "a bird"), draw(model, plain, "a bird"))


def test_the_first_steps_of_a_schedule_are_its_first_prompt(model):
    said = encode(model, "[a cat:a dog:0.5] BREAK hill", "[bird::0.25]", steps=4)
    cat, dog = (encode(model, f"{animal} BREAK hill", steps=1).wanted[0].at(0).embeds for animal in ("a cat", "a dog"))
    assert [torch.equal(said.at(step).wanted[0][0].embeds, cat) for step in range(4)] == [True, True, False, False]
    assert torch.equal(said.at(2).wanted[0][0].embeds, dog)
    assert said.at(0).unwanted is not said.at(1).unwanted is said.at(3).unwanted


def test_each_prompt_is_encoded_once_however_often_it_comes(model, monkeypatch):
    """By turns over 20 steps there are two prompts, in the negative prompt a third; and the empty one behind a schedule."""
    text = model.encoders[0].model
    real, calls = text.forward, []
    monkeypatch.setattr(text, "forward", lambda *args, **settings: calls.append(1) or real(*args, **settings))
    said = encode(model, "[a cat|a dog] AND [a cat|a dog] :0.3", "a bird", steps=20)
    assert len(calls) == 5, "each animal with the blank before AND and with the one behind it, and a bird"
    assert len({id(said.at(step).wanted[0][0]) for step in range(20)}) == 2


def test_all_prompts_of_a_picture_have_one_number_of_chunks(model):
    said = encode(model, "[a cat:" + "a dog, " * 60 + ":0.5] AND hill", "bird", steps=4)
    sizes = {tensor.shape[1] for tensor in said.tensors()}
    assert len(sizes) == 1
    assert said.chunks == sizes.pop() // 77 > 1


def test_composed_prompts_are_guided_by_their_weights(model):
    assert encode(model, "a cat AND a dog", guided=False).guided
    assert not torch.allclose(draw(model, "a cat AND a dog"), draw(model, "a cat"), atol=1e-3)
    twice = draw(model, "a cat :0.5 AND a cat:0.5", "a bird")
    assert torch.allclose(twice, draw(model, "a cat", "a bird"), atol=1e-3)


def test_tokens_are_counted(model):
    from huafang.diffusion.prompt.encode import tokens

    (cat,) = tokens(model, "a cat")
    assert tokens(model, "a cat AND (a cat:1.2) BREAK a cat") == [cat, 2 * cat]
    assert tokens(model, "[a cat:a cat a cat:0.5]", 4) == [2 * cat]
    assert tokens(model, "") == [0]
