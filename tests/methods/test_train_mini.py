"""The whole recipe in a few steps: what comes out is a model that the studio draws with, and a stopped run goes on."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from huafang import methods
from huafang.errors import BadInput, Cancelled
from huafang.methods.train_mini import media
from huafang.scenes import scene

TINY = {
    "name": "tiny",
    "size": 64,
    "scenes": 16,
    "vae_scenes": 16,
    "vae_steps": 2,
    "steps": 2,
    "decoder_steps": 1,
    "batch": 4,
    "vae_batch": 2,
    "vae_channels": [8, 16],
    "channels": [16, 32],
    "width": 16,
    "layers": 1,
    "sample_every": 2,
    "workers": 1,
}


def sample(bench) -> dict:
    return TINY


def run(bench, **changes):
    context = bench.context(stop_after=changes.pop("stop_after", None))
    return methods.run(methods.build("train_mini", TINY | changes), context)


def test_two_models_come_out_and_the_studio_draws_with_them(bench):
    result = run(bench)
    assert result.images[0].shape == (1, 3, 64, 256)
    home = bench.weights.root
    assert sorted(item.name for item in home.iterdir() if not item.name.startswith(".")) == ["tiny", "tiny-zh"]
    for name, prompt in (("tiny", "a castle"), ("tiny-zh", "城堡")):
        drawn = methods.run(methods.build("text_to_image", {"prompt": prompt, "model": name, "steps": 2}), bench.context()).images[0]
        assert drawn.shape == (1, 3, 64, 64)
    log = [json.loads(line) for line in (home / ".training" / "tiny" / "denoiser" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2]


@pytest.mark.parametrize("stop_after", [2, 4])
def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench, tmp_path, stop_after):
    run(bench)
    home = bench.weights.root
    whole = load_file(home / "tiny" / "unet" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(Cancelled):
        run(bench, name="parts", stop_after=stop_after)
    assert not (home / "parts").exists()
    run(bench, name="parts")
    again = load_file(home / "parts" / "unet" / "diffusion_pytorch_model.safetensors")

    assert all(torch.equal(whole[key], again[key]) for key in whole)


@pytest.mark.parametrize("name", ["mini", "mini-zh"])
def test_a_built_in_models_name_is_refused_before_anything_is_drawn(bench, name):
    with pytest.raises(BadInput, match="is a model that comes with Huafang"):
        run(bench, name=name)
    assert not (bench.weights.root / ".training").exists()


def test_a_model_that_is_there_goes_on_learning(bench):
    run(bench)
    run(bench, name="more", start="tiny", decoder_steps=0, seed=5, rate=1e-9)
    for part in ("unet", "vae"):
        before, after = (load_file(bench.weights.root / name / part / "diffusion_pytorch_model.safetensors") for name in ("tiny", "more"))
        if part == "unet":
            assert all(torch.allclose(before[key].float(), after[key].float(), atol=1e-3) for key in before)
        else:
            assert all(torch.equal(before[key], after[key]) for key in before), "its VAE is taken as it is"
    other = bench.weights.add(bench.weights.root / "tiny" / "unet" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(BadInput, match="is no diffusers folder"):
        run(bench, name="no", start=other)
    with pytest.raises(BadInput, match="other sizes"):
        run(bench, name="wide", start="tiny", width=32)


@pytest.fixture
def pictured(bench):
    """Pictures of two dozen things where the method looks for them."""
    from huafang.places import Places
    from huafang.scenes.things import stickers, things
    from huafang.scenes.things.sampling import STYLES

    folder = Places(bench.weights.root.parent).things
    folder.mkdir(parents=True)
    common = [code for code, thing in things().items() if thing.common][:24]
    rows = [{"style": style, "package": "-", "code": code, "name": "-", "box": [20, 20, 140, 140]} for code in common for style in STYLES]
    array = np.zeros((len(rows), 160, 160, 4), np.uint8)
    array[:, 20:140, 20:140] = (200, 80, 60, 255)
    np.save(folder / "stickers-160.npy", array)
    (folder / "stickers-160.json").write_text(json.dumps({"side": 160, "margin": stickers.MARGIN, "rows": rows}))
    yield folder
    stickers.load.cache_clear()


def test_a_model_goes_on_to_learn_things_in_a_larger_vocabulary(bench, pictured):
    run(bench)
    run(bench, name="more", start="tiny", things=True, decoder_steps=0, rate=1e-9, vae_rate=1e-9)
    home = bench.weights.root
    for name, file, key in (("tiny", "vocab.json", "token_embedding"), ("tiny-zh", "vocab.txt", "word_embeddings")):
        words, rows = [], []
        for model in (name, name.replace("tiny", "more")):
            text = (home / model / "tokenizer" / file).read_text("utf-8")
            words.append(json.loads(text) if file.endswith("json") else {piece: place for place, piece in enumerate(text.splitlines())})
            weights = load_file(home / model / "text_encoder" / "model.safetensors")
            rows.append(next(value for label, value in weights.items() if label.endswith(f"{key}.weight")))
        assert len(words[1]) > len(words[0]) + 300
        assert all(torch.allclose(rows[0][place].float(), rows[1][words[1][piece]].float(), atol=2e-3) for piece, place in words[0].items())
    vaes = [load_file(home / name / "vae" / "diffusion_pytorch_model.safetensors") for name in ("tiny", "more")]
    assert torch.allclose(vaes[0]["decoder.conv_out.weight"].float(), vaes[1]["decoder.conv_out.weight"].float(), atol=1e-3), "it begins with the model's VAE"
    log = (home / ".training" / "more" / "vae" / "log.jsonl").read_text().splitlines()
    assert len(log) == TINY["vae_steps"], "and goes on learning"


def test_things_without_their_pictures_are_refused_before_anything_is_drawn(bench):
    with pytest.raises(BadInput, match="not there"):
        run(bench, things=True)
    assert not (bench.weights.root / ".training").exists()


def test_other_settings_under_an_old_name_are_refused(bench):
    run(bench)
    with pytest.raises(BadInput, match="was begun with"):
        run(bench, vae_batch=1, vae_steps=3, name="tiny", batch=2)


@pytest.mark.parametrize(
    ("changes", "said"), [({"size": 100}, "nearest are 96 and 128"), ({"name": "../x"}, "file or folder"), ({"channels": [16, 20]}, "multiple of 8")]
)
def test_bad_settings_say_what_is_allowed(changes, said):
    with pytest.raises(BadInput, match=said):
        methods.build("train_mini", TINY | changes)


@pytest.mark.parametrize("size", [32, 96, 160, 256])
def test_pixel_art_is_of_square_blocks_at_every_size(size):
    painted = media.paint(scene.scene(7, 103, size).pixels, "pixel", 1)
    assert painted.shape == (size, size, 3)
    assert np.array_equal(painted[::2, ::2], painted[1::2, 1::2])


@pytest.mark.parametrize("medium", ["watercolour", "oil", "ink", "line", "pixel"])
def test_media_change_the_look_and_keep_the_scene(medium):
    pixels = scene.scene(7, 103, 128).pixels
    painted = media.paint(pixels, medium, 1)
    assert painted.shape == pixels.shape
    assert painted.dtype == np.float32
    assert 0 <= painted.min() <= painted.max() <= 1
    assert np.abs(painted - pixels).mean() > 0.004
    coarse, coarse_painted = (one.reshape(8, 16, 8, 16, 3).mean(axis=(1, 3, 4)) for one in (pixels, painted))
    assert np.corrcoef(coarse.ravel(), coarse_painted.ravel())[0, 1] > 0.6
