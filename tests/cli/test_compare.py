"""`huafang compare` as it is typed: a report's folder, and the same report again."""

import json
import shutil

import pytest

from huafang import images
from huafang.cli import main
from tests.conftest import scene, weave

FILES = {"report.html", "report.json", "report.csv", "grid.png", "photo.png", "style.png", "colour_transfer.png"}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    (tmp_path / "photo.jpg").write_bytes(images.encode(scene(48, 64), "jpeg"))
    (tmp_path / "painting.jpg").write_bytes(images.encode(weave(40, 56), "jpeg"))
    return tmp_path


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["compare", *words])
    return left.value.code


PLAN = ("--photo", "photo.jpg", "--style", "painting.jpg", "--method", "colour-transfer", "--method", "adain")


@pytest.fixture
def report(desk, capsys):
    assert run(*PLAN, "--set", "colour_transfer.transfer=reinhard", "--size", "64", "-o", "report/") == 0
    capsys.readouterr()
    return desk / "report"


def test_a_report_is_a_folder_with_everything_in_it(report):
    assert {place.name for place in report.iterdir()} == FILES
    found = json.loads((report / "report.json").read_text())
    assert found["params"]["methods"] == ["colour_transfer", "adain"]
    assert found["rows"][2]["params"]["transfer"] == "reinhard"
    hint = found["rows"][3]["error"]["hint"]
    assert "naoto0804/pytorch-AdaIN" in hint
    assert hint.endswith("Then set adain.weights=MODEL and adain.encoder=MODEL.")


@pytest.mark.parametrize(
    ("chosen", "code", "said"),
    [
        (("colour_transfer",), 0, ""),
        (("colour_transfer", "adain", "fast_style"), 4, "2 of 3 methods failed: adain, fast_style"),
        (("adain",), 1, "1 of 1 methods failed: adain"),
    ],
)
def test_the_exit_code_says_whether_all_methods_ran_and_the_report_is_whole_all_the_same(desk, capsys, chosen, code, said):
    plan = (*PLAN[:4], *(word for name in chosen for word in ("--method", name)), "--size", "64")
    assert run(*plan, "-o", "easy") == (1 if code == 1 else 0)
    assert said in capsys.readouterr().err
    assert run(*plan, "--strict", "-o", "report") == code
    assert ("methods failed" in (err := capsys.readouterr().err)) == bool(said)
    assert said in err
    assert ("hint: fast_style: get one with: huafang models pull candy (or mosaic" in err) == ("fast_style" in chosen)
    assert ("hint: adain: none can be pulled. Download decoder.pth and vgg_normalised.pth of naoto0804/pytorch-AdaIN" in err) == ("adain" in chosen)
    assert {place.name for place in (desk / "report").iterdir()} == FILES - (set() if code != 1 else {"colour_transfer.png"})


def test_rerun_makes_the_same_figures_from_the_folder_alone(report, desk, capsys):
    moved = desk / "elsewhere"
    shutil.move(report, moved)
    for name in ("photo.jpg", "painting.jpg"):
        (desk / name).unlink()
    assert run("--rerun", "elsewhere", "-o", "report2/") == 0
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (moved, desk / "report2"))
    assert first["rows"] == second["rows"]
    assert first["params"] == second["params"]
    count = sum(len(row["figures"]) for row in first["rows"])
    assert f"all {count} figures are those of the first report" in capsys.readouterr().err
    for name in FILES - {"report.html", "report.json", "report.csv"}:
        assert (moved / name).read_bytes() == (desk / "report2" / name).read_bytes()


def test_a_figure_that_came_out_otherwise_is_named(report, capsys):
    found = json.loads((report / "report.json").read_text())
    found["rows"][2]["figures"]["ssim"] += 0.01
    (report / "report.json").write_text(json.dumps(found))
    assert run("--rerun", "report", "-o", "again") == 0
    said = capsys.readouterr().err
    assert "figures 1 differ from the first report" in said
    assert "colour_transfer ssim: " in said


def test_a_rerun_takes_changes(report, desk, capsys):
    assert run("--rerun", "report", "--set", "colour_transfer.strength=0.5", "--seed", "3", "-o", "half") == 0
    row = json.loads((desk / "half" / "report.json").read_text())["rows"][2]
    assert (row["params"]["transfer"], row["params"]["strength"], row["params"]["seed"]) == ("reinhard", 0.5, 3)
    assert "differ from the first report" in capsys.readouterr().err


def test_weights_may_be_named_by_their_path(desk):
    from safetensors.torch import save_file

    from tests.nets.test_transformer_net import random_state

    save_file(random_state(), desk / "mine.safetensors")
    assert run(*PLAN[:4], "--method", "fast_style", "--set", "fast_style.weights=mine.safetensors", "--size", "64", "-o", "report") == 0
    row = json.loads((desk / "report" / "report.json").read_text())["rows"][2]
    assert row["error"] is None
    assert row["weights"] == ["file:mine"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--photo", "photo.jpg", "-o", "r"), "--style PICTURE and --method METHOD wanted; or --rerun"),
        ((*PLAN[:4], "--method", "gaty", "-o", "r"), "'gaty' restyles no photo; allowed are"),
        ((*PLAN, "--set", "gatys.steps=3", "-o", "r"), "gatys is not among the methods"),
        ((*PLAN, "-o", "photo.jpg"), "photo.jpg is a file; a report is a folder"),
        (("--rerun", "nowhere", "-o", "r"), "error: there is no folder nowhere\nhint: name the folder that compare wrote"),
        (("--rerun", "photo.jpg", "-o", "r"), "photo.jpg is a file; a report is a folder"),
        (("--rerun", ".", "-o", "r"), "the folder . holds no report.json"),
        (("--rerun", "other", "-o", "r"), "other/report.json is no report of compare"),
        (("--rerun", "othr", "-o", "r"), "there is no folder othr; did you mean other?"),
        (("--photo", "phot.jpg", *PLAN[2:], "-o", "r"), "there is no file phot.jpg; did you mean photo.jpg?"),
    ],
)
def test_bad_usage_says_what_is_wanted_and_exits_2(desk, capsys, words, said):
    (desk / "other").mkdir()
    (desk / "other" / "report.json").write_text('{"rows": 1}')
    assert run(*words) == 2
    assert said in capsys.readouterr().err
    assert not (desk / "r").exists()


def test_a_report_is_not_written_over_by_its_own_rerun(report, capsys):
    before = (report / "report.json").read_bytes()
    assert run("--rerun", "report", "-o", "./report/") == 2
    assert "would be written over" in capsys.readouterr().err
    assert (report / "report.json").read_bytes() == before


def test_json_is_one_object_and_dry_run_writes_nothing(desk, capsys):
    assert run(*PLAN, "--dry-run", "-o", "dry") == 0
    assert not (desk / "dry").exists()
    assert "note: the folder dry was not there; it would be made" in capsys.readouterr().err
    assert run(*PLAN, "--json", "--size", "64", "-o", "report") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["figures"] == {"ran": 1.0, "failed": 1.0}
    assert "report/report.html" in said["outputs"]
