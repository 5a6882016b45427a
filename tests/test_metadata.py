"""What a picture carries, there and back; and what strangers' texts may not do."""

import io
import json
import re
import time

import pytest
import sd_parsers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from huafang import foreign, images, metadata
from huafang.foreign import samplers

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('猫",:\n\\{}🐈'), max_size=200)


@settings(max_examples=150, deadline=None)
@given(
    prompt=WORDS,
    negative=WORDS,
    steps=st.integers(1, 150),
    guidance=st.floats(1, 30),
    seed=st.integers(0, 2**32 - 1),
    sampler=st.sampled_from(["euler", "dpmpp_2m_karras"]),
)
def test_bad_input_30_every_prompt_comes_back(prompt, negative, steps, guidance, seed, sampler):
    params = {
        "method": "text_to_image",
        "prompt": prompt,
        "negative_prompt": negative,
        "steps": steps,
        "guidance": round(guidance, 3),
        "seed": seed,
        "sampler": sampler,
    }
    text = metadata.recipe(params, {"loss": 0.5}, size=(512, 768))
    found = metadata.read(text)
    assert found["tool"] == "huafang"
    assert found["params"] == params
    if "Negative prompt:" in prompt + negative:
        return  # the field's own text cannot tell these apart
    theirs = metadata.read({"parameters": text["parameters"]})
    assert theirs["tool"] == "a1111"
    assert theirs["params"]["prompt"] == prompt.lstrip() or not prompt.strip() or theirs["params"]["prompt"].strip() == prompt.strip()
    assert theirs["params"].get("negative_prompt", "").strip() == negative.strip()
    assert {name: theirs["params"][name] for name in ("steps", "seed", "sampler", "width", "height")} == {
        "steps": steps,
        "seed": seed,
        "sampler": sampler,
        "width": 512,
        "height": 768,
    }


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("prompt", ["a cat", '夕阳下的城堡，油画\n"quoted"', "🐈" * 30])
def test_bad_input_30_in_every_format_of_file(format, prompt):
    params = {"method": "text_to_image", "prompt": prompt, "steps": 20, "seed": 7, "guidance": 7.5}
    data = images.encode(torch.full((1, 3, 16, 16), 0.5), format, metadata=metadata.recipe(params))
    came = images.ingest(data)
    assert metadata.read(came.text)["params"] == params
    without = {name: text for name, text in came.text.items() if name != metadata.OWN}
    assert metadata.read(without)["params"]["prompt"] == prompt
    assert b"cat" not in came.data
    assert images.ingest(came.data).text == {}, "what is stored carries nothing"


def test_a_prompt_of_10_000_emoji_fits_in_a_jpeg():
    params = {"method": "text_to_image", "prompt": "🐈" * 10_000, "negative_prompt": "🐕" * 10_000, "steps": 20, "seed": 7, "guidance": 7.5}
    came = images.ingest(images.encode(torch.zeros(1, 3, 16, 16), "jpeg", metadata=metadata.recipe(params)))
    found = metadata.read(came.text)["params"]
    assert (found["steps"], found["seed"]) == (20, 7), "the settings' line stays whole"
    assert found["prompt"] == "🐈" * 10_000


@pytest.mark.parametrize("value", ["NaN", "1e999", r'"\ud800"', "[" * 500 + "]" * 500, "[" * 100_000, "9" * 5000, "{", "1"])
@pytest.mark.parametrize("name", ["huafang", "invokeai_metadata", "parameters"])
def test_strangers_json_can_be_said_again_or_is_none(name, value):
    found = metadata.read({name: f'{{"params": {{"seed": {value}}}, "positive_prompt": {value}, "prompt": {value}, "figures": 3}}'})
    json.dumps(found, allow_nan=False).encode()
    assert foreign.depth(found) < 30


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(metadata.KNOWN),
        st.text() | st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(json.dumps),
    )
)
def test_no_text_breaks_the_reader(text):
    json.dumps(metadata.read(text), allow_nan=False, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "text", ["a" * 199_000, " " * 199_000, 'a:"' * 66_000, "ab c:" * 39_000, "-/ " * 66_000, 'ab:"' + "\\" * 199_000, "\n" * 199_000, "ab: x, " * 28_000]
)
def test_reading_takes_time_in_proportion_to_the_text(text):
    began = time.process_time()
    metadata.read({"parameters": text})
    assert time.process_time() - began < 20  # in the square of the length it would be minutes


def test_the_line_of_settings_begins_as_other_tools_know_it():
    params = {"method": "text_to_image", "prompt": "a cat", "negative_prompt": "dull", "steps": 25, "sampler": "dpmpp_2m_karras", "guidance": 6.5, "seed": 7}
    params |= {"model": "mini", "clip_skip": 2, "images": 1}
    line = metadata.recipe(params, size=(512, 768))["parameters"].split("\n")[-1].partition(", Method: ")[0]
    assert line == "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 7, Size: 512x768, Model: mini, Clip skip: 2"


@pytest.mark.parametrize("sampler", samplers.SHOWN)
def test_our_samplers_are_read_back_by_the_names_that_are_written(sampler):
    text = metadata.recipe({"method": "text_to_image", "prompt": "x", "steps": 20, "sampler": sampler, "seed": 1})
    found = metadata.read({"parameters": text["parameters"]})
    assert found["params"]["sampler"] == sampler
    assert found["lost"] == []


def test_each_picture_of_a_run_carries_its_own_seed():
    params = {"method": "text_to_image", "prompt": "x", "steps": 20, "sampler": "euler", "seed": 2**32 - 2, "images": 3}
    figures = {"seed_1": 2**32 - 2, "seed_2": 2**32 - 1, "seed_3": 0, "width": 64}
    for number, seed in ((1, 2**32 - 2), (2, 2**32 - 1), (3, 0)):
        text = metadata.recipe(params, figures, number=number)
        assert f"Seed: {seed}," in text["parameters"]
        assert metadata.read(text)["params"] == params | {"seed": seed, "images": 1}
    assert params["seed"] == 2**32 - 2


def test_pictures_of_one_run_differ_in_their_seeds_at_both_doors(tmp_path):
    """The page's job and the command line: `worker.store` and `Painting.save`."""
    from huafang import methods, worker
    from huafang.api import Painting
    from huafang.assets import Assets
    from huafang.context import Result

    params = methods.build("text_to_image", {"prompt": "x", "images": 3, "seed": 2**32 - 2})
    result = Result(images=[torch.full((1, 3, 16, 16), 0.5)] * 3, figures={"seed_1": 2**32 - 2, "seed_2": 2**32 - 1, "seed_3": 0.0})
    assets = Assets(tmp_path / "assets")
    stored = [assets.read(output["asset"]) for output in worker.store(result, params, assets)]
    saved = [place.read_bytes() for place in Painting(params, result).save(tmp_path / "x.png")]
    for pictures in (stored, saved):
        told = [metadata.read(images.ingest(picture).text)["params"] for picture in pictures]
        assert [(one["seed"], one["images"]) for one in told] == [(2**32 - 2, 1), (2**32 - 1, 1), (0, 1)]


def a1111_pairs(text: str) -> dict[str, str]:
    """The settings by A1111's own grammar: the last line, if it holds three pairs at least (`interop.md`, section 4)."""
    pairs = re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', text.strip().split("\n")[-1])
    assert len(pairs) >= 3
    return {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}


@pytest.mark.parametrize("prompt", ["a cat", 'a "quoted", weighted: (cat:1.3)', "夕阳下的城堡，油画"])
def test_the_grammars_of_other_readers_find_what_we_write(prompt):
    params = {"method": "image_to_image", "prompt": prompt, "negative_prompt": "dull, grey", "steps": 20, "sampler": "euler_a", "guidance": 7.0, "seed": 5}
    params |= {"strength": 0.6, "model": "my, own: model"}
    text = metadata.recipe(params, size=(64, 72))["parameters"]
    pairs = a1111_pairs(text)
    assert (pairs["Steps"], pairs["Sampler"], pairs["CFG scale"], pairs["Seed"], pairs["Size"]) == ("20", "Euler a", "7.0", "5", "64x72")
    assert (pairs["Model"], pairs["Denoising strength"]) == ("my, own: model", "0.6")
    head, _, settings = text.rpartition("Steps: ")  # as Civitai and sd-prompt-reader part it
    words, _, negative = head.partition("Negative prompt:")
    assert (words.strip(), negative.strip()) == (prompt, "dull, grey")
    assert settings.startswith("20, Sampler: ")


def test_sd_parsers_reads_our_pictures(tmp_path):
    params = {
        "method": "text_to_image",
        "prompt": "a red fox",
        "negative_prompt": "dull",
        "steps": 20,
        "sampler": "euler_a",
        "guidance": 7.0,
        "seed": 5,
        "model": "mini",
    }
    for ending in ("png", "jpeg", "webp"):
        place = tmp_path / f"x.{ending}"
        place.write_bytes(images.encode(torch.full((1, 3, 64, 64), 0.5), ending, metadata=metadata.recipe(params, size=(64, 64))))
        told = sd_parsers.ParserManager().parse(place)
        assert told is not None, ending
        (sampler,) = told.samplers
        assert (sampler.name, sampler.parameters["seed"], sampler.parameters["steps"], sampler.parameters["cfg_scale"]) == ("Euler a", "5", "20", "7.0")
        assert [one.value for one in sampler.prompts] == ["a red fox"]
        assert [one.value for one in sampler.negative_prompts] == ["dull"]
        assert sampler.model.name == "mini"


def test_only_texts_that_are_understood_are_taken():
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "cat")
    info.add_text("Secret", "where I live")
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG", pnginfo=info)
    assert images.ingest(out.getvalue()).text == {"parameters": "cat"}
