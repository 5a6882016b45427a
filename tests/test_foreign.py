"""Pictures of other tools: their settings in our names, with values that our fields take, and a sentence for each setting that is lost."""

import io
import json
import time
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from huafang import foreign, headers, images, metadata, methods
from huafang.diffusion.params import Sampler
from huafang.foreign import found, samplers
from huafang.foreign.found import RANGES
from huafang.params import fields
from tests.pictures import saved, small

A1111 = "a red fox\nNegative prompt: dull\nSteps: 25, Sampler: Euler a, CFG scale: 6.5, Seed: 7, Size: 512x768, Clip skip: 2, Version: x"
FOX = {
    "prompt": "a red fox",
    "negative_prompt": "dull",
    "steps": 25,
    "sampler": "euler_a",
    "guidance": 6.5,
    "seed": 7,
    "width": 512,
    "height": 768,
    "clip_skip": 2,
}


def read(text: dict[str, str] | str) -> tuple[str, dict[str, Any], list[str]]:
    told = metadata.read({"parameters": text} if isinstance(text, str) else text)
    assert set(told) == {"tool", "method", "params", "lost"}
    assert told["method"] == ("image_to_image" if "strength" in told["params"] else "text_to_image")
    for note in told["lost"]:
        assert set(note) == {"en", "zh"}
        assert note["zh"]
    return told["tool"], told["params"], [note["en"] for note in told["lost"]]


def test_a1111():
    assert read(A1111) == ("a1111", FOX, [])


@pytest.mark.parametrize(
    "text",
    [
        A1111.replace("Version: x", 'Note: "a\nb", End: 1'),
        A1111.replace("Version: x", 'Note: "a\\nb: c, d"'),
        A1111.replace("\nSteps", " Steps"),
        A1111.replace("Version: x", 'Lora hashes: "x: 123, y: 456", TI hashes: "z: 9"'),
        A1111.replace("Version: x", 'Hashes: {"model": "6ce0161689", "vae": "abc"}, App: x'),
        A1111 + "\n",
        A1111.replace("\n", "\r\n").replace("\r\n", "\n"),
        A1111 + ", Template: a {red|blue} fox",
    ],
)
def test_a1111_with_extras_of_every_sort(text):
    _, params, _ = read(text)
    assert params == FOX


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        ("(a red fox:1.2), (snow:1.1), (dusk:1.3)", "(a red fox:1.2), (snow:1.1), (dusk:1.3)", None),
        ("fox\nNegative prompt: (dull:1.2), (grey:1.1), (dark:1.3)", "fox", "(dull:1.2), (grey:1.1), (dark:1.3)"),
        ("a fox: red, size: big, steps: many", "a fox: red, size: big, steps: many", None),
        ("two\nlines", "two\nlines", None),
        ("Negative prompt: dull", "", "dull"),
        ("", None, None),
    ],
)
def test_words_without_settings_are_words(text, prompt, negative):
    if not text:
        assert metadata.read({"parameters": text}) == {}
        return
    _, params, lost = read(text)
    assert params == {"prompt": prompt} | ({"negative_prompt": negative} if negative else {})
    assert lost == []


def test_networks_and_embeddings_are_named_and_taken_out():
    _, params, lost = read(A1111.replace("a red fox", "a red fox <lora:fur_v2:0.8> <hypernet:old:1>, embedding:easy_look").replace("dull", "dull <lora:grey>"))
    assert params["prompt"] == "a red fox  , embedding:easy_look"
    assert params["negative_prompt"] == "dull"
    assert lost == [
        "the LoRA fur_v2 (0.8) is not loaded here",
        "the hypernetwork old (1) is not loaded here",
        "the embedding easy_look is not loaded here: its name is read as plain words",
        "the LoRA grey is not loaded here",
    ]
    methods.build("text_to_image", params | {"model": None})


def test_what_nothing_here_answers_to_is_said():
    _, _, lost = read(A1111.replace("Version: x", "Hires upscale: 2, Hires steps: 10, ADetailer model: face.pt, ENSD: 31337, Version: v1.9.0"))
    assert lost == ["not taken over: Hires upscale, Hires steps, ADetailer model, ENSD"]
    _, _, lost = read(A1111.replace("Version: x", ", ".join(f"Odd {number}: 1" for number in range(40))))
    assert lost[0].endswith("and 28 more")


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (("Steps: 25", "Steps: 400"), "steps", "steps 400: 1 to 150 is taken here"),
        (("Seed: 7", "Seed: 99999999999999"), "seed", "seed 99999999999999: 0 to 4294967295 is taken here"),
        (("Seed: 7", "Seed: -1"), "seed", "seed -1: 0 to 4294967295 is taken here"),
        (("CFG scale: 6.5", "CFG scale: 55"), "guidance", "guidance 55: 1 to 30 is taken here"),
        (("Size: 512x768", "Size: 512x9000"), "height", "height 9000: 64 to 2048 is taken here"),
        (("Clip skip: 2", "Clip skip: 40"), "clip_skip", "clip_skip 40: 1 to 12 is taken here"),
        (("Sampler: Euler a", "Sampler: DPM adaptive"), "sampler", "there is no sampler DPM adaptive here"),
        (("Steps: 25", "Steps: 25"), None, None),
    ],
)
def test_values_that_our_fields_do_not_take_are_left_out_and_said(change, name, said):
    _, params, lost = read(A1111.replace(*change))
    assert set(FOX) - set(params) == ({name} if name else set())
    assert lost == ([said] if said else [])


def test_the_strength_of_an_enlargement_is_no_redrawing():
    assert read(A1111.replace("Version: x", "Denoising strength: 0.6, Version: x"))[1]["strength"] == 0.6
    _, params, lost = read(A1111.replace("Version: x", "Denoising strength: 0.6, Hires upscale: 2, Version: x"))
    assert "strength" not in params
    assert lost == ["not taken over: Hires upscale"]


def test_a_size_that_is_no_multiple_of_8():
    _, params, lost = read(A1111.replace("512x768", "515x768"))
    assert (params["width"], params["height"]) == (512, 768)
    assert lost == ["width 515 is no multiple of 8: 512 was taken"]


@pytest.mark.parametrize(
    ("name", "schedule", "ours", "exact"),
    [
        ("Euler a", "", "euler_a", True),
        ("Euler a", "Automatic", "euler_a", True),
        ("Euler", "Karras", "euler", False),
        ("DPM++ 2M Karras", "", "dpmpp_2m_karras", True),
        ("DPM++ 2M", "Karras", "dpmpp_2m_karras", True),
        ("DPM++ 2M", "Automatic", "dpmpp_2m_karras", True),
        ("DPM++ 2M", "", "dpmpp_2m", True),
        ("DPM++ 2M", "SGM Uniform", "dpmpp_2m", True),
        ("DPM++ 2M", "Exponential", "dpmpp_2m", False),
        ("DPM++ 2M SDE Karras", "", "dpmpp_2m_sde_karras", True),
        ("DPM++ 2M SDE", "Exponential", "dpmpp_2m_sde_karras", False),
        ("DPM++ SDE Karras", "", None, None),
        ("DPM++ 3M SDE", "Karras", None, None),
        ("LMS Karras", "", "lms", False),
        ("PLMS", "", "pndm", True),
        ("UniPC", "", "unipc", True),
        ("LCM", "", "lcm", True),
        ("Restart", "", None, None),
        ("euler_ancestral", "normal", "euler_a", True),
        ("dpmpp_2m_sde_gpu", "karras", "dpmpp_2m_sde_karras", True),
        ("dpmpp_2m", "karras", "dpmpp_2m_karras", True),
        ("uni_pc_bh2", "normal", "unipc", True),
        ("dpm_2_ancestral", "karras", None, None),
        ("euler_k", "", "euler", False),
        ("dpmpp_2m_k", "", "dpmpp_2m_karras", True),
        ("dpmpp_2m_sde_k", "", "dpmpp_2m_sde_karras", True),
        ("k_euler_a", "", "euler_a", True),
        ("k_dpmpp_2m", "", "dpmpp_2m", True),
        ("k_euler_ancestral", "karras", "euler_a", False),
        ("unipc_snr", "", "unipc", True),
        ("dpm_solver_stability", "", None, None),
        ("Euler A Trailing", "", "euler_a", False),
        ("DDIM", "", "ddim", True),
        ("ddim", "ddim_uniform", "ddim", True),
        ("ddpm", "", "ddpm", True),
        ("heun", "simple", "heun", True),
    ],
)
def test_samplers_of_a1111_comfyui_invokeai_fooocus_easy_diffusion_and_draw_things(name, schedule, ours, exact):
    assert samplers.ours(name, schedule)[0] == ours
    if ours:
        assert samplers.ours(name, schedule)[1] == exact
        told = found.Found("x")
        told.sampler(name, schedule)
        assert told.params == {"sampler": ours}
        assert bool(told.lost) != exact


def test_the_tables_are_those_of_the_methods():
    assert tuple(samplers.SHOWN) == get_args(Sampler)
    for name in ("text_to_image", "image_to_image"):
        for spec in fields(methods.METHODS[name]):
            if spec.name in RANGES:
                high = spec.maximum if spec.maximum is not None else spec.below - 1
                assert RANGES[spec.name] == (spec.minimum, high), spec.name
            if spec.name in found.NAMES and name == "text_to_image":
                assert found.NAMES[spec.name] == methods.labels(name)["zh"]["fields"][spec.name]["label"]


def test_sd_next_and_civitai():
    line = "Steps: 25, Size: 512x768, Sampler: Euler a, Seed: 7, CFG scale: 6.5, Clip skip: 2, App: SD.Next, Version: 1, Model: x.y"
    told = f"a red fox\nNegative prompt: dull\n{line}"
    assert read(told) == ("sd.next", FOX | {"model": "x.y"}, [])
    civitai = A1111.replace(
        "Version: x", 'Created Date: 2024-01-01T00:00:00.0Z, Civitai resources: [{"type":"checkpoint","modelVersionId":1}], Civitai metadata: {}'
    )
    assert read(civitai)[1] == FOX


INVOKE = {
    "positive_prompt": "a red fox",
    "negative_prompt": "dull",
    "steps": 25,
    "scheduler": "euler_a",
    "cfg_scale": 6.5,
    "seed": "7",
    "width": 512,
    "height": 768,
    "clip_skip": 1,
    "model": {"key": "1", "hash": "blake3:2", "name": "dreamy", "base": "sd-1", "type": "main"},
    "app_version": "5.0.0",
    "generation_mode": "txt2img",
    "rand_device": "cpu",
}


def test_invokeai():
    assert read({"invokeai_metadata": json.dumps(INVOKE)}) == ("invokeai", FOX | {"model": "dreamy"}, [])
    more = INVOKE | {"loras": [{"model": {"name": "fur"}, "weight": 0.5}], "controlnets": [{"x": 1}], "hrf_enabled": True, "vae": None}
    _, _, lost = read({"invokeai_metadata": json.dumps(more)})
    assert lost == ["the LoRA fur (0.5) is not loaded here", "not taken over: controlnets, hrf_enabled"]
    redrawn = INVOKE | {"generation_mode": "img2img", "strength": 0.75}
    assert read({"invokeai_metadata": json.dumps(redrawn)})[1]["strength"] == 0.75
    old = {
        "model_weights": "sd-v1-5",
        "image": {
            "prompt": [{"prompt": "a red fox [dull]", "weight": 1}],
            "steps": 25,
            "cfg_scale": 6.5,
            "sampler": "k_euler_a",
            "seed": 7,
            "width": 512,
            "height": 768,
        },
    }
    assert read({"sd-metadata": json.dumps(old)})[1] == {name: value for name, value in FOX.items() if name != "clip_skip"} | {"model": "sd-v1-5"}


def test_fooocus():
    told = {
        "prompt": "a red fox",
        "negative_prompt": "dull",
        "seed": "7",
        "steps": 25,
        "guidance_scale": 6.5,
        "sampler": "euler_ancestral",
        "scheduler": "normal",
    }
    told |= {"resolution": "(512, 768)", "clip_skip": 2, "base_model": "juggernautXL_v8.safetensors", "styles": "[]", "performance": "Speed", "sharpness": 2.0}
    told |= {"loras": [["offset.safetensors", 0.1]], "refiner_model": "None", "metadata_scheme": "fooocus", "version": "Fooocus v2.5"}
    tool, params, lost = read(json.dumps(told))
    assert (tool, params) == ("fooocus", FOX | {"model": "juggernautXL_v8"})
    assert lost == ["the LoRA offset.safetensors (0.1) is not loaded here", "not taken over: sharpness"]
    older = {
        "Prompt": "a red fox",
        "Negative Prompt": "dull",
        "Seed": 7,
        "Sampler": "euler_ancestral",
        "Scheduler": "normal",
        "Resolution": "(512, 768)",
        "Guidance Scale": 6.5,
    }
    assert read(json.dumps(older | {"LoRA [fur.safetensors] weight": 0.5}))[1]["seed"] == 7


def test_swarmui():
    told = {
        "prompt": "a red fox <lora:fur:0.5>",
        "negativeprompt": "dull",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "seed": 7,
        "steps": 25,
        "cfgscale": 6.5,
    }
    told |= {"aspectratio": "Custom", "width": 512, "height": 768, "sampler": "euler_ancestral", "scheduler": "normal", "clipstopatlayer": -2}
    told |= {"loras": ["fur"], "loraweights": ["0.5"], "swarm_version": "0.9.1", "refinersteps": 5}
    tool, params, lost = read(json.dumps({"sui_image_params": told, "sui_extra_data": {"date": "x"}}))
    assert (tool, params) == ("swarmui", FOX | {"model": "sd_xl_base_1.0"})
    assert lost == ["the LoRA fur (0.5) is not loaded here", "not taken over: refinersteps"]


def test_easy_diffusion_in_texts_and_in_json():
    told = {
        "prompt": "a red fox",
        "negative_prompt": "dull",
        "seed": 7,
        "num_inference_steps": 25,
        "guidance_scale": 6.5,
        "sampler_name": "euler_a",
        "width": 512,
        "height": 768,
    }
    told |= {
        "clip_skip": "True",
        "use_stable_diffusion_model": "models/sd-v1-5.ckpt",
        "use_lora_model": ["fur"],
        "use_upscale": "RealESRGAN",
        "use_hypernetwork_model": "None",
    }
    expected = ("easydiffusion", FOX | {"model": "sd-v1-5"}, ["the LoRA fur is not loaded here", "not taken over: upscaling RealESRGAN"])
    assert read({"UserComment": json.dumps(told)}) == expected
    texts = {name: str(value) for name, value in told.items()} | {"use_lora_model": "fur"}
    assert read(texts) == expected


def test_draw_things():
    told = {
        "c": "a red fox",
        "uc": "dull",
        "steps": 25,
        "sampler": "Euler A",
        "scale": 6.5,
        "seed": 7,
        "size": "512x768",
        "model": "sd_v1.5_f16.ckpt",
        "strength": 1,
    }
    told |= {"v2": {"clipSkip": 2}, "lora": [{"model": "fur", "weight": 0.5}]}
    xmp = f'<x:xmpmeta><exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{json.dumps(told)}</rdf:li></rdf:Alt></exif:UserComment></x:xmpmeta>'
    expected = ("drawthings", FOX | {"model": "sd_v1.5_f16"}, ["the LoRA fur (0.5) is not loaded here"])
    assert read({"XML:com.adobe.xmp": xmp}) == expected
    assert read({"XML:com.adobe.xmp": xmp.replace('"', "&quot;", 0).replace('{"c"', "{&quot;c&quot;")}) == expected


def test_novelai():
    told = {"steps": 25, "sampler": "k_euler_ancestral", "seed": 7, "scale": 6.5, "uc": "dull", "width": 512, "height": 768}
    texts = {"Software": "NovelAI", "Description": "a red fox", "Comment": json.dumps(told)}
    assert read(texts) == ("novelai", {name: value for name, value in FOX.items() if name != "clip_skip"}, [])


def graph(**changes: Any) -> dict[str, Any]:
    nodes = {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 7,
                "steps": 25,
                "cfg": 6.5,
                "sampler_name": "euler_ancestral",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["10", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/dreamy.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["11", 0]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dull", "clip": ["11", 0]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["8", 0]}},
        "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "fur.safetensors", "strength_model": 0.5, "model": ["4", 0], "clip": ["4", 1]}},
        "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
    }
    return nodes | changes


COMFY = ("comfyui", FOX | {"model": "dreamy"}, ["the LoRA fur.safetensors (0.5) is not loaded here"])


def test_comfyui():
    assert read({"prompt": json.dumps(graph()), "workflow": "{}"}) == COMFY


def test_comfyui_with_values_and_words_in_nodes_of_their_own():
    nodes = graph()
    nodes["3"]["inputs"] |= {"seed": ["20", 0], "steps": ["21", 0], "positive": ["24", 0]}
    nodes |= {
        "20": {"class_type": "PrimitiveInt", "inputs": {"value": 7}},
        "21": {"class_type": "Reroute", "inputs": {"value": ["22", 0]}},
        "22": {"class_type": "INT", "inputs": {"int": "25"}},
    }
    nodes["6"]["inputs"]["text"] = ["23", 0]
    nodes["23"] = {"class_type": "PrimitiveString", "inputs": {"value": "a red fox"}}
    nodes["24"] = {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0], "strength": 1}}
    assert read({"prompt": json.dumps(nodes)}) == COMFY


def test_comfyui_with_a_sampler_in_parts():
    nodes = graph()
    nodes["3"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"noise": ["20", 0], "guider": ["21", 0], "sampler": ["22", 0], "sigmas": ["23", 0], "latent_image": ["5", 0]},
    }
    nodes["20"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}}
    nodes["21"] = {"class_type": "CFGGuider", "inputs": {"cfg": 6.5, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0]}}
    nodes["22"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler_ancestral"}}
    nodes["23"] = {"class_type": "BasicScheduler", "inputs": {"scheduler": "normal", "steps": 25, "denoise": 1, "model": ["10", 0]}}
    assert read({"prompt": json.dumps(nodes)}) == COMFY


def test_comfyui_takes_the_sampler_that_made_the_picture_and_not_another():
    nodes = {
        "1": {
            "class_type": "KSampler",
            "inputs": {"seed": 999, "steps": 3, "cfg": 1, "sampler_name": "lcm", "scheduler": "normal", "positive": ["7", 0], "latent_image": ["5", 0]},
        }
    } | graph()
    _, params, lost = read({"prompt": json.dumps(nodes)})
    assert params == COMFY[1]
    assert lost[-1] == "not taken over: 1 further sampler of the graph"


def test_comfyui_image_to_image():
    nodes = graph()
    nodes["3"]["inputs"] |= {"denoise": 0.6, "latent_image": ["30", 0]}
    nodes |= {
        "30": {"class_type": "VAEEncode", "inputs": {"pixels": ["31", 0], "vae": ["4", 2]}},
        "31": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
    }
    _, params, _ = read({"prompt": json.dumps(nodes)})
    assert params["strength"] == 0.6
    assert "width" not in params


@pytest.mark.parametrize(
    "text",
    [
        {"workflow": '{"nodes": []}'},
        {"prompt": "{}"},
        {"prompt": json.dumps({"1": {"class_type": "LoadImage", "inputs": {}}})},
        {"prompt": json.dumps({"1": {"class_type": "KSampler", "inputs": 3}})},
    ],
)
def test_comfyui_without_a_sampler_says_so(text):
    tool, params, lost = read(text)
    assert (tool, params) == ("comfyui", {})
    assert "no sampler" in lost[0]


def test_comfyui_in_a_circle_ends():
    nodes = graph()
    nodes["6"]["inputs"]["text"] = ["23", 0]
    nodes["23"] = {"class_type": "Reroute", "inputs": {"value": ["23", 0], "text": ["6", 0]}}
    nodes["4"]["inputs"] = {"model": ["10", 0]}
    assert read({"prompt": json.dumps(nodes)})[1]["seed"] == 7


@pytest.mark.parametrize("text", ['{"odd": 1}', '{"sui_image_params": 3}', "{}", "[1]", '{"prompt": "x"}'])
def test_json_of_no_tool_is_not_guessed_at(text):
    told = metadata.read({"parameters": text})
    assert told == {} or told["tool"] == "a1111"
    assert metadata.read({"other": "x"}) == {}


ENCODED = [
    b"ASCII\0\0\0" + A1111.encode(),
    b"ASCII\0\0\0" + A1111.encode("utf-16-le"),
    bytes(8) + A1111.encode(),
    A1111.encode(),
    b"UNICODE\0" + A1111.encode("utf-16-be"),
    b"UNICODE\0" + A1111.encode("utf-16-le"),
    b"UNICODE\0" + A1111.encode(),
    b"JIS\0\0\0\0\0" + A1111.encode("shift_jis"),
    b"JIS\0\0\0\0\0" + A1111.encode("iso2022_jp"),
]


@pytest.mark.parametrize("comment", ENCODED)
def test_comments_of_every_encoding(comment):
    assert headers.comment(comment) == A1111
    assert headers.comment(comment + b"\0\0") == A1111


@pytest.mark.parametrize("words", ["夕阳下的城堡", "🐈" * 3_000])
@pytest.mark.parametrize("way", ["utf-16-be", "utf-16-le", "utf-8"])
def test_comments_in_chinese(words, way):
    text = A1111.replace("a red fox", words)
    assert headers.comment(b"UNICODE\0" + text.encode(way)) == text


@pytest.mark.parametrize("where", ["exif", "ifd0"])
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG", "AVIF"])
def test_comments_in_either_directory_of_exif(where, format):
    exif = Image.Exif()
    exif[0x0131] = "x"
    (exif.get_ifd(0x8769) if where == "exif" else exif)[0x9286] = b"ASCII\0\0\0" + A1111.encode()
    assert metadata.read(images.ingest(small(format, exif=exif)).text)["params"] == FOX


def test_the_webp_of_comfyui():
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + json.dumps(graph())
    exif[0x010F] = "workflow:" + json.dumps({"nodes": []})
    assert read(images.ingest(small("WEBP", exif=exif)).text) == COMFY


def test_comments_of_gif_and_jpeg():
    for format in ("GIF", "JPEG"):
        assert metadata.read(images.ingest(small(format, comment=A1111.encode())).text)["params"] == FOX
        assert images.ingest(small(format, comment=b"where I live")).text == {}


@pytest.mark.parametrize(
    "name",
    [
        "m1_sampler_euler_a.png",
        "m5_ascii_charset.jpg",
        "m9_newline_in_an_extra.png",
    ],
)
def test_files_of_other_programs(shared, name):
    assert metadata.read(images.ingest((shared / "failing" / name).read_bytes()).text)["params"] == FOX


def test_more_files_of_other_programs(shared):
    told = {
        name: metadata.read(images.ingest((shared / "failing" / name).read_bytes()).text)
        for name in ("m3_fooocus_seed_is_text.png", "m10_swarm_is_called_fooocus.png")
    }
    assert told["m3_fooocus_seed_is_text.png"]["params"]["seed"] == 12
    assert told["m3_fooocus_seed_is_text.png"]["params"]["sampler"] == "euler_a"
    assert (told["m10_swarm_is_called_fooocus.png"]["tool"], told["m10_swarm_is_called_fooocus.png"]["params"]) == (
        "swarmui",
        {"prompt": "a red fox", "seed": 7},
    )


def test_nothing_of_it_is_stored_with_the_picture():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", A1111)
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "PNG", pnginfo=info)
    assert b"fox" not in images.ingest(out.getvalue()).data
    assert saved(Image.new("RGB", (16, 16)), pnginfo=info) == out.getvalue()


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["7", "-1", "1e9", "512x512", "euler", ["3", 0], ["6", 0]])
)
TREES = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_no_values_break_a_reader(data):
    """Every name that a tool uses, with anything at all as its value."""
    told = dict(
        data.draw(
            st.sampled_from([INVOKE, graph()["3"]["inputs"], {"c": "x", "sampler": "y", "v2": {}, "lora": []}, {"sui_image_params": {"loras": [], "seed": 1}}])
        )
    )
    for name in data.draw(st.lists(st.sampled_from(sorted(told)), max_size=4)):
        told[name] = data.draw(TREES)
    nodes = graph()
    for name in data.draw(st.lists(st.sampled_from(sorted(nodes)), max_size=3)):
        nodes[name] = data.draw(TREES | st.just({"class_type": "KSampler", "inputs": data.draw(st.dictionaries(st.text(max_size=5), TREES, max_size=3))}))
    for text in (json.dumps(told), json.dumps(nodes), json.dumps({"image": told, "model_weights": 3}), json.dumps({"sui_image_params": told})):
        for name in foreign.KEYS:
            found_here = metadata.read({name: text, "Software": "NovelAI"})
            json.dumps(found_here, allow_nan=False, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "text",
    [
        " " * 199_000,
        "<" * 199_000,
        "<lora:" * 33_000,
        "<lora:a" * 28_000,
        "embedding:" * 19_900,
        "Steps: 1, " * 19_900,
        "\nSteps: 1" * 22_000,
        '\nSteps: 1, ab:"' * 13_000,
    ],
)
def test_reading_takes_time_in_proportion_to_the_text(text):
    """A tenth of a second as it is; hours, were it quadratic."""
    began = time.process_time()
    for name in ("parameters", "UserComment"):
        metadata.read({name: text})
    metadata.read({"XML:com.adobe.xmp": "<exif:UserComment><rdf:li>{" * 7_000})
    assert time.process_time() - began < 20


@pytest.mark.parametrize("comment", ["CCCC", "shot by me, at noon: nice", "第一张照片", "{not json", "(a:1.2), (b:1.3), (c:1.1)"])
def test_somebodys_comment_is_no_prompt(comment):
    assert metadata.read({"UserComment": comment}) == {}
    assert not metadata.has_settings(comment)


@pytest.mark.parametrize("comment", ["a fox\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 512x512", "a fox\nNegative prompt: dull", '{"sui_image_params": {}}'])
def test_a_comment_with_settings_is_a_recipe(comment):
    assert metadata.has_settings(comment)


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        ("a cat Negative prompt: ugly Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 6", "a cat", "ugly"),
        ("a cat\nNegative prompt: ugly, Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 6", "a cat", "ugly"),
        ("a cat\nNegative prompt: ugly\nSeed: 6, Steps: 20, CFG scale: 7, Sampler: Euler a", "a cat", "ugly"),
        ("a cat\nSampler: Euler a, Seed: 6, CFG scale: 7, Steps: 20, Size: 512x512", "a cat", None),
        ("a cat, Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 6", "a cat", None),
    ],
)
def test_settings_that_do_not_begin_a_line_with_their_steps(text, prompt, negative):
    params = metadata.read({"parameters": text})["params"]
    assert (params["prompt"], params.get("negative_prompt")) == (prompt, negative)
    assert (params["steps"], params["seed"], params["sampler"], params["guidance"]) == (20, 6, "euler_a", 7.0)


@pytest.mark.parametrize(
    ("node", "prompt"),
    [
        ({"string_a": "a cat", "string_b": "on a hill", "delimiter": ", "}, "a cat, on a hill"),
        ({"text1": "a cat", "text2": ["8", 0]}, "a cat by night"),
        ({"anything": 3}, ""),
    ],
)
def test_comfyui_prompts_that_are_joined_or_not_found(node, prompt):
    graph = {
        "3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20, "cfg": 7, "sampler_name": "euler", "positive": ["6", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["9", 0]}},
        "8": {"class_type": "String", "inputs": {"value": "by night"}},
        "9": {"class_type": "Join", "inputs": node},
    }
    found = metadata.read({"prompt": json.dumps(graph)})
    assert found["params"]["prompt"] == prompt
    assert any("its prompt is not written" in lost["en"] for lost in found["lost"]) == (prompt == "")
