"""The parts of the built-in model's recipe, each against what its source says of it."""

import numpy as np
import pytest
import torch
from transformers import BertTokenizer, CLIPTokenizer

from huafang.diffusion.model import load
from huafang.errors import Cancelled
from huafang.scenes import scene
from huafang.train import loop
from huafang.train.mini import data, denoise, folder, judge, tokenizers, vae

SHAPE = denoise.Shape(channels=(16, 32), width=16, layers=1, heads=2)


def plain(pixels, medium, seed):
    """A painter that leaves every scene as it was drawn."""
    return pixels


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    shelf = data.Pictures(tmp_path_factory.mktemp("scenes"), 3, 32, plain)
    place = shelf.place(0)
    place.parent.mkdir(parents=True)
    np.save(place, np.stack([data.picture(3, number, 32, plain) for number in range(48)]))
    return shelf


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    home = tmp_path_factory.mktemp("tokenizers")
    pairs = [data.captions(3, number, 0) for number in range(2000)]
    words = tokenizers.write_clip(home / "clip", [pair[0] for pair in pairs]), tokenizers.write_bert(home / "bert", [pair[1] for pair in pairs])
    loaded = {"clip": CLIPTokenizer.from_pretrained(home / "clip"), "bert": BertTokenizer.from_pretrained(home / "bert")}
    assert words == (len(loaded["clip"]), len(loaded["bert"]))
    return home, loaded


def test_clip_tokenizer_reads_words_whole_and_anything_at_all(readers):
    clip = readers[1]["clip"]
    assert clip.tokenize("A castle at night") == ["a</w>", "castle</w>", "at</w>", "night</w>"]
    for odd in ("zebra café", "雪 ☃", "it's 1990!"):
        ids = clip(odd).input_ids
        assert ids[0] == clip.bos_token_id
        assert ids[-1] == clip.eos_token_id
        assert clip.unk_token_id not in ids[1:-1]  # bytes say everything
        assert clip.decode(ids[1:-1]).replace(" ", "") == odd.replace(" ", "")
    assert clip("a", padding="max_length").input_ids[3:] == [clip.eos_token_id] * 74


def test_merges_are_byte_pair_encodings_commonest_pair_first():
    # the example of Sennrich et al. 2016, section 3.2: low, lower, newest, widest
    text = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3
    assert tokenizers.learn_merges(text, 3) == [("e", "s"), ("es", "t</w>"), ("l", "o")]


def test_bert_tokenizer_reads_a_character_a_token(readers):
    bert = readers[1]["bert"]
    assert bert.tokenize("夕阳下的城堡") == list("夕阳下的城堡")
    assert bert.tokenize("龘") == ["[UNK]"]
    assert bert("城").input_ids == [2, bert.convert_tokens_to_ids("城"), 3]


def test_scenes_are_the_same_wherever_they_are_drawn(pictures):
    again = (scene.scene(3, 17, 32).pixels * 255 + 0.5).astype(np.uint8)
    assert np.array_equal((pictures.batch([17])[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8), again)
    assert scene.facts(3, 17) == scene.scene(3, 17, 32).facts


def test_other_processes_draw_the_same_pictures_and_a_cancel_leaves_whole_files(bench, tmp_path):
    shelf = data.Pictures(tmp_path, 3, 32, plain, 4)
    shelf.draw(8, bench.context(), workers=2, total=1)
    alone = data.Pictures(tmp_path / "alone", 3, 32, plain, 4)
    alone.draw(8, bench.context(), workers=1, total=1)
    assert torch.equal(shelf.batch(range(8)), alone.batch(range(8)))
    cancelled = data.Pictures(tmp_path / "cancelled", 3, 32, plain, 4)
    with pytest.raises(Cancelled):
        cancelled.draw(8, bench.context(stop_after=6), workers=1, total=1)
    assert [item.name for item in (tmp_path / "cancelled").rglob("*") if item.is_file()] == ["00000.npy"]


def test_every_epoch_takes_each_scene_once_in_another_order():
    epochs = [[number for step in range(first, first + 6) for number in data.chosen(48, 8, step, seed=1)] for first in (0, 6)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(48))
    assert epochs[0] != epochs[1]


def test_settled_latents_have_the_spread_that_stable_diffusion_expects_and_draw_the_same(pictures):
    torch.manual_seed(0)
    coder = vae.network((8, 16), 32).eval()
    pixels = pictures.batch(range(24)) * 2 - 1
    with torch.no_grad():
        before = coder.encode(pixels).latent_dist
        drawn = coder.decode(before.mean).sample
        vae.settle(coder, before.mean)
        after = coder.encode(pixels).latent_dist
        assert torch.allclose(coder.decode(after.mean).sample, drawn, atol=1e-4)
    scaled = after.mean * vae.SCALING
    assert torch.allclose(scaled.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(scaled.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3)
    ratio = after.std.mean(dim=(0, 2, 3)) / before.std.mean(dim=(0, 2, 3))
    assert torch.allclose(ratio, after.mean.std(dim=(0, 2, 3)) / before.mean.std(dim=(0, 2, 3)), rtol=1e-3)


def test_the_vae_learns(pictures, bench, tmp_path):
    torch.manual_seed(0)
    task = vae.VaeTask(vae.network((8, 16), 32), pictures, count=48, steps=150, batch=8, rate=4e-3, device="cpu")
    figures = [task.step(number) for number in range(150)]
    assert np.mean([one["l1"] for one in figures[-10:]]) < 0.85 * np.mean([one["l1"] for one in figures[:5]])
    assert task.sample().shape == (1, 3, 64, 32 * vae.SHEET)


def test_a_held_encoder_keeps_its_latents_while_the_decoder_learns(pictures):
    torch.manual_seed(0)
    coder = vae.network((8, 16), 32)
    pixels = pictures.batch(range(4)) * 2 - 1
    before = coder.encode(pixels).latent_dist.mean.detach()
    drawn = coder.decode(before).sample.detach()
    task = vae.VaeTask(coder, pictures, count=48, steps=5, batch=4, rate=1e-3, device="cpu", frozen_encoder=True)
    for number in range(5):
        task.step(number)
    assert torch.equal(coder.encode(pixels).latent_dist.mean, before)
    assert not torch.allclose(coder.decode(before).sample, drawn, atol=1e-3)


def test_a_vocabulary_grows_and_known_words_keep_their_pieces_and_embeddings(readers, tmp_path):
    home = readers[0]
    known = tokenizers.read_merges(home / "clip")
    old = {name: tokenizers.vocabulary(home / name) for name in ("clip", "bert")}
    more = ["a camel and a zebra"] * 5, ["一头骆驼和一匹斑马"] * 5
    tokenizers.write_clip(tmp_path / "clip", more[0], 3000, known)
    tokenizers.write_bert(tmp_path / "bert", more[1], old["bert"])
    new = {name: tokenizers.vocabulary(tmp_path / name) for name in ("clip", "bert")}
    clip, bert = CLIPTokenizer.from_pretrained(tmp_path / "clip"), BertTokenizer.from_pretrained(tmp_path / "bert")
    for caption in ("a castle at night", "two red boats on the sea"):
        assert clip.tokenize(caption) == readers[1]["clip"].tokenize(caption)
    assert clip.tokenize("zebra") == ["zebra</w>"]
    assert bert("骆驼城").input_ids == [2, *(new["bert"][letter] for letter in "骆驼城"), 3]
    for name, tokenizer in (("clip", clip), ("bert", bert)):
        assert len(tokenizer) == len(new[name]) > len(old[name])
        assert set(old[name]) <= set(new[name])
        rows, fresh = torch.randn(len(old[name]), 4), torch.randn(len(new[name]), 4)
        grown = tokenizers.carried(rows, old[name], new[name], fresh)
        for piece, number in new[name].items():
            assert torch.equal(grown[number], rows[old[name][piece]] if piece in old[name] else fresh[number]), piece
    assert clip.eos_token_id == len(clip) - 1  # the networks count on it


def test_min_snr_weights():
    alphas = torch.tensor([0.99, 0.5, 0.1])  # signal to noise: 99, 1, 1/9
    weights = denoise.snr_weight(alphas, torch.tensor([0, 1, 2]))
    assert torch.allclose(weights, torch.tensor([5 / 99, 1.0, 1.0]))


def denoiser(readers, latents, steps=40, seed=5):
    torch.manual_seed(seed)
    nets = denoise.networks(SHAPE, latents.shape[-1], len(readers["clip"]), len(readers["bert"]))
    return denoise.DenoiseTask(nets, latents, readers, seed=3, steps=steps, batch=8, rate=3e-3, device="cpu", draw=lambda average: torch.zeros(1, 3, 8, 8))


def test_the_denoiser_learns_in_both_languages_and_resumes_exactly(readers, bench, tmp_path):
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)).repeat(16, 1, 1, 1).half()  # one picture: quickly learnt
    whole = denoiser(readers[1], latents)
    figures = [whole.step(number) for number in range(40)]
    for language in ("error_en", "error_zh"):
        assert np.mean([one[language] for one in figures[-8:]]) < 0.8 * np.mean([one[language] for one in figures[:4]])
    first, second = denoiser(readers[1], latents), denoiser(readers[1], latents, seed=6)
    for number in range(4):
        first.step(number)
    loop.save(first, tmp_path, 4)
    loop.train(second, tmp_path, loop.Plan(6, 100, 100), bench.context())
    for number in (4, 5):
        first.step(number)
    for name, module in first.modules.items():
        for a, b in zip(module.state_dict().values(), second.modules[name].state_dict().values(), strict=True):
            assert torch.equal(a, b)


def test_captions_are_told_anew_at_every_step_and_some_are_left_out(readers):
    task = denoiser(readers[1], torch.zeros(400, 4, 8, 8))
    english, chinese, translated = task._told(list(range(400)), 3)
    again = task._told(list(range(400)), 3)[0]
    other = task._told(list(range(400)), 4)[0]
    assert english.shape == chinese.shape == translated.shape == (200, denoise.SHORT)
    assert torch.equal(english, again)
    assert (english != other).any(dim=1).float().mean() > 0.8
    empty = english[:, 1] == readers[1]["clip"].eos_token_id
    assert 0.04 < empty.float().mean() < 0.17
    assert torch.equal(empty, translated[:, 1] == readers[1]["bert"].sep_token_id)
    assert task._told(list(range(4)), 39)[0].shape == (2, tokenizers.LENGTH)


def test_the_pupil_alone_learns_from_disagreement_and_comes_to_agree(readers):
    task = denoiser(readers[1], torch.zeros(16, 4, 8, 8))
    unet, rng = task.nets["unet"], torch.Generator().manual_seed(1)
    pupil, teacher = torch.randn(3, 9, SHAPE.width, generator=rng, requires_grad=True), torch.randn(3, 5, SHAPE.width, generator=rng, requires_grad=True)
    with denoise.looks(unet) as seen:
        unet(torch.randn(3, 4, 8, 8, generator=rng), torch.tensor([10, 500, 900]), teacher.detach())
    assert len(seen) == sum(name.endswith(".attn2") for name, _ in unet.named_modules()) > 2
    assert denoise.disagreement(seen, teacher, teacher) == 0
    before = denoise.disagreement(seen, pupil, teacher)
    before.backward()
    assert teacher.grad is None
    assert all(parameter.grad is None for parameter in unet.parameters())
    descent = torch.optim.Adam([pupil], lr=0.05)
    for _ in range(60):
        descent.zero_grad()
        denoise.disagreement(seen, pupil, teacher).backward()
        descent.step()
    assert denoise.disagreement(seen, pupil, teacher) < 0.3 * before


def test_folders_are_read_by_our_loader_and_by_diffusers(readers, tmp_path):
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(0)
    nets, coder = denoise.networks(SHAPE, 8, len(readers[1]["clip"]), len(readers[1]["bert"])), vae.network((8, 16), 16)
    folder.write(tmp_path, "tiny", nets, coder, readers[0], whole=True)
    for name, reader in (("tiny", "CLIPTextModel"), ("tiny-zh", "BertModel")):
        model = load.load(tmp_path / name)
        assert type(model.encoders[0].model).__name__ == reader
        assert model.size == 16
        for ours, stored in zip(nets["unet"].parameters(), model.unet.parameters(), strict=True):
            assert torch.allclose(ours, stored, atol=1e-3)
        pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / name, local_files_only=True, torch_dtype=torch.float32)
        assert pipeline("夜晚的城堡", num_inference_steps=2, output_type="np", height=16, width=16).images.shape == (1, 16, 16, 3)


def test_the_judge_learns_and_asks_only_what_was_said(pictures):
    losses = []
    judged = judge.learn(pictures, 48, steps=40, device="cpu", batch=24, tell_step=lambda done, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    asked = judge.prompts(3, 60, "en")
    told = [one for one in asked if one.answers["time"]]
    assert 20 < len(told) < 60
    night = {"night", "moon", "star", "dark", "midnight"}
    for one in told:
        if any(word in one.prompt.lower() for word in night):
            assert one.answers["time"] == "night"
    pixels = [pictures.batch([number]) for number in range(6)]
    truth = [judge.Asked(n, "", {"subject": f.subject, "place": f.place, "time": None}) for n, f in ((n, data.facts(3, n)) for n in range(6))]
    shares = judge.share_right(judged, pixels, truth)
    assert shares["time"] == 0  # nobody asked
    assert set(shares) == {"subject", "place", "time"}


def test_frechet_distance_of_gaussians():
    class Plain(judge.Judge):
        def features(self, pixels):
            return pixels.flatten(1)

    dice = torch.Generator().manual_seed(0)
    one = [torch.randn(4000, 3, 1, 1, generator=dice)]
    other = [torch.randn(4000, 3, 1, 1, generator=dice) * 2 + 1]
    assert judge.distance(Plain(), one, one) == pytest.approx(0, abs=1e-6)
    assert judge.distance(Plain(), one, other) == pytest.approx(3 * 1 + 3 * (2 - 1) ** 2, rel=0.06)  # |Δμ|² + Σ (σ₁ - σ₂)²
