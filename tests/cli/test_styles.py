"""`huafang styles` and `--style-preset`."""

import json

import pytest

from tests.cli.conftest import huafang

OWN = {"name": "neon", "title": {"en": "Neon", "zh": "霓虹"}, "prompt": "neon {prompt}", "settings": {"steps": 2}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neon.json").write_text(json.dumps(OWN), "utf-8")
    return tmp_path


def test_a_style_is_added_listed_shown_exported_and_removed(home, capsys):
    assert huafang("styles", "add", "neon.json") == 0
    assert "huafang generate PROMPT --style-preset neon" in capsys.readouterr().err
    assert huafang("styles", "list") == 0
    listed = capsys.readouterr().out
    assert "Neon · 霓虹  (yours)" in listed
    assert "(needs the LoRA monet)" in listed
    assert huafang("styles", "list", "--json") == 0
    rows = {one["name"]: one for one in json.loads(capsys.readouterr().out)["styles"]}
    assert (rows["neon"]["own"], rows["ink"]["own"], rows["monet"]["missing"]) == (True, False, ["monet"])
    assert huafang("styles", "show", "neon") == 0
    assert json.loads(capsys.readouterr().out) == OWN
    assert huafang("styles", "export", "neon", "-o", "shared.zip") == 0
    assert huafang("styles", "remove", "neon") == 0
    assert huafang("styles", "add", "shared.zip") == 0
    capsys.readouterr()
    assert huafang("styles", "show", "neon") == 0
    assert json.loads(capsys.readouterr().out) == OWN


def test_a_style_draws_and_its_settings_are_stored_as_ordinary_ones(home, capsys):
    assert huafang("styles", "add", "neon.json") == 0
    capsys.readouterr()
    assert huafang("generate", "a castle", "--style-preset", "neon", "--width", "64", "--height", "64", "-o", "out.png", "--json") == 0
    out, err = capsys.readouterr()
    params = json.loads(out)["params"]
    assert (params["prompt"], params["steps"], params["style_preset"]) == ("neon a castle", 2, None)
    assert "style Neon: the prompt is neon a castle" in err


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("generate", "a", "--style-preset", "watercolor"), 2, "did you mean watercolour?"),
        (("generate", "a", "--style-preset", "monet"), 3, "needs the LoRA monet, which is not on this machine"),
        (("generate", "a", "--style-preset", ""), 2, "it is empty"),
        (("styles", "show", "nothing"), 2, "there is no style 'nothing'"),
        (("styles", "remove", "ink"), 2, "comes with Huafang"),
        (("styles", "add", "absent.json"), 2, "there is no file"),
        (("styles", "add", "."), 2, "there is no file"),
        (("styles", "export", "ink", "-o", "ink.txt"), 2, "exported as a .json or a .zip file"),
        (("styles", "export", "monet", "-o", "m.zip", "--with-loras"), 3, "is not on this machine"),
        (("styles", "export", "ink", "-o", "neon.json"), 2, "exists already"),
    ],
)
def test_what_cannot_be_done_is_said(home, capsys, args, code, message):
    assert huafang(*args) == code
    assert message in capsys.readouterr().err
