"""Which part of a model came to a NaN or an infinity first; and nothing of the libraries' own on stderr."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang import methods
from huafang.errors import JobFailed
from tests.diffusion import tiny

FILES = {
    "text encoder": ("text_encoder/model.safetensors", r"final_layer_norm\.weight"),
    "UNet": ("unet/diffusion_pytorch_model.safetensors", r"conv_out\.weight"),
    "VAE": ("vae/diffusion_pytorch_model.safetensors", r"decoder\.conv_out\.weight"),
}


def huge(place, file: str, name: str) -> None:
    state = load_file(place / file)
    (key,) = [one for one in state if one.endswith(name.replace("\\", ""))]
    state[key] = torch.full_like(state[key], 3e38)
    for other in state:
        if other.rpartition(".")[0].endswith(("final_layer_norm", "conv_norm_out")) and other.endswith("bias"):
            state[other] = torch.full_like(state[other], 3e38)
    save_file(state, place / file, metadata={"format": "pt"})


def draw(bench, place, **more):
    params = methods.build(
        "text_to_image", {"prompt": "a cat", "model": bench.weights.add(place), "steps": 2, "width": 64, "height": 64, "sampler": "euler", **more}
    )
    return methods.run(params, bench.context())


@pytest.mark.parametrize("part", FILES)
def test_the_part_that_ran_over_first_is_named(bench, part, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    huge(place, *FILES[part])
    with pytest.raises(JobFailed, match=f"ran over and no picture came out: the first NaN or infinity is of its {part}") as failed:
        draw(bench, place)
    assert failed.value.code == "model.overflow"
    assert failed.value.hint


def test_a_vae_that_cannot_read_a_photo_is_named(bench, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    huge(place, FILES["VAE"][0], r"encoder\.conv_out\.weight")
    values = {"content": bench.content, "prompt": "a cat", "model": bench.weights.add(place), "steps": 2, "strength": 0.5, "size": 64}
    with pytest.raises(JobFailed, match="is of its VAE"):
        methods.run(methods.build("image_to_image", values), bench.context())


def test_nothing_of_the_libraries_own_is_written_to_stderr(bench, tmp_path, capfd):
    place = tiny.copy("sd1", tmp_path / "model")
    config = json.loads((place / "text_encoder" / "config.json").read_text())
    (place / "text_encoder" / "config.json").write_text(json.dumps(config | {"bos_token_id": 49_406, "unknown": 3}))
    state = load_file(place / "text_encoder" / "model.safetensors")
    save_file(state | {"one.more": torch.zeros(2)}, place / "text_encoder" / "model.safetensors", metadata={"format": "pt"})
    capfd.readouterr()
    draw(bench, place)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


@pytest.mark.parametrize(("seed", "images", "seeds"), [(2**32 - 1, 2, [2**32 - 1, 0]), (2**32 - 2, 2, [2**32 - 2, 2**32 - 1]), (5, 1, [5])])
def test_seeds_go_on_at_0_behind_the_last_and_it_is_said(bench, tmp_path, seed, images, seeds):
    made = draw(bench, tiny.folder("sd1"), seed=seed, images=images)
    assert [made.figures[f"seed_{number + 1}"] for number in range(images)] == seeds
    assert any("seeds end at 4294967295" in note for note in made.notes) == (seeds[-1] < seeds[0])
    alone = draw(bench, tiny.folder("sd1"), seed=seeds[-1])
    assert torch.equal(alone.images[0], made.images[-1])
