"""Styles: templates in two languages, settings that lose against given ones, files of friends and of strangers."""

import json
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from huafang import methods
from huafang.diffusion import style_files, styles
from huafang.errors import BadInput, Conflict, Forbidden, MissingWeights, NotFound
from huafang.models.store import ModelStore

OWN = {"name": "neon", "title": {"en": "Neon", "zh": "霓虹"}, "prompt": "neon sign of {prompt} <glow>", "settings": {"steps": 12, "guidance": 4.0}}


def drawing(prompt="a castle", **settings):
    return methods.build("text_to_image", {"prompt": prompt, **settings})


def own(folder, **more) -> styles.Style:
    new = styles.Style.model_validate({**OWN, **more})
    styles.add(new, folder)
    return new


def test_the_reference_styles_are_there_with_their_settings():
    found = styles.built_in()
    for name in ("monet", "vangogh", "francis", "anime"):
        assert found[name].words("a castle") == f"<{name}-style> a castle"
        assert found[name].settings.model_dump(exclude_none=True) == {"steps": 50, "guidance": 7.5, "sampler": "pndm", "width": 512, "height": 512}
    for name in ("emoji", "poster"):
        assert found[name].model == "taiyi"
        assert found[name].words("一只狮子") == "一只狮子，卡通风格，暖色调，科技感"
    for one in found.values():
        assert one.title.en
        assert one.title.zh
        assert not one.loras or (one.source.en and one.source.zh), "what needs weights says where to get them"


@pytest.mark.parametrize("name", [name for name, one in styles.built_in().items() if not one.loras])
def test_those_without_weights_work_offline_in_both_languages_and_have_a_picture(name, tmp_path):
    english, (note,) = styles.applied(drawing("a castle", style_preset=name), tmp_path, ())
    chinese, _ = styles.applied(drawing("一座城堡", style_preset=name), tmp_path, ())
    assert (english.model, chinese.model) == ("mini", "mini-zh")
    assert english.prompt.startswith("a castle, ")
    assert chinese.prompt.startswith("一座城堡，")
    assert english.prompt in note
    assert styles.preview(name, tmp_path)[:4] == b"RIFF"


def test_what_is_given_wins_over_the_style(tmp_path):
    own(tmp_path, negative_prompt="blurry", loras=[{"name": "a", "weight": 0.5}, {"name": "b"}])
    plain, _ = styles.applied(drawing(style_preset="neon"), tmp_path, {"a", "b"})
    assert (plain.steps, plain.guidance, plain.negative_prompt, plain.style_preset) == (12, 4.0, "blurry", None)
    assert plain.prompt == "neon sign of a castle <glow>"
    assert [(one.name, one.weight) for one in plain.loras] == [("a", 0.5), ("b", 1.0)]
    mine = drawing(style_preset="neon", steps=7, negative_prompt="text", loras=[{"name": "a", "weight": 0.9}], model="other")
    mixed, _ = styles.applied(mine, tmp_path, {"a", "b"})
    assert (mixed.steps, mixed.guidance, mixed.negative_prompt, mixed.model) == (7, 4.0, "text", "other")
    assert [(one.name, one.weight) for one in mixed.loras] == [("a", 0.9), ("b", 1.0)]


def test_without_a_style_nothing_changes(tmp_path):
    params = drawing()
    assert styles.applied(params, tmp_path, ()) == (params, [])


def test_a_style_that_lacks_its_lora_says_where_to_get_it(tmp_path):
    with pytest.raises(MissingWeights, match=r"the style Monet \(LoRA\) needs the LoRA monet, which is not on this machine") as caught:
        styles.applied(drawing(style_preset="monet"), tmp_path, ())
    assert "monet.safetensors" in caught.value.hint
    there, _ = styles.applied(drawing(style_preset="monet"), tmp_path, {"monet"})
    assert there.model == "stable-diffusion-1-5"


def test_an_unknown_style_names_the_nearest(tmp_path):
    with pytest.raises(NotFound, match="did you mean watercolour"):
        styles.applied(drawing(style_preset="watercolor"), tmp_path, ())
    with pytest.raises(BadInput, match="style_preset: must be the name of a style"):
        drawing(style_preset="../secrets")


def test_a_prompt_that_is_too_long_in_its_template_is_refused(tmp_path):
    own(tmp_path, prompt="{prompt}" + " indeed" * 20)
    with pytest.raises(BadInput, match="style_preset: with the style Neon, prompt: String should have at most 10000 characters"):
        styles.applied(drawing("x" * 9_990, style_preset="neon"), tmp_path, ())


def test_own_styles_are_kept_beside_the_built_in_ones(tmp_path):
    new = own(tmp_path)
    assert styles.style("neon", tmp_path) == new
    assert list(styles.all_styles(tmp_path)) == [*styles.built_in(), "neon"]
    with pytest.raises(Conflict, match="'neon' already"):
        own(tmp_path)
    with pytest.raises(Conflict, match="'ink' already"):
        own(tmp_path, name="ink")
    with pytest.raises(Forbidden, match="comes with Huafang"):
        styles.remove("ink", tmp_path)
    styles.remove("neon", tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFound):
        styles.remove("neon", tmp_path)


def test_a_damaged_file_spoils_no_list(tmp_path):
    own(tmp_path)
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "renamed.json").write_bytes((tmp_path / "neon.json").read_bytes())
    assert "neon" in styles.all_styles(tmp_path)
    assert not {"bad", "renamed"} & styles.all_styles(tmp_path).keys()
    with pytest.raises(BadInput, match=r"bad\.json is no style: it is no JSON"):
        styles.style("bad", tmp_path)
    styles.remove("bad", tmp_path)
    assert not (tmp_path / "bad.json").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"prompt": "no slot"}, r"prompt: must hold \{prompt\} once"),
        ({"prompt": "{prompt} {prompt}"}, r"prompt: must hold \{prompt\} once"),
        ({"name": "Über"}, "name: String should match"),
        ({"name": "../x"}, "name: String should match"),
        ({"settings": {"steps": 10**9}}, "settings.steps: Input should be less than or equal to 150"),
        ({"settings": {"width": 100}}, "settings.width: Input should be a multiple of 8"),
        ({"loras": [{"name": "/etc/passwd"}]}, "loras.0.name"),
        ({"settings": {"sampler": "best"}}, "settings.sampler"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"title": "Neon"}, "title"),
    ],
)
def test_files_that_are_no_styles_are_refused_by_the_field(change, why):
    with pytest.raises(BadInput, match=why):
        styles.parsed(json.dumps({**OWN, **change}).encode(), "x.json")


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | st.integers()
ANY_JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(styles.Style.model_fields)), inner))


@given(ANY_JSON)
def test_any_json_is_a_style_or_a_clear_error(value):
    said = ""
    try:
        styles.parsed(json.dumps(value).encode(), "x.json")
    except BadInput as error:
        said = error.message
    assert not said or said.startswith("x.json is no style")


def test_a_style_travels_with_its_picture_and_its_lora(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    store = ModelStore(there / "models")
    (there / "models").mkdir(parents=True)
    save_file({"lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight": torch.ones(4, 2)}, there / "models" / "glow.safetensors")
    drawn = tmp_path / "p.webp"
    Image.new("RGB", (900, 600), "red").save(drawn)
    new = styles.Style.model_validate({**OWN, "loras": [{"name": "glow", "weight": 0.7}]})
    styles.add(new, there / "styles", drawn.read_bytes())
    file = tmp_path / "neon.zip"
    style_files.export(new, there / "styles", file, {"glow": store.places()["glow"]})
    got, loras = style_files.add(file, here / "styles", ModelStore(here / "models"))
    assert (got, loras) == (new, ["glow"])
    assert "glow" in ModelStore(here / "models").places()
    with Image.open(here / "styles" / "neon.webp") as picture:
        assert picture.size == (256, 171)
    with pytest.raises(Conflict):
        style_files.export(new, there / "styles", file, {})


@pytest.mark.parametrize("what", ["no style", "too many", "bomb", "damaged", "escape", "missing"])
def test_zips_of_strangers_leave_nothing_behind(tmp_path, what):
    file, folder = tmp_path / "x.zip", tmp_path / "styles"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if what != "no style":
            archive.writestr("style.json", b" " * 10**6 if what == "bomb" else json.dumps({**OWN, "loras": [{"name": "evil"}]}))
        if what == "too many":
            for number in range(40):
                archive.writestr(f"{number}", "x")
        if what == "damaged":
            archive.writestr("loras/evil.safetensors", "no weights")
        if what == "escape":
            archive.writestr("../../evil.safetensors", "x")
            archive.writestr("loras/../../evil.safetensors", "x")
    if what == "missing":
        file.unlink()
    try:
        style_files.add(file, folder, ModelStore(tmp_path / "models"))
    except BadInput:
        assert not folder.exists() or not list(folder.iterdir())
    else:
        assert what == "escape", "its names are passed over"
    assert {one.name for one in tmp_path.rglob("*") if one.is_file()} <= {"x.zip", "neon.json"}
