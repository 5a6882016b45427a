"""What a picture carries, there and back; and what strangers' texts may not do."""

import io
import json
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from huafang import images, metadata

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('猫",:\n\\{}🐈'), max_size=200)


@settings(max_examples=150, deadline=None)
@given(
    prompt=WORDS,
    negative=WORDS,
    steps=st.integers(1, 150),
    guidance=st.floats(0, 30),
    seed=st.integers(0, 2**32 - 1),
    sampler=st.sampled_from(["euler", "dpm++ 2m, karras"]),
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


def test_other_tools():
    invoke = json.dumps({"positive_prompt": "cat", "seed": 3, "cfg_scale": 7.0, "scheduler": "euler", "odd": 1})
    assert metadata.read({"invokeai_metadata": invoke}) == {"tool": "invokeai", "params": {"prompt": "cat", "seed": 3, "guidance": 7.0, "sampler": "euler"}}
    assert metadata.read({"parameters": '{"prompt": "cat", "seed": "3"}'})["tool"] == "fooocus"
    assert metadata.read({"workflow": "{}"}) == {"tool": "comfyui", "params": {}}
    assert metadata.read({"other": "x"}) == {}
    a1111 = "cat, {red|blue}\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 5, Size: 512x640, Model: x"
    assert metadata.read({"UserComment": a1111})["params"] == {
        "prompt": "cat, {red|blue}",
        "negative_prompt": "dog",
        "steps": 20,
        "sampler": "Euler a",
        "guidance": 7.5,
        "seed": 5,
        "width": 512,
        "height": 640,
        "model": "x",
    }


@pytest.mark.parametrize("value", ["NaN", "1e999", r'"\ud800"', "[" * 500 + "]" * 500, "[" * 100_000, "9" * 5000, "{", "1"])
@pytest.mark.parametrize("name", ["huafang", "invokeai_metadata", "parameters"])
def test_strangers_json_can_be_said_again_or_is_none(name, value):
    found = metadata.read({name: f'{{"params": {{"seed": {value}}}, "positive_prompt": {value}, "prompt": {value}, "figures": 3}}'})
    json.dumps(found, allow_nan=False).encode()
    assert metadata._depth(found) < 30


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


def test_only_texts_that_are_understood_are_taken():
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "cat")
    info.add_text("Secret", "where I live")
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG", pnginfo=info)
    assert images.ingest(out.getvalue()).text == {"parameters": "cat"}
